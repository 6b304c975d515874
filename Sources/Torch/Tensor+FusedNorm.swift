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

  /// The channels at each place to a root mean square of 1 (Zhang and Sennrich 2019,
  /// arXiv:1910.07467), a scale per channel and SiLU, in one pass over the memory on the CPU in
  /// float32 and bfloat16.
  ///
  /// `[batch, channels, height, width]` in and out, out in channels-last. Differentiable once, in
  /// both tensors.
  ///
  /// - Parameter weight: a value for each channel.
  public func channelNormSiLU(weight: Tensor, epsilon: Double = 1e-6) throws -> Tensor {
    try .make("channel norm", keeping: self, weight) {
      ct_channel_norm_silu(pointer, weight.pointer, epsilon, $0)
    }
  }

  /// ``groupNormSiLU(groups:scale:shift:epsilon:silu:)``, then `convolution`, of a kernel of 3 that
  /// keeps the size, then the sum with `residual`: where it can, without images between them in
  /// memory. Differentiable in all tensors.
  ///
  /// - Parameters:
  ///   - scale: as `shift`, `[batch, channels]` or `[1, channels]`.
  ///   - residual: shaped as the result.
  public func groupNormSiLUConv(
    groups: Int, scale: Tensor, shift: Tensor, epsilon: Double = 1e-5, convolution: Conv2d,
    residual: Tensor? = nil
  ) throws -> Tensor {
    let (weight, bias) = (convolution.weight, convolution.bias)
    guard
      weight.shape.suffix(2) == [3, 3] && convolution.stride == 1 && convolution.padding == 1
        && convolution.groups == 1
    else {
      throw TorchError.operation(
        "group norm and convolution", message: "the kernel is not 3 by 3 or changes the size",
        shapes: [weight.shape])
    }
    return try .make(
      "group norm and convolution", keeping: self, scale, shift, weight, bias, residual
    ) {
      ct_group_norm_silu_conv2d(
        pointer, scale.pointer, shift.pointer, Int64(groups), epsilon, weight.pointer,
        bias?.pointer, residual?.pointer, $0)
    }
  }
}
