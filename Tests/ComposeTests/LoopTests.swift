import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct LoopTests {
    /// As long as its bars to the sample, with loop points and tempo where libsndfile finds them.
    @Test func barsDecideTheLength() throws {
      try Bench.with { bench in
        let outcome = try bench.generate(
          "--loop", "--bpm", "97.3", "--bars", "2", "--beats-per-bar", "3", "--seed", "1",
          "--output", "a.wav")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("the model knows no tempo"))
        let path = (bench.folder / "a.wav").path
        let count = Int((2 * 3 * 60 / 97.3 * 22050).rounded())
        #expect(try AudioBuffer(contentsOf: path).sampleCount == count)
        let metadata = try AudioReader(path).metadata
        #expect(metadata.loops == [.init(direction: .forward, start: 0, end: count)])
        #expect(metadata.beatsPerMinute.map { abs($0 - 97.3) < 1e-4 } == true)
        #expect(metadata.beatsPerBar == 3)
        // In the `smpl` chunk the last sample is the one that is played last.
        let bytes = try Data(contentsOf: bench.folder / "a.wav")
        let chunk = try #require(bytes.range(of: Data("smpl".utf8))).upperBound + 4
        let words = (0..<15).map { word in
          (0..<4).reduce(0) { $0 | Int(bytes[chunk + 4 * word + $1]) << (8 * $1) }
        }
        #expect(words[7] == 1)
        #expect(Array(words[10..<13]) == [0, 0, count - 1])
      }
    }

    /// Four bars at 120 by default, or seconds, of which nobody knows the tempo.
    @Test func defaults() throws {
      try Bench.with { bench in
        #expect(try bench.generate("--loop", "--steps", "2", "--output", "a.wav").status == 0)
        let path = (bench.folder / "a.wav").path
        #expect(try AudioBuffer(contentsOf: path).sampleCount == 8 * 22050)
        #expect(try AudioReader(path).metadata.beatsPerMinute == 120)
        let outcome = try bench.generate("--loop", "--seconds", "0.7", "--output", "b.wav")
        #expect(outcome.status == 0)
        let metadata = try AudioReader((bench.folder / "b.wav").path).metadata
        #expect(metadata.loops == [.init(start: 0, end: 15435)])
        #expect(metadata.beatsPerMinute == nil)
      }
    }

    /// A loop is the same bytes whatever is made beside it.
    @Test func countChangesNothing() throws {
      try Bench.with { bench in
        let options = ["--loop", "--seconds", "0.5", "--seed"]
        for rest in [["7", "--count", "3", "--output", "a.wav"], ["9", "--output", "b.wav"]] {
          let outcome = try Run(
            ["generate", "--model", bench.workshop.model.path, "--steps", "3"] + options + rest,
            in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(
          try Data(contentsOf: bench.folder / "a-3.wav")
            == Data(contentsOf: bench.folder / "b.wav"))
      }
    }

    /// From its recipe, with loop points, tempo and groove.
    @Test(arguments: [nil, "--groove"])
    func loopsAreMadeAgain(_ groove: String?) throws {
      try Bench.with { bench in
        let first = try Run(
          [
            "generate", "--model", bench.workshop.model.path, "--steps", "3", "--threads", "1",
            "--loop", "--bpm", "240", "--bars", "1", "--beats-per-bar", "3", "--seed", "7",
            "--recipe", "--output", "a.wav",
          ] + [groove].compactMap(\.self), in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(first.status == 0, "\(first.errors)")
        let json = try #require(
          JSONSerialization.jsonObject(with: Data(contentsOf: bench.folder / "a.json"))
            as? [String: Any])
        #expect(json["version"] as? Int == (groove == nil ? 2 : 3))
        let loop = try #require(json["loop"] as? [String: Any])
        #expect(loop["sampleCount"] as? Int == 16538)
        let bars = groove.map { _ in ["bars": 1, "beatsPerBar": 3] }
        #expect(loop["groove"] as? [String: Int] == bars)
        let again = try Run(
          ["generate", "--from", "a.json", "--output", "b.wav"], in: bench.folder,
          cache: bench.workshop.cache
        ).outcome()
        #expect(again.status == 0, "\(again.errors)")
        #expect(again.errors.contains("b.wav: byte for byte as it was"))
        #expect(
          try Data(contentsOf: bench.folder / "a.wav") == Data(contentsOf: bench.folder / "b.wav"))
        #expect(try AudioReader((bench.folder / "b.wav").path).metadata.beatsPerBar == 3)
        var damages = [
          (
            "16538", "16539", "the recipe's loop is not as long as its seconds at this model's rate"
          ),
          ("\"beatsPerBar\" : 3", "\"beatsPerBar\" : 65", "loop.beatsPerBar must be 1 to 64"),
        ]
        if groove != nil {
          damages += [
            ("\"bars\" : 1", "\"bars\" : 0", "loop.groove must be of 1 to 10000 bars"),
            (
              "\"bars\" : 1", "\"bars\" : 9999",
              "the loop is too short for the beat of so many bars"
            ),
            ("\"version\" : 3", "\"version\" : 2", "a loop with a groove has version 3"),
          ]
        }
        for (old, new, reason) in damages {
          let text = try String(contentsOf: bench.folder / "a.json", encoding: .utf8)
          try bench.folder.write(text.replacing(old, with: new), to: "c.json")
          let outcome = try Run(
            ["generate", "--from", "c.json", "--output", "c.wav"], in: bench.folder,
            cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status != 0 && outcome.message.contains(reason), "\(outcome.errors)")
        }
      }
    }

    /// With loop points around it, or when it is said to be one.
    @Test func variedLoopsStayLoops() throws {
      try Bench.with { bench in
        _ = try bench.generate(
          "--loop", "--bpm", "240", "--bars", "1", "--beats-per-bar", "3", "--output", "a.wav")
        func vary(_ arguments: String...) throws -> AudioMetadata {
          let outcome = try Run(
            ["vary", "--model", bench.workshop.model.path, "--steps", "4", "--output", "b.wav"]
              + arguments + ["--overwrite"], in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          #expect(
            try AudioBuffer(contentsOf: (bench.folder / "b.wav").path).sampleCount == 16538)
          return try AudioReader((bench.folder / "b.wav").path).metadata
        }
        let varied = try vary("a.wav")
        #expect(varied.loops == [.init(start: 0, end: 16538)])
        #expect(varied.beatsPerMinute == 240 && varied.beatsPerBar == 3)
        try AudioBuffer(contentsOf: (bench.folder / "a.wav").path)
          .write(to: (bench.folder / "plain.wav").path)
        #expect(try vary("plain.wav").loops.isEmpty)
        #expect(try vary("plain.wav", "--loop").loops == [.init(start: 0, end: 16538)])
      }
    }

    @Test(arguments: [
      (["--bpm", "120"], "--bpm belongs to --loop."),
      (["--bars", "2"], "--bars belongs to --loop."),
      (["--groove"], "--groove belongs to --loop."),
      (
        ["--loop", "--groove", "--seconds", "3"],
        "--groove goes by bars: leave out --seconds (--bars 4 and --bpm 120 are the defaults)."
      ),
      (
        ["--loop", "--bars", "2", "--seconds", "3"],
        "--bars and --seconds exclude each other: both say how long it is."
      ),
      (
        ["--loop", "--bpm", "90", "--seconds", "3"],
        "--bpm and --seconds exclude each other: both say how long it is."
      ),
      (["--loop", "--bpm", "0"], "--bpm must be 10 to 1000."),
      (["--loop", "--bars", "0"], "--bars must be 1 to 10000."),
      (["--loop", "--beats-per-bar", "65"], "--beats-per-bar must be 1 to 64."),
    ])
    func impossibleLoopsAreErrors(_ options: [String], _ message: String) throws {
      try Bench.with { bench in
        let outcome = try Run(
          ["generate"] + options, in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        try bench.expect(outcome, failsWith: EX_USAGE, "\(message) See compose generate --help.")
      }
    }

    /// A sampler without noise of its own makes every half bar the same, and is told of.
    @Test(arguments: [("euler", true), ("dpm++2m-sde", false)])
    func samplersWithoutNoiseAreNamed(_ sampler: String, _ isNamed: Bool) throws {
      try Bench.with { bench in
        let outcome = try bench.generate(
          "--loop", "--bars", "1", "--bpm", "240", "--groove", "--sampler", sampler, "--output",
          "a.wav")
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("\(sampler) adds no noise between its steps") == isNamed)
      }
    }

    /// Where the model's own sampler is such a one, another takes its place: the recipe has it.
    @Test func samplersWithNoiseTakeOver() throws {
      try Bench.with { bench in
        let model = bench.folder.appendingPathComponent("quiet")
        try FileManager.default.copyItem(at: bench.workshop.model, to: model)
        let configuration = model.appendingPathComponent("config.json")
        let text = try String(contentsOf: configuration, encoding: .utf8)
        #expect(text.contains("\"dpm++2m-sde\""))
        try text.replacing("\"dpm++2m-sde\"", with: "\"dpm++2m\"").split(separator: "\n")
          .filter { !$0.contains("\"bytes\"") && !$0.contains("\"crc32c\"") }
          .joined(separator: "\n").write(to: configuration, atomically: true, encoding: .utf8)
        let outcome = try Run(
          [
            "generate", "--model", "quiet", "--loop", "--bars", "1", "--bpm", "240", "--groove",
            "--recipe", "--output", "a.wav",
          ], in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("24 steps of dpm++2m-sde take its place"))
        let recipe = try String(contentsOf: bench.folder / "a.json", encoding: .utf8)
        #expect(
          recipe.contains("\"sampler\" : \"dpm++2m-sde\"") && recipe.contains("\"steps\" : 24"))
      }
    }

    @Test func formatsWithoutLoopsAreNamed() throws {
      try Bench.with { bench in
        let outcome = try bench.generate(
          "--loop", "--seconds", "0.5", "--output", "a.flac")
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("a.flac: only .wav keeps loop points and tempo\n"))
        #expect(
          try AudioBuffer(contentsOf: (bench.folder / "a.flac").path).sampleCount == 11025)
      }
    }
  }
}
