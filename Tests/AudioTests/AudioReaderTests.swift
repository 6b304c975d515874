import Audio
import Foundation
import Testing

@Suite struct AudioReaderTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// Reference: scripts/goldens/audio.py, `tone-*`, with the error that each encoding may have.
  @Test(arguments: [
    ("u8.wav", 8e-3), ("s16.wav", 4e-5), ("s24.wav", 2e-7), ("s32.wav", 1e-7), ("f32.wav", 1e-7),
    ("f64.wav", 1e-7), ("ulaw.wav", 1.6e-2), ("s16.rf64", 4e-5), ("s16.w64", 4e-5),
    ("s24.aiff", 2e-7), ("f32.aiff", 1e-7), ("s16.au", 4e-5), ("s16.caf", 4e-5),
    ("alac.caf", 4e-5), ("s16.flac", 4e-5), ("s24.flac", 2e-7), ("vorbis.ogg", 4e-2),
    ("layer3.mp3", 2e-2),
  ])
  func reads(_ name: String, tolerance: Float) throws {
    let sound = try AudioBuffer(contentsOf: golden("tone-\(name)"))
    let left = tone(500, sampleCount: 800, sampleRate: 8000, amplitude: 0.5).channels[0]
    let expected = AudioBuffer(channels: [left, left.map { $0 / 4 }], sampleRate: 8000)
    #expect(difference(sound, expected) <= tolerance)
  }

  /// libsndfile loses the end of an Opus file that it writes, and the start is a transient.
  @Test func readsOpus() throws {
    let sound = try AudioBuffer(contentsOf: golden("tone-opus.opus"))
    let left = tone(500, sampleCount: 4800, sampleRate: 48000, amplitude: 0.5).channels[0]
    let expected = AudioBuffer(channels: [left, left.map { $0 / 4 }], sampleRate: 48000)
    #expect(sound.sampleCount == 4800)
    #expect(difference(sound[600..<4400], expected[600..<4400]) < 2e-2)
  }

  @Test func describesTheFile() throws {
    let reader = try AudioReader(golden("tone-s24.flac"))
    #expect(reader.sampleRate == 8000)
    #expect(reader.channelCount == 2)
    #expect(reader.sampleCount == 800)
    #expect(
      reader.formatDescription == "FLAC (Free Lossless Audio Codec), Signed 24 bit PCM")
  }

  @Test(arguments: AudioEncoding.allCases, [1, 1000, 16384, 100_000])
  func blocksEqualWhole(_ encoding: AudioEncoding, blockLength: Int) throws {
    let path = folder("sound")
    try noise(seed: 4, channelCount: 2, sampleCount: 20_000, sampleRate: 48000)
      .write(to: path, encoding: encoding)
    let whole = try AudioBuffer(contentsOf: path)
    #expect(whole.sampleCount == 20_000)
    let reader = try AudioReader(path)
    #expect(reader.sampleCount == 20_000)
    var channels: [[Float]] = [[], []]
    while let block = try reader.read(upTo: blockLength) {
      #expect(block.sampleCount <= blockLength)
      for c in 0..<2 { channels[c] += block.channels[c] }
    }
    #expect(AudioBuffer(channels: channels, sampleRate: 48000) == whole)
    #expect(try reader.read(upTo: 1) == nil)
  }

  @Test(arguments: AudioEncoding.allCases)
  func rangesEqualParts(_ encoding: AudioEncoding) throws {
    let path = folder("sound")
    try noise(seed: 5, channelCount: 2, sampleCount: 200_000, sampleRate: 48000)
      .write(to: path, encoding: encoding)
    let whole = try AudioBuffer(contentsOf: path)
    let ranges = [
      0..<200_000, 0..<1, 1..<2, 5000..<5001, 12_345..<23_456, 30_000..<40_000, 199_999..<200_000,
      100_000..<100_000,
    ]
    for range in ranges {
      // Lossy decoders round differently from another start, by the last bit.
      let part = try AudioBuffer(contentsOf: path, range: range)
      #expect(difference(part, whole[range]) < 1e-6, "\(range)")
    }
    let reader = try AudioReader(path)
    for range in ranges.reversed() where !range.isEmpty {
      try reader.seek(to: range.lowerBound)
      let part = try reader.read(upTo: range.count)
      #expect(difference(try #require(part), whole[range]) < 1e-6, "\(range)")
    }
  }

  @Test(arguments: [AudioEncoding.wav16, .flac16, .vorbis, .opus, .mp3])
  func refusesRangesBeyondTheEnd(_ encoding: AudioEncoding) throws {
    let path = folder("sound")
    try tone(sampleCount: 9600).write(to: path, encoding: encoding)
    for range in [0..<9601, 9601..<9700, -1..<5] {
      #expect(throws: AudioError.self) { try AudioBuffer(contentsOf: path, range: range) }
    }
    let reader = try AudioReader(path)
    #expect(
      throws: AudioError.outOfRange(path: path, range: 9601..<9601, sampleCount: 9600)
    ) { try reader.seek(to: 9601) }
  }

  @Test(arguments: [
    "a b.wav", "new\nline.wav", "it's \"quoted\".wav", "back\\slash.wav", "héllo ✓ 音.wav",
    "-dash.wav", "no extension",
  ])
  func anyName(_ name: String) throws {
    let sound = tone(sampleCount: 100)
    try sound.write(to: folder(name), encoding: .wavFloat)
    #expect(try AudioBuffer(contentsOf: folder(name)) == sound)
    #expect(try folder.contents == [name])
  }

  /// A tag before the sound, as nearly every MP3 has one.
  @Test func skipsTags() throws {
    let plain = folder("plain.mp3")
    try tone().write(to: plain)
    let tag = Array("ID3".utf8) + [3, 0, 0, 0, 0, 0x10, 0] + [UInt8](repeating: 0, count: 2048)
    let tagged = try folder.write(tag + bytes(of: plain), to: "tagged.mp3")
    #expect(try AudioBuffer(contentsOf: tagged) == AudioBuffer(contentsOf: plain))
  }

  @Test func followsLinks() throws {
    let sound = tone(sampleCount: 100)
    try sound.write(to: folder("a.wav"), encoding: .wavFloat)
    try createLink(folder("b.wav"), to: "a.wav")
    #expect(try AudioBuffer(contentsOf: folder("b.wav")) == sound)
    try createLink(folder("c.wav"), to: "nothing.wav")
    #expect(throws: AudioError.notFound(path: folder("c.wav"))) {
      try AudioBuffer(contentsOf: folder("c.wav"))
    }
  }

  @Test func takesTheMiddle() throws {
    let sound = noise(seed: 6, channelCount: 2, sampleCount: 9001, sampleRate: 8000)
    try sound.write(to: folder("a.wav"), encoding: .wavFloat)
    let middle = try AudioBuffer(middleOf: folder("a.wav"), seconds: 0.5)
    #expect(middle == sound[2500..<6500])
    #expect(try AudioBuffer(middleOf: folder("a.wav"), seconds: 600) == sound)
    #expect(throws: AudioError.notFound(path: folder("b.wav"))) {
      try AudioBuffer(middleOf: folder("b.wav"), seconds: 1)
    }
  }

  /// Of a file whose length only reading tells, the beginning is taken and the rest left unread: the
  /// program that writes to the pipe is cut off.
  @Test func doesNotReadAPipeToItsEnd() throws {
    let pipe = folder("pipe.au")
    #expect(mkfifo(pipe, 0o600) == 0)
    // AU: unknown length, 16 bits, 8 kHz, one channel; a second of 0.25, then silence.
    let header: [UInt8] =
      Array(".snd".utf8) + [
        0, 0, 0, 24, 255, 255, 255, 255, 0, 0, 0, 3, 0, 0, 0x1F, 0x40, 0, 0, 0, 1,
      ]
    let second = (0..<16_000).map { UInt8($0 % 2 == 0 ? 0x20 : 0) }
    let source = try folder.write(
      header + second + [UInt8](repeating: 0, count: 4_000_000), to: "source")
    let writer = Process()
    writer.executableURL = URL(fileURLWithPath: "/bin/sh")
    writer.arguments = ["-c", "cat \"$1\" > \"$2\"", "sh", source, pipe]
    writer.standardError = FileHandle.nullDevice
    try writer.run()
    let sound = try AudioBuffer(middleOf: pipe, seconds: 1)
    writer.waitUntilExit()
    #expect(writer.terminationStatus != 0)
    #expect(sound.sampleCount == 8000)
    #expect(sound.channels[0].allSatisfy { $0 == 0.25 })
  }
}
