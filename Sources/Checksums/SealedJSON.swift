package import Foundation

/// A JSON object that begins with its own length, `bytes`, and its CRC-32C, `crc32c`, so that damage
/// to any byte shows. Both are absent from files of older versions, and from those whose editor has
/// taken them out; one alone is damage.
package enum SealedJSON {
  private struct Seal: Decodable {
    var bytes: Int?
    var crc32c: String?
  }

  /// Whether an object has both.
  package static func isSealed(_ data: Data) -> Bool {
    guard let seal = try? JSONDecoder().decode(Seal.self, from: data) else { return false }
    return seal.bytes != nil && seal.crc32c != nil
  }

  private static let mark = "\"crc32c\" : \""

  /// Pretty, with sorted keys.
  package static func encode(_ object: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let rest = try encoder.encode(object).dropFirst()
    func sealed(_ length: Int, _ digits: String) -> Data {
      Data("{\n  \"bytes\" : \(length),\n  \(mark)\(digits)\",".utf8) + rest
    }
    // The length has as many digits as it has: the second guess is right, but for one more digit.
    var length = 0
    for _ in 0..<3 { length = sealed(length, CRC32C.placeholder).count }
    var checksum = CRC32C()
    sealed(length, CRC32C.placeholder).withUnsafeBytes { checksum.add($0) }
    return sealed(length, checksum.hexadecimal)
  }

  /// Whether an object has no seal, or is what was written.
  package static func isIntact(_ data: Data) -> Bool {
    guard let seal = try? JSONDecoder().decode(Seal.self, from: data) else { return false }
    if seal.bytes == nil && seal.crc32c == nil { return true }
    guard let digits = seal.crc32c, seal.bytes == data.count else { return false }
    var checksum = CRC32C()
    let place = data.withUnsafeBytes { checksum.add($0, mark: mark, digits: digits) }
    return place != nil && checksum.hexadecimal == digits
  }
}
