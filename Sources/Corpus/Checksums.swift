package import Foundation

/// CRC-32C, the checksum of iSCSI and ext4 (RFC 3720, appendix B.4): finds every error of up to 32
/// bits in a row, and all but one in 2³² others. Eight bytes at a time, by tables.
package struct CRC32C {
  private var state: UInt32 = ~0

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

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
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

/// The 64-bit FNV-1a hash (Fowler, Noll and Vo): a name for a cache entry, not a signature.
package struct FNV1a {
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  package init() {}

  package mutating func add(_ bytes: some Collection<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    // Ends each part, so that parts cannot run together.
    value = (value ^ UInt64(bytes.count)) &* 0x0000_0100_0000_01b3
  }

  package var hexadecimal: String { String(format: "%016llx", value) }
}

/// Equal values give equal bytes.
package func sortedJSON(_ value: some Encodable) throws -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .sortedKeys
  return try encoder.encode(value)
}
