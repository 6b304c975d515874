import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct EvaluateTests {
    /// VGGish's, with few channels.
    private static let weights = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../EvaluationTests/Goldens/vggish.safetensors").standardizedFileURL
      .path

    /// Tables in the terminal, all figures as JSON, a page that needs nothing else; a bad file is named.
    @Test func evaluates() throws {
      try Bench.with { bench in
        for index in 0..<8 {
          for (folder, shift) in [("real", 0), ("made", 3), ("training", 100)] {
            try bench.folder.write(
              tone(seconds: 12, frequency: 200 + 31 * Double(index) + Double(shift)),
              to: "\(folder)/\(index).wav")
          }
        }
        try bench.folder.write("no sound", to: "made/text.wav")
        let run = try bench.compose(
          "evaluate", "real", "made", "--train", "training", "--json", "out/figures.json", "--html",
          "out/page.html", "--vggish", Self.weights)
        #expect(run.status == 0)
        for part in [
          "made: 8 files, 1m36s, 32 windows\n", "skipped text.wav: not an audio file",
          "\ndistance to real music, 16 windows against as many", "\n  sound, kernel ",
          "\nFréchet audio distance, VGGish, of patches of 0.96 s\n", " 96 to 96\n", " 48 to 48\n",
          "\n  music, coverage ", "\n  key clarity ", "\n  GENERATED: 16 excerpts, similarity ",
          "too few: 16 windows in each set, and the Fréchet distance takes 32",
        ] {
          #expect(run.output.contains(part), "\(part)")
        }
        let figures = try JSONSerialization.jsonObject(
          with: Data(contentsOf: bench.folder / "out/figures.json"))
        let report = try #require(figures as? [String: Any])
        #expect(report["windowsCompared"] as? Int == 16)
        #expect((report["memorisation"] as? [String: Any])?["trainingFiles"] as? Int == 8)
        let page = try String(contentsOf: bench.folder / "out/page.html", encoding: .utf8)
        #expect(page.components(separatedBy: "data:audio/mpeg;base64,").count - 1 == 8 + 8 + 12)
        #expect(!page.contains("src=\"http") && !page.contains("<script"))
        #expect(page.contains("<th>music, recall</th>"))

        let again = try bench.compose("evaluate", "real", "made", "--json", "out/figures.json")
        #expect(again.status == EX_DATAERR)
        #expect(again.message.contains("out/figures.json exists already"))
      }
    }

    @Test func saysWhatIsWrong() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4), to: "real/one.wav")
        try FileManager.default.createDirectory(
          at: bench.folder / "none", withIntermediateDirectories: true)
        try bench.folder.write("no sound", to: "bad/text.wav")
        let there = ["bad", "none", "real"]
        try bench.expect(
          bench.compose("evaluate", "real", "none"),
          "none is empty: put audio files into it (WAV, FLAC, OGG, MP3, AIFF, Opus)", leaving: there
        )
        try bench.expect(
          bench.compose("evaluate", "real", "bad"),
          "cannot read \(bench.folder.path)/bad/text.wav: not an audio file of a known format",
          leaving: there)
        try bench.expect(
          bench.compose("evaluate", "real", "real", "--window", "0"), failsWith: EX_USAGE,
          "--window must be 0.5 to 60. See compose evaluate --help.", leaving: there)
      }
    }
  }
}
