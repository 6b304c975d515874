import Checksums
import Foundation
import Synchronization

/// The CRC-32C of each block of a shard's sound, kept beside it, so that what is read of it is checked
/// without reading all of it.
struct BlockChecksums {
  /// Bytes; the last block of a shard may be shorter.
  static let length = 1 << 16

  private var values: [UInt32] = []
  private var current = CRC32C()
  private var filled = 0

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(Self.length - filled)
      current.add(UnsafeRawBufferPointer(rebasing: part))
      filled += part.count
      rest = rest.dropFirst(part.count)
      if filled == Self.length { endBlock() }
    }
  }

  private mutating func endBlock() {
    values.append(current.value)
    (current, filled) = (CRC32C(), 0)
  }

  /// Of all that was added: 32-bit numbers, little-endian.
  var data: Data {
    var whole = self
    if filled > 0 { whole.endBlock() }
    return whole.values.withUnsafeBytes { Data($0) }
  }
}

/// A shard's sound, each block of which is checked before it is first read.
final class CheckedSound: Sendable {
  let file: MappedFile
  private let folder: String
  private let number: Int
  private let blockLength: Int
  private let checksums: MappedFile?
  /// Whether each block has been checked.
  private let checked: Mutex<[Bool]>

  /// - Parameters:
  ///   - size: in bytes.
  ///   - blockLength: in bytes; nil for a set whose blocks have no checksums.
  /// - Throws: ``CorpusError/damaged(_:reason:)``.
  init(_ number: Int, in folder: URL, size: Int, blockLength: Int?) throws {
    (self.folder, self.number, self.blockLength) = (folder.path, number, blockLength ?? 1)
    file = try MappedFile(Shard.soundFile(number, in: folder).path)
    guard file.bytes.count == size else {
      throw CorpusError.damaged(folder.path, reason: "shard \(number) is cut")
    }
    guard let blockLength else {
      checksums = nil
      checked = Mutex([])
      return
    }
    let blocks = (size + blockLength - 1) / blockLength
    let checksums = try MappedFile(Shard.checksumFile(number, in: folder).path)
    guard checksums.bytes.count == 4 * blocks else {
      throw CorpusError.damaged(folder.path, reason: "shard \(number) has lost its checksums")
    }
    self.checksums = checksums
    checked = Mutex([Bool](repeating: false, count: blocks))
  }

  /// Checks the blocks that a range of bytes lies in, if they have not been.
  ///
  /// - Throws: ``CorpusError/damaged(_:reason:)``.
  func check(_ range: Range<Int>) throws {
    guard let checksums, !range.isEmpty else { return }
    let blocks = range.lowerBound / blockLength...(range.upperBound - 1) / blockLength
    try checked.withLock { checked in
      for block in blocks where !checked[block] {
        let bytes = file.bytes[
          block * blockLength..<min((block + 1) * blockLength, file.bytes.count)]
        let expected = checksums.bytes.loadUnaligned(fromByteOffset: 4 * block, as: UInt32.self)
        guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes)) == UInt32(littleEndian: expected)
        else {
          throw CorpusError.damaged(folder, reason: "shard \(number) has a wrong checksum")
        }
        checked[block] = true
      }
    }
  }
}
