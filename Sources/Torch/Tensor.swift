import CTorch

/// An n-dimensional array of numbers on a device, with the history that gradients need.
///
/// A value is a reference to immutable elements: operations return new tensors, and only
/// optimizers, averages and checkpoint loads write in place. Operations throw
/// `TorchError.operation`, which names the operation and the shapes it was given.
public struct Tensor: Sendable {
  /// Owns one C tensor. Unchecked: the pointer never changes, libtorch counts references
  /// atomically, and only an optimizer or a checkpoint load writes to the values.
  private final class Storage: @unchecked Sendable {
    let pointer: OpaquePointer
    init(owning pointer: OpaquePointer) { self.pointer = pointer }
    deinit { ct_free(pointer) }
  }

  private let storage: Storage

  /// Valid only while the tensor lives: read it inside `make` or `withExtendedLifetime`.
  var pointer: OpaquePointer { storage.pointer }

  init(owning pointer: OpaquePointer) { storage = Storage(owning: pointer) }

  /// Runs a C call that writes a new tensor, keeping its operands alive meanwhile.
  static func make(
    _ operation: String, keeping operands: Tensor?...,
    body: (UnsafeMutablePointer<OpaquePointer?>) -> CTStatus
  ) throws -> Tensor {
    try make(operation, keeping: operands, body: body)
  }

  static func make(
    _ operation: String, keeping operands: [Tensor?],
    body: (UnsafeMutablePointer<OpaquePointer?>) -> CTStatus
  ) throws -> Tensor {
    var result: OpaquePointer?
    let status = withExtendedLifetime(operands) { body(&result) }
    try check(status, operation, operands)
    guard let result else {
      throw TorchError.operation(
        operation, message: "no result", shapes: operands.compactMap { $0?.shape })
    }
    return Tensor(owning: result)
  }
}

// MARK: - Creation

extension Tensor {
  /// A copy of `values` in row-major order.
  ///
  /// - Throws: `TorchError.operation` if `shape` does not hold as many elements.
  public init(_ values: [Float], shape: [Int], device: Device = .cpu) throws {
    self = try values.withUnsafeBytes {
      try Tensor(bytes: $0, dtype: .float32, shape: shape, device: device)
    }
  }

  /// A copy of `values` in row-major order.
  public init(_ values: [Int64], shape: [Int], device: Device = .cpu) throws {
    self = try values.withUnsafeBytes {
      try Tensor(bytes: $0, dtype: .int64, shape: shape, device: device)
    }
  }

  /// A copy of `values` in row-major order.
  public init(_ values: [UInt8], shape: [Int], device: Device = .cpu) throws {
    self = try values.withUnsafeBytes {
      try Tensor(bytes: $0, dtype: .uint8, shape: shape, device: device)
    }
  }

  /// A copy of `values` in row-major order.
  public init(_ values: [Int8], shape: [Int], device: Device = .cpu) throws {
    self = try values.withUnsafeBytes {
      try Tensor(bytes: $0, dtype: .int8, shape: shape, device: device)
    }
  }

  /// A copy of little-endian elements of `dtype` in row-major order, such as a part of a file.
  public init(
    bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int], device: Device = .cpu
  ) throws {
    guard let size = dtype.byteCount(of: shape), size == bytes.count else {
      throw TorchError.operation(
        "create", message: "\(bytes.count) bytes do not fill this shape", shapes: [shape])
    }
    let dimensions = shape.map(Int64.init)
    self = try withUnsafePointer(to: UInt64(0)) { nothing in
      let source = bytes.baseAddress ?? UnsafeRawPointer(nothing)
      return try Tensor.make("create") {
        ct_from_data(
          source, dtype.cType, dimensions, Int64(dimensions.count), device.cDevice, $0)
      }
    }
  }

  public static func zeros(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try full(shape, 0, dtype: dtype, device: device)
  }

  public static func ones(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try full(shape, 1, dtype: dtype, device: device)
  }

  /// Every element is `value`.
  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    let dimensions = shape.map(Int64.init)
    return try make("full \(shape)") {
      ct_full(value, dtype.cType, dimensions, Int64(dimensions.count), device.cDevice, $0)
    }
  }
}

// MARK: - Inspection

extension Tensor {
  public var shape: [Int] {
    withExtendedLifetime(self) {
      (0..<ct_rank(pointer)).map { Int(ct_size(pointer, $0)) }
    }
  }

  /// The number of dimensions.
  public var rank: Int { withExtendedLifetime(self) { Int(ct_rank(pointer)) } }

  /// The number of elements.
  public var count: Int { withExtendedLifetime(self) { Int(ct_count(pointer)) } }

  public var device: Device { withExtendedLifetime(self) { Device(ct_device(pointer)) } }

  /// - Precondition: the type is one of `DType`'s, as every operation here keeps it.
  public var dtype: DType {
    var type = CT_FLOAT32
    let status = withExtendedLifetime(self) { ct_dtype(pointer, &type) }
    guard status == CT_OK, let dtype = DType(type) else {
      preconditionFailure(String(cString: ct_last_error()))
    }
    return dtype
  }

  /// Whether the elements lie as `[N, H, W, C]` in memory.
  public var isChannelsLast: Bool { withExtendedLifetime(self) { ct_is_channels_last(pointer) } }

  /// All elements as floats in row-major order, copied from whatever type, layout and device.
  public func floats() throws -> [Float] {
    try elements(as: .float32)
  }

  /// All elements as integers in row-major order.
  public func integers() throws -> [Int64] {
    try elements(as: .int64)
  }

  /// The value of a tensor of one element.
  public func item() throws -> Double {
    var value = 0.0
    let status = withExtendedLifetime(self) { ct_item(pointer, &value) }
    try check(status, "item", [self])
    return value
  }

  /// Calls `body` with the elements in row-major order as they lie in memory, copying them only
  /// if the tensor is on another device or in another layout.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let flat = try detach().to(.cpu).contiguous()
    return try withExtendedLifetime(flat) {
      let size = flat.count * flat.dtype.size
      return try body(UnsafeRawBufferPointer(start: ct_data(flat.pointer), count: size))
    }
  }

  /// `Element` is the Swift type of `dtype`.
  private func elements<Element>(as dtype: DType) throws -> [Element] {
    let count = count
    return try [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let destination = buffer.baseAddress else { return }
      let status = withExtendedLifetime(self) {
        ct_read(pointer, dtype.cType, destination, Int64(count))
      }
      try check(status, "read", [self])
      initialized = count
    }
  }
}

extension DType {
  /// Bytes of a tensor of `shape`; nil if a dimension is negative or the product too large.
  func byteCount(of shape: [Int]) -> Int? {
    var total = size
    for dimension in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
      if overflow || dimension < 0 { return nil }
      total = product
    }
    return total
  }
}
