import Torch

/// norm → SiLU → conv, twice, around a skip, `[batch, channels, bins, frames]` in and out: a
/// ``ResidualBlock`` that sees no further than its convolutions. A new block is the identity.
struct LocalBlock: Sendable {
  private let norm1, norm2: ChannelNorm
  private let conv1, conv2: Conv2d

  init(_ path: ParameterPath, channels: Int) throws {
    norm1 = try ChannelNorm(path / "norm1", channels: channels)
    conv1 = try Conv2d(path / "conv1", in: channels, out: channels, kernel: 3, padding: 1)
    norm2 = try ChannelNorm(path / "norm2", channels: channels)
    conv2 = try Conv2d(
      path / "conv2", in: channels, out: channels, kernel: 3, padding: 1, initializer: .zeros)
  }

  func callAsFunction(_ x: Tensor) throws -> Tensor {
    let h = try conv1(norm1.silu(x))
    return try x + conv2(norm2.silu(h))
  }
}

/// The channels at each place to a root mean square of 1, then a learned scale per channel (Zhang and
/// Sennrich 2019, arXiv:1910.07467). `[batch, channels, bins, frames]` in and out.
struct ChannelNorm: Sendable {
  private let weight: Tensor

  init(_ path: ParameterPath, channels: Int) throws {
    weight = try path.parameter("weight", [1, channels, 1, 1], .ones)
  }

  /// The norm and then SiLU, in one pass over the memory.
  func silu(_ x: Tensor) throws -> Tensor { try x.channelNormSiLU(weight: weight) }
}
