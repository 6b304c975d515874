import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct PackTests {
    /// The one that ships: what the workshop's draws, after two steps of training, is always the same.
    private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../samples/chorales-model").standardizedFileURL.path
    private static let options = [
      "--model", model, "--threads", "1", "--seconds", "0.5",
    ]

    private func pack(_ bench: Bench, _ arguments: String...) throws -> Outcome {
      try Run(
        ["pack"] + Self.options + arguments,
        in: bench.folder, cache: bench.workshop.cache
      ).outcome()
    }

    private func manifest(_ folder: URL) throws -> [String: Any] {
      let data = try Data(contentsOf: folder / "manifest.json")
      return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// As many of each label, equally loud, in 24 bits, and each of them can be made again.
    @Test func packHasWhatWasAskedFor() throws {
      try Bench.with { bench in
        let outcome = try pack(bench, "--count", "6", "--seed", "5", "--output", "new/pack")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
          outcome.output.contains(/^new\/pack: 6 sounds of \d+ made from seed 5 on, matched to -/))
        let folder = bench.folder / "new/pack"
        let names = [
          "flute-001", "flute-002", "guitar-001", "organ-001", "piano-001", "strings-001",
        ]
        let files = names.map { $0 + ".wav" } + ["index.html", "manifest.json", "recipes"]
        #expect(try contents(folder) == files.sorted())
        #expect(try contents(folder / "recipes") == names.map { $0 + ".json" })
        #expect(try contents(bench.folder / "new") == ["pack"])
        let sounds = try #require(manifest(folder)["sounds"] as? [[String: Any]])
        #expect(sounds.map { $0["file"] as? String } == names.map { $0 + ".wav" })
        for (index, name) in names.enumerated() {
          let path = (folder / "\(name).wav").path
          #expect(try AudioReader(path).integerBits == 24)
          let audio = try AudioBuffer(contentsOf: path)
          #expect(audio.peak <= 0.9 && audio.peak > 0.01)
          #expect(audio.duration <= 0.5)
          if index % 3 > 0 { continue }
          let again = try Run(
            ["generate", "--from", (folder / "recipes/\(name).json").path, "--overwrite"],
            in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(again.status == 0, "\(again.errors)")
          #expect(
            try Data(contentsOf: bench.folder / "\(name).wav")
              == Data(contentsOf: folder / "\(name).wav"))
        }
        let loudness = sounds.compactMap { $0["loudness"] as? Double }.sorted()
        #expect(loudness.count == 6 && loudness[5] - loudness[1] < 1e-6)
        let page = try String(contentsOf: folder / "index.html", encoding: .utf8)
        for name in names { #expect(page.contains("src=\"\(name).wav\"")) }
        #expect(page.components(separatedBy: "<img ").count == 7)
      }
    }

    /// The same seed makes the same pack; a label may be chosen, and what the best are like.
    @Test func seedAndCollectionDecide() throws {
      try Bench.with { bench in
        for index in 0..<5 {
          try bench.folder.write(
            tone(seconds: 0.5, frequency: 200 * Double(index + 1)), to: "mine/\(index).wav")
        }
        for output in ["a", "b"] {
          let outcome = try pack(
            bench, "--count", "2", "--candidates", "4", "--seed", "5", "--label", "organ", "--like",
            "mine", "--normalize", "-3 dB", "--output", output)
          #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(
          try Data(contentsOf: bench.folder / "a/organ-001.wav")
            == Data(contentsOf: bench.folder / "b/organ-001.wav"))
        let found = try manifest(bench.folder / "a")
        #expect(found["ranking"] as? String == "likeness to mine")
        #expect(found["matchedTo"] as? String == "-3.0 dBFS")
        let sounds = try #require(found["sounds"] as? [[String: Any]])
        let distances = sounds.compactMap { $0["distance"] as? Double }
        #expect(distances.count == 2 && distances == distances.sorted())
        for name in ["organ-001.wav", "organ-002.wav"] {
          let peak = try AudioBuffer(contentsOf: (bench.folder / "a/\(name)").path).peak
          #expect(abs(20 * log10(peak) + 3) < 0.01)
        }
      }
    }

    /// Whole to the sample, named by their tempo, ranked by their pulse, made again from their recipes.
    @Test func loopsMakePacks() throws {
      try Bench.with { bench in
        let outcome = try Run(
          [
            "pack", "--model", Self.model, "--steps", "3", "--threads", "1", "--loop", "--bpm",
            "192", "--bars", "1", "--label", "organ", "--count", "3", "--candidates", "4", "--seed",
            "5", "--output", "pack",
          ], in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("the model knows no tempo"))
        let names = ["organ-192bpm-001", "organ-192bpm-002", "organ-192bpm-003"]
        let found = try manifest(bench.folder / "pack")
        #expect(found["beatsPerMinute"] as? Double == 192)
        #expect(found["ranking"] as? String == "regularity and clarity")
        let sounds = try #require(found["sounds"] as? [[String: Any]])
        #expect(sounds.map { $0["file"] as? String } == names.map { $0 + ".wav" })
        let scores = try sounds.map { sound in
          let figures = try #require(sound["figures"] as? [String: Any])
          return try #require(figures["regularity"] as? Double)
            + #require(figures["clarity"] as? Double)
        }
        #expect(scores == scores.sorted(by: >) && scores[0] > scores[2])
        for name in names {
          let path = (bench.folder / "pack/\(name).wav").path
          #expect(try AudioBuffer(contentsOf: path).sampleCount == 27563)
          let metadata = try AudioReader(path).metadata
          #expect(metadata.loops == [.init(start: 0, end: 27563)])
          #expect(metadata.beatsPerMinute == 192)
        }
        let again = try Run(
          ["generate", "--from", "pack/recipes/\(names[1]).json", "--output", "b.wav"],
          in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(again.status == 0, "\(again.errors)")
        #expect(
          try Data(contentsOf: bench.folder / "b.wav")
            == Data(contentsOf: bench.folder / "pack/\(names[1]).wav"))
      }
    }

    @Test(arguments: [
      (["--bpm", "120"], "--bpm belongs to --loop."),
      (["--loop", "--seconds", "auto"], "--loop and --seconds auto exclude each other."),
      (
        ["--loop", "--seconds", "2", "--bars", "2"],
        "--bars and --seconds exclude each other: both say how long it is."
      ),
      (["--seconds", "90"], "--seconds must be more than 0 and at most 60, or auto."),
    ])
    func impossibleLoopsAreErrors(_ options: [String], _ message: String) throws {
      try Bench.with { bench in
        let outcome = try Run(
          ["pack", "--output", "pack"] + options, in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        try bench.expect(outcome, failsWith: EX_USAGE, "\(message) See compose pack --help.")
      }
    }

    /// Ctrl-C leaves a pack of what is there, or nothing.
    @Test func interruptionLeavesWhatIsThere() throws {
      try Bench.with { bench in
        let run = try Run(
          ["pack", "--count", "10000", "--output", "pack"]
            + Self.options, in: bench.folder, cache: bench.workshop.cache)
        let candidates = bench.folder / ".pack.compose-\(run.processIdentifier)/candidates"
        run.wait { (try? contents(candidates).count) ?? 0 >= 3 }
        run.send(SIGINT)
        let outcome = run.outcome()
        #expect(outcome.status == 130)
        #expect(outcome.message.contains(/^compose: stopped; the pack has \d+ of 10000 sounds$/))
        #expect(try contents(bench.folder) == ["pack"])
        let sounds = try #require(manifest(bench.folder / "pack")["sounds"] as? [[String: Any]])
        #expect(sounds.count >= 2)
        for sound in sounds {
          let file = try #require(sound["file"] as? String)
          #expect(try AudioBuffer(contentsOf: (bench.folder / "pack/\(file)").path).peak > 0)
        }
      }
    }

    /// A model that makes the same again and again is found out.
    @Test func tooFewDistinctSoundsAreSaid() throws {
      try Bench.with { bench in
        let outcome = try Run(
          [
            "pack", "--model", bench.workshop.model.path, "--steps", "2", "--threads", "1",
            "--seconds", "0.1", "--label", "low", "--count", "20", "--output", "pack",
          ], in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(outcome.status == EX_DATAERR)
        let said = try #require(
          outcome.message.firstMatch(
            of:
              /^compose: the pack has (\d+) of 20 sounds, of (\d+) that were made (\d+) were near-duplicates: ask for/
          ))
        let (kept, made, alike) = (Int(said.1)!, Int(said.2)!, Int(said.3)!)
        #expect((1..<20).contains(kept) && made == kept + alike)
        #expect(
          try contents(bench.folder / "pack")
            == ["index.html"] + (1...kept).map { String(format: "low-%03d.wav", $0) }
            + ["manifest.json", "recipes"])
      }
    }

    @Test func foldersInUseAreKept() throws {
      try Bench.with { bench in
        try bench.folder.write("precious", to: "pack/a.txt")
        try bench.expect(
          pack(bench, "--output", "pack"),
          "pack exists already and is not an empty folder: choose another --output",
          leaving: ["pack"])
        #expect(try contents(bench.folder / "pack") == ["a.txt"])
      }
    }

    @Test(arguments: [
      (["--count", "0"], "--count must be 1 to 10000."),
      (["--count", "-1"], "--count must be 1 to 10000."),
      (["--count", "5", "--candidates", "4"], "--candidates must be --count to 40000."),
      (["--threads", "0"], "--threads must be 1 to \(mostThreads) on this machine."),
    ])
    func impossibleOptionsAreErrors(_ options: [String], _ message: String) throws {
      try Bench.with { bench in
        let outcome = try Run(
          ["pack", "--output", "pack"] + options, in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        try bench.expect(outcome, failsWith: EX_USAGE, "\(message) See compose pack --help.")
      }
    }

    /// Nothing is left of a pack that could not be begun.
    @Test func failuresLeaveNothing() throws {
      try Bench.with { bench in
        try bench.expect(
          pack(bench, "--output", "pack", "--label", "middle"),
          "the model has no label middle; it knows flute, guitar, organ, piano, strings")
        let empty = try pack(bench, "--output", "pack", "--like", "absent")
        #expect(empty.status == EX_DATAERR)
        #expect(try contents(bench.folder) == [])
        let length = try Run(
          ["pack", "--output", "pack", "--seconds", "61"], in: bench.folder,
          cache: bench.workshop.cache
        ).outcome()
        #expect(length.status == EX_USAGE && length.message.contains("--seconds"))
      }
    }
  }
}
