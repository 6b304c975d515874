import CTorch

/// The type of a tensor's elements.
public enum DType: Sendable, CaseIterable {
  case float32, float16, bfloat16, float64, int64, uint8, int8, bool

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .float64, .int64: 8
    case .float32: 4
    case .float16, .bfloat16: 2
    case .uint8, .int8, .bool: 1
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    case .int64, .uint8, .int8, .bool: false
    }
  }

  var cType: CTDType {
    switch self {
    case .float32: CT_FLOAT32
    case .float16: CT_FLOAT16
    case .bfloat16: CT_BFLOAT16
    case .float64: CT_FLOAT64
    case .int64: CT_INT64
    case .uint8: CT_UINT8
    case .int8: CT_INT8
    case .bool: CT_BOOL
    }
  }

  init?(_ type: CTDType) {
    guard let match = Self.allCases.first(where: { $0.cType == type }) else { return nil }
    self = match
  }
}
