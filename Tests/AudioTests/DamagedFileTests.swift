import Audio
import Foundation
import Testing

@Suite struct DamagedFileTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  @Test func missing() {
    let path = folder("none.wav")
    #expect(throws: AudioError.notFound(path: path)) { try AudioReader(path) }
    #expect(throws: AudioError.notFound(path: "")) { try AudioReader("") }
  }

  @Test func directory() {
    #expect(throws: AudioError.directory(path: folder.path)) { try AudioReader(folder.path) }
  }

  @Test(arguments: ["a.wav", "a.flac", "a.mp3", "a"])
  func noBytes(_ name: String) throws {
    let path = try folder.write([], to: name)
    #expect(throws: AudioError.empty(path: path)) { try AudioReader(path) }
  }

  @Test(arguments: ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.aiff", "a.txt"])
  func text(_ name: String) throws {
    let path = try folder.write("These are words, not music. ".utf8, to: name)
    #expect(throws: AudioError.notAudio(path: path)) { try AudioReader(path) }
  }

  @Test func picture() throws {
    let path = try folder.write([0x89] + "PNG\r\n\u{1A}\n".utf8 + [0, 0, 0, 13], to: "a.wav")
    #expect(throws: AudioError.notAudio(path: path)) { try AudioReader(path) }
  }

  @Test(arguments: [AudioEncoding.wav16, .wavFloat, .flac16, .aiff16])
  func noSamples(_ encoding: AudioEncoding) throws {
    let path = folder("a")
    try AudioBuffer(channels: [[]], sampleRate: 48000).write(to: path, encoding: encoding)
    #expect(throws: AudioError.empty(path: path)) { try AudioBuffer(contentsOf: path) }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func notNumbers(_ value: Float) throws {
    let path = folder("a.wav")
    try tone(sampleCount: 1000).write(to: path, encoding: .wavFloat)
    var file = try bytes(of: path)
    withUnsafeBytes(of: value.bitPattern.littleEndian) {
      file.replaceSubrange(file.count - 400..<file.count - 396, with: $0)
    }
    _ = try folder.write(file, to: "a.wav")
    #expect(throws: AudioError.nonFinite(path: path)) { try AudioBuffer(contentsOf: path) }
  }

  /// In a process of its own, which gives up root's right to read everything.
  @Test func unreadable() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let path = try folder.write([1, 2, 3], to: "a.wav")
      try #require(chmod(path, 0) == 0)
      if geteuid() == 0 { try #require(seteuid(65534) == 0) }
      #expect(throws: AudioError.unreadable(path: path, reason: "Permission denied")) {
        try AudioReader(path)
      }
      if getuid() == 0 { seteuid(0) }
    }
  }

  /// Cut anywhere, a file is never taken for whole, and blocks give what is left of it.
  @Test(arguments: AudioEncoding.allCases)
  func truncated(_ encoding: AudioEncoding) throws {
    let path = folder("whole")
    try noise(seed: 6, channelCount: 2, sampleCount: 200_000, sampleRate: 48000)
      .write(to: path, encoding: encoding)
    let file = try bytes(of: path)
    let whole = try AudioBuffer(contentsOf: path)
    let eighths = (1...7).map { file.count * $0 / 8 }
    for length in [1, 3, 4, 11, 12, 40, 43, 44, 46, 100, 200] + eighths + [
      file.count - 2, file.count - 1,
    ] {
      let cut = try folder.write(file[..<length], to: "cut")
      #expect(throws: AudioError.self, "\(length) of \(file.count) bytes") {
        try AudioBuffer(contentsOf: cut)
      }
    }
    for length in eighths.dropFirst() {
      let cut = try folder.write(file[..<length], to: "cut")
      let reader = try AudioReader(cut)
      var left: [[Float]] = [[], []]
      let error = #expect(throws: AudioError.self) {
        while let block = try reader.read(upTo: 1000) {
          for c in 0..<2 { left[c] += block.channels[c] }
        }
      }
      guard case .truncated(cut, let found, let promised) = error else {
        Issue.record("\(length) of \(file.count) bytes: \(String(describing: error))")
        continue
      }
      #expect(found == left[0].count)
      #expect(found > 0 && found < whole.sampleCount)
      if let promised { #expect(abs(promised - whole.sampleCount) < 10) }
      // The last frames of a lossy file lean on what is gone.
      let sure = max(0, found - (encoding.isLossless ? 0 : 4096))
      for c in 0..<2 { #expect(difference(left[c], whole[0..<sure].channels[c]) < 1e-6) }
    }
  }

  @Test func aRangeBeforeTheCutIsGood() throws {
    let path = folder("a.wav")
    let sound = tone(sampleCount: 1000)
    try sound.write(to: path, encoding: .wavFloat)
    _ = try folder.write(bytes(of: path).dropLast(2000), to: "a.wav")
    #expect(try AudioBuffer(contentsOf: path, range: 100..<500) == sound[100..<500])
    #expect(throws: AudioError.truncated(path: path, found: 500, promised: 1000)) {
      try AudioBuffer(contentsOf: path, range: 100..<501)
    }
    let message = "cannot read \(path): truncated: 500 of 1000 samples are there"
    #expect("\(AudioError.truncated(path: path, found: 500, promised: 1000))" == message)
  }

  /// Programs that write to a pipe cannot go back to put the length into the header.
  @Test(arguments: [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]])
  func lengthLeftOpen(_ size: [UInt8]) throws {
    let sound = tone(sampleCount: 1000)
    try sound.write(to: folder("a.wav"), encoding: .wav16)
    let samples = try AudioBuffer(contentsOf: folder("a.wav"))
    var file = try bytes(of: folder("a.wav"))
    try #require(file[36..<40].elementsEqual("data".utf8))
    file.replaceSubrange(4..<8, with: size[0] == 0 ? [8, 0, 0, 0] : size)
    file.replaceSubrange(40..<44, with: size)
    #expect(try AudioBuffer(contentsOf: folder.write(file, to: "a.wav")) == samples)
  }

  /// A header may claim any rate; one of no sound there is would make resampling endless.
  @Test(arguments: [1, 999, 768_001, 10_000_000, 2_000_000_000])
  func absurdRates(_ rate: UInt32) throws {
    try tone(sampleCount: 1000).write(to: folder("a.wav"), encoding: .wav16)
    var file = try bytes(of: folder("a.wav"))
    withUnsafeBytes(of: rate.littleEndian) { file.replaceSubrange(24..<28, with: $0) }
    let path = try folder.write(file, to: "a.wav")
    let reason = "its sample rate is \(rate) Hz, not 1000 to 768000; convert it first"
    #expect(throws: AudioError.unsupported(path: path, reason: reason)) { try AudioReader(path) }
  }

  /// Sizes whose sum with the place where they stand is no number.
  @Test(arguments: ["free", "data"])
  func absurdChunksOfCAF(_ name: String) throws {
    let size: [UInt8] = [0x7F] + [UInt8](repeating: 0xFF, count: 7)
    var file = Array("caff".utf8) + [0, 1, 0, 0] + "desc".utf8 + [0, 0, 0, 0, 0, 0, 0, 32]
    file += [0x40, 0xE7, 0x70, 0, 0, 0, 0, 0] + "lpcm".utf8 + [0, 0, 0, 0]  // 48000 Hz
    file += [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 16]
    file += Array(name.utf8) + size + [UInt8](repeating: 0, count: 2004)
    let path = try folder.write(file, to: "a.caf")
    #expect(throws: AudioError.self) { try AudioBuffer(contentsOf: path) }
  }

  @Test func absurdLengthOfRF64() throws {
    try tone(sampleCount: 1000).write(to: folder("a.wav"), encoding: .wav16)
    let wav = try bytes(of: folder("a.wav"))
    let huge: [UInt8] = [UInt8](repeating: 0xFF, count: 7) + [0x7F]
    let open: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
    var file = Array("RF64".utf8) + open + "WAVE".utf8 + "ds64".utf8 + [28, 0, 0, 0]
    file += huge + huge + huge + [0, 0, 0, 0] + wav[12..<36] + "data".utf8 + open + wav[44...]
    let path = try folder.write(file, to: "a.wav")
    #expect(throws: AudioError.self) { try AudioBuffer(contentsOf: path) }
  }

  /// What is read of a file; nil where that is an error, which must be ours.
  private func soundOrTypedError(_ path: String) -> AudioBuffer? {
    do {
      return try AudioBuffer(contentsOf: path)
    } catch {
      #expect(error is AudioError)
      return nil
    }
  }

  /// Bytes gone wrong are an error or other sound, but neither a crash nor endless.
  @Test(arguments: AudioEncoding.allCases)
  func scrambled(_ encoding: AudioEncoding) throws {
    try noise(seed: 7, sampleCount: 9600, sampleRate: 48000)
      .write(to: folder("a"), encoding: encoding)
    let file = try bytes(of: folder("a"))
    let junk = noise(seed: 8, sampleCount: 200, sampleRate: 1).channels[0]
    for value in junk {
      var bad = file
      bad[Int(abs(value) * Float(min(file.count - 1, 600)))] ^= UInt8(1 + Int(abs(value) * 254))
      let path = try folder.write(bad, to: "bad")
      let sound = soundOrTypedError(path)
      #expect(sound == nil || sound!.peak.isFinite)
    }
  }

  /// Every place in the headers, and many after it: a file that has lost anything is never taken for
  /// whole, unless all of its sound is there.
  @Test(arguments: AudioEncoding.allCases)
  func cutAnywhere(_ encoding: AudioEncoding) throws {
    let path = folder("whole")
    let metadata = AudioMetadata(title: "title", comment: "comment")
    try noise(seed: 18, sampleCount: 5000, sampleRate: 48000)
      .write(to: path, encoding: encoding, metadata: metadata)
    let file = try bytes(of: path)
    let whole = try AudioBuffer(contentsOf: path)
    let last = max(600, file.count - 64)
    let middle = stride(from: 600, to: last, by: 61)
    for length in Array(1..<min(600, file.count)) + middle + (last..<file.count) {
      let cut = try folder.write(file[..<length], to: "cut")
      do {
        let sound = try AudioBuffer(contentsOf: cut)
        #expect(sound == whole, "\(length) of \(file.count) bytes")
      } catch {
        #expect(error is AudioError)
      }
    }
  }

  /// A WAV header of 44 bytes with a field changed.
  private func wav(_ value: some FixedWidthInteger, at position: Int) throws -> String {
    try tone(sampleCount: 1000).write(
      to: folder("a.wav"), encoding: .wav16, dither: false, overwrite: true)
    var file = try bytes(of: folder("a.wav"))
    withUnsafeBytes(of: value.littleEndian) {
      file.replaceSubrange(position..<position + $0.count, with: $0)
    }
    return try folder.write(file, to: "a.wav")
  }

  @Test(arguments: [0, 1, 255, 1025, 65535] as [UInt16])
  func absurdChannelCounts(_ count: UInt16) throws {
    let path = try wav(count, at: 22)
    if count == 1 {
      #expect(try AudioBuffer(contentsOf: path).sampleCount == 1000)
    } else {
      let sound = soundOrTypedError(path)
      #expect(sound == nil || sound!.channelCount == 255)
    }
  }

  @Test func manyChannelsThatAreThere() throws {
    let sound = AudioBuffer(
      channels: (0..<255).map { .init(repeating: Float($0) / 256, count: 100) }, sampleRate: 8000)
    try sound.write(to: folder("a.wav"), encoding: .wavFloat)
    #expect(try AudioBuffer(contentsOf: folder("a.wav")) == sound)
    #expect(try AudioStream(folder("a.wav"), layout: .mono).next() == sound.mono())
  }

  @Test func noRate() throws {
    let path = try wav(UInt32(0), at: 24)
    #expect(throws: AudioError.self) { try AudioReader(path) }
  }

  /// Sizes that do not fit: of the file at byte 4, of the format at 16, of a frame at 32, of a sample
  /// at 34, of the sound at 40. Never more sound than bytes.
  @Test(arguments: [4, 16, 32, 34, 40])
  func wrongSizes(at position: Int) throws {
    for value in [0, 1, 2, 3, 15, 17, 1001, 1999, 2001, 0x7FFF, 0x8000, 0xFFFF] as [UInt16] {
      let sound = soundOrTypedError(try wav(value, at: position))
      #expect(sound?.sampleCount ?? 0 <= 2048)
    }
    guard position != 32 && position != 34 else { return }
    for value in [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE] as [UInt32] {
      let sound = soundOrTypedError(try wav(value, at: position))
      #expect(sound?.sampleCount ?? 0 <= 2048)
    }
    if position == 40 {
      let path = try wav(UInt32(0x7FFF_FFFF), at: 40)
      #expect(throws: AudioError.self) { try AudioBuffer(contentsOf: path) }
      let half = try AudioBuffer(contentsOf: wav(UInt32(1000), at: 40))
      #expect(half.sampleCount == 500)
    }
  }

  /// 20 ms, silence and a constant go through every format and every measurement.
  @Test(arguments: AudioEncoding.allCases, [0, 0.5] as [Float])
  func littleSound(_ encoding: AudioEncoding, value: Float) throws {
    let sound = AudioBuffer(channels: [.init(repeating: value, count: 960)], sampleRate: 48000)
    try sound.write(to: folder("a"), encoding: encoding)
    let back = try AudioBuffer(contentsOf: folder("a"))
    #expect(back.sampleCount == 960)
    if value == 0 { #expect(back.peak < 1e-3) }
    if encoding.isLossless { #expect(back == sound) }
    #expect(try back.resampled(to: 22050).sampleCount == 441)
    #expect(try back.loudness().integrated == .tooShort)
  }

  @Test func linksInACircle() throws {
    let path = folder("a.wav")
    try createLink(path, to: "b.wav")
    try createLink(folder("b.wav"), to: "a.wav")
    let reason = "its symbolic links lead around in a circle"
    #expect(throws: AudioError.unreadable(path: path, reason: reason)) { try AudioReader(path) }
    #expect(throws: AudioError.unwritable(path: path, reason: reason)) {
      try tone(sampleCount: 10).write(to: path, overwrite: true)
    }
  }
}

extension AudioEncoding {
  fileprivate var isLossless: Bool { ![.vorbis, .opus, .mp3].contains(self) }
}
