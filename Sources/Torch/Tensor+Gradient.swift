import CTorch

extension Tensor {
  /// Whether operations on this tensor are recorded for `backward()`.
  public var requiresGrad: Bool { withExtendedLifetime(self) { ct_requires_gradient(pointer) } }

  /// The same elements as a start of history: `backward()` leaves a gradient here.
  public func requiringGrad() throws -> Tensor {
    let leaf = try detach()
    try check(
      withExtendedLifetime(leaf) { ct_set_requires_gradient(leaf.pointer, true) },
      "require gradient", [self])
    return leaf
  }

  /// What `backward()` has added up here; nil before, and after `zeroGradient()`.
  public var gradient: Tensor? {
    withExtendedLifetime(self) { ct_gradient(pointer).map(Tensor.init(owning:)) }
  }

  /// Adds the gradient of this tensor of one element to every tensor requiring it.
  public func backward() throws {
    try check(withExtendedLifetime(self) { ct_backward(pointer) }, "backward", [self])
  }

  /// The gradients of this tensor of one element with respect to tensors that it depends on, each shaped as
  /// its tensor. What `backward()` has left stays as it is, and so does this tensor's history.
  ///
  /// - Parameter recorded: whether the gradients have a history of their own, so that what is made of them
  ///   has a gradient too: for penalties on gradients.
  /// - Throws: `TorchError` if this tensor has more than one element, or does not depend on one of them.
  public func gradients(of inputs: [Tensor], recorded: Bool = false) throws -> [Tensor] {
    var results = [OpaquePointer?](repeating: nil, count: inputs.count)
    let status = withExtendedLifetime(self) {
      withPointers(of: inputs) { ct_gradients(pointer, $0, $1, recorded, &results) }
    }
    try check(status, "gradients", [self] + inputs)
    return results.map { result in
      guard let result else { preconditionFailure("as many gradients as tensors") }
      return Tensor(owning: result)
    }
  }

  /// Drops the gradient and frees its memory.
  public func zeroGradient() {
    withExtendedLifetime(self) { ct_drop_gradient(pointer) }
  }
}

/// Runs `body` without recording history: less memory and time where no gradient is needed.
///
/// The mode belongs to the thread, so `body` is synchronous.
public func withoutGradient<R>(_ body: () throws -> R) rethrows -> R {
  let wasEnabled = ct_gradient_is_enabled()
  ct_set_gradient_enabled(false)
  defer { ct_set_gradient_enabled(wasEnabled) }
  return try body()
}
