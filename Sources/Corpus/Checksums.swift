package import Foundation

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
