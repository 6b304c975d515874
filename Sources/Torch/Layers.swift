// Layers hold float32 parameters and compute in their input's type.

/// x Wᵀ + b over the last dimension: `[..., inputs]` to `[..., outputs]`.
public struct Linear: Sendable {
  public let weight: Tensor
  public let bias: Tensor?

  /// - Parameter initializer: for the weights; nil draws from ± 1 / √inputs. The bias starts at 0.
  public init(
    _ path: ParameterPath, in inputs: Int, out outputs: Int, bias: Bool = true,
    initializer: Initializer? = nil
  ) throws {
    let initializer = initializer ?? .kaimingUniform(fanIn: inputs)
    weight = try path.parameter("weight", [outputs, inputs], initializer)
    self.bias = bias ? try path.parameter("bias", [outputs], .zeros) : nil
  }

  public func callAsFunction(_ x: Tensor) throws -> Tensor { try x.linear(weight, bias) }
}

/// Square convolution: `[batch, inputs, height, width]` to `[batch, outputs, height, width]`,
/// both divided by the stride.
public struct Conv2d: Sendable {
  public let weight: Tensor
  public let bias: Tensor?
  public let stride: Int
  public let padding: Int
  public let groups: Int

  /// - Parameters:
  ///   - padding: zeros on each side; nil keeps the size at stride 1 and an odd kernel.
  ///   - initializer: for the weights; nil draws from ± 1 / √(inputs · kernel² / groups). The
  ///     bias starts at 0.
  public init(
    _ path: ParameterPath, in inputs: Int, out outputs: Int, kernel: Int, stride: Int = 1,
    padding: Int? = nil, groups: Int = 1, bias: Bool = true, initializer: Initializer? = nil
  ) throws {
    let fanIn = inputs / groups * kernel * kernel
    let initializer = initializer ?? .kaimingUniform(fanIn: fanIn)
    weight = try path.parameter(
      "weight", [outputs, inputs / groups, kernel, kernel], initializer)
    self.bias = bias ? try path.parameter("bias", [outputs], .zeros) : nil
    self.stride = stride
    self.padding = padding ?? kernel / 2
    self.groups = groups
  }

  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    try x.conv2d(weight, bias, stride: stride, padding: padding, groups: groups)
  }
}

/// Each group of channels of `[batch, channels, ...]` to mean 0 and variance 1, then a learned
/// scale and shift per channel.
public struct GroupNorm: Sendable {
  public let weight: Tensor
  public let bias: Tensor
  public let groups: Int
  public let epsilon: Double

  public init(
    _ path: ParameterPath, channels: Int, groups: Int = 32, epsilon: Double = 1e-5
  ) throws {
    weight = try path.parameter("weight", [channels], .ones)
    bias = try path.parameter("bias", [channels], .zeros)
    self.groups = groups
    self.epsilon = epsilon
  }

  /// `[batch, channels, height, width]` in and out.
  public func callAsFunction(_ x: Tensor) throws -> Tensor { try fused(x, silu: false) }

  /// The norm and then SiLU, in one pass over the memory.
  public func silu(_ x: Tensor) throws -> Tensor { try fused(x, silu: true) }

  /// The norm, SiLU and then `convolution` and the sum with `residual`.
  public func siluConv(
    _ x: Tensor, _ convolution: Conv2d, residual: Tensor? = nil
  ) throws -> Tensor {
    try x.groupNormSiLUConv(
      groups: groups, scale: weight.unsqueeze(0), shift: bias.unsqueeze(0), epsilon: epsilon,
      convolution: convolution, residual: residual)
  }

  private func fused(_ x: Tensor, silu: Bool) throws -> Tensor {
    try x.groupNormSiLU(
      groups: groups, scale: weight.unsqueeze(0), shift: bias.unsqueeze(0), epsilon: epsilon,
      silu: silu)
  }
}

/// The last dimension, of `channels` elements, to mean 0 and variance 1, then a learned scale and
/// shift per channel.
public struct LayerNorm: Sendable {
  public let weight: Tensor
  public let bias: Tensor
  public let epsilon: Double

  public init(_ path: ParameterPath, channels: Int, epsilon: Double = 1e-5) throws {
    weight = try path.parameter("weight", [channels], .ones)
    bias = try path.parameter("bias", [channels], .zeros)
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    let dtype = x.dtype
    return try x.layerNorm(weight: weight.to(dtype), bias: bias.to(dtype), epsilon: epsilon)
  }
}

/// A learned vector for each of `entries` indices: int64 `[...]` to float32 `[..., channels]`. Weight
/// decay leaves it as it is: it would pull what is seldom drawn towards 0 all the time.
public struct Embedding: Sendable {
  public let weight: Tensor

  /// - Parameter initializer: nil draws from the standard normal distribution, as PyTorch does.
  public init(
    _ path: ParameterPath, entries: Int, channels: Int, initializer: Initializer? = nil
  ) throws {
    weight = try path.parameter(
      "weight", [entries, channels], initializer ?? .normal(standardDeviation: 1), decays: false)
  }

  public func callAsFunction(_ indices: Tensor) throws -> Tensor {
    try weight.embedding(indices)
  }
}
