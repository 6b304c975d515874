import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct SpectrogramTests {
    /// Sound to a picture or an array and back is of the same length and much the same loudness.
    @Test(arguments: ["png", "npy", "csv"])
    func soundComesBack(_ format: String) throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1.5), to: "a.wav")
        let export = try bench.compose("spectrogram", "export", "a.wav", "--output", "a.\(format)")
        #expect(export.status == 0)
        #expect(export.output == "a.\(format): 65 frames of 256 mel bins, 1.50 s at 22050 Hz\n")
        let back = try bench.compose(
          "spectrogram", "import", "a.\(format)", "--output", "b.flac", "--iterations", "8")
        #expect(back.status == 0)
        #expect(
          back.output.contains(
            /^b\.flac: 1\.50 s at 22050 Hz, -\d+\.\d LUFS, true peak -?\d+\.\d dBTP\n$/))
        let audio = try AudioBuffer(contentsOf: (bench.folder / "b.flac").path)
        #expect(audio.sampleCount == tone(seconds: 1.5).sampleCount)
        #expect(audio.sampleRate == 22050)
        let ratio = audio.rms / tone(seconds: 1.5).rms
        #expect((0.7...1.4).contains(ratio))
      }
    }

    @Test func normalizes() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1.5), to: "a.wav")
        #expect(try bench.compose("spectrogram", "export", "a.wav", "-o", "a.npy").status == 0)
        func normalized(to target: String) throws -> AudioBuffer {
          let back = try bench.compose(
            "spectrogram", "import", "a.npy", "--output", "b.wav", "--iterations", "2",
            "--normalize", target, "--overwrite")
          #expect(back.status == 0)
          return try AudioBuffer(contentsOf: (bench.folder / "b.wav").path)
        }
        let loudness = try normalized(to: "-20 LUFS").loudness().integrated.value
        #expect(abs(try #require(loudness) + 20) < 0.05)
        #expect(abs(try normalized(to: "-6dB").peak - 0.5012) < 1e-3)
        let refused = try bench.compose(
          "spectrogram", "import", "a.npy", "--output", "c.wav", "--normalize", "loud")
        #expect(refused.status == EX_USAGE)
        #expect(refused.errors.contains("as \"-14 LUFS\", or a peak"))
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

    /// The tree that comes in goes out, whatever fails on the way, and comes back.
    @Test func foldersKeepTheirShape() throws {
      try Bench.with { bench in
        for name in ["music/a b.wav", "music/sub/c.wav", "music/sub/c.flac"] {
          try bench.folder.write(tone(seconds: 0.3), to: name)
        }
        try bench.folder.write("not a sound", to: "music/text.wav")
        func export() throws -> Outcome {
          try bench.compose(
            "spectrogram", "export", "music", "--output", "out", "--format", "npy",
            "--preset", "draft")
        }
        let first = try export()
        #expect(first.status == EX_DATAERR)
        #expect(first.output.hasSuffix("\n3 spectrograms, 1 skipped\n"))
        #expect(
          first.output.contains(
            "out/sub/c.wav.npy: 13 frames of 128 mel bins, 0.30 s at 22050 Hz\n"))
        let lines = first.errors.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("skipped: cannot read music/text.wav: not an") } == 1)
        #expect(first.message == "compose: 1 of 4 files could not be used; they are named above")
        #expect(try contents(bench.folder / "out") == ["a b.npy", "sub"])
        #expect(try contents(bench.folder / "out/sub") == ["c.flac.npy", "c.wav.npy"])

        #expect(
          try export().output
            == "0 spectrograms, 3 were there already (--overwrite replaces them), 1 skipped\n")

        let back = try bench.compose(
          "spectrogram", "import", "out", "out/a b.npy", "--output", "back/", "--iterations", "1")
        #expect(back.status == 0)
        #expect(back.output.hasSuffix("\n4 sounds\n"))
        #expect(
          back.output.contains(
            #/back/a b\.wav: 0\.30 s at 22050 Hz, too short for a loudness, true peak /#))
        #expect(try contents(bench.folder / "back") == ["a b.wav", "out"])
        #expect(try contents(bench.folder / "back/out/sub") == ["c.flac.wav", "c.wav.wav"])
      }
    }

    /// A loop comes back with as many samples, goes on at its beginning, and keeps its title and tempo.
    @Test(arguments: ["png", "npy", "csv"]) func loopsComeBack(_ format: String) throws {
      try Bench.with { bench in
        // No whole hops, but whole turns.
        let count = 21000
        let samples = (0..<count).map {
          Float(0.3 * sin(2 * .pi * 400 * Double($0) / Double(count)))
        }
        try AudioBuffer(channels: [samples], sampleRate: 22050).write(
          to: (bench.folder / "a.wav").path,
          metadata: AudioMetadata(title: "Ü \"loop\"", beatsPerMinute: 126))
        #expect(
          try bench.compose("spectrogram", "export", "a.wav", "--loop", "-o", "a.\(format)").status
            == 0)
        let back = try bench.compose("spectrogram", "import", "a.\(format)", "-o", "b.wav")
        #expect(back.status == 0)
        let reader = try AudioReader((bench.folder / "b.wav").path)
        #expect(reader.metadata.title == "Ü \"loop\"")
        #expect(abs(try #require(reader.metadata.beatsPerMinute) - 126) < 0.5)
        #expect(reader.metadata.loops == [.init(start: 0, end: count)])
        let audio = try AudioBuffer(contentsOf: (bench.folder / "b.wav").path).channels[0]
        #expect(audio.count == count)
        // Second differences tell of a joint: of the tone itself they are its square frequency.
        func bend(_ i: Int) -> Float {
          abs(audio[(i + 2) % count] - 2 * audio[(i + 1) % count] + audio[i])
        }
        let usual = (count / 4..<3 * count / 4).map(bend).max() ?? 0
        #expect((count - 3..<count + 1).map { bend($0 % count) }.allSatisfy { $0 < 1.5 * usual })
      }
    }

    /// Three hours, 950 MB of samples, in a file of zeros that takes no room on the disk.
    @Test func hoursTakeLittleMemory() throws {
      try Bench.with { bench in
        let path = (bench.folder / "long.wav").path
        try AudioBuffer(channels: [[0]], sampleRate: 22050).write(to: path)
        let count = 3 * 3600 * 22050
        var header = try Data(contentsOf: bench.folder / "long.wav").prefix(44)
        for (position, size) in [(4, 2 * count + 36), (40, 2 * count)] {
          withUnsafeBytes(of: UInt32(size).littleEndian) {
            header.replaceSubrange(position..<position + 4, with: $0)
          }
        }
        try header.write(to: bench.folder / "long.wav")
        try #require(truncate(path, 44 + 2 * count) == 0)
        let export = try bench.compose(
          "spectrogram", "export", "long.wav", "-o", "a.npy", "--mel-bins", "8",
          memoryLimit: 700_000)
        #expect(
          export.output == "a.npy: 465118 frames of 8 mel bins, 10800.00 s at 22050 Hz\n")
        #expect(export.status == 0)
      }
    }

    @Test func shortSoundsKeepTheirLength() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 0.02), to: "a.wav")
        #expect(try bench.compose("spectrogram", "export", "a.wav", "-o", "a.npy").status == 0)
        #expect(try bench.compose("spectrogram", "import", "a.npy", "-o", "b.wav").status == 0)
        let audio = try AudioBuffer(contentsOf: (bench.folder / "b.wav").path)
        #expect(audio.sampleCount == tone(seconds: 0.02).sampleCount)
        #expect(audio.peak > 0)
      }
    }

    /// What a file cannot hold is said before any work; what it holds is told as it is.
    @Test func reportsTellOfTheFile() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1), to: "a.wav")
        #expect(
          try bench.compose(
            "spectrogram", "export", "a.wav", "--sample-rate", "96000", "-o", "a.npy"
          ).status == 0)
        let refused = try bench.compose("spectrogram", "import", "a.npy", "-o", "no/a.mp3")
        #expect(refused.status == EX_DATAERR)
        #expect(refused.message.hasPrefix("compose: cannot write no/a.mp3: MPEG-1/2/2.5 only"))
        let opus = try bench.compose(
          "spectrogram", "import", "a.npy", "-o", "new/a.opus", "--iterations", "2")
        #expect(opus.output.hasPrefix("new/a.opus: 1.00 s at 48000 Hz, "))
        let square = (0..<22050).map { Float($0 / 25 % 2 == 0 ? 1 : -1) }
        try bench.folder.write(
          AudioBuffer(channels: [square], sampleRate: 22050), to: "square.wav")
        #expect(try bench.compose("spectrogram", "export", "square.wav", "-o", "s.npy").status == 0)
        let loud = try bench.compose(
          "spectrogram", "import", "s.npy", "-o", "s.mp3", "--normalize", "0 dB", "--iterations",
          "2")
        let decoded = try AudioBuffer(contentsOf: (bench.folder / "s.mp3").path)
        #expect((decoded.peak > 1.006) == loud.errors.contains("its encoding raises the peak"))
      }
    }

    @Test func partsAndPresets() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 3), to: "a.wav")
        let part = try bench.compose(
          "spectrogram", "export", "a.wav", "--from", "1", "--to", "2", "--waveform")
        #expect(part.output == "a.png: 44 frames of 256 mel bins, 1.00 s at 22050 Hz\n")
        let preset = try bench.compose(
          "spectrogram", "export", "a.wav", "--preset", "oneshots", "--mel-bins", "64", "-o",
          "b.csv")
        #expect(preset.output == "b.csv: 259 frames of 64 mel bins, 3.00 s at 44100 Hz\n")
      }
    }

    /// Through mid and side, each with phases of its own.
    @Test(arguments: ["png", "npy", "csv"])
    func stereoComesBack(_ format: String) throws {
      try Bench.with { bench in
        let left = tone(seconds: 1).channels[0]
        let sound = AudioBuffer(channels: [left, left.map { $0 / 8 }], sampleRate: 22050)
        try bench.folder.write(sound, to: "a.wav")
        let export = try bench.compose(
          "spectrogram", "export", "a.wav", "--stereo", "--output", "a.\(format)",
          "--mel-bins", "128")
        #expect(export.status == 0)
        let back = try bench.compose(
          "spectrogram", "import", "a.\(format)", "--output", "b.wav", "--iterations", "8")
        #expect(back.status == 0)
        let audio = try AudioBuffer(contentsOf: (bench.folder / "b.wav").path)
        #expect(audio.channelCount == 2)
        let rms = audio.channels.map { AudioBuffer(channels: [$0], sampleRate: 22050).rms }
        #expect(rms.allSatisfy { $0 > 0.02 })
      }
    }

    /// A picture that shows less than every frame says so where it is made and where it is read.
    @Test func reducedPicturesAreNotImported() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1), to: "a.wav")
        let export = try bench.compose("spectrogram", "export", "a.wav", "--width", "20")
        #expect(export.output.contains("; 4 frames a column, too coarse to import: use .npy"))
        let back = try bench.compose("spectrogram", "import", "a.png", "--output", "b.wav")
        #expect(back.status == EX_DATAERR)
        #expect(back.errors.contains("each column of this picture shows 4 frames"))
        #expect(try contents(bench.folder) == ["a.png", "a.wav"])
      }
    }

    @Test func interruptionLeavesNothingHalfDone() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 120), to: "a.wav")
        let run = try Run(
          ["spectrogram", "export", "a.wav", "--output", "a.csv", "--hop-length", "16"],
          in: bench.folder, cache: bench.workshop.cache)
        run.wait { ((try? contents(bench.folder)) ?? []).count > 1 }
        run.send(SIGINT)
        let outcome = run.outcome()
        #expect(outcome.status == 130)
        #expect(outcome.message.hasPrefix("compose: stopped"))
        #expect(try contents(bench.folder) == ["a.wav"])
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
          "cannot tell the format from the name a.jpg: end it in .png, .npy or .csv")
        try check(
          ["export", "a.wav", "--output", "a.npy", "--waveform"],
          "a.npy is no picture: leave out --color-map, --waveform, --width, --plain and --data")
        try check(
          ["export", "a.wav", "a.wav", "--output", "a.npy"],
          "a.npy cannot hold several files: name a folder with --output")
        try check(
          ["export", "a.wav", "--from", "1"],
          "a.wav ends at 0.50 s, where --from is not yet reached")
        try check(
          ["export", "a.wav", "--data", "--plain"], failsWith: EX_USAGE, "--data has no axes")
        // Numbers below 0 reach the checks of what they mean.
        for option in ["--from", "--to"] {
          try check(
            ["export", "a.wav", option, "-1"], failsWith: EX_USAGE,
            "--from must be 0 or more, and less than --to.")
        }
        try check(
          ["export", "a.wav", "--width", "-1"], failsWith: EX_USAGE, "--width must be 2 or more.")
        try check(
          ["export", "a.wav", "--mel-bins", "-1"],
          "spectrogram settings: melBins must be from 1 to 65472 where fftSize is 2048, not -1")
        try check(
          ["import", "text.png", "--output", "b.wav", "--iterations", "-1"], failsWith: EX_USAGE,
          "--iterations must be 0 to 10000.")
        try check(
          ["import", "a.wav", "--output", "b.wav"],
          "cannot tell what a.wav is: its name should end in .png, .npy or .csv")
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
