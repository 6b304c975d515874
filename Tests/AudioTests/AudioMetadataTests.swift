import Audio
import Foundation
import Testing

@Suite struct AudioMetadataTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private let everything = AudioMetadata(
    title: "Präludium ✓ 前奏曲", artist: "J. S. Bach", album: "Das \"Wohltemperierte\" Klavier",
    date: "1722", genre: "Baroque", trackNumber: "1", comment: "two\nlines, with 'quotes'",
    copyright: "© nobody", license: "CC0", software: "Compose",
    loops: [
      .init(start: 100, end: 2000), .init(direction: .alternating, start: 5, end: 10, count: 3),
    ],
    markers: [0, 1000, 4000], beatsPerMinute: 92.5)

  private func written(_ metadata: AudioMetadata, _ encoding: AudioEncoding) throws -> AudioMetadata
  {
    try tone(sampleCount: 4800).write(
      to: folder("a"), encoding: encoding, metadata: metadata, overwrite: true)
    return try AudioReader(folder("a")).metadata
  }

  /// The table of `AudioMetadata`.
  @Test(arguments: AudioEncoding.allCases)
  func keeps(_ encoding: AudioEncoding) throws {
    var expected = everything
    switch encoding {
    case .wav16, .wav24, .wavFloat: expected.license = nil
    case .aiff16:
      (expected.album, expected.date, expected.genre, expected.trackNumber) = (nil, nil, nil, nil)
      expected.copyright = ".. nobody"
      (expected.license, expected.loops, expected.markers) = (nil, [], [])
      expected.beatsPerMinute = nil
    case .flac16, .flac24, .vorbis, .opus:
      (expected.loops, expected.markers, expected.beatsPerMinute) = ([], [], nil)
    case .mp3:
      (expected.loops, expected.markers, expected.beatsPerMinute) = ([], [], nil)
      expected.license = nil
    }
    #expect(try written(everything, encoding) == expected)
  }

  @Test(arguments: AudioEncoding.allCases)
  func soundStaysTheSame(_ encoding: AudioEncoding) throws {
    let sound = noise(seed: 17, sampleCount: 10_000, sampleRate: 48000)
    try sound.write(to: folder("plain"), encoding: encoding)
    for name in ["a", "b"] {
      try sound.write(to: folder(name), encoding: encoding, metadata: everything)
    }
    #expect(try bytes(of: folder("a")) == bytes(of: folder("b")))
    #expect(try AudioBuffer(contentsOf: folder("a")) == AudioBuffer(contentsOf: folder("plain")))
    #expect(try AudioReader(folder("plain")).metadata == AudioMetadata())
  }

  /// The longest texts that are taken, in all fields at once.
  @Test(arguments: AudioEncoding.allCases)
  func longTexts(_ encoding: AudioEncoding) throws {
    let text = String(repeating: "ä", count: AudioMetadata.maximumTextLength / 2)
    let kept = try written(AudioMetadata(title: text, artist: text, comment: text), encoding)
    #expect(kept.title == text && kept.artist == text && kept.comment == text)
    #expect(try AudioBuffer(contentsOf: folder("a")).sampleCount == 4800)
  }

  @Test(arguments: [
    (
      AudioMetadata(title: String(repeating: "a", count: 2001)),
      "its title has 2001 bytes, more than 2000"
    ),
    (AudioMetadata(comment: "a\0b"), "its comment holds a NUL character"),
    (
      AudioMetadata(loops: [.init(start: 5, end: 5)]),
      "a loop has no length or begins before the sound"
    ),
    (
      AudioMetadata(loops: [.init(start: -1, end: 5)]),
      "a loop has no length or begins before the sound"
    ),
    (AudioMetadata(markers: [-1]), "a marker lies before the sound"),
    (AudioMetadata(markers: Array(0...100)), "101 markers, more than 100"),
    (AudioMetadata(beatsPerMinute: .nan), "nan beats a minute is no tempo"),
  ])
  func refuses(_ metadata: AudioMetadata, reason: String) throws {
    let path = folder("a.wav")
    #expect(throws: AudioError.unwritable(path: path, reason: reason)) {
      try tone(sampleCount: 10).write(to: path, metadata: metadata)
    }
    #expect(try folder.contents == [])
  }

  /// A length that is not known before makes RF64, turned into WAV at the end.
  @Test func lengthNotKnownBefore() throws {
    let writer = try AudioWriter(
      folder("a.wav"), sampleRate: 48000, channelCount: 1, metadata: everything)
    try writer.write(tone(sampleCount: 4800))
    _ = try writer.finish()
    var expected = everything
    (expected.license, expected.loops, expected.markers) = (nil, [], [])
    expected.beatsPerMinute = nil
    #expect(try AudioReader(folder("a.wav")).metadata == expected)
    #expect(try AudioBuffer(contentsOf: folder("a.wav")).sampleCount == 4800)
  }

  @Test func emptyTextIsNone() throws {
    #expect(
      try written(AudioMetadata(title: "", artist: "x"), .wav16) == AudioMetadata(artist: "x"))
  }

  /// Tags of old programs are in Latin 1.
  @Test func latin1() throws {
    _ = try written(AudioMetadata(title: "Pr#ludium"), .wav16)
    var file = try bytes(of: folder("a"))
    let place = try #require(file.firstIndex(of: UInt8(ascii: "#")))
    file[place] = 0xE4
    #expect(try AudioReader(folder.write(file, to: "b")).metadata.title == "Präludium")
  }

  @Test func codes() throws {
    let data = try JSONEncoder().encode(everything)
    #expect(try JSONDecoder().decode(AudioMetadata.self, from: data) == everything)
  }
}
