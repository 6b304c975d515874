/// What stands before the elements in a safetensors file.
struct SafeTensorsHeader {
  /// Why a header is not sound.
  struct Invalid: Error {
    let reason: String
    /// One line, whatever names the file gives its tensors.
    init(_ reason: String) {
      self.reason = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
  }

  struct Entry {
    var name: String
    var dtype: DType
    var shape: [Int]
    /// Of the tensor's bytes, from the end of the header.
    var offsets: Range<Int>
  }

  /// The limit of the Python package.
  static let maximumSize = 100_000_000

  var entries: [Entry]
  var metadata: [String: String]

  /// Names differ, shapes and offsets agree, and the tensors cover all of the data without gap
  /// or overlap.
  func validate(dataSize: Int) throws {
    var names: Set<String> = ["__metadata__"]
    var end = 0
    let inOrder = entries.sorted {
      ($0.offsets.lowerBound, $0.offsets.upperBound) < (
        $1.offsets.lowerBound, $1.offsets.upperBound
      )
    }
    for entry in inOrder {
      let name = "\"\(entry.name)\""
      guard names.insert(entry.name).inserted else { throw Invalid("\(name) occurs twice") }
      guard let size = entry.dtype.byteCount(of: entry.shape) else {
        throw Invalid("\(name) has the impossible shape \(entry.shape)")
      }
      guard size == entry.offsets.count else {
        throw Invalid("\(name) has \(entry.offsets.count) bytes for \(entry.dtype) \(entry.shape)")
      }
      guard entry.offsets.lowerBound == end else {
        throw Invalid("\(name) does not begin where the tensor before it ends")
      }
      end = entry.offsets.upperBound
    }
    guard end == dataSize else {
      throw Invalid("it holds \(dataSize) bytes of data and the header speaks of \(end)")
    }
  }
}

// MARK: - Encoding

extension SafeTensorsHeader {
  /// The size and the JSON, padded so that the data begins at a multiple of 8 bytes.
  func encoded() throws -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        Self.quoted($0) + ":" + Self.quoted($1)
      }
      members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
    }
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        Self.quoted(entry.name) + ":{\"dtype\":\"\(entry.dtype.fileName)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(entry.offsets.lowerBound),\(entry.offsets.upperBound)]}")
    }
    var json = Array(("{" + members.joined(separator: ",") + "}").utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case ..<" ":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

// MARK: - Decoding

extension SafeTensorsHeader {
  init(decoding bytes: UnsafeRawBufferPointer) throws {
    guard bytes.first == UInt8(ascii: "{") else { throw Invalid("its header is not JSON") }
    var parser = JSONParser(bytes)
    let root = try parser.document()
    self.init(entries: [], metadata: [:])
    for member in try root.object("the header") {
      guard member.key == "__metadata__" else {
        entries.append(try Entry(name: member.key, member.value))
        continue
      }
      for pair in try member.value.object(member.key) {
        guard metadata.updateValue(try pair.value.string(pair.key), forKey: pair.key) == nil else {
          throw Invalid("metadata \"\(pair.key)\" occurs twice")
        }
      }
    }
  }
}

extension SafeTensorsHeader.Entry {
  fileprivate init(name: String, _ value: JSON) throws {
    let members = try value.object(name)
    guard members.count == 3, let dtype = members.first(where: { $0.key == "dtype" })?.value,
      let shape = members.first(where: { $0.key == "shape" })?.value,
      let offsets = members.first(where: { $0.key == "data_offsets" })?.value
    else {
      throw SafeTensorsHeader.Invalid(
        "\"\(name)\" does not have just dtype, shape and data_offsets")
    }
    let typeName = try dtype.string(name)
    guard let type = DType(fileName: typeName) else {
      throw SafeTensorsHeader.Invalid("\"\(name)\" is of type \(typeName), which is not supported")
    }
    let bounds = try offsets.integers(name)
    guard bounds.count == 2, bounds[0] <= bounds[1] else {
      throw SafeTensorsHeader.Invalid("\"\(name)\" has offsets that are not a range")
    }
    self.init(
      name: name, dtype: type, shape: try shape.integers(name), offsets: bounds[0]..<bounds[1])
  }
}

extension DType {
  /// Types in the order in which the Python package lays them out.
  private static let fileNames: [(DType, String)] = [
    (.int64, "I64"), (.float64, "F64"), (.float32, "F32"), (.bfloat16, "BF16"),
    (.float16, "F16"), (.int8, "I8"), (.uint8, "U8"), (.bool, "BOOL"),
  ]

  var fileOrder: Int { Self.fileNames.firstIndex { $0.0 == self } ?? Self.fileNames.count }

  var fileName: String { Self.fileNames[fileOrder].1 }

  init?(fileName: String) {
    guard let match = Self.fileNames.first(where: { $0.1 == fileName }) else { return nil }
    self = match.0
  }
}
