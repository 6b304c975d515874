import Foundation

/// The index of a prepared set: a ``CheckedFile`` of the magic "COMPOSE1", which is opened in the time
/// of its header whatever the number of clips.
///
///     header    JSON: `PreparedIndex.Header`
///     columns   one after another, each filled up to a multiple of 64 bytes, with an entry per clip:
///               ends u64     samples per channel of all clips up to and with this one
///               names u64    bytes of all paths up to and with this one
///               scales f32   what 16-bit samples are multiplied with
///               labels u32   position in the header's labels; 2³² − 1 for none
///               ranks u32    place in the order of the hash of the path within its label
///     paths     UTF-8, without separators
///     skipped   JSON: `[Skipped]`
final class PreparedIndex: Sendable {
  struct Label: Codable, Sendable, Equatable {
    var name: String
    var clips: Int
  }

  struct Shard: Codable, Sendable, Equatable {
    /// The first of its clips.
    var firstClip: Int
    /// Samples per channel before it, and in it.
    var firstSample: Int
    var samples: Int
    var checksum: UInt32
  }

  struct Header: Codable, Sendable, Equatable {
    var format: SoundFormat
    /// The folder that it was made of, without the folders it lies in.
    var name: String
    /// Of what the source was when it was prepared.
    var key: String
    /// Of what was prepared, wherever it lies.
    var fingerprint: String
    var clips: Int
    /// Sorted by name.
    var labels: [Label]
    var shards: [Shard]
    var skippedBytes: Int
    var pathBytes: Int
    /// Bytes of a block of sound that has a checksum of its own, see `BlockChecksums`; nil in sets of
    /// older versions, which have none.
    var soundBlock: Int?
  }

  static let fileName = "index.compose"
  static let magic = Array("COMPOSE1".utf8)
  static let noLabel = UInt32.max

  /// Where each part lies, in bytes from the start of the file.
  struct Layout: Equatable {
    var ends, names, scales, labels, ranks, paths, skipped, end: Int

    init(body: Int, clips: Int, pathBytes: Int, skippedBytes: Int) {
      ends = body
      names = ends + CheckedFile.padded(8 * clips)
      scales = names + CheckedFile.padded(8 * clips)
      labels = scales + CheckedFile.padded(4 * clips)
      ranks = labels + CheckedFile.padded(4 * clips)
      paths = ranks + CheckedFile.padded(4 * clips)
      skipped = paths + CheckedFile.padded(pathBytes)
      end = skipped + CheckedFile.padded(skippedBytes)
    }
  }

  let header: Header
  /// Per channel, of all clips.
  let samples: Int
  private let layout: Layout
  private let file: CheckedFile

  /// - Throws: ``CorpusError/damaged(_:reason:)``.
  init(in folder: URL) throws {
    file = try CheckedFile(
      folder.appendingPathComponent(Self.fileName), magic: Self.magic, name: "index")
    let header = try file.decodeHeader(Header.self)
    let limit = file.body.count
    guard
      (0...limit).contains(header.clips) && (0...limit).contains(header.pathBytes)
        && (0...limit).contains(header.skippedBytes)
        && header.labels.allSatisfy({ (0...header.clips).contains($0.clips) })
        && (1...2).contains(header.format.channels) && header.soundBlock.map({ $0 > 0 }) ?? true
    else { throw file.damage("has impossible sizes") }
    layout = Layout(
      body: file.body.lowerBound, clips: header.clips, pathBytes: header.pathBytes,
      skippedBytes: header.skippedBytes)
    guard layout.end == file.body.upperBound else { throw file.damage("is cut short") }
    self.header = header
    samples = try Self.sampleCount(header, file)
  }

  /// Throws unless shards follow one another without gaps.
  private static func sampleCount(_ header: Header, _ file: CheckedFile) throws -> Int {
    var (clip, sample) = (0, 0)
    for (number, shard) in header.shards.enumerated() {
      guard (clip...header.clips).contains(shard.firstClip), shard.firstSample == sample,
        (0...1 << 40).contains(shard.samples), number < 1 << 20
      else { throw file.damage("has shards that lie elsewhere") }
      (clip, sample) = (shard.firstClip, sample + shard.samples)
    }
    return sample
  }

  /// Calls `body` with the number, the samples per channel, the label and the rank of each clip.
  func forEach(
    in clips: Range<Int>,
    _ body: (_ clip: Int, _ samples: Int, _ label: UInt32, _ rank: UInt32) -> Void
  ) throws {
    if clips.isEmpty { return }
    var (before, ends) = try file.cumulative(layout.ends, clips)
    let labels = try file.column(layout.labels, UInt32.self, clips)
    let ranks = try file.column(layout.ranks, UInt32.self, clips)
    for index in ends.indices {
      guard before <= ends[index], ends[index] <= UInt64(samples) else {
        throw file.damage("has clips of no length")
      }
      body(clips.lowerBound + index, Int(ends[index] - before), labels[index], ranks[index])
      before = ends[index]
    }
  }

  /// Where a clip's samples lie among those of all, per channel.
  func samples(of clip: Int) throws -> Range<Int> {
    let (before, ends) = try file.cumulative(layout.ends, clip..<clip + 1)
    guard before <= ends[0], ends[0] <= UInt64(samples) else {
      throw file.damage("has clips of no length")
    }
    return Int(before)..<Int(ends[0])
  }

  func scale(of clip: Int) throws -> Float {
    try file.column(layout.scales, Float.self, clip..<clip + 1)[0]
  }

  func label(of clip: Int) throws -> UInt32 {
    try file.column(layout.labels, UInt32.self, clip..<clip + 1)[0]
  }

  func path(of clip: Int) throws -> String {
    let (before, ends) = try file.cumulative(layout.names, clip..<clip + 1)
    guard before <= ends[0], ends[0] <= UInt64(header.pathBytes) else {
      throw file.damage("has paths that lie elsewhere")
    }
    let range = layout.paths + Int(before)..<layout.paths + Int(ends[0])
    return String(decoding: try file.bytes(range), as: UTF8.self)
  }

  func skipped() throws -> [Skipped] {
    let range = layout.skipped..<layout.skipped + header.skippedBytes
    let bytes = try file.bytes(range)
    guard let list = try? JSONDecoder().decode([Skipped].self, from: Data(bytes)) else {
      throw file.damage("has a list of skipped files that cannot be read")
    }
    return list
  }

  /// Gives back the memory of what has been read.
  func drop() { file.drop() }
}
