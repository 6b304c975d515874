import Checksums
import Foundation
import Synchronization

/// A binary file of a prepared set, mapped into memory, that is opened in the time of its header
/// whatever its size, and checked by CRC-32C block by block as it is read.
///
///     8 bytes   magic
///     8 bytes   length of the header, little-endian as all that follows
///     4 bytes   CRC-32C of the header
///     4 bytes   CRC-32C of the checksums
///     header    JSON, filled up with spaces so that the body begins at a multiple of 64 bytes
///     body
///     checksums u32 for each MiB of the body
final class CheckedFile: Sendable {
  static let preludeLength = 24
  static let blockLength = 1 << 20

  /// JSON, in the file.
  let header: Range<Int>
  /// Where the body lies, in bytes from the start of the file.
  let body: Range<Int>
  /// CRC-32C of the header and of the checksums: equal for equal contents.
  let fingerprint: String
  private let folder: String
  /// What the file is called in errors, as "index".
  private let name: String
  private let file: MappedFile
  private let verified: Mutex<[Bool]>

  /// - Throws: ``CorpusError/damaged(_:reason:)``.
  init(_ url: URL, magic: [UInt8], name: String) throws {
    folder = url.deletingLastPathComponent().path
    self.name = name
    file = try MappedFile(url.path)
    let bytes = file.bytes
    let damage = { [folder] (reason: String) in
      CorpusError.damaged(folder, reason: "its \(name) \(reason)")
    }
    guard bytes.count > Self.preludeLength, bytes.prefix(8).elementsEqual(magic) else {
      throw damage("is none")
    }
    let length = bytes.load(fromByteOffset: 8, as: UInt64.self)
    guard length <= UInt64(bytes.count - Self.preludeLength) else { throw damage("is cut short") }
    header = Self.preludeLength..<Self.preludeLength + Int(length)
    let sums = (0..<2).map { bytes.load(fromByteOffset: 16 + 4 * $0, as: UInt32.self) }
    guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[header])) == sums[0] else {
      throw damage("has a wrong checksum")
    }
    let rest = bytes.count - header.upperBound
    let blocks = (rest + Self.blockLength + 3) / (Self.blockLength + 4)
    guard 4 * blocks <= rest else { throw damage("is cut short") }
    body = header.upperBound..<bytes.count - 4 * blocks
    guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[body.upperBound...])) == sums[1] else {
      throw damage("has a wrong checksum")
    }
    fingerprint = String(format: "%08x%08x", sums[0], sums[1])
    verified = Mutex(Array(repeating: false, count: blocks))
    // Small ones as a whole, so that damage shows at the start.
    if body.count <= 32 * Self.blockLength { try verify(body) }
  }

  /// - Throws: ``CorpusError/damaged(_:reason:)`` if it is not a `Header`.
  func decodeHeader<Header: Decodable>(_ type: Header.Type) throws -> Header {
    guard let decoded = try? JSONDecoder().decode(type, from: Data(file.bytes[header])) else {
      throw damage("has a header that cannot be read")
    }
    return decoded
  }

  func damage(_ reason: String) -> CorpusError {
    .damaged(folder, reason: "its \(name) \(reason)")
  }

  /// Throws unless the blocks that these bytes lie in are as they were written.
  private func verify(_ range: Range<Int>) throws {
    if range.isEmpty { return }
    let blocks =
      (range.lowerBound - body.lowerBound)
      / Self.blockLength...(range.upperBound - 1
      - body.lowerBound) / Self.blockLength
    for block in blocks where !verified.withLock({ $0[block] }) {
      let start = body.lowerBound + block * Self.blockLength
      let end = min(start + Self.blockLength, body.upperBound)
      let expected = file.bytes.loadUnaligned(
        fromByteOffset: body.upperBound + 4 * block, as: UInt32.self)
      guard CRC32C.of(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end])) == expected else {
        throw damage("has a wrong checksum")
      }
      verified.withLock { $0[block] = true }
    }
  }

  /// Bytes of the body, checked.
  ///
  /// - Parameter range: from the start of the file.
  func bytes(_ range: Range<Int>) throws -> UnsafeRawBufferPointer {
    guard body.contains(range.lowerBound) || range.isEmpty, range.upperBound <= body.upperBound
    else { throw damage("is cut short") }
    try verify(range)
    return UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  /// Entries of a column that begins at `start`, in bytes from the start of the file.
  func column<T>(_ start: Int, _ type: T.Type, _ entries: Range<Int>) throws
    -> UnsafeBufferPointer<T>
  {
    let size = MemoryLayout<T>.size
    return try bytes(start + size * entries.lowerBound..<start + size * entries.upperBound)
      .bindMemory(to: type)
  }

  /// A rising column's value before and at each of some entries.
  func cumulative(_ start: Int, _ entries: Range<Int>) throws -> (
    before: UInt64, ends: UnsafeBufferPointer<UInt64>
  ) {
    let before =
      entries.lowerBound == 0
      ? 0 : try column(start, UInt64.self, entries.lowerBound - 1..<entries.lowerBound)[0]
    return (before, try column(start, UInt64.self, entries))
  }

  /// Gives back the memory of what has been read.
  func drop() { file.drop() }

  /// A number of bytes, up to the next multiple of 64.
  static func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
}
