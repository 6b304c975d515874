package import Foundation

/// Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding), as far as event files
/// need it. They are four small messages that are only ever written, and have not changed in years:
/// these lines in place of a library, a compiler, its plugin and 3,000 generated lines.
///
/// Fields that hold their default, as 0 or an empty string, are left out, and fields come in the
/// order of their numbers: so Google's own writer gives the same bytes.
package struct ProtobufWriter {
  package private(set) var data = Data()

  package init() {}

  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
  }

  /// An `int64`, `int32` or `enum`.
  package mutating func integer(_ field: Int, _ value: Int) {
    guard value != 0 else { return }
    key(field, .varint)
    varint(UInt64(bitPattern: Int64(value)))
  }

  package mutating func double(_ field: Int, _ value: Double) {
    guard value != 0 else { return }
    key(field, .fixed64)
    data.append(littleEndian: value.bitPattern)
  }

  /// - Parameter always: of a `oneof`, which is there even where it is 0.
  package mutating func float(_ field: Int, _ value: Float, always: Bool = false) {
    guard always || value != 0 else { return }
    key(field, .fixed32)
    data.append(littleEndian: value.bitPattern)
  }

  package mutating func string(_ field: Int, _ value: String) {
    if !value.isEmpty { bytes(field, Data(value.utf8)) }
  }

  package mutating func bytes(_ field: Int, _ value: Data) {
    key(field, .bytes)
    varint(UInt64(value.count))
    data.append(value)
  }

  /// A message within this one.
  package mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    bytes(field, inner.data)
  }

  private mutating func key(_ field: Int, _ type: WireType) {
    varint(UInt64(field) << 3 | type.rawValue)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 128 {
      data.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    data.append(UInt8(rest))
  }
}

extension Data {
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
