import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct RecipeTests {
    private func bytes(_ bench: Bench, _ name: String) throws -> Data {
      try Data(contentsOf: bench.folder / name)
    }

    private func again(_ bench: Bench, _ arguments: String...) throws -> Outcome {
      try Run(["generate"] + arguments, in: bench.folder, cache: bench.workshop.cache).outcome()
    }

    /// Byte for byte, whatever was asked for, each of several files from its own recipe.
    @Test(arguments: [
      ["--seed", "7"],
      ["--seed", "18446744073709551615", "--label", "low:0.7,high:0.3"],
      [
        "--label", "high", "--guidance", "3", "--guidance-rescale", "0.7", "--guidance-interval",
        "0.1:20", "--negative-label", "low", "--normalize", "-20 LUFS",
      ],
      ["--sampler", "heun", "--churn", "2", "--schedule", "exponential", "--noise", "laplace"],
      ["--sampler", "ddim", "--eta", "0.5", "--normalize", "-3 dB", "--precision", "float32"],
      ["--schedule", "flow", "--shift", "2", "--count", "2"],
    ])
    func piecesAreMadeAgain(_ options: [String]) throws {
      try Bench.with { bench in
        let first = try Run(
          [
            "generate", "--model", bench.workshop.model.path, "--steps", "3", "--threads", "1",
            "--seconds", "0.5", "--recipe", "--output", "a.wav",
          ] + options, in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(first.status == 0, "\(first.errors)")
        let names = options.contains("--count") ? ["a-1", "a-2"] : ["a"]
        #expect(try contents(bench.folder) == names.flatMap { ["\($0).json", "\($0).wav"] })
        for name in names {
          let outcome = try again(
            bench, "--from", "\(name).json", "--output", "new/b.wav", "--overwrite", "--recipe")
          #expect(outcome.status == 0, "\(outcome.errors)")
          #expect(outcome.errors.contains("new/b.wav: byte for byte as it was"))
          #expect(outcome.output.hasPrefix("new/b.wav: 0.5 s at 22050 Hz, seed "))
          #expect(try bytes(bench, "new/b.wav") == bytes(bench, "\(name).wav"))
          // The recipe of the second is that of the first, but for the name.
          let recipe = String(decoding: try bytes(bench, "\(name).json"), as: UTF8.self)
          #expect(
            String(decoding: try bytes(bench, "new/b.json"), as: UTF8.self)
              == recipe.replacing("\"\(name).wav\"", with: "\"b.wav\""))
        }
      }
    }

    /// What would have been drawn or is the default stands in it all the same.
    @Test func recipeTellsAll() throws {
      try Bench.with { bench in
        _ = try bench.generate("--seconds", "0.5", "--seed", "3", "--recipe", "--output", "a.flac")
        let json = try #require(
          JSONSerialization.jsonObject(with: bytes(bench, "a.json")) as? [String: Any])
        #expect(["low", "high"].contains(json["label"] as? String))
        #expect(json["seed"] as? Int == 3 && json["threads"] as? Int == 1)
        let sampling = try #require(json["sampling"] as? [String: Any])
        #expect(sampling["sampler"] as? String == "dpm++2m-sde" && sampling["steps"] as? Int == 3)
        #expect(sampling["sigmaMax"] as? Double == 40)
        let model = try #require(json["model"] as? [String: Any])
        #expect(model["dataset"] as? String == "data")
        #expect((model["fingerprint"] as? String)?.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{8}/) != nil)
        let file = try #require(json["file"] as? [String: Any])
        #expect(file["name"] as? String == "a.flac" && file["encoding"] as? String == "flac16")
      }
    }

    /// Without --output the name is the recipe's; a file that is there stays.
    @Test func nameIsTheRecipes() throws {
      try Bench.with { bench in
        _ = try bench.generate("--seconds", "0.2", "--recipe", "--output", "sub/a.wav")
        let first = try again(bench, "--from", "sub/a.json")
        #expect(first.status == 0, "\(first.errors)")
        #expect(try bytes(bench, "a.wav") == bytes(bench, "sub/a.wav"))
        try bench.expect(
          again(bench, "--from", "sub/a.json"),
          "a.wav exists already: add --overwrite, or choose another --output",
          leaving: ["a.wav", "sub"])
        let other = try again(bench, "--from", "sub/a.json", "--output", "b.flac", "--threads", "1")
        #expect(other.status == 0 && !other.errors.contains("b.flac"))
        #expect(try AudioBuffer(contentsOf: (bench.folder / "b.flac").path).sampleCount == 4410)
        // A recipe that is in the way.
        try bench.folder.write("precious", to: "c.json")
        let taken = try bench.generate("--recipe", "--output", "c.wav")
        #expect(taken.message.hasPrefix("compose: c.json exists already"))
      }
    }

    @Test func otherModelsAreRefused() throws {
      try Bench.with { bench in
        let copy = bench.folder / "copy"
        try FileManager.default.copyItem(at: bench.workshop.model, to: copy)
        _ = try Run(
          ["generate", "--model", "copy", "--steps", "3", "--seconds", "0.2", "--recipe"],
          in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        let music = try bytes(bench, "music.wav")
        // Elsewhere now, and nothing else where it was.
        try FileManager.default.moveItem(at: copy, to: bench.folder / "moved")
        let lost = try again(bench, "--from", "music.json", "--output", "b.wav")
        #expect(lost.status == EX_DATAERR)
        #expect(
          lost.errors
            == "compose: the recipe's model is not at copy: say with --model where the right one lies\n"
        )
        let found = try again(
          bench, "--from", "music.json", "--output", "b.wav", "--model", "moved")
        #expect(found.status == 0, "\(found.errors)")
        #expect(try bytes(bench, "b.wav") == music)
        // Another in its place: one byte of its history.
        let configuration = bench.folder / "moved/config.json"
        let text = try String(contentsOf: configuration, encoding: .utf8)
        let unsealed = text.split(separator: "\n", omittingEmptySubsequences: false)
          .filter { !$0.contains("\"bytes\" :") && !$0.contains("\"crc32c\" :") }
          .joined(separator: "\n")
        try Data(unsealed.utf8).write(to: configuration)
        let other = try again(
          bench, "--from", "music.json", "--output", "c.wav", "--model", "moved")
        #expect(other.status == EX_DATAERR)
        #expect(
          other.errors.contains(
            /^compose: moved holds another model than the recipe's \(fingerprint [-0-9a-f]{17}, not [-0-9a-f]{17}\): say with --model where the right one lies\n$/
          ))
        #expect(!FileManager.default.fileExists(atPath: (bench.folder / "c.wav").path))
      }
    }

    /// What was changed, and the end of the line that says so.
    @Test(arguments: [
      ("\"seed\" :", "\"sead\" :", "seed is missing"),
      ("\"version\" : 1", "\"version\" : 1, \"mood\" : 2", "unknown field mood"),
      ("\"steps\" : 3", "\"steps\" : 3, \"pace\" : 2", "unknown field sampling.pace"),
      ("\"steps\" : 3", "\"steps\" : \"3\"", "sampling.steps: "),
      ("\"steps\" : 3", "\"steps\" : 3.5", "sampling.steps cannot be 3.5"),
      ("\"seed\" : ", "\"seed\" : -5", "seed cannot be -5"),
      ("\"steps\" : 3", "\"steps\" : 0", "sampling.steps must be 1 to 10000"),
      ("\"shift\" : 1,", "", "no field sampling.shift"),
      ("\"threads\" : 1", "\"threads\" : 0", "threads must be 1 to 1024"),
      ("\"device\" : \"cpu\"", "\"device\" : \"tpu\"", "device must be cpu or cuda:N, not tpu"),
      ("\"seconds\" : 0.2", "\"seconds\" : -1", "seconds must be more than 0 and at most 86400"),
      ("\"version\" : 1", "\"version\" : 9", "it has version 9, this program reads up to 3"),
      ("\"encoding\" : \"wav16\"", "\"encoding\" : \"wav15\"", "file.encoding: "),
      ("\"name\" : \"a.wav\"", "\"name\" : \"/etc/a.wav\"", "file.name must be a name"),
      ("}", "", "it is not a JSON object"),
    ])
    func damagedRecipesAreErrors(_ old: String, _ new: String, _ reason: String) throws {
      try Bench.with { bench in
        _ = try bench.generate("--seconds", "0.2", "--recipe", "--output", "a.wav")
        let text = String(decoding: try bytes(bench, "a.json"), as: UTF8.self)
        #expect(text.contains(old))
        try bench.folder.write(text.replacing(old, with: new), to: "b.json")
        let outcome = try again(bench, "--from", "b.json", "--output", "c.wav")
        #expect(outcome.status == EX_DATAERR)
        #expect(outcome.errors.hasPrefix("compose: cannot use the recipe b.json: \(reason)"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(try contents(bench.folder) == ["a.json", "a.wav", "b.json"])
      }
    }

    /// From another machine: its GPU, which may be another device here, and its many threads.
    @Test func recipesOfOtherMachinesArePlayed() throws {
      try Bench.with { bench in
        _ = try bench.generate("--seconds", "0.2", "--recipe", "--output", "a.wav")
        let text = String(decoding: try bytes(bench, "a.json"), as: UTF8.self)
        try bench.folder.write(
          text.replacing("\"device\" : \"cpu\"", with: "\"device\" : \"cuda:63\""), to: "b.json")
        let there = try again(bench, "--from", "b.json", "--output", "c.wav")
        #expect(there.status == EX_DATAERR)
        #expect(there.message.hasPrefix("compose: b.json was made on cuda:63, and this machine"))
        #expect(there.message.contains("add --device cpu"))
        let here = try again(bench, "--from", "b.json", "--device", "cpu", "--output", "c.wav")
        #expect(here.status == 0, "\(here.errors)")
        #expect(try bytes(bench, "c.wav") == bytes(bench, "a.wav"))
        try bench.folder.write(
          text.replacing("\"threads\" : 1", with: "\"threads\" : 1024"), to: "d.json")
        let fewer = try again(bench, "--from", "d.json", "--output", "d.wav")
        #expect(fewer.status == 0, "\(fewer.errors)")
        #expect(fewer.errors.contains("d.json was made by 1024 threads, too many for this machine"))
      }
    }

    /// A piece of other settings than the recipe's file was made with.
    @Test func settingsChangedByHandMakeOthers() throws {
      try Bench.with { bench in
        _ = try bench.generate("--seconds", "0.2", "--recipe", "--output", "a.wav")
        let text = String(decoding: try bytes(bench, "a.json"), as: UTF8.self)
        try bench.folder.write(
          text.replacing("\"steps\" : 3", with: "\"steps\" : 2"), to: "b.json")
        let outcome = try again(bench, "--from", "b.json", "--output", "c.wav")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
          outcome.errors.contains(
            "numbers of threads round otherwise, and settings changed by hand make another piece"))
      }
    }

    @Test func sigmasAreTheModels() throws {
      try Bench.with { bench in
        _ = try bench.generate("--seconds", "0.2", "--recipe", "--output", "a.wav")
        let text = String(decoding: try bytes(bench, "a.json"), as: UTF8.self)
        try bench.folder.write(
          text.replacing("\"sigmaMax\" : 40", with: "\"sigmaMax\" : 70"), to: "b.json")
        let outcome = try again(bench, "--from", "b.json", "--output", "c.wav")
        #expect(outcome.status == EX_DATAERR)
        #expect(outcome.message.hasPrefix("compose: the recipe's sampling cannot be this model's"))
      }
    }

    @Test(arguments: [
      "--seconds=10", "--count=1", "--label=low", "--seed=1", "--steps=3", "--normalize=-14 LUFS",
      "--sampler=heun", "--guidance=2", "--prompt=slow", "--set=a=1", "--precision=float32",
      "-s=3",
    ])
    func whatTheRecipeSaysIsNotSaidAgain(_ option: String) throws {
      try Bench.with { bench in
        let name = option.split(separator: "=")[0]
        try bench.expect(
          again(bench, "--from", "a.json", option), failsWith: EX_USAGE,
          "--from and \(name) exclude each other: the recipe says it. See compose generate --help.")
      }
    }

    @Test func missingRecipesAreErrors() throws {
      try Bench.with { bench in
        try bench.expect(
          again(bench, "--from", "a.json"),
          "cannot use the recipe a.json: there is no such file, or it is not readable")
        try bench.expect(
          again(bench, "--from", "/dev/zero"),
          "cannot use the recipe /dev/zero: there is no such file, or it is not readable")
      }
    }
  }
}
