extension Tensor {
  /// softmax(q kᵀ / √D + mask) v, Vaswani et al. 2017 (arXiv:1706.03762), equation 1 with a mask:
  /// `q` `[..., queries, D]`, `k` `[..., keys, D]`, `v` `[..., keys, E]` to `[..., queries, E]`.
  ///
  /// - Parameter mask: 0 for the keys that count and −∞ for the others, `[..., 1, keys]` or for each
  ///   query by itself; a query without any key that counts becomes NaN.
  public static func maskedAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor
  ) throws -> Tensor {
    let scale = 1 / Double(q.shape.last ?? 1).squareRoot()
    let scores = try (q * scale).matmul(k.transpose(-2, -1)) + mask
    return try scores.softmax(dimension: -1).matmul(v)
  }
}
