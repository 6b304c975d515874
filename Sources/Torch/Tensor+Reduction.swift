import CTorch

extension Tensor {
  /// The sum of all elements.
  public func sum() throws -> Tensor { try sum(dimensions: [], keep: false) }

  /// The mean of all elements.
  public func mean() throws -> Tensor { try mean(dimensions: [], keep: false) }

  /// The sum over some dimensions, or over all if there are none; they stay with size 1 if `keep`.
  public func sum(dimensions: [Int], keep: Bool = false) throws -> Tensor {
    let list = dimensions.map(Int64.init)
    return try .make("sum", keeping: self) { ct_sum(pointer, list, Int64(list.count), keep, $0) }
  }

  /// The mean over some dimensions, or over all if there are none; they stay with size 1 if `keep`.
  public func mean(dimensions: [Int], keep: Bool = false) throws -> Tensor {
    let list = dimensions.map(Int64.init)
    return try .make("mean", keeping: self) { ct_mean(pointer, list, Int64(list.count), keep, $0) }
  }

  /// The greatest element.
  public func max() throws -> Tensor { try .make("max", keeping: self) { ct_max(pointer, $0) } }

  /// The least element.
  public func min() throws -> Tensor { try .make("min", keeping: self) { ct_min(pointer, $0) } }

  /// Whether no element is infinite or not a number.
  public func allFinite() throws -> Bool {
    var result = false
    let status = withExtendedLifetime(self) { ct_all_finite(pointer, &result) }
    try check(status, "all finite", [self])
    return result
  }
}
