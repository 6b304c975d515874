import Checksums
import Foundation

/// Writes a ``CheckedFile`` from its start to its end, in the memory of a block.
struct CheckedFileWriter {
  private let url: URL
  private let temporary: URL
  private let handle: FileHandle
  private let header: Data
  private let magic: [UInt8]
  private var pending: [UInt8] = []
  private var written = 0
  private var checksums: [UInt32] = []

  /// - Throws: ``CorpusError/cannotWrite(_:reason:)``, as all that writes.
  init(_ url: URL, magic: [UInt8], header: some Encodable) throws {
    (self.url, self.magic) = (url, magic)
    temporary = url.deletingLastPathComponent().appendingPathComponent(
      ".\(url.lastPathComponent).\(getpid()).tmp")
    var json = try sortedJSON(header)
    let length = CheckedFile.padded(CheckedFile.preludeLength + json.count)
    json.append(
      contentsOf: [UInt8](
        repeating: 0x20, count: length - CheckedFile.preludeLength - json.count))
    self.header = json
    do {
      try Data().write(to: temporary)
      handle = try FileHandle(forWritingTo: temporary)
      // The prelude is written at the end, over zeros.
      try handle.write(contentsOf: Data(count: CheckedFile.preludeLength) + json)
    } catch {
      throw CorpusError.cannotWrite(url.path, reason: error.localizedDescription)
    }
  }

  mutating func append<T>(_ values: [T]) throws {
    try values.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: CheckedFile.blockLength) {
        try append(bytes[start..<min(start + CheckedFile.blockLength, bytes.count)])
      }
    }
  }

  mutating func append(_ bytes: some Collection<UInt8>) throws {
    pending += bytes
    while pending.count >= CheckedFile.blockLength {
      try writeBlock(CheckedFile.blockLength)
    }
  }

  /// Fills up to a multiple of 64 bytes.
  mutating func pad() throws {
    let count = written + pending.count
    try append([UInt8](repeating: 0, count: CheckedFile.padded(count) - count))
  }

  private mutating func writeBlock(_ length: Int) throws {
    let block = Array(pending.prefix(length))
    checksums.append(block.withUnsafeBytes { CRC32C.of($0) })
    do {
      try handle.write(contentsOf: block)
    } catch {
      throw CorpusError.cannotWrite(url.path, reason: error.localizedDescription)
    }
    written += length
    pending.removeFirst(length)
  }

  /// Gives the file its name.
  mutating func finish() throws {
    if !pending.isEmpty { try writeBlock(pending.count) }
    let sums = checksums.withUnsafeBytes { Data($0) }
    var prelude = Data(magic)
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { prelude.append(contentsOf: $0) }
    for checksum in [CRC32C.of(header), CRC32C.of(sums)] {
      withUnsafeBytes(of: checksum.littleEndian) { prelude.append(contentsOf: $0) }
    }
    do {
      try handle.write(contentsOf: sums)
      try handle.seek(toOffset: 0)
      try handle.write(contentsOf: prelude)
      try handle.synchronize()
      try handle.close()
    } catch {
      throw CorpusError.cannotWrite(url.path, reason: error.localizedDescription)
    }
    guard rename(temporary.path, url.path) == 0 else {
      throw CorpusError.cannotWrite(url.path, reason: String(cString: strerror(errno)))
    }
  }

  /// Removes what was written, after an error.
  func cancel() { try? FileManager.default.removeItem(at: temporary) }
}
