import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct AuditionTests {
    @Test func writesBothAndAPictureAndSaysWhatIsLost() throws {
      try Bench.with { bench in
        let sound = tone(seconds: 1)
        // Its sides hold a fifth of the energy of both channels.
        let stereo = AudioBuffer(
          channels: [sound.channels[0], sound.channels[0].map { 0.333 * $0 }], sampleRate: 22050)
        try bench.folder.write(stereo, to: "a.wav")
        let outcome = try bench.compose(
          "spectrogram", "audition", "a.wav", "--sample-rate", "8000", "--channels", "1")
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(try contents(bench.folder) == ["a-audition", "a.wav"])
        #expect(
          try contents(bench.folder / "a-audition")
            == ["a-original.wav", "a-round-trip.wav", "a.png"])
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.first == "a.wav")
        #expect(lines.last == "listen and look: a-audition")
        #expect(
          outcome.output.contains(/spectral convergence -\d\d\.\d dB, log-mel error \d\.\d\d dB/))
        #expect(outcome.output.contains("bandwidth: "))
        #expect(
          outcome.output.contains(
            "channels: 2 become 1; the difference, 20 % of the energy, is lost"))
        #expect(outcome.output.contains(/loudness: -\d\d?\.\d LUFS, [-+]0\.\d LU, kept/))
        #expect(outcome.output.contains("attacks: none found"))

        let folder = bench.folder / "a-audition"
        let original = try AudioBuffer(contentsOf: (folder / "a-original.wav").path)
        #expect(original.channelCount == 2 && original.sampleCount == 22050)
        let copy = try AudioBuffer(contentsOf: (folder / "a-round-trip.wav").path)
        #expect(copy.channelCount == 1 && copy.sampleRate == 8000 && copy.sampleCount == 8000)

        // What was made stays.
        let again = try bench.compose("spectrogram", "audition", "a.wav")
        try bench.expect(
          again, failsWith: EX_DATAERR,
          "a-audition/a-original.wav exists already: add --overwrite, or choose another --output",
          leaving: ["a-audition", "a.wav"])
      }
    }

    /// Mid and side do not tell left from right, and audition does not hide it.
    @Test func stereoLosesItsSides() throws {
      try Bench.with { bench in
        let sound = tone(seconds: 1)
        try bench.folder.write(
          AudioBuffer(
            channels: [sound.channels[0].map { 0.1 * $0 }, sound.channels[0]], sampleRate: 22050),
          to: "a.wav")
        let outcome = try bench.compose("spectrogram", "audition", "a.wav", "--iterations", "8")
        #expect(
          outcome.output.contains("by -1.00 in the original: which side sounds stand on is lost"))
        let copy = try AudioBuffer(
          contentsOf: (bench.folder / "a-audition/a-round-trip.wav").path)
        #expect(copy.channelCount == 2)
      }
    }

    /// A loss that is there is told, in the right place.
    @Test func tellsTheBandwidthThatIsLost() throws {
      try Bench.with { bench in
        let samples = (0..<44100).map { index in
          let time = Double(index) / 44100
          return Float(0.5 * sin(2 * .pi * 440 * time) + 0.05 * sin(2 * .pi * 15000 * time))
        }
        try bench.folder.write(
          AudioBuffer(channels: [samples], sampleRate: 44100), to: "a.wav")
        let outcome = try bench.compose(
          "spectrogram", "audition", "a.wav", "--preset", "draft", "--iterations", "2")
        #expect(
          outcome.output.contains("bandwidth: all above 11.0 kHz is lost, 0.99 % of the energy"))
      }
    }

    @Test func takesSomeFilesOfAFolder() throws {
      try Bench.with { bench in
        for name in ["a", "b", "c", "d"] {
          try bench.folder.write(tone(seconds: 0.5), to: "in/\(name).wav")
        }
        try bench.folder.write("not a sound", to: "in/b.wav")
        let outcome = try bench.compose(
          "spectrogram", "audition", "in", "--files", "2", "--seconds", "0.3", "--iterations", "2",
          "--output", "out")
        // Of four the first and the third.
        #expect(outcome.status == 0)
        #expect(outcome.errors.hasPrefix("in: 2 of 4 files; --files takes more\n"))
        #expect(outcome.output.contains("mean of 2 files: "))
        #expect(
          try contents(bench.folder / "out") == [
            "a-original.wav", "a-round-trip.wav", "a.png", "c-original.wav", "c-round-trip.wav",
            "c.png",
          ])
        let part = try AudioBuffer(contentsOf: (bench.folder / "out/c-original.wav").path)
        #expect(part.sampleCount == 6615)

        let all = try bench.compose(
          "spectrogram", "audition", "in", "--iterations", "2", "--output", "all")
        #expect(all.status == EX_DATAERR)
        #expect(all.errors.contains("skipped in/b.wav: cannot read in/b.wav: not an audio file"))
        #expect(all.message == "compose: 1 of 4 files could not be used; they are named above")
      }
    }

    @Test func wrongOptionsAreErrors() throws {
      try Bench.with { bench in
        try bench.expect(
          bench.compose("spectrogram", "audition", "a.wav"),
          "cannot read a.wav: there is no such file")
        try bench.expect(
          bench.compose("spectrogram", "audition", "a.wav", "--channels", "3"),
          failsWith: EX_USAGE,
          "--channels must be 1 or 2. See compose spectrogram audition --help.")
      }
    }
  }
}
