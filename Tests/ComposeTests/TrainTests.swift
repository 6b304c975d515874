import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct TrainTests {
    /// What it found, the model and the run; progress with step, loss, speed and time left.
    @Test func saysWhatItFoundAndDoes() throws {
      let workshop = try #require(Workshop.current)
      let training = workshop.training
      #expect(training.status == 0)
      let measured =
        /speed:   (\d+\.\d) clips\/s measured here: \w+ for 2 steps, \w+ for 1 checkpoint, \w+ in all\n/
      let speed = try #require(training.output.firstMatch(of: measured))
      #expect(try #require(Double(speed.1)) > 0.1)
      let memory = try #require(training.output.firstMatch(of: /memory:  about (\d+) MiB\n/))
      #expect((250...300).contains(try #require(Int(memory.1))))
      #expect(
        training.output.replacing(measured, with: "").replacing(memory.0, with: "") == """
          data:    3 files, 0.2 minutes, 0 skipped
          held out: nothing, so there is no telling what is learned by heart
          labels:  high 1, low 2
          model:   draft, 0.8 M parameters (3 MiB), on cpu in float32
          run:     to 2 steps, batches of 2
          writes:  model, at most 91 MiB on the disk
          trained step 2: model
          generate: compose generate --model model --seconds 30

          """)
      #expect(
        training.errors.contains(/step 1\/2  loss \d\.\d{4}  \d+\.\d clips\/s  \w+ left\n/))
      #expect(
        try contents(workshop.model) == [
          "config.json", "log.jsonl", "model.safetensors", "report.html", "samples", "skipped.txt",
          "tensorboard", "training",
        ])
      #expect(
        try contents(workshop.model / "samples") == [
          "step-000002-high.png", "step-000002-high.wav", "step-000002-low.png",
          "step-000002-low.wav",
        ])
      let sample = try AudioBuffer(
        contentsOf: (workshop.model / "samples/step-000002-low.wav").path)
      #expect(sample.sampleRate == 22050)
      #expect(sample.rms > 0)
    }

    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    private static let python = package / ".build/tensorboard-venv/bin/python"
    private static let hasTensorBoard =
      FileManager.default.isExecutableFile(
        atPath: (package / ".build/tensorboard-venv/bin/tensorboard").path)

    /// TensorBoard's own reader, which scripts/check-tensorboard --install installs, reads the run.
    @Test(.enabled(if: hasTensorBoard, "scripts/check-tensorboard --install has not been run"))
    func tensorBoardReadsIt() throws {
      let workshop = try #require(Workshop.current)
      let (package, python) = (Self.package, Self.python)
      let outcome = try Run(
        [(package / "scripts/check_events.py").path, workshop.model.path], in: workshop.folder,
        cache: workshop.cache, program: python
      ).outcome()
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("at 2 steps, 2 pictures and 2 sounds"))
    }

    /// A model of another prediction and noise draws, goes on, and stays what it is.
    @Test func trainsOnOtherNoise() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4), to: "data/a.wav")
        func train(_ options: String...) throws -> Outcome {
          try Run(
            [
              "train", "data", "--output", "model", "--preset", "draft", "--steps", "2",
              "--batch-size", "1", "--threads", "1",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        let trained = try train("--prediction", "flow", "--noise", "laplace")
        #expect(trained.status == 0, "\(trained.errors)")
        let info = try bench.compose("info", "model")
        #expect(info.output.contains("noise       laplace, logit-normal levels, prediction flow\n"))
        #expect(
          info.output.contains(
            "sampling    flow, 20 steps, guidance 1.5 where sigma is 0.2 to 5.0\n"))
        let drawn = try bench.compose(
          "generate", "--model", "model", "--seconds", "0.1", "--steps", "3", "--shift", "2")
        #expect(drawn.status == 0, "\(drawn.errors)")
        #expect(
          try train("--resume", "--prediction", "v").message
            == "compose: cannot resume model with these options: --prediction was flow and cannot "
            + "become v")
        #expect(try train("--resume", "--noise-levels", "logit-normal").status == 0)
      }
    }

    @Test func namesWhatItSkips() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4), to: "mix/good.wav")
        try bench.folder.write("not a sound", to: "mix/text.wav")
        try bench.folder.write(tone(seconds: 1), to: "mix/short.wav")
        let outcome = try bench.compose(
          "train", "mix", "--preset", "draft", "--steps", "1", "--batch-size", "1",
          "--threads", "1", "--save-every", "1000")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("data:    1 files, 0.1 minutes, 2 skipped\n"))
        #expect(outcome.errors.contains("skipped text.wav: not an audio file of a known format\n"))
        #expect(
          outcome.errors.contains("skipped short.wav: 1.00 s, shorter than the window of 2.97 s\n"))
        #expect(try contents(bench.folder) == ["mix", "mix-model"])
        #expect(
          try String(contentsOf: bench.folder / "mix-model/skipped.txt", encoding: .utf8)
            == """
            text.wav: not an audio file of a known format
            short.wav: 1.00 s, shorter than the window of 2.97 s

            """)
      }
    }

    @Test func saysWhyThereIsNothingToTrainOn() throws {
      try Bench.with { bench in
        try bench.expect(
          bench.compose("train", "nowhere"), failsWith: EX_DATAERR, "there is no folder at nowhere")
        try bench.folder.write("some text", to: "texts/notes.txt")
        try bench.folder.write("not a sound", to: "damaged/a.wav")
        try bench.folder.write("not a sound either", to: "damaged/b.flac")
        try bench.folder.write(tone(seconds: 1), to: "short/a.wav")
        try bench.folder.write(tone(seconds: 1.5), to: "short/b.wav")
        try FileManager.default.createDirectory(
          at: bench.folder / "empty", withIntermediateDirectories: true)
        let names = ["damaged", "empty", "short", "texts"]
        try bench.expect(
          bench.compose("train", "texts/notes.txt"),
          "texts/notes.txt is a file: name the folder that it lies in",
          leaving: names)
        try bench.expect(
          bench.compose("train", "empty"),
          "empty is empty: put audio files into it (WAV, FLAC, OGG, MP3, AIFF, Opus)",
          leaving: names)
        try bench.expect(
          bench.compose("train", "texts"),
          "no audio files in texts or its sub-folders (WAV, FLAC, OGG, MP3, AIFF, Opus)",
          leaving: names)
        let damaged = try bench.compose("train", "damaged")
        #expect(damaged.status == EX_DATAERR)
        #expect(
          damaged.message == "compose: none of the 2 audio files in \(bench.folder.path)/damaged "
            + "can be read, the first, a.wav, because: not an audio file of a known format")
        let short = try bench.compose("train", "short", "--preset", "draft")
        #expect(short.status == EX_DATAERR)
        #expect(
          short.message == "compose: every clip in \(bench.folder.path)/short is shorter than the "
            + "window of 2.97 s (the longest has 1.5 s): use --preset oneshots, which pads short "
            + "clips, or longer files")
        #expect(try contents(bench.folder) == names)
      }
    }

    @Test(arguments: [
      (["--steps", "0"], "--steps must be at least 1."),
      (["--hours", "0"], "--hours must be more than 0, at most 100000."),
      (["--hours", "nan"], "--hours must be more than 0, at most 100000."),
      (["--batch-size", "0"], "--batch-size must be 1 to 4096."),
      (["--learning-rate", "0"], "--learning-rate must be in 0 to 1."),
      (["--save-every", "0"], "--save-every must be at least 1."),
      (["--threads", "0"], "--threads must be 1 to \(mostThreads) on this machine."),
      (["--multi-scale", "2"], "--multi-scale must be 0 to 1."),
      (["--dropout", "1"], "--dropout must be 0 to 0.9."),
      (
        ["--budget", "1h", "--steps", "5"],
        "--budget chooses the length of the run: leave out --steps and --hours."
      ),
      (
        ["--resume", "--config", "a.json"],
        "--budget, --config and --from are for new runs: a resumed one has its settings, and takes "
          + "--steps or --hours."
      ),
      (["--device", "gpu"], "--device must be auto, cpu, cuda or cuda:N, not gpu."),
    ])
    func impossibleOptionsAreErrors(_ options: [String], _ message: String) throws {
      try Bench.with { bench in
        let outcome = try Run(
          ["train", bench.workshop.data.path] + options, in: bench.folder,
          cache: bench.workshop.cache
        ).outcome()
        try bench.expect(
          outcome, failsWith: EX_USAGE, "\(message) See compose train --help.")
      }
    }

    /// A model is never trained over: that needs --resume, and the options that it began with.
    @Test func modelsAreNotOverwritten() throws {
      try Bench.with { bench in
        let (data, model) = (bench.workshop.data.path, bench.workshop.model.path)
        let before = try Data(contentsOf: bench.workshop.model / "model.safetensors")
        try bench.expect(
          bench.compose("train", data, "--output", model),
          "\(model) already holds a model: add --resume to train it further, or choose another "
            + "--output")
        try bench.expect(
          bench.compose("train", data, "--output", model, "--resume", "--batch-size", "3"),
          "cannot resume \(model) with these options: --batch-size was 2 and cannot become 3")
        try bench.expect(
          bench.compose("train", data, "--output", "new", "--resume"),
          "\(bench.folder.path)/new has no training/checkpoint.safetensors to go on from: train anew "
            + "with another --output")
        #expect(try Data(contentsOf: bench.workshop.model / "model.safetensors") == before)
      }
    }

    /// A model among its data would be learned from.
    @Test func modelsStayOutOfTheirData() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4), to: "data/a.wav")
        try bench.folder.write("", to: "file")
        for output in ["data", "data/model", "data/../data/new/model"] {
          try bench.expect(
            bench.compose("train", "data", "--output", output),
            "\(output) lies in the folder of the data, which would then hold the model's own sounds: "
              + "choose an --output outside of it", leaving: ["data", "file"])
        }
        try bench.expect(
          bench.compose("train", "data", "--output", "file"),
          "file is a file: choose an --output that is a folder, or not there yet",
          leaving: ["data", "file"])
        #expect(try contents(bench.folder / "data") == ["a.wav"])
      }
    }

    /// The values that the network sees are chosen by name, stay, and draw.
    @Test func valuesAreChosen() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4), to: "data/a.wav")
        func train(_ options: String...) throws -> Outcome {
          try Run(
            [
              "train", "data", "--output", "model", "--preset", "draft", "--batch-size", "1",
              "--threads", "1",
            ] + options, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        let trained = try train("--values", "tanh", "--augment", "mask", "--steps", "1")
        #expect(trained.status == 0, "\(trained.errors)")
        let configuration = try #require(
          JSONSerialization.jsonObject(
            with: Data(contentsOf: bench.folder / "model/config.json")) as? [String: Any])
        let representation = configuration["representation"] as? [String: Any]
        #expect(representation?["values"] as? String == "tanh")
        let other = try train("--values", "per-bin", "--steps", "2", "--resume")
        #expect(
          other.message == "compose: cannot resume model with these options: --values was tanh and "
            + "cannot become per-bin")
        #expect(try train("--steps", "2", "--resume").status == 0)
        let drawn = try bench.compose(
          "generate", "--model", "model", "--seconds", "0.2", "--steps", "3", "--output", "a.wav")
        #expect(drawn.status == 0, "\(drawn.errors)")
        let unknown = try train("--values", "statistics", "--steps", "1")
        #expect(unknown.status == EX_USAGE && unknown.message.contains("per-bin"))
      }
    }

    @Test func otherDataIsNotResumed() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4), to: "other/a.wav")
        let outcome = try bench.compose(
          "train", "other", "--output", bench.workshop.model.path, "--resume", "--steps", "3")
        #expect(outcome.status == EX_DATAERR)
        #expect(
          outcome.message
            == "compose: the data is not what \(bench.workshop.model.path) was trained "
            + "on: files were added, removed or changed, or it is another folder")
      }
    }

    /// A disk that fills up while the data is prepared, and one that does at the first checkpoint:
    /// nothing stands under a final name, no temporary file stays, and the preparation goes on.
    @Test func fullDiskLeavesNothingHalfWritten() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 15), to: "data/a.wav")
        func train(fileSizeLimit: Int) throws -> Outcome {
          try Run(
            [
              "train", "data", "--output", "model", "--preset", "draft", "--steps", "1",
              "--batch-size", "1", "--threads", "1",
            ], in: bench.folder, cache: bench.folder / "cache", fileSizeLimit: fileSizeLimit
          ).outcome()
        }
        let cache = bench.folder / "cache/compose/datasets"
        // Not even the plan, which is the first thing that is written; nor what it says of that.
        #expect(try train(fileSizeLimit: 0).status == EX_DATAERR)
        #expect(try contents(cache / (try #require(contents(cache).first))) == [".lock"])
        let preparation = try train(fileSizeLimit: 100)
        #expect(preparation.status == EX_DATAERR)
        let home = cache / (try #require(contents(cache).first))
        #expect(preparation.message.hasPrefix("compose: cannot write \(home.path)/"))
        #expect(try contents(home) == [".lock", "plan.json", "shards"])
        #expect(!FileManager.default.fileExists(atPath: (bench.folder / "model").path))
        let checkpoint = try train(fileSizeLimit: 2000)
        #expect(checkpoint.status == EX_DATAERR)
        let file = bench.folder / "model/training/snapshots/step-00000001.safetensors"
        #expect(checkpoint.message == "compose: cannot write \(file.path): File too large")
        #expect(try contents(cache).count == 1)
        #expect(
          try contents(bench.folder / "model") == [
            "log.jsonl", "skipped.txt", "tensorboard", "training",
          ])
        #expect(try contents(bench.folder / "model/training") == ["snapshots"])
        #expect(try contents(bench.folder / "model/training/snapshots") == [])
      }
    }
  }
}
