package import Foundation

/// CRC-32C, the checksum of iSCSI and ext4 (RFC 3720, appendix B.4): finds every error of up to 32
/// bits in a row, and all but one in 2³² others. Eight bytes at a time, by tables.
package struct CRC32C {
  private var state: UInt32 = ~0

  package init() {}

  package var value: UInt32 { ~state }

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      tables[byte] = (0..<8).reduce(UInt32(byte)) { crc, _ in
        crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1
      }
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        let before = tables[(table - 1) * 256 + byte]
        tables[table * 256 + byte] = before >> 8 ^ tables[Int(before & 255)]
      }
    }
    return tables
  }()

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    Self.tables.withUnsafeBufferPointer { tables in
      let tables = tables.baseAddress.unsafelyUnwrapped
      var index = 0
      while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ UInt64(crc)
        var next: UInt32 = 0
        for byte in 0..<8 {
          next ^= tables[(7 - byte) * 256 + Int(word >> UInt64(8 * byte) & 255)]
        }
        crc = next
        index += 8
      }
      for byte in bytes[index...] { crc = crc >> 8 ^ tables[Int(UInt8(crc & 255) ^ byte)] }
    }
    state = crc
  }

  package static func of(_ data: some ContiguousBytes) -> UInt32 {
    var crc = CRC32C()
    data.withUnsafeBytes { crc.add($0) }
    return crc.value
  }
}

/// A checksum that stands in the file whose bytes it is of, as eight hexadecimal digits that count as
/// zeros.
extension CRC32C {
  package static let placeholder = "00000000"

  package var hexadecimal: String { String(format: "%08x", value) }

  /// Adds the part of a file in which the checksum stands.
  ///
  /// - Parameters:
  ///   - mark: what stands before the digits.
  ///   - digits: those that stand there now.
  /// - Returns: where the digits begin; nil, with nothing added, where mark and digits are not there.
  package mutating func add(
    _ bytes: UnsafeRawBufferPointer, mark: String, digits: String
  ) -> Int? {
    guard digits.utf8.count == Self.placeholder.utf8.count,
      let place = bytes.firstRange(of: Array((mark + digits).utf8))
    else { return nil }
    let start = place.upperBound - digits.utf8.count
    add(UnsafeRawBufferPointer(rebasing: bytes[..<start]))
    Array(Self.placeholder.utf8).withUnsafeBytes { add($0) }
    add(UnsafeRawBufferPointer(rebasing: bytes[place.upperBound...]))
    return start
  }
}
