import CTorch

extension Tensor {
  /// The same values as another type; the tensor itself if it has that type. Keeps the layout.
  public func to(_ dtype: DType) throws -> Tensor {
    try .make("convert to \(dtype)", keeping: self) { ct_to_dtype(pointer, dtype.cType, $0) }
  }

  /// The same values on another device; the tensor itself if it is there.
  public func to(_ device: Device) throws -> Tensor {
    try .make("move to \(device)", keeping: self) { ct_to_device(pointer, device.cDevice, $0) }
  }

  /// The same values in row-major order in memory.
  public func contiguous() throws -> Tensor {
    try .make("contiguous", keeping: self) { ct_contiguous(pointer, $0) }
  }

  /// The same values with the channels of `[N, C, H, W]` innermost in memory, which is how
  /// convolutions run fastest.
  public func channelsLast() throws -> Tensor {
    try .make("channels last", keeping: self) { ct_channels_last(pointer, $0) }
  }

  /// A copy in memory of its own.
  public func clone() throws -> Tensor {
    try .make("clone", keeping: self) { ct_clone(pointer, $0) }
  }

  /// The same memory without the history that gradients need.
  public func detach() throws -> Tensor {
    try .make("detach", keeping: self) { ct_detach(pointer, $0) }
  }

  /// Overwrites the elements with those of a tensor of the same shape, of any type and device.
  package func copy(from source: Tensor) throws {
    let status = withExtendedLifetime((self, source)) { ct_copy(pointer, source.pointer) }
    try check(status, "copy", [self, source])
  }
}

/// Calls `body` with the C pointers of `tensors`, which live until it returns.
func withPointers<R>(
  of tensors: [Tensor], _ body: (UnsafePointer<OpaquePointer>, Int64) throws -> R
) rethrows -> R {
  try withExtendedLifetime(tensors) {
    // An empty array has no address to pass: reserve one.
    var pointers = [OpaquePointer]()
    pointers.reserveCapacity(tensors.count + 1)
    pointers.append(contentsOf: tensors.map(\.pointer))
    return try pointers.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else {
        preconditionFailure("an array with reserved capacity has an address")
      }
      return try body(base, Int64(buffer.count))
    }
  }
}
