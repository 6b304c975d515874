import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct GenerateTests {
    /// The extension decides the format; one line for each file says what it is.
    @Test(arguments: ["wav", "flac", "ogg", "mp3", "aiff"])
    func writesEveryFormat(_ format: String) throws {
      try Bench.with { bench in
        let outcome = try bench.generate(
          "--seconds", "0.75", "--seed", "7", "--label", "low", "--output", "piece.\(format)")
        #expect(outcome.status == 0)
        #expect(
          outcome.output.contains(
            /^piece\.\w+: 0\.8 s at 22050 Hz, low, seed 7, .+, in \d+\.\d s \(\d+\.\d times real time\)\n$/
          ))
        #expect(try contents(bench.folder) == ["piece.\(format)"])
        let audio = try AudioBuffer(contentsOf: (bench.folder / "piece.\(format)").path)
        #expect(audio.sampleRate == 22050)
        #expect(audio.channelCount == 1)
        if format == "mp3" {
          #expect(abs(audio.duration - 0.75) < 0.1)
        } else {
          #expect(audio.sampleCount == 16538)
        }
        #expect(audio.rms > 1e-6)
        #expect(audio.peak <= 1)
        let metadata = try AudioReader((bench.folder / "piece.\(format)").path).metadata
        #expect(metadata.comment == "low, seed 7, a model of data")
      }
    }

    /// The same seed gives the same bytes; further pieces take the seeds that follow.
    @Test func seedDecides() throws {
      try Bench.with { bench in
        func bytes(_ name: String) throws -> Data { try Data(contentsOf: bench.folder / name) }
        let several = try bench.generate(
          "--seconds", "0.3", "--seed", "7", "--count", "2", "--output", "new/a.wav")
        #expect(several.status != 0 || several.output.split(separator: "\n").count == 2)
        _ = try bench.generate(
          "--seconds", "0.3", "--seed", "7", "--count", "2", "--output", "a.wav")
        #expect(try contents(bench.folder).filter { $0 != "new" } == ["a-1.wav", "a-2.wav"])
        _ = try bench.generate("--seconds", "0.3", "--seed", "8", "--output", "b.wav")
        #expect(try bytes("a-2.wav") == bytes("b.wav"))
        #expect(try bytes("a-1.wav") != bytes("b.wav"))
      }
    }

    /// Byte for byte the same whatever `--count` and the batch that a piece is drawn in, in either
    /// precision, on one thread as on several.
    @Test(arguments: ["float32", "auto"], ["1", "2"])
    func countChangesNothing(_ precision: String, _ threads: String) throws {
      try Bench.with { bench in
        let options = ["--seconds", "1.5", "--precision", precision, "--threads", threads]
        for (seed, count) in [(40, 11), (40, 2), (44, 1), (50, 1)] {
          let outcome = try Run(
            [
              "generate", "--model", bench.workshop.model.path, "--steps", "3", "--seed",
              String(seed), "--count", String(count), "--output", "s\(seed)c\(count).wav",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
        }
        func bytes(_ name: String) throws -> Data { try Data(contentsOf: bench.folder / name) }
        #expect(try bytes("s40c11-01.wav") == bytes("s40c2-1.wav"))
        #expect(try bytes("s40c11-02.wav") == bytes("s40c2-2.wav"))
        #expect(try bytes("s40c11-05.wav") == bytes("s44c1.wav"))
        #expect(try bytes("s40c11-11.wav") == bytes("s50c1.wav"))
      }
    }

    /// Another number of threads rounds otherwise at most: the same music, to 30 dB and more.
    @Test(arguments: ["float32", "auto"]) func threadsChangeTheRounding(_ precision: String) throws
    {
      try Bench.with { bench in
        func samples(_ threads: Int, seed: Int) throws -> [Float] {
          let name = "t\(threads)s\(seed).wav"
          let outcome = try Run(
            [
              "generate", "--model", bench.workshop.model.path, "--steps", "3", "--seconds", "4",
              "--seed", String(seed), "--precision", precision, "--threads", String(threads),
              "--output", name,
            ], in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try AudioBuffer(contentsOf: (bench.folder / name).path).channels[0]
        }
        let (one, two) = (try samples(1, seed: 1), try samples(2, seed: 1))
        #expect(one.count == two.count)
        #expect(signalToNoise(one, two) > 30, "\(signalToNoise(one, two)) dB")
        #expect(try signalToNoise(one, samples(1, seed: 2)) < 3)
      }
    }

    /// Every sampler takes its name and draws its own music; so does every number of steps.
    @Test func optionsMatter() throws {
      try Bench.with { bench in
        let options = [
          ["--sampler", "euler"], ["--sampler", "heun"], ["--sampler", "dpm++2m"],
          ["--sampler", "ddpm"], ["--sampler", "dpm++2m-sde"], ["--steps", "4"],
          ["--schedule", "exponential"], ["--sampler", "ddim", "--eta", "0.5"],
          ["--sampler", "heun", "--churn", "1"], ["--noise", "laplace"],
        ]
        let results = try options.map { options in
          let outcome = try Run(
            [
              "generate", "--model", bench.workshop.model.path, "--steps", "3", "--threads", "1",
              "--seconds", "0.1", "--seed", "7", "--output", "a.wav", "--overwrite",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try Data(contentsOf: bench.folder / "a.wav")
        }
        #expect(Set(results).count == options.count)
      }
    }

    @Test func existingFilesAreKeptUnlessTold() throws {
      try Bench.with { bench in
        try bench.folder.write("precious", to: "a.wav")
        try bench.folder.write("precious", to: "b-2.wav")
        let names = ["a.wav", "b-2.wav"]
        try bench.expect(
          bench.generate("--output", "a.wav"),
          "a.wav exists already: add --overwrite, or choose another --output", leaving: names)
        let numbered = try bench.generate("--output", "b.wav", "--count", "2")
        #expect(numbered.status == EX_DATAERR)
        #expect(numbered.errors.contains("b-2.wav exists already: add --overwrite"))
        #expect(try contents(bench.folder) == names)
        #expect(try String(contentsOf: bench.folder / "a.wav", encoding: .utf8) == "precious")
        let outcome = try bench.generate("--output", "a.wav", "--overwrite", "--seconds", "0.1")
        #expect(outcome.status == 0)
        #expect(try AudioBuffer(contentsOf: (bench.folder / "a.wav").path).sampleCount == 2205)
      }
    }

    @Test(arguments: ["0", "-1", "nan", "inf", "-inf", "86400.5", "1e300"])
    func impossibleLengthsAreErrors(_ seconds: String) throws {
      try Bench.with { bench in
        try bench.expect(
          bench.generate("--seconds", seconds), failsWith: EX_USAGE,
          "--seconds must be more than 0 and at most 86400. See compose generate --help.")
      }
    }

    @Test(arguments: [
      (["--count", "0"], "--count must be 1 to 100000."),
      (["--count", "-1"], "--count must be 1 to 100000."),
      (["--steps", "0"], "--steps must be 1 to 10000."),
      (["--guidance", "nan"], "--guidance must be 0 to 100."),
      (["--guidance-rescale", "1.5"], "--guidance-rescale must be 0 to 1."),
      (
        ["--guide", "a", "--negative-label", "b"],
        "--guide and --negative-label exclude each other."
      ),
      (["--eta", "2"], "--eta must be 0 to 1."),
      (["--shift", "0"], "--shift must be 0.01 to 100."),
      (["--threads", "0"], "--threads must be 1 to \(mostThreads) on this machine."),
      (["--device", "tpu"], "--device must be auto, cpu, cuda or cuda:N, not tpu."),
    ])
    func impossibleOptionsAreErrors(_ options: [String], _ message: String) throws {
      try Bench.with { bench in
        let outcome = try Run(
          ["generate"] + options, in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        try bench.expect(
          outcome, failsWith: EX_USAGE, "\(message) See compose generate --help.")
      }
    }

    /// Each in one line that names the option.
    @Test(arguments: [
      ["--seconds", "ten"], ["--seconds", "-1"], ["--seconds"], ["--sampler", "magic"],
      ["--schedule", "magic"], ["--guidance-interval", "5:1"], ["--guidance-interval", "1"],
      ["--seed", "-1"], ["--magic"], ["and", "more"],
    ])
    func usageErrorsAreOneLine(_ options: [String]) throws {
      try Bench.with { bench in
        let outcome = try Run(
          ["generate"] + options, in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(outcome.status == EX_USAGE)
        #expect(outcome.errors.hasPrefix("compose: "))
        #expect(outcome.errors.hasSuffix("See compose generate --help.\n"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.errors.contains(options[0]))
        #expect(outcome.output == "")
        #expect(try contents(bench.folder) == [])
      }
    }

    @Test func unknownFormatsAreErrors() throws {
      try Bench.with { bench in
        for name in ["a.txt", "a", "wav", "a.wav.bak"] {
          try bench.expect(
            bench.generate("--output", name),
            "cannot tell the format from the name \(name): end it in .wav, .flac, .ogg, .mp3, "
              + ".aiff or .opus")
        }
      }
    }

    @Test func optionsOfOtherSamplersAreErrors() throws {
      try Bench.with { bench in
        try bench.expect(
          bench.generate("--sampler", "dpm++2m", "--eta", "0.5"),
          "--eta means nothing to --sampler dpm++2m")
        try bench.expect(
          bench.generate("--sampler", "ddim", "--churn", "5"),
          "--churn means nothing to --sampler ddim")
        try bench.expect(
          bench.generate("--shift", "2"), "--shift means nothing to --schedule karras")
      }
    }

    @Test func unknownLabelsAreErrors() throws {
      try Bench.with { bench in
        try bench.expect(
          bench.generate("--label", "middle"),
          "the model has no label middle; it knows high, low")
        let twice = try bench.generate("--label", "low", "--label", "high")
        #expect(
          twice.errors.contains(
            "--label is there 2 times. Several are mixed in one, as in flute:0.7,organ:0.3."),
          "\(twice.errors)")
      }
    }

    /// Autoguidance by a model of the same data; the model itself as its guide changes nothing.
    @Test func weakerModelsGuide() throws {
      try Bench.with { bench in
        let model = bench.workshop.model.path
        func bytes(_ options: String...) throws -> Data {
          let outcome = try Run(
            [
              "generate", "--model", model, "--steps", "3", "--threads", "1", "--seconds", "0.1",
              "--seed", "7", "--precision", "float32", "--output", "a.wav", "--overwrite",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try Data(contentsOf: bench.folder / "a.wav")
        }
        #expect(
          try bytes("--guide", model, "--guidance", "3")
            == bytes("--guide", model, "--guidance", "2"))
        let other = try bench.generate("--guide", "absent")
        #expect(other.message == "compose: there is no folder at absent")
      }
    }

    /// A model's own guide, trained for it, is used without being asked for; told what to keep away from, or
    /// by a guide that is named, the model does without. A recipe knows the two together.
    @Test func modelsHaveGuidesOfTheirOwn() throws {
      try Bench.with { bench in
        try FileManager.default.copyItem(at: bench.workshop.model, to: bench.folder / "model")
        func run(_ arguments: String...) throws -> Outcome {
          try Run(
            arguments + ["--threads", "1"], in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        func bytes(_ options: String...) throws -> Data {
          let outcome = try Run(
            [
              "generate", "--model", "model", "--steps", "3", "--seconds", "0.1", "--seed", "7",
              "--label", "low", "--output", "a.wav", "--overwrite", "--threads", "1",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try Data(contentsOf: bench.folder / "a.wav")
        }
        let (plain, alone) = (try bytes(), try bytes("--guidance", "1"))
        let avoiding = try bytes("--negative-label", "high")
        let data = bench.workshop.data.path
        let trained = try run("train", data, "--guide-for", "model", "--steps", "2")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.hasSuffix("generate: compose generate --model model --seconds 30\n"))
        let guided = try bytes("--recipe")
        #expect(guided != plain)
        #expect(try bytes("--guidance", "1") == alone)
        #expect(try bytes("--negative-label", "high") == avoiding)
        #expect(try bytes("--guide", "model/guide") == guided)
        // A guide says how strictly it is kept away from.
        #expect(try bytes("--guidance", "1.4", "--guidance-interval", "1:40") == guided)
        #expect(try bytes("--guidance", "1.5", "--guidance-interval", "0.2:5") != guided)
        #expect(try bytes("--guide", bench.workshop.model.path) == alone)
        let again = try run("generate", "--from", "a.json", "--output", "b.wav")
        #expect(again.errors.contains("b.wav: byte for byte as it was"))
        let info = try bench.compose("info", "model")
        #expect(info.output.contains(/\nguide       0\.\d+ M parameters, widths \d/))
        #expect(info.output.contains(", guidance 1.4 where sigma is 1.0 to 40.0\n"))

        try bench.folder.write(tone(seconds: 4), to: "other/low/a.wav")
        let other = try run("train", "other", "--guide-for", bench.workshop.model.path)
        #expect(other.status == EX_DATAERR)
        #expect(other.message.hasPrefix("compose: --guide-for takes the data that the model was"))
        // Another guide in its place, and a damaged one.
        try FileManager.default.removeItem(at: bench.folder / "model/guide/model.safetensors")
        let damaged = try bench.compose("generate", "--model", "model", "--output", "c.wav")
        #expect(damaged.status == EX_DATAERR && damaged.message.contains("model/guide"))
        try FileManager.default.removeItem(at: bench.folder / "model/guide")
        let lost = try run("generate", "--from", "a.json", "--output", "b.wav", "--overwrite")
        #expect(lost.message.contains("model holds another model than the recipe's"))
      }
    }

    /// What guides changes the file as it says, with a model that has learned enough to tell its labels
    /// apart.
    @Test func guidanceOptionsCount() throws {
      try Bench.with { bench in
        try bench.folder.write(
          """
          {"preset": "draft", "widths": [32, 48, 64], "steps": 20, "learningRate": 0.01, "warmUpSteps": 0,
           "coolDown": 0, "labelDropout": 0.3}
          """, to: "quick.json")
        let trained = try bench.compose(
          "train", bench.workshop.data.path, "--output", "model", "--config", "quick.json",
          "--batch-size", "2", "--threads", "1", "--precision", "float32")
        #expect(trained.status == 0, "\(trained.errors)")
        func bytes(_ options: String...) throws -> Data {
          let outcome = try Run(
            [
              "generate", "--model", "model", "--steps", "3", "--threads", "1", "--seconds", "0.1",
              "--seed", "7", "--precision", "float32", "--label", "low", "--output", "a.wav",
              "--overwrite",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try Data(contentsOf: bench.folder / "a.wav")
        }
        let (plain, guided) = (try bytes("--guidance", "1"), try bytes("--guidance", "4"))
        #expect(plain != guided)
        #expect(try bytes("--guidance", "4", "--guidance-rescale", "0") == guided)
        #expect(try bytes("--guidance", "4", "--guidance-rescale", "0.7") != guided)
        #expect(try bytes("--guidance", "4", "--guidance-interval", "41:200") == plain)
        #expect(try bytes("--guidance", "4", "--guidance-interval", "0.2:5") == guided)
        let some = try bytes("--guidance", "4", "--guidance-interval", "0:200")
        #expect(some != plain && some != guided)
        #expect(try bytes("--guidance", "4", "--negative-label", "high") != guided)
      }
    }

    /// Of pieces without a label of their own none gets the one to keep away from.
    @Test func negativeLabelsAreNotDrawn() throws {
      try Bench.with { bench in
        let outcome = try bench.generate(
          "--seconds", "0.1", "--count", "8", "--seed", "1", "--negative-label", "low",
          "--guidance", "2", "--output", "a.wav")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count == 8 && lines.allSatisfy { $0.contains(", high, seed ") })
        let same = try bench.generate(
          "--label", "low", "--negative-label", "low", "--output", "b.wav")
        #expect(same.status == EX_DATAERR)
        #expect(same.message.hasPrefix("compose: the piece is to be what it is to keep away from"))
      }
    }

    /// Ctrl-C leaves the files that are whole, and nothing else; of a long piece, nothing.
    @Test(arguments: [["--seconds", "0.2", "--count", "5000"], ["--seconds", "7200"]])
    func interruptionLeavesWholeFiles(_ options: [String]) throws {
      try Bench.with { bench in
        let run = try Run(
          ["generate", "--model", bench.workshop.model.path, "--steps", "8", "--threads", "1"]
            + options, in: bench.folder, cache: bench.workshop.cache)
        run.wait {
          (try? FileManager.default.contentsOfDirectory(atPath: bench.folder.path).isEmpty) == false
        }
        run.send(SIGINT)
        let outcome = run.outcome()
        #expect(outcome.status == 130)
        let names = try FileManager.default.contentsOfDirectory(atPath: bench.folder.path)
        #expect(names.allSatisfy { $0.hasPrefix("music-") && $0.hasSuffix(".wav") }, "\(names)")
        #expect(
          outcome.message
            == (names.isEmpty
              ? "compose: stopped; nothing was written"
              : "compose: stopped; \(names.count) of 5000 files were written"))
        for name in names {
          #expect(try AudioBuffer(contentsOf: (bench.folder / name).path).sampleCount == 4410)
        }
      }
    }

    /// A folder that is missing or cannot be written to.
    @Test func unwritableOutputIsAnError() throws {
      try Bench.with { bench in
        let absent = try bench.generate("--seconds", "0.1", "--output", "/proc/a.wav")
        #expect(absent.status == EX_DATAERR)
        #expect(absent.message.hasPrefix("compose: cannot write /proc/a.wav: "))
        #expect(try contents(bench.folder) == [])
      }
    }

    /// Nothing half-written stays, and a file that was there stays as it was.
    @Test func fullDiskLeavesNothingHalfWritten() throws {
      try Bench.with { bench in
        for name in ["a.wav", "a.flac", "a.ogg"] {
          let outcome = try bench.generate(
            "--seconds", "5", "--steps", "2", "--output", name, fileSizeLimit: 8)
          #expect(outcome.status == EX_DATAERR)
          #expect(outcome.message == "compose: cannot write \(name): File too large")
          #expect(try contents(bench.folder) == [])
        }
        try bench.folder.write("precious", to: "b.wav")
        let outcome = try bench.generate(
          "--seconds", "5", "--steps", "2", "--output", "b.wav", "--overwrite", fileSizeLimit: 8)
        #expect(outcome.status == EX_DATAERR)
        #expect(try contents(bench.folder) == ["b.wav"])
        #expect(try String(contentsOf: bench.folder / "b.wav", encoding: .utf8) == "precious")
      }
    }
  }
}
