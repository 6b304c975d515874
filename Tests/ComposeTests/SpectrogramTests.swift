import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct SpectrogramTests {
    /// Sound to a picture or an array and back is of the same length and much the same loudness.
    @Test(arguments: ["png", "npy"])
    func soundComesBack(_ format: String) throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1.5), to: "a.wav")
        let export = try bench.compose("spectrogram", "export", "a.wav", "--output", "a.\(format)")
        #expect(export.status == 0)
        #expect(export.output == "a.\(format): 65 frames of 256 mel bins, 1.50 s at 22050 Hz\n")
        let back = try bench.compose(
          "spectrogram", "import", "a.\(format)", "--output", "b.flac", "--iterations", "8")
        #expect(back.status == 0)
        #expect(back.output == "b.flac: 1.49 s at 22050 Hz\n")
        let audio = try AudioBuffer(contentsOf: (bench.folder / "b.flac").path)
        #expect(audio.sampleCount == 64 * 512)
        #expect(audio.sampleRate == 22050)
        let ratio = audio.rms / tone(seconds: 1.5).rms
        #expect((0.7...1.4).contains(ratio))
      }
    }

    @Test func pictureIsTheDefault() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 0.5), to: "two words.wav")
        #expect(try bench.compose("spectrogram", "export", "two words.wav").status == 0)
        #expect(try contents(bench.folder) == ["two words.png", "two words.wav"])
        let signature = try Data(contentsOf: bench.folder / "two words.png").prefix(8)
        #expect(Array(signature) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
      }
    }

    @Test func wrongInputsAreErrors() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 0.5), to: "a.wav")
        try bench.folder.write("not a sound", to: "text.wav")
        try bench.folder.write("not a picture", to: "text.png")
        try bench.folder.write("not an array", to: "text.npy")
        let names = ["a.wav", "text.npy", "text.png", "text.wav"]
        func check(
          _ arguments: [String], failsWith status: Int32 = EX_DATAERR, _ message: String
        ) throws {
          let outcome = try Run(
            ["spectrogram"] + arguments, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.errors.split(separator: "\n").count == 1)
          #expect(outcome.errors.hasPrefix("compose: \(message)"), "\(outcome.errors)")
          #expect(outcome.status == status)
          #expect(try contents(bench.folder) == names)
        }
        try check(["export", "b.wav"], "cannot read b.wav: there is no such file")
        try check(
          ["export", "text.wav", "--output", "b.png"], "cannot read text.wav: not an audio")
        try check(
          ["export", "a.wav", "--output", "a.jpg"],
          "cannot tell the format from the name a.jpg: end it in .png or .npy")
        try check(
          ["export", "a.wav", "--output", "text.png"],
          "text.png exists already: add --overwrite, or choose another --output")
        try check(
          ["export", "a.wav", "--fft-size", "7"], "spectrogram settings: fftSize must be even")
        try check(
          ["export", "a.wav", "--sample-rate", "0"],
          "spectrogram settings: sampleRate must be from 1000 to 768000 Hz, not 0")
        try check(["import", "text.png", "--output", "b.wav"], "cannot read text.png: ")
        try check(["import", "text.npy", "--output", "b.wav"], "cannot read text.npy: ")
        try check(["import", "b.png", "--output", "b.wav"], "cannot read b.png: ")
        try check(
          ["import", "text.png", "--output", "b.txt"],
          "cannot tell the format from the name b.txt: end it in .wav")
        try check(
          ["import", "text.png", "--output", "a.wav"],
          "a.wav exists already: add --overwrite, or choose another --output")
        try check(["import", "text.png"], failsWith: EX_USAGE, "Missing expected argument")
      }
    }
  }
}
