import CTorch

extension Tensor {
  /// Group norm, a scale and a shift per channel and, unless told otherwise, SiLU, in one pass over
  /// the memory on the CPU in float32 and bfloat16.
  ///
  /// `[batch, channels, height, width]` in and out, out in channels-last. Differentiable in all
  /// three tensors.
  ///
  /// - Parameters:
  ///   - groups: divides the channels.
  ///   - scale: `[batch, channels]` or `[1, channels]`; so is `shift`.
  public func groupNormSiLU(
    groups: Int, scale: Tensor, shift: Tensor, epsilon: Double = 1e-5, silu: Bool = true
  ) throws -> Tensor {
    try .make("group norm", keeping: self, scale, shift) {
      ct_group_norm_silu(
        pointer, scale.pointer, shift.pointer, Int64(groups), epsilon, silu ? 1 : 0, $0)
    }
  }
}
