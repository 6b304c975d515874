public import Torch

/// norm → SiLU → conv, twice, around a skip. `[batch, channels, mel bins, frames]` in and out.
///
/// The embedding scales and shifts the second norm (Dhariwal and Nichol 2021, arXiv:2105.05233,
/// section 3.1). The last convolution starts at zero, so that a new block is the identity.
public struct ResidualBlock: Sendable {
  let norm1: GroupNorm
  let conv1, conv2: Conv2d
  let modulation: Linear
  private let channels: Int
  private let groups: Int

  public init(_ path: ParameterPath, channels: Int, embeddingWidth: Int) throws {
    self.channels = channels
    groups = normGroups(channels)
    norm1 = try GroupNorm(path / "norm1", channels: channels, groups: groups)
    conv1 = try Conv2d(path / "conv1", in: channels, out: channels, kernel: 3, padding: 1)
    conv2 = try Conv2d(
      path / "conv2", in: channels, out: channels, kernel: 3, padding: 1, initializer: .zeros)
    modulation = try Linear(
      path / "modulation", in: embeddingWidth, out: 2 * channels, initializer: .zeros)
  }

  /// - Parameter dropout: what leaves out values before the last convolution, as in Dhariwal and
  ///   Nichol's; nil outside of training.
  func callAsFunction(_ x: Tensor, embedding: Tensor, dropout: inout Dropout?) throws -> Tensor {
    let scaleAndShift = try modulation(embedding)
    let scale = try scaleAndShift.narrow(dimension: 1, start: 0, length: channels) + 1
    let shift = try scaleAndShift.narrow(dimension: 1, start: channels, length: channels)
    let h = try norm1.siluConv(x, conv1)
    guard dropout != nil else {
      return try h.groupNormSiLUConv(
        groups: groups, scale: scale, shift: shift, convolution: conv2, residual: x)
    }
    let z = try h.groupNormSiLU(groups: groups, scale: scale, shift: shift)
    return try x + conv2(dropout?(z) ?? z)
  }
}

/// Groups of at least 8 channels, at most 32 groups (Wu and He 2018 use 32; narrow layers have fewer).
func normGroups(_ channels: Int) -> Int {
  (1...min(32, max(1, channels / 8))).last { channels % $0 == 0 } ?? 1
}
