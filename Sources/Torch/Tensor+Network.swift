import CTorch

/// What lies beyond the edge of an image.
public enum PaddingMode: Sendable {
  case zeros, circular, reflect

  fileprivate var cMode: CTPadding {
    switch self {
    case .zeros: CT_PAD_ZEROS
    case .circular: CT_PAD_CIRCULAR
    case .reflect: CT_PAD_REFLECT
    }
  }
}

extension Tensor {
  /// The matrix product over the last two dimensions; those before them broadcast.
  public func matmul(_ y: Tensor) throws -> Tensor {
    try .make("matmul", keeping: self, y) { ct_matmul(pointer, y.pointer, $0) }
  }

  /// x Wᵀ + b: `[..., inputs]` to `[..., outputs]`, `weight` `[outputs, inputs]`.
  public func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws -> Tensor {
    try .make("linear", keeping: self, weight, bias) {
      ct_linear(pointer, weight.pointer, bias?.pointer, $0)
    }
  }

  /// Two-dimensional convolution of `[batch, inputs, height, width]`; `weight`
  /// `[outputs, inputs / groups, kernel height, kernel width]`, `bias` `[outputs]`.
  public func conv2d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
  ) throws -> Tensor {
    let (stride, padding, groups) = (Int64(stride), Int64(padding), Int64(groups))
    return try .make("conv2d", keeping: self, weight, bias) {
      ct_conv2d(pointer, weight.pointer, bias?.pointer, stride, padding, groups, $0)
    }
  }

  /// `[batch, channels, height, width]` with a border.
  public func padded2d(
    top: Int = 0, bottom: Int = 0, left: Int = 0, right: Int = 0, mode: PaddingMode = .zeros
  ) throws -> Tensor {
    try .make("pad \(mode) [\(top), \(bottom), \(left), \(right)]", keeping: self) {
      ct_pad2d(pointer, Int64(top), Int64(bottom), Int64(left), Int64(right), mode.cMode, $0)
    }
  }

  /// Wu and He 2018 (arXiv:1803.08494): each group of channels of `[batch, channels, ...]` to
  /// mean 0 and variance 1, then `weight` and `bias`, both `[channels]`.
  public func groupNorm(
    groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
  ) throws -> Tensor {
    try .make("group norm", keeping: self, weight, bias) {
      ct_group_norm(pointer, Int64(groups), weight?.pointer, bias?.pointer, epsilon, $0)
    }
  }

  /// Ba et al. 2016 (arXiv:1607.06450): the last dimension to mean 0 and variance 1, then
  /// `weight` and `bias`, both of its size.
  public func layerNorm(
    weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
  ) throws -> Tensor {
    try .make("layer norm", keeping: self, weight, bias) {
      ct_layer_norm(pointer, weight?.pointer, bias?.pointer, epsilon, $0)
    }
  }

  public func softmax(dimension: Int) throws -> Tensor {
    try .make("softmax", keeping: self) { ct_softmax(pointer, Int64(dimension), $0) }
  }

  /// softmax(q kᵀ / √D) v, Vaswani et al. 2017 (arXiv:1706.03762), equation 1: `q`
  /// `[..., queries, D]`, `k` `[..., keys, D]`, `v` `[..., keys, E]` to `[..., queries, E]`.
  public static func scaledDotProductAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor
  ) throws -> Tensor {
    try make("attention", keeping: q, k, v) {
      ct_attention(q.pointer, k.pointer, v.pointer, $0)
    }
  }

  /// Each pixel of `[batch, channels, height, width]` four times.
  public func upsampleNearest2x() throws -> Tensor {
    try .make("upsample", keeping: self) { ct_upsample_nearest_2x(pointer, $0) }
  }

  /// The mean of each 2 by 2 pixels of `[batch, channels, height, width]`.
  public func averagePool2x() throws -> Tensor {
    try .make("average pool", keeping: self) { ct_average_pool_2x(pointer, $0) }
  }

  /// Rows of this table `[rows, channels]` at int64 `indices` `[...]`: `[..., channels]`.
  public func embedding(_ indices: Tensor) throws -> Tensor {
    try .make("embedding", keeping: self, indices) {
      ct_embedding(pointer, indices.pointer, $0)
    }
  }

  /// Srivastava et al. 2014: each element 0 with this probability, else scaled by
  /// 1 / (1 − probability), so that its expectation stays.
  public func dropout(
    probability: Double, generator: inout RandomGenerator
  ) throws -> Tensor {
    guard (0..<1).contains(probability) else {
      throw TorchError.operation(
        "dropout", message: "probability \(probability) is not in 0 ..< 1", shapes: [shape])
    }
    if probability == 0 { return self }
    let scale = Float(1 / (1 - probability))
    let limit = Float(probability)
    let mask = generator.uniforms(count).map { $0 < limit ? 0 : scale }
    return try self * Tensor(mask, shape: shape).to(dtype).to(device)
  }
}
