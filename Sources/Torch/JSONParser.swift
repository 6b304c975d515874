/// The part of JSON that a safetensors header uses. Objects keep all their members, so that a
/// name used twice can be told: Foundation's decoders keep one of them.
enum JSON {
  struct Member {
    let key: String
    let value: JSON
  }

  case object([Member])
  case array([JSON])
  case string(String)
  case integer(Int)

  func object(_ name: String) throws -> [Member] {
    if case .object(let members) = self { return members }
    throw SafeTensorsHeader.Invalid("\(name) is not an object")
  }

  func string(_ name: String) throws -> String {
    if case .string(let text) = self { return text }
    throw SafeTensorsHeader.Invalid("\(name) holds something else than text")
  }

  func integers(_ name: String) throws -> [Int] {
    let invalid = SafeTensorsHeader.Invalid("\(name) holds something else than a list of sizes")
    guard case .array(let elements) = self else { throw invalid }
    return try elements.map { element in
      guard case .integer(let value) = element else { throw invalid }
      return value
    }
  }
}

/// Reads objects, arrays, strings and non-negative integers.
struct JSONParser {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var depth = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// One value and nothing behind it but white space.
  mutating func document() throws -> JSON {
    let document = try value()
    skipSpace()
    guard position == bytes.count else { throw invalid() }
    return document
  }

  private mutating func value() throws -> JSON {
    skipSpace()
    depth += 1
    defer { depth -= 1 }
    guard position < bytes.count, depth <= 4 else { throw invalid() }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object(try list(closing: "}") { try $0.member() })
    case UInt8(ascii: "["): return .array(try list(closing: "]") { try $0.value() })
    case UInt8(ascii: "\""): return .string(try string())
    default: return .integer(try integer())
    }
  }

  private mutating func list<Element>(
    closing end: Unicode.Scalar, _ element: (inout JSONParser) throws -> Element
  ) throws -> [Element] {
    position += 1
    skipSpace()
    var elements: [Element] = []
    if take(end) { return elements }
    repeat {
      elements.append(try element(&self))
      skipSpace()
    } while take(",")
    guard take(end) else { throw invalid() }
    return elements
  }

  private mutating func member() throws -> JSON.Member {
    skipSpace()
    let key = try string()
    skipSpace()
    guard take(":") else { throw invalid() }
    return JSON.Member(key: key, value: try value())
  }

  private mutating func integer() throws -> Int {
    let start = position
    var result = 0
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    {
      let (tens, overflow) = result.multipliedReportingOverflow(by: 10)
      let digit = Int(bytes[position] - UInt8(ascii: "0"))
      let (sum, carry) = tens.addingReportingOverflow(digit)
      if overflow || carry { throw invalid("a number too large") }
      result = sum
      position += 1
    }
    guard position > start else { throw invalid() }
    return result
  }

  private mutating func string() throws -> String {
    guard take("\"") else { throw invalid() }
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let result = String(validating: text, as: UTF8.self) else {
          throw invalid("text that is not UTF-8")
        }
        return result
      case UInt8(ascii: "\\"): text.append(contentsOf: String(try escape()).utf8)
      case ..<0x20: throw invalid()
      default: text.append(byte)
      }
    }
    throw invalid()
  }

  private mutating func escape() throws -> Unicode.Scalar {
    guard position < bytes.count else { throw invalid() }
    position += 1
    switch bytes[position - 1] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try codeUnit()
      guard UTF16.isLeadSurrogate(first) else {
        guard let scalar = Unicode.Scalar(first) else { throw invalid() }
        return scalar
      }
      guard take("\\"), take("u") else { throw invalid() }
      let second = try codeUnit()
      guard UTF16.isTrailSurrogate(second) else { throw invalid() }
      return UTF16.decode(UTF16.EncodedScalar([first, second]))
    default: throw invalid()
    }
  }

  private mutating func codeUnit() throws -> UInt16 {
    guard bytes.count - position >= 4 else { throw invalid() }
    let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
    guard digits.allSatisfy(\.isHexDigit), let unit = UInt16(digits, radix: 16) else {
      throw invalid()
    }
    position += 4
    return unit
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  private func invalid(_ found: String = "something unexpected") -> SafeTensorsHeader.Invalid {
    SafeTensorsHeader.Invalid("its header has \(found) at byte \(position)")
  }
}
