import Audio
import Foundation
import Testing

extension CommandLineTests {
  /// `compose export`: what of a model others need.
  @Suite struct ExportTests {
    @Test func exportedModelsDrawTheSame() throws {
      try Bench.with { bench in
        try FileManager.default.copyItem(at: bench.workshop.model, to: bench.folder / "tones")
        func draw(_ model: String) throws -> Data {
          let outcome = try bench.compose(
            "generate", "--model", model, "--seconds", "0.5", "--seed", "3", "--output",
            "\(model).wav", "--overwrite")
          #expect(outcome.status == 0, "\(outcome.errors)")
          return try Data(contentsOf: bench.folder / "\(model).wav")
        }
        let copied = try bench.compose("export", "tones", "--output", "copy")
        #expect(copied.status == 0, "\(copied.errors)")
        #expect(copied.output.contains(/^copy: 1\.\d MB, weights in float16\n$/))
        #expect(try contents(bench.folder / "copy") == ["config.json", "model.safetensors"])
        #expect(try draw("copy") == draw("tones"))

        let small = try bench.compose("export", "tones", "--weights", "int8", "--output", "small")
        #expect(small.output.contains(/^small: 0\.\d MB, weights in int8\n$/))
        #expect(try bench.compose("info", "small").output.contains("\nweights     int8\n"))
        #expect(try draw("small") != draw("tones"))
        let sounds = try ["tones", "small"].map {
          try AudioBuffer(contentsOf: (bench.folder / "\($0).wav").path).channels[0]
        }
        let ratio = signalToNoise(sounds[0], sounds[1])
        #expect(ratio > 20, "\(ratio) dB")

        let again = try bench.compose("export", "tones", "--output", "small")
        #expect(again.message == "compose: small exists already: choose another --output")
        let inside = try bench.compose("export", "tones", "--output", "tones/guide")
        #expect(
          inside.message
            == "compose: tones/guide would lie in the folder that is copied, tones: choose another --output"
        )
        let deep = try bench.compose("export", "nothing", "--output", "x/y")
        #expect(deep.message == "compose: there is no folder at nothing")
        let unknown = try bench.compose("export", "tones", "--weights", "int4", "--output", "x")
        #expect(unknown.errors.contains("Please provide one of 'float16' and 'int8'"))
        let absent = try bench.compose("export", "nothing", "--output", "x")
        #expect(absent.message == "compose: there is no folder at nothing")
        #expect(!FileManager.default.fileExists(atPath: (bench.folder / "x").path))
      }
    }
  }
}
