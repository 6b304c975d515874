import Checksums
import Foundation
import Synchronization

/// The index of a prepared set: a binary file, mapped into memory, that is opened in the time of its
/// header whatever the number of clips, and checked by CRC-32C block by block as it is read.
///
///     8 bytes   "COMPOSE1"
///     8 bytes   length of the header, little-endian as all that follows
///     4 bytes   CRC-32C of the header
///     4 bytes   CRC-32C of the checksums
///     header    JSON: `PreparedIndex.Header`, filled up with spaces to a multiple of 64 bytes
///     columns   one after another, each filled up to a multiple of 64 bytes, with an entry per clip:
///               ends u64     samples per channel of all clips up to and with this one
///               names u64    bytes of all paths up to and with this one
///               scales f32   what 16-bit samples are multiplied with
///               labels u32   position in the header's labels; 2³² − 1 for none
///               ranks u32    place in the order of the hash of the path within its label
///     paths     UTF-8, without separators
///     skipped   JSON: `[Skipped]`
///     checksums u32 for each MiB of what lies between the header and here
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
  static let blockLength = 1 << 20
  static let noLabel = UInt32.max

  /// Where each part lies, in bytes from the start of the file.
  struct Layout: Equatable {
    var body, ends, names, scales, labels, ranks, paths, skipped, checksums, end: Int

    init(headerLength: Int, clips: Int, pathBytes: Int, skippedBytes: Int) {
      func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
      body = 24 + headerLength
      ends = body
      names = ends + padded(8 * clips)
      scales = names + padded(8 * clips)
      labels = scales + padded(4 * clips)
      ranks = labels + padded(4 * clips)
      paths = ranks + padded(4 * clips)
      skipped = paths + padded(pathBytes)
      checksums = skipped + padded(skippedBytes)
      let blocks = (checksums - body + PreparedIndex.blockLength - 1) / PreparedIndex.blockLength
      end = checksums + 4 * blocks
    }
  }

  let header: Header
  /// Per channel, of all clips.
  let samples: Int
  private let layout: Layout
  private let folder: String
  private let file: MappedFile
  private let verified: Mutex<[Bool]>

  /// - Throws: ``CorpusError/damaged(_:reason:)``.
  init(in folder: URL) throws {
    let path = folder.path
    func require(_ condition: Bool, _ reason: String) throws {
      if !condition { throw CorpusError.damaged(path, reason: "its index \(reason)") }
    }
    file = try MappedFile(folder.appendingPathComponent(Self.fileName).path)
    let bytes = file.bytes
    try require(bytes.count > 24 && bytes.prefix(8).elementsEqual(Self.magic), "is none")
    let length = bytes.load(fromByteOffset: 8, as: UInt64.self)
    try require(length <= UInt64(bytes.count - 24), "is cut short")
    let headerBytes = UnsafeRawBufferPointer(rebasing: bytes[24..<24 + Int(length)])
    try require(
      CRC32C.of(headerBytes) == bytes.load(fromByteOffset: 16, as: UInt32.self),
      "has a wrong checksum")
    guard let header = try? JSONDecoder().decode(Header.self, from: Data(headerBytes)) else {
      throw CorpusError.damaged(path, reason: "its index has a header that cannot be read")
    }
    let limit = bytes.count
    try require(
      (0...limit).contains(header.clips) && (0...limit).contains(header.pathBytes)
        && (0...limit).contains(header.skippedBytes)
        && header.labels.allSatisfy { (0...header.clips).contains($0.clips) }
        && (1...2).contains(header.format.channels) && header.soundBlock.map { $0 > 0 } ?? true,
      "has impossible sizes")
    layout = Layout(
      headerLength: Int(length), clips: header.clips, pathBytes: header.pathBytes,
      skippedBytes: header.skippedBytes)
    try require(layout.end == bytes.count, "is cut short")
    try require(
      CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[layout.checksums..<layout.end]))
        == bytes.load(fromByteOffset: 20, as: UInt32.self), "has a wrong checksum")
    self.header = header
    samples = try Self.sampleCount(header, path)
    self.folder = path
    verified = Mutex(Array(repeating: false, count: (layout.end - layout.checksums) / 4))
    // Small ones as a whole, so that damage shows at the start.
    if layout.checksums - layout.body <= 32 * Self.blockLength {
      try verify(layout.body..<layout.checksums)
    }
  }

  /// Throws unless shards follow one another without gaps.
  private static func sampleCount(_ header: Header, _ folder: String) throws -> Int {
    var (clip, sample) = (0, 0)
    for (number, shard) in header.shards.enumerated() {
      guard (clip...header.clips).contains(shard.firstClip), shard.firstSample == sample,
        (0...1 << 40).contains(shard.samples), number < 1 << 20
      else { throw CorpusError.damaged(folder, reason: "its index has shards that lie elsewhere") }
      (clip, sample) = (shard.firstClip, sample + shard.samples)
    }
    return sample
  }

  /// Throws unless the blocks that these bytes lie in are as they were written.
  private func verify(_ range: Range<Int>) throws {
    if range.isEmpty { return }
    let blocks =
      (range.lowerBound - layout.body) / Self.blockLength...(range.upperBound - 1 - layout.body)
      / Self.blockLength
    for block in blocks where !verified.withLock({ $0[block] }) {
      let start = layout.body + block * Self.blockLength
      let end = min(start + Self.blockLength, layout.checksums)
      let expected = file.bytes.loadUnaligned(
        fromByteOffset: layout.checksums + 4 * block, as: UInt32.self)
      guard CRC32C.of(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end])) == expected else {
        throw CorpusError.damaged(folder, reason: "its index has a wrong checksum")
      }
      verified.withLock { $0[block] = true }
    }
  }

  private func column<T>(_ start: Int, _ type: T.Type, _ clips: Range<Int>) throws
    -> UnsafeBufferPointer<T>
  {
    let size = MemoryLayout<T>.size
    let range = start + size * clips.lowerBound..<start + size * clips.upperBound
    try verify(range)
    return UnsafeBufferPointer(
      rebasing: UnsafeRawBufferPointer(rebasing: file.bytes[range]).bindMemory(to: type)[...])
  }

  /// A column's value before and at each of some clips.
  private func cumulative(_ start: Int, _ clips: Range<Int>) throws -> (
    before: UInt64, ends: UnsafeBufferPointer<UInt64>
  ) {
    let before =
      clips.lowerBound == 0
      ? 0 : try column(start, UInt64.self, clips.lowerBound - 1..<clips.lowerBound)[0]
    return (before, try column(start, UInt64.self, clips))
  }

  /// Calls `body` with the number, the samples per channel, the label and the rank of each clip.
  func forEach(
    in clips: Range<Int>,
    _ body: (_ clip: Int, _ samples: Int, _ label: UInt32, _ rank: UInt32) -> Void
  ) throws {
    if clips.isEmpty { return }
    var (before, ends) = try cumulative(layout.ends, clips)
    let labels = try column(layout.labels, UInt32.self, clips)
    let ranks = try column(layout.ranks, UInt32.self, clips)
    for index in ends.indices {
      guard before <= ends[index], ends[index] <= UInt64(samples) else {
        throw CorpusError.damaged(folder, reason: "its index has clips of no length")
      }
      body(clips.lowerBound + index, Int(ends[index] - before), labels[index], ranks[index])
      before = ends[index]
    }
  }

  /// Where a clip's samples lie among those of all, per channel.
  func samples(of clip: Int) throws -> Range<Int> {
    let (before, ends) = try cumulative(layout.ends, clip..<clip + 1)
    guard before <= ends[0], ends[0] <= UInt64(samples) else {
      throw CorpusError.damaged(folder, reason: "its index has clips of no length")
    }
    return Int(before)..<Int(ends[0])
  }

  func scale(of clip: Int) throws -> Float {
    try column(layout.scales, Float.self, clip..<clip + 1)[0]
  }

  func label(of clip: Int) throws -> UInt32 {
    try column(layout.labels, UInt32.self, clip..<clip + 1)[0]
  }

  func path(of clip: Int) throws -> String {
    let (before, ends) = try cumulative(layout.names, clip..<clip + 1)
    guard before <= ends[0], ends[0] <= UInt64(header.pathBytes) else {
      throw CorpusError.damaged(folder, reason: "its index has paths that lie elsewhere")
    }
    let range = layout.paths + Int(before)..<layout.paths + Int(ends[0])
    try verify(range)
    return String(decoding: file.bytes[range], as: UTF8.self)
  }

  func skipped() throws -> [Skipped] {
    let range = layout.skipped..<layout.skipped + header.skippedBytes
    try verify(range)
    guard let list = try? JSONDecoder().decode([Skipped].self, from: Data(file.bytes[range])) else {
      throw CorpusError.damaged(folder, reason: "its list of skipped files cannot be read")
    }
    return list
  }

  /// Gives back the memory of what has been read.
  func drop() { file.drop() }
}
