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

    /// Mid and side do not tell left from right, and audition does not hide it: two tones, one on each
    /// side, whose sides change on the way.
    @Test func stereoLosesItsSides() throws {
      try Bench.with { bench in
        let channels = [440.0, 660].map { tone(seconds: 1, frequency: $0).channels[0] }
        try bench.folder.write(AudioBuffer(channels: channels, sampleRate: 22050), to: "a.wav")
        let outcome = try bench.compose("spectrogram", "audition", "a.wav", "--iterations", "8")
        #expect(
          outcome.output.contains(
            /log-mel error \d\.\d\d dB: stereo is the cause: the phase between mid and side is lost/
          ))
        #expect(
          outcome.output.contains(
            /stereo: which side sounds stand on is lost, .*; left against right is off by \d+\.\d dB/
          ))
        let copy = try AudioBuffer(
          contentsOf: (bench.folder / "a-audition/a-round-trip.wav").path)
        #expect(copy.channelCount == 2)
      }
    }

    /// One tone in the middle and one all around it stay there.
    @Test func wideStereoIsKept() throws {
      try Bench.with { bench in
        let (mid, side) = (
          tone(seconds: 1).channels[0], tone(seconds: 1, frequency: 1200).channels[0]
        )
        let sound = AudioBuffer(mid: mid, side: side, sampleRate: 22050).scaled(by: 0.5)
        try bench.folder.write(sound, to: "a.wav")
        let outcome = try bench.compose("spectrogram", "audition", "a.wav")
        #expect(outcome.output.contains("stereo: the balance of left and right is kept; left"))
        #expect(!outcome.output.contains("is lost"))
      }
    }

    @Test func tellsThatAnOffsetIsMadeUp() throws {
      try Bench.with { bench in
        let constant = [Float](repeating: 0.5, count: 22050)
        try bench.folder.write(
          AudioBuffer(channels: [constant], sampleRate: 22050), to: "a.wav")
        let outcome = try bench.compose("spectrogram", "audition", "a.wav", "--iterations", "2")
        #expect(
          outcome.output.contains(
            "bandwidth: constant offset and slow swings, below 5 Hz, are made up, 100 % of the energy"
          ))
        #expect(!outcome.output.contains("nothing is lost"))
      }
    }

    /// Names that become alike get numbers until no two are; what looks like the extension of a folder
    /// stays.
    @Test func namesAreNeverAlike() throws {
      try Bench.with { bench in
        for name in ["a.flac", "a.wav", "a-2.flac", "my.loops v1.2/b.wav"] {
          try bench.folder.write(tone(seconds: 0.2), to: name)
        }
        let files = try bench.compose(
          "spectrogram", "audition", "a.flac", "a.wav", "a-2.flac", "--iterations", "0",
          "--output", "out")
        #expect(files.status == 0)
        #expect(
          try contents(bench.folder / "out").filter { $0.hasSuffix(".png") }
            == ["a-2-2.png", "a-2.png", "a.png"])
        let folder = try bench.compose(
          "spectrogram", "audition", "my.loops v1.2", "--iterations", "0")
        #expect(folder.output.hasSuffix("listen and look: my.loops v1.2-audition\n"))
        #expect(try contents(bench.folder / "my.loops v1.2-audition").count == 3)
      }
    }

    /// The folder to write to is made, or not, before any work, and gone if nothing came of it.
    @Test func foldersComeFirst() throws {
      try Bench.with { bench in
        try bench.folder.write("not a sound", to: "a.wav")
        try bench.expect(
          bench.compose("spectrogram", "audition", "a.wav", "--output", "a.wav/out"),
          "cannot write to a.wav/out: Not a directory", leaving: ["a.wav"])
        try bench.expect(
          bench.compose("spectrogram", "audition", "a.wav", "--output", "out"),
          "cannot read a.wav: not an audio file of a known format", leaving: ["a.wav"])
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
        for (option, message) in [
          ("--channels", "--channels must be 1 or 2."), ("--files", "--files must be 1 to 100000."),
          ("--iterations", "--iterations must be 0 to 10000."),
          ("--seconds", "--seconds must be 0.1 to 600."),
        ] {
          try bench.expect(
            bench.compose("spectrogram", "audition", "a.wav", option, "-1"), failsWith: EX_USAGE,
            "\(message) See compose spectrogram audition --help.")
        }
      }
    }
  }
}
