package import Torch

/// A judge of patches of spectrograms at several scales: one network for the spectrogram as it is, one for
/// means over 2 by 2 of its cells, one for 4 by 4 (Isola et al. 2017, arXiv:1611.07004; at several scales,
/// Wang et al. 2018, arXiv:1711.11585). It has no norms, which would let one clip's gradient depend on another
/// clip, and computes in float32 by what libtorch can differentiate twice.
package struct PatchDiscriminator: Sendable {
  private let scales: [[Conv2d]]
  /// Where in frequency a mel bin lies, −1 to 1, `[1, 1, mel bins, 1]`.
  private let position: Tensor

  static let scaleCount = 3
  /// Layers that halve both axes.
  static let halvings = 3
  /// Negative values count as much as this.
  private static let slope = 0.2

  /// - Parameters:
  ///   - width: channels of the first layer; each further one has twice as many.
  ///   - numbers: that are said of each patch.
  package init(
    _ path: ParameterPath, channels: Int, melBins: Int, width: Int = 16, numbers: Int,
    device: Device = .cpu
  ) throws {
    scales = try (0..<Self.scaleCount).map { scale in
      let path = path / "scales" / String(scale)
      let widths = [channels + 1] + (0..<Self.halvings).map { width << $0 }
      let halving = try (0..<Self.halvings).map {
        try Conv2d(
          path / "layers" / String($0), in: widths[$0], out: widths[$0 + 1], kernel: 4, stride: 2,
          padding: 1)
      }
      return try halving + [
        Conv2d(path / "last", in: widths.last!, out: numbers, kernel: 3, padding: 1)
      ]
    }
    position = try Tensor(
      (0..<melBins).map { 2 * (Float($0) + 0.5) / Float(melBins) - 1 }, shape: [1, 1, melBins, 1],
      device: device)
  }

  /// - Parameter x: normalised log-mel, `[batch, channels, mel bins, frames]`; both sides multiples of 32.
  package func callAsFunction(_ x: Tensor) throws -> Judgement {
    var x = try Tensor.concatenate(
      [x, position.expand([x.shape[0], 1, x.shape[2], x.shape[3]])], dimension: 1)
    var (scores, features): ([Tensor], [Tensor]) = ([], [])
    for (index, layers) in scales.enumerated() {
      if index > 0 { x = try x.averagePool2x() }
      var h = x
      for layer in layers.dropLast() {
        h = try layer(h)
        h = try h.maximum(h * Self.slope)
        features.append(h)
      }
      scores.append(try layers.last!(h))
    }
    return Judgement(scores: scores, features: features)
  }
}
