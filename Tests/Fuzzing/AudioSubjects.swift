import Audio
import Foundation

extension Subject {
  /// Every container and encoding that the readers of sound are tested with.
  static func audio() throws -> [Subject] {
    let goldens = try seeds(in: "AudioTests/Goldens").filter { $0.url.pathExtension != "json" }
    func files(_ extensions: String..., written: [AudioEncoding] = []) throws -> [[UInt8]] {
      goldens.filter { extensions.contains($0.url.pathExtension) }.map(\.bytes)
        + (try written.map { try bytes(ofSound: $0) })
    }
    let wav = try files("wav", "rf64", written: [.wav16, .wavFloat])
    return [
      Subject(
        "wav", structure: .chunked(first: 12), seeds: wav, read: readAudio),
      Subject(
        "flac", structure: .flac, seeds: try files("flac", written: [.flac16]), read: readAudio),
      Subject("ogg", structure: .ogg, seeds: try files("ogg", "opus"), read: readAudio),
      Subject(
        "mp3", structure: .mp3, seeds: try files("mp3").flatMap { [$0, tagged($0)] },
        read: readAudio),
      Subject(
        "aiff", structure: .chunked(first: 12, isBigEndian: true),
        seeds: try files("aiff", written: [.aiff16]), read: readAudio),
      Subject(
        "caf", structure: .chunked(first: 8, size: 8, isBigEndian: true, evenly: false),
        seeds: try files("caf"), read: readAudio),
      Subject("au", structure: .plainHeader, seeds: try files("au"), read: readAudio),
      Subject("w64", structure: .plainHeader, seeds: try files("w64"), read: readAudio),
      // Files whose name and contents disagree: libsndfile looks at both.
      Subject(
        "renamed", fileName: "input.mp3", structure: .plainHeader, seeds: goldens.map(\.bytes),
        read: readAudio),
    ]
  }

  /// Two tones on two channels, a twentieth of a second.
  private static func bytes(ofSound encoding: AudioEncoding) throws -> [UInt8] {
    let tones = [440.0, 660].map { (frequency: Double) -> [Float] in
      (0..<2205).map { Float(0.8 * sin(2 * Double.pi * frequency * Double($0) / 44100)) }
    }
    return try withTemporaryFile("sound") { path in
      try AudioBuffer(channels: tones, sampleRate: 44100).write(to: path, encoding: encoding)
    }
  }

  /// With an ID3v2.3 tag of a title before it and an ID3v1 tag behind it.
  private static func tagged(_ mp3: [UInt8]) -> [UInt8] {
    let title = "TIT2\0\0\0\u{5}\0\0\0Tone"
    let header = "ID3\u{3}\0\0\0\0\0" + String(UnicodeScalar(UInt8(title.utf8.count)))
    let trailer = "TAG" + String(repeating: "A", count: 125)
    return Array((header + title).utf8) + mp3 + Array(trailer.utf8)
  }

  @Sendable private static func readAudio(_ path: String) throws {
    let reader = try AudioReader(path)
    guard (1...1024).contains(reader.channelCount),
      AudioBuffer.sampleRates.contains(reader.sampleRate), reader.sampleCount ?? 0 >= 0
    else { throw Defect("impossible channels, rate or length were accepted") }
    if reader.formatDescription.isEmpty { throw Defect("the format has no name") }

    if let count = reader.sampleCount, count > 1 {
      // A file that cannot seek may still be read.
      do {
        try reader.seek(to: count / 2)
        if let block = try reader.read(upTo: 100) { try check(block, of: reader) }
        try reader.seek(to: 0)
      } catch is AudioError {}
    }
    try readWhole(AudioReader(path))
  }

  /// From where it stands, the beginning; of files that claim hours, the first two million values.
  private static func readWhole(_ reader: AudioReader) throws {
    let limit = max(1, (1 << 21) / reader.channelCount)
    var total = 0
    var first: AudioBuffer?
    while total < limit {
      guard let block = try reader.read(upTo: 5000) else { break }
      try check(block, of: reader)
      if first == nil { first = block }
      total += block.sampleCount
    }
    if let count = reader.sampleCount, total < limit ? total != count : total > count {
      throw Defect("\(total) samples were read of a file of \(count)")
    }
    guard let first else { return }
    let range = 0..<min(first.sampleCount, 64)
    let part = try AudioBuffer(contentsOf: reader.path, range: range)
    // A lossy decoder that has jumped, even to the start, begins otherwise.
    let isLossy = ["OGG", "MPEG"].contains { reader.formatDescription.hasPrefix($0) }
    guard part.sampleCount == range.count, isLossy || part == first[range] else {
      throw Defect("a range holds other samples than the file")
    }
    if total < limit {
      let whole = try AudioBuffer(contentsOf: reader.path)
      guard whole.sampleCount == total else { throw Defect("two readings differ in length") }
    }
    let mono = try first[0..<min(first.sampleCount, 500)].mixed(toChannels: 2).resampled(to: 22050)
    guard mono.channelCount == 2 else { throw Defect("a mix of two channels has others") }
  }

  private static func check(_ block: AudioBuffer, of reader: AudioReader) throws {
    guard block.channelCount == reader.channelCount, block.sampleRate == reader.sampleRate,
      (1...5000).contains(block.sampleCount)
    else { throw Defect("a block has other channels, rate or length than asked for") }
    guard block.channels.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw Defect("samples that are no numbers were accepted")
    }
  }
}
