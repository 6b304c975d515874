import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct DatasetTests {
    /// Killed at any moment, preparation goes on where it was and ends in the same bytes; train takes
    /// what it made.
    @Test func preparationGoesOnAfterKill() throws {
      try Bench.with { bench in
        for index in 0..<60 {
          try bench.folder.write(
            tone(seconds: 6, frequency: 200 + 7 * Double(index)), to: "data/\(index).flac")
        }
        let whole = try bench.compose("dataset", "prepare", "data", "whole")
        #expect(whole.status == 0)
        #expect(
          whole.output.contains("whole: 60 files, 6.0 minutes, 22050 Hz mono, 0 skipped, in "))
        let run = try Run(
          ["dataset", "prepare", "data", "parts"], in: bench.folder, cache: bench.workshop.cache)
        run.wait { contains(bench.folder / "parts/shards", ".json") }
        run.send(SIGKILL)
        _ = run.outcome()
        let early = try bench.compose("train", "parts", "--steps", "1")
        if !FileManager.default.fileExists(atPath: (bench.folder / "parts/index.compose").path) {
          #expect(early.message.contains("parts holds no whole prepared set"))
        }
        let parts = try bench.compose("dataset", "prepare", "data", "parts")
        #expect(parts.status == 0)
        for name in try FileManager.default.subpathsOfDirectory(
          atPath: (bench.folder / "whole").path) where name != ".lock"
        {
          #expect(
            FileManager.default.contents(atPath: (bench.folder / "parts" / name).path)
              == FileManager.default.contents(atPath: (bench.folder / "whole" / name).path))
        }
        let again = try bench.compose("dataset", "prepare", "data", "parts")
        #expect(again.output.contains("prepared before, checksums are right"))

        let training = try bench.compose(
          "train", "whole", "--preset", "draft", "--steps", "1", "--batch-size", "1",
          "--threads", "1", "--held-out", "0.1")
        #expect(training.status == 0)
        #expect(training.output.contains("held out: 6 files, 0.6 minutes\n"))
        let other = try bench.compose(
          "train", "whole", "--preset", "studio", "--steps", "1", "--output", "other")
        #expect(other.status == EX_DATAERR)
        #expect(other.message.contains("prepared as 22050 Hz mono, and this preset wants 44100 Hz"))
      }
    }

    @Test func inspectTellsWhatIsThere() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 6), to: "data/a/one.wav")
        try bench.folder.write(tone(seconds: 6), to: "data/a/copy.flac")
        try bench.folder.write("no sound", to: "data/b/text.wav")
        let text = try bench.compose("dataset", "inspect", "data")
        #expect(text.status == 0)
        #expect(text.output.hasPrefix("data: 2 files, 0.2 minutes\n"))
        #expect(text.output.contains("1  b/text.wav: not an audio file of a known format\n"))
        #expect(text.output.contains("1  a/copy.flac = a/one.wav\n"))
        #expect(text.output.contains("\nadvice\n   1. 1 file cannot be read"))
        let json = try bench.compose("dataset", "inspect", "data", "--json")
        let object = try #require(
          JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["duplicates"] as? [[String]] == [["a/copy.flac", "a/one.wav"]])
        #expect((object["files"] as? [[String: Any]])?.count == 2)
        #expect(object["preset"] as? String == "standard")
        try bench.expect(
          bench.compose("dataset", "inspect", "nowhere"), "there is no folder at nowhere",
          leaving: ["data"])
      }
    }

    private func contains(_ folder: URL, _ suffix: String) -> Bool {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      return names.contains { $0.hasSuffix(suffix) }
    }
  }
}
