public import Torch

/// A 2D convolutional autoencoder of log-mel spectrograms: a code of fewer numbers, and the way back.
///
/// It has no attention and no norm over time, so that a place of the code depends on what is near alone:
/// pieces of any length can be coded in parts, and a part of a code that is known stays what it is.
public struct Autoencoder: Sendable {
  public let configuration: AutoencoderConfiguration
  private let encoder, decoder: Half
  private let binPosition: Tensor

  /// Levels from one end to the other.
  private struct Half: Sendable {
    let first: Conv2d
    let levels: [[LocalBlock]]
    /// Between the levels.
    let steps: [Conv2d]
    let norm: ChannelNorm
    let last: Conv2d
  }

  /// - Throws: ``ModelError/invalidConfiguration(_:)``, or what a loading `ParameterStore` misses.
  public init(_ path: ParameterPath, configuration: AutoencoderConfiguration) throws {
    try configuration.validate()
    self.configuration = configuration
    let widths = configuration.widths
    let patch = configuration.patchBins * configuration.patchFrames * configuration.channels
    let encoded = configuration.bottleneck.encodedChannels * configuration.codeChannels
    func blocks(_ path: ParameterPath, _ width: Int) throws -> [LocalBlock] {
      try (0..<configuration.blocks).map { try LocalBlock(path / String($0), channels: width) }
    }
    let down = path / "encoder"
    let up = path / "decoder"
    encoder = Half(
      first: try Conv2d(down / "first", in: patch, out: widths[0], kernel: 1),
      levels: try widths.enumerated().map { try blocks(down / "levels" / String($0), $1) },
      steps: try (1..<max(1, widths.count)).map {
        try Conv2d(
          down / "steps" / String($0), in: widths[$0 - 1], out: widths[$0], kernel: 2, stride: 2,
          padding: 0)
      },
      norm: try ChannelNorm(down / "norm", channels: widths.last!),
      last: try Conv2d(down / "last", in: widths.last!, out: encoded, kernel: 3, padding: 1))
    let rising = Array(widths.reversed())
    decoder = Half(
      first: try Conv2d(
        up / "first", in: configuration.codeChannels, out: rising[0], kernel: 3, padding: 1),
      levels: try rising.enumerated().map { try blocks(up / "levels" / String($0), $1) },
      steps: try (1..<max(1, rising.count)).map {
        try Conv2d(up / "steps" / String($0), in: rising[$0 - 1], out: rising[$0], kernel: 1)
      },
      norm: try ChannelNorm(up / "norm", channels: rising.last!),
      last: try Conv2d(up / "last", in: rising.last!, out: patch, kernel: 3, padding: 1))
    binPosition = try path.parameter(
      "bin_position", [1, widths[0], configuration.melBins / configuration.patchBins, 1],
      .normal(standardDeviation: 0.02), decays: false)
  }
}

extension Autoencoder {
  /// - Parameter x: normalised log-mel, `[batch, channels, mel bins, frames]`; frames are a multiple of
  ///   ``AutoencoderConfiguration/codeFrames``.
  public func encode(_ x: Tensor, precision: DType) throws -> EncodedSpectrogram {
    var h =
      try encoder.first(patches.split(x).to(precision).channelsLast()) + binPosition.to(precision)
    for (level, blocks) in encoder.levels.enumerated() {
      if level > 0 { h = try encoder.steps[level - 1](h) }
      for block in blocks { h = try block(h) }
    }
    let encoded = try encoder.last(encoder.norm.silu(h)).to(.float32)
    return try EncodedSpectrogram(encoded, configuration.bottleneck)
  }

  /// - Parameter code: `[batch, code channels, bins, frames]`.
  /// - Returns: normalised log-mel, `[batch, channels, mel bins, frames]`, float32.
  public func decode(_ code: Tensor, precision: DType) throws -> Tensor {
    var h = try decoder.first(code.to(precision).channelsLast())
    for (level, blocks) in decoder.levels.enumerated() {
      if level > 0 { h = try decoder.steps[level - 1](h).upsampleNearest2x() }
      if level == decoder.levels.count - 1 { h = try h + binPosition.to(precision) }
      for block in blocks { h = try block(h) }
    }
    return try patches.joined(decoder.last(decoder.norm.silu(h)).to(.float32))
  }

  /// Of the decoder: where a gradient is measured against another one.
  var lastWeight: Tensor { decoder.last.weight }

  private var patches: Patches {
    Patches(
      channels: configuration.channels, bins: configuration.patchBins,
      frames: configuration.patchFrames)
  }
}
