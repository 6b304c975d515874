import Audio
import Foundation
import Testing

@Suite struct AudioWriterTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// The largest error of a full tone, by encoding: a step and a half where there is dither, half a
  /// step, or what a lossy codec leaves.
  private static let tolerance: [AudioEncoding: Float] = [
    .wav16: 4.6e-5, .wav24: 6e-8, .wavFloat: 0, .flac16: 4.6e-5, .flac24: 6e-8, .aiff16: 4.6e-5,
    .vorbis: 3e-2, .opus: 3e-2, .mp3: 3e-2,
  ]

  @Test(arguments: AudioEncoding.allCases, [1, 2])
  func roundTrip(_ encoding: AudioEncoding, channelCount: Int) throws {
    let sound = tone(channelCount: channelCount)
    #expect(try sound.write(to: folder("a"), encoding: encoding).clippedCount == 0)
    let tolerance = try #require(Self.tolerance[encoding])
    #expect(try difference(AudioBuffer(contentsOf: folder("a")), sound) <= tolerance)
  }

  @Test(arguments: AudioEncoding.allCases, 3...8)
  func manyChannels(_ encoding: AudioEncoding, channelCount: Int) throws {
    // Each half as loud as the one before, and low: lossy codecs keep one channel for low sounds.
    let channels = (1...channelCount).map {
      tone(60, sampleCount: 9600, amplitude: pow(0.5, Double($0))).channels[0]
    }
    let sound = AudioBuffer(channels: channels, sampleRate: 48000)
    guard encoding != .mp3 else {
      #expect(throws: AudioError.self) { try sound.write(to: folder("a"), encoding: encoding) }
      return #expect(try folder.contents == [])
    }
    try sound.write(to: folder("a"), encoding: encoding)
    let back = try AudioBuffer(contentsOf: folder("a"))
    #expect(back.sampleCount == 9600)
    for (samples, expected) in zip(back.channels, channels) {
      #expect(abs(rms(samples) / rms(expected) - 1) < 0.25)
    }
  }

  @Test(arguments: [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192_000])
  func rates(_ rate: Int) throws {
    let sound = tone(440, sampleCount: rate, sampleRate: rate)
    for encoding in AudioEncoding.allCases {
      if encoding == .mp3 && rate > 48000 {
        #expect(throws: AudioError.self) { try sound.write(to: folder("x"), encoding: encoding) }
        continue
      }
      try sound.write(to: folder("a"), encoding: encoding, overwrite: true)
      let back = try AudioBuffer(contentsOf: folder("a"))
      #expect(back.sampleRate == (encoding == .opus ? 48000 : rate))
      #expect(back.duration == 1)
      #expect(abs(back.rms - sound.rms) < 0.02)
    }
  }

  @Test(arguments: [1, 2, 311, 312, 313, 647, 648, 649, 960, 961, 48000 - 312, 47999, 96000 + 7])
  func everyLength(_ count: Int) throws {
    let sound = tone(sampleCount: count)
    for encoding in [AudioEncoding.vorbis, .opus, .mp3, .flac16, .wav24] {
      try sound.write(to: folder("a"), encoding: encoding, overwrite: true)
      let back = try AudioBuffer(contentsOf: folder("a"))
      #expect(back.sampleCount == count, "\(encoding)")
      // To the very end, where a lossy tone may ring: encoders that look ahead must be emptied.
      if count > 4800 {
        #expect(difference(back[4800..<count], sound[4800..<count]) < 0.1, "\(encoding)")
      }
    }
  }

  /// Every level of 16 bits comes back as it went in, so that reading and writing can be repeated.
  @Test(arguments: [AudioEncoding.wav16, .flac16, .aiff16, .wav24, .flac24])
  func integersAreExact(_ encoding: AudioEncoding) throws {
    let levels = AudioBuffer(
      channels: [(-32768...32767).map { Float($0) / 32768 }], sampleRate: 48000)
    #expect(try levels.write(to: folder("a"), encoding: encoding).clippedCount == 0)
    #expect(try AudioBuffer(contentsOf: folder("a")) == levels)
  }

  @Test(arguments: [AudioEncoding.wav16, .wav24, .flac16, .flac24, .aiff16])
  func integersClip(_ encoding: AudioEncoding) throws {
    let loud = AudioBuffer(
      channels: [[1, -1, 1.001, -1.001, 1e30, -1e30, 0.5]], sampleRate: 48000)
    #expect(try loud.write(to: folder("a"), encoding: encoding).clippedCount == 4)
    let back = try AudioBuffer(contentsOf: folder("a"))
    #expect(difference(back.channels[0], [1, -1, 1, -1, 1, -1, 0.5]) < 4e-5)
  }

  @Test func floatKeepsWhatIsLoud() throws {
    let loud = AudioBuffer(channels: [[1.5, -2, 1e-30]], sampleRate: 48000)
    #expect(try loud.write(to: folder("a"), encoding: .wavFloat).clippedCount == 0)
    #expect(try AudioBuffer(contentsOf: folder("a")) == loud)
  }

  @Test(arguments: AudioEncoding.allCases)
  func sameSoundSameBytes(_ encoding: AudioEncoding) async throws {
    let sound = noise(seed: 9, channelCount: 2, sampleCount: 100_000, sampleRate: 48000)
    try sound.write(to: folder("a"), encoding: encoding)
    try await Task.sleep(for: .milliseconds(1100))  // time stamps count in seconds
    try sound.write(to: folder("b"), encoding: encoding)
    #expect(try bytes(of: folder("a")) == bytes(of: folder("b")))
  }

  @Test(arguments: [
    ("a.wav", "WAV (Microsoft), Signed 16 bit PCM"),
    ("a.b.WAV", "WAV (Microsoft), Signed 16 bit PCM"),
    ("a.flac", "FLAC (Free Lossless Audio Codec), Signed 16 bit PCM"),
    ("a.aif", "AIFF (Apple/SGI), Signed 16 bit PCM"),
    ("a.ogg", "OGG (OGG Container format), Vorbis"), ("a.opus", "OGG (OGG Container format), Opus"),
    ("a.mp3", "MPEG-1/2 Audio, MPEG Layer III"),
  ])
  func extensionTellsEncoding(_ name: String, format: String) throws {
    try tone(sampleCount: 4800).write(to: folder(name))
    #expect(try AudioReader(folder(name)).formatDescription == format)
  }

  @Test(arguments: ["a", "a.", "a.txt", "wav", ".wav/a", "a.m4a"])
  func unknownExtension(_ name: String) throws {
    let path = folder(name)
    #expect(throws: AudioError.unknownExtension(path: path)) { try tone().write(to: path) }
    #expect(try folder.contents == [])
  }

  @Test func overwritesOnlyWhenTold() throws {
    let path = folder("a.wav")
    let (first, second) = (tone(sampleCount: 10), tone(sampleCount: 20))
    try first.write(to: path, encoding: .wavFloat)
    #expect(throws: AudioError.exists(path: path)) { try second.write(to: path) }
    #expect(try AudioBuffer(contentsOf: path) == first)
    try second.write(to: path, encoding: .wavFloat, overwrite: true)
    #expect(try AudioBuffer(contentsOf: path) == second)
    #expect(try folder.contents == ["a.wav"])
  }

  @Test func overwritesWhatALinkNames() throws {
    try tone(sampleCount: 10).write(to: folder("a.wav"))
    try createLink(folder("b.wav"), to: "a.wav")
    let sound = tone(sampleCount: 20)
    try sound.write(to: folder("b.wav"), encoding: .wavFloat, overwrite: true)
    #expect(try AudioBuffer(contentsOf: folder("a.wav")) == sound)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder("b.wav")) == "a.wav")
  }

  @Test func refusesWhatIsNoFile() throws {
    let device = "/dev/null"
    #expect(throws: AudioError.unwritable(path: device, reason: "it is not a regular file")) {
      try tone().write(to: device, encoding: .wav16, overwrite: true)
    }
    let none = folder("none/a.wav")
    #expect(throws: AudioError.unwritable(path: none, reason: "No such file or directory")) {
      try tone().write(to: none)
    }
  }

  /// A file that may not grow is a full disk; in a process of its own, since the limit holds for all
  /// of it.
  @Test func fullDisk() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let old = tone(sampleCount: 10)
      try old.write(to: folder("old.wav"), encoding: .wavFloat)
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
      try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      let sound = noise(seed: 10, channelCount: 2, sampleCount: 100_000, sampleRate: 48000)
      for encoding in AudioEncoding.allCases {
        for name in ["new", "old.wav"] {
          let path = folder(name)
          #expect(throws: AudioError.unwritable(path: path, reason: "File too large")) {
            try sound.write(to: path, encoding: encoding, overwrite: true)
          }
        }
      }
      #expect(try folder.contents == ["old.wav"])
      #expect(try AudioBuffer(contentsOf: folder("old.wav")) == old)
    }
  }

  /// The same bytes, however the sound is divided, and the same as in one piece.
  @Test(arguments: AudioEncoding.allCases, [1, 4095, 4096, 10_007])
  func blocksEqualWhole(_ encoding: AudioEncoding, blockLength: Int) throws {
    let sound = noise(seed: 10, channelCount: 2, sampleCount: 20_011, sampleRate: 44100)
    let whole = try sound.write(to: folder("whole"), encoding: encoding)
    let writer = try AudioWriter(
      folder("blocks"), sampleRate: 44100, channelCount: 2, encoding: encoding,
      sampleCount: sound.sampleCount)
    for start in stride(from: 0, to: sound.sampleCount, by: blockLength) {
      try writer.write(sound[start..<min(start + blockLength, sound.sampleCount)])
    }
    #expect(try writer.finish() == whole)
    #expect(try bytes(of: folder("blocks")) == bytes(of: folder("whole")))
  }

  @Test(arguments: [AudioEncoding.wav16, .wav24, .wavFloat])
  func lengthNotKnownBefore(_ encoding: AudioEncoding) throws {
    let sound = noise(seed: 11, channelCount: 2, sampleCount: 10_000, sampleRate: 44100)
    try sound.write(to: folder("a"), encoding: encoding)
    let writer = try AudioWriter(
      folder("b"), sampleRate: 44100, channelCount: 2, encoding: encoding)
    try writer.write(sound)
    _ = try writer.finish()
    #expect(try bytes(of: folder("b"))[..<4].elementsEqual("RIFF".utf8))
    #expect(try AudioBuffer(contentsOf: folder("b")) == AudioBuffer(contentsOf: folder("a")))
  }

  @Test func reports() throws {
    let writer = try AudioWriter(folder("a.flac"), sampleRate: 8000, channelCount: 2)
    try writer.write(AudioBuffer(channels: [[0, 0.5], [-0.25, 0.125]], sampleRate: 8000))
    try writer.write(AudioBuffer(channels: [[1.5], [-2]], sampleRate: 8000))
    let report = try writer.finish()
    #expect((report.sampleCount, report.peak, report.clippedCount) == (3, 2, 2))
    let opus = try tone(sampleCount: 44100, sampleRate: 44100).write(to: folder("a.opus"))
    #expect(opus.sampleCount == 48000)
    #expect(abs(opus.peak - 0.9) < 1e-2)
  }

  @Test(arguments: AudioEncoding.allCases)
  func leavesNothingUnfinished(_ encoding: AudioEncoding) throws {
    do {
      let writer = try AudioWriter(
        folder("a"), sampleRate: 48000, channelCount: 1, encoding: encoding)
      try writer.write(tone(sampleCount: 10_000))
      #expect(try folder.contents.count == 1)
    }
    #expect(try folder.contents == [])
  }

  @Test(arguments: [Float.nan, .infinity])
  func refusesWhatIsNoNumber(_ value: Float) throws {
    let sound = AudioBuffer(channels: [[0, value]], sampleRate: 48000)
    #expect(throws: AudioError.self) { try sound.write(to: folder("a.wav")) }
    #expect(try folder.contents == [])
  }
}

private func rms(_ samples: [Float]) -> Float {
  AudioBuffer(channels: [samples], sampleRate: 1).rms
}
