import CTorch

// Element by element, with broadcasting. A `Double` does not change a tensor's type.

extension Tensor {
  public static func + (x: Tensor, y: Tensor) throws -> Tensor { try x.binary(CT_ADD, "add", y) }
  public static func - (x: Tensor, y: Tensor) throws -> Tensor {
    try x.binary(CT_SUBTRACT, "subtract", y)
  }
  public static func * (x: Tensor, y: Tensor) throws -> Tensor {
    try x.binary(CT_MULTIPLY, "multiply", y)
  }
  public static func / (x: Tensor, y: Tensor) throws -> Tensor {
    try x.binary(CT_DIVIDE, "divide", y)
  }

  public static func + (x: Tensor, y: Double) throws -> Tensor { try x.binary(CT_ADD, "add", y) }
  public static func - (x: Tensor, y: Double) throws -> Tensor {
    try x.binary(CT_SUBTRACT, "subtract", y)
  }
  public static func * (x: Tensor, y: Double) throws -> Tensor {
    try x.binary(CT_MULTIPLY, "multiply", y)
  }
  public static func / (x: Tensor, y: Double) throws -> Tensor {
    try x.binary(CT_DIVIDE, "divide", y)
  }

  public static func + (x: Double, y: Tensor) throws -> Tensor { try y + x }
  public static func - (x: Double, y: Tensor) throws -> Tensor { try -y + x }
  public static func * (x: Double, y: Tensor) throws -> Tensor { try y * x }
  public static func / (x: Double, y: Tensor) throws -> Tensor { try y.reciprocal() * x }

  public static prefix func - (x: Tensor) throws -> Tensor { try x.unary(CT_NEGATE, "negate") }

  /// The greater of each pair of elements.
  public func maximum(_ y: Tensor) throws -> Tensor { try binary(CT_MAXIMUM, "maximum", y) }
  /// The lesser of each pair of elements.
  public func minimum(_ y: Tensor) throws -> Tensor { try binary(CT_MINIMUM, "minimum", y) }
  public func power(_ exponent: Double) throws -> Tensor {
    try binary(CT_POWER, "power \(exponent)", exponent)
  }

  /// Elements below `min` become `min`, those above `max` become `max`.
  public func clamp(min: Double? = nil, max: Double? = nil) throws -> Tensor {
    var x = self
    if let min { x = try x.binary(CT_MAXIMUM, "clamp", min) }
    if let max { x = try x.binary(CT_MINIMUM, "clamp", max) }
    return x
  }

  public func abs() throws -> Tensor { try unary(CT_ABS, "abs") }
  public func exp() throws -> Tensor { try unary(CT_EXP, "exp") }
  public func log() throws -> Tensor { try unary(CT_LOG, "log") }
  public func sqrt() throws -> Tensor { try unary(CT_SQRT, "sqrt") }
  public func square() throws -> Tensor { try unary(CT_SQUARE, "square") }
  public func reciprocal() throws -> Tensor { try unary(CT_RECIPROCAL, "reciprocal") }
  public func sin() throws -> Tensor { try unary(CT_SIN, "sin") }
  public func cos() throws -> Tensor { try unary(CT_COS, "cos") }
  public func tanh() throws -> Tensor { try unary(CT_TANH, "tanh") }
  public func sigmoid() throws -> Tensor { try unary(CT_SIGMOID, "sigmoid") }
  /// x · sigmoid(x).
  public func silu() throws -> Tensor { try unary(CT_SILU, "silu") }
  /// x · Φ(x), with the exact normal distribution.
  public func gelu() throws -> Tensor { try unary(CT_GELU, "gelu") }
  public func relu() throws -> Tensor { try unary(CT_RELU, "relu") }

  private func unary(_ operation: CTUnary, _ name: String) throws -> Tensor {
    try .make(name, keeping: self) { ct_unary(operation, pointer, $0) }
  }

  private func binary(_ operation: CTBinary, _ name: String, _ y: Tensor) throws -> Tensor {
    try .make(name, keeping: self, y) { ct_binary(operation, pointer, y.pointer, $0) }
  }

  private func binary(_ operation: CTBinary, _ name: String, _ y: Double) throws -> Tensor {
    try .make(name, keeping: self) { ct_binary_scalar(operation, pointer, y, $0) }
  }
}
