import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ExplainTests {
    @Test func writesWhatItShows() throws {
      try Bench.with { bench in
        let outcome = try Run(
          [
            "explain", bench.workshop.model.path, "--label", "low", "--steps", "4", "--clips", "2",
            "--data", bench.workshop.data.path, "--output", "shown", "--threads", "1",
          ], in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.matches(of: /% decided/).count == 4)
        #expect(outcome.output.matches(of: /loss \d\.\d{4}/).count == 12)
        #expect(
          outcome.output.hasSuffix(
            "shown: explain.html, strip.png, animation.png, decisions.png, music.wav\n"))
        #expect(
          try contents(bench.folder / "shown") == [
            "animation.png", "decisions.png", "explain.html", "music.wav", "strip.png",
          ])
        // It is what generate draws from this seed: one window.
        let music = try AudioBuffer(contentsOf: (bench.folder / "shown/music.wav").path)
        #expect(music.sampleRate == 22050 && music.sampleCount == 127 * 512)
        let page = try String(contentsOf: bench.folder / "shown/explain.html", encoding: .utf8)
        #expect(page.matches(of: /data:image\/png;base64/).count == 3)
        #expect(page.contains("How well it sees"))
        #expect(!page.contains("http"))
      }
    }

    /// Without audio to measure on, the losses are those of the training's log.
    @Test func showsTheLogsLosses() throws {
      try Bench.with { bench in
        let outcome = try Run(
          [
            "explain", bench.workshop.model.path, "--steps", "2", "--output", "shown", "--threads",
            "1",
          ], in: bench.folder, cache: bench.workshop.cache
        ).outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect((1...5).contains(outcome.output.matches(of: /loss \d\.\d{4}/).count))
        let page = try String(contentsOf: bench.folder / "shown/explain.html", encoding: .utf8)
        #expect(page.contains("As the log of the training has it"))
      }
    }

    @Test func keepsFilesThatAreThere() throws {
      try Bench.with { bench in
        try bench.folder.write("mine", to: "shown/music.wav")
        try bench.expect(
          bench.compose("explain", bench.workshop.model.path, "--output", "shown"),
          "shown/music.wav exists already: add --overwrite, or choose another --output",
          leaving: ["shown"])
        #expect(try contents(bench.folder / "shown") == ["music.wav"])
      }
    }

    @Test func saysWhatItCannotShow() throws {
      try Bench.with { bench in
        try bench.expect(
          bench.compose("explain", "nowhere"), "there is no folder at nowhere")
        try bench.expect(
          bench.compose("explain", bench.workshop.model.path, "--label", "loud"),
          "the model has no label loud; it knows high, low")
        try bench.expect(
          bench.compose("explain", bench.workshop.model.path, "--steps", "1"), failsWith: EX_USAGE,
          "--steps must be 2 to 1000. See compose explain --help.")
      }
    }
  }
}
