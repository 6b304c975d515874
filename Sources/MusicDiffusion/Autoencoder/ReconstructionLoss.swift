import Spectro
package import Torch

/// How far a spectrogram is from what it is to be: the mean absolute difference of log-mel, each mel bin
/// weighted as hearing does, of the spectrograms as they are and of means over 2 by 2, 4 by 4 and 8 by 8 of
/// their cells, so that level and colour count as well as detail.
package struct ReconstructionLoss: Sendable {
  static let scales = 4
  /// Of a difference of normalised values, that of log-mel times the weight, `[1, channels, bins, 1]`.
  private let weights: Tensor
  /// The same without the weight, in decibels.
  private let decibels: Tensor

  package init(_ representation: Representation, _ normalization: Normalization, device: Device)
    throws
  {
    let settings = representation.spectrogram
    let shape = [1, representation.channels, settings.melBins, 1]
    let factors = HearingWeights.factors(of: settings)
    let scale = normalization.scale
    weights = try Tensor(
      scale.enumerated().map { factors[$0 % factors.count] / $1 }, shape: shape, device: device)
    decibels = try Tensor(
      scale.map { Float(settings.decibelsPerNeper) / $0 }, shape: shape, device: device)
  }

  /// - Parameters:
  ///   - x: normalised log-mel, `[batch, channels, mel bins, frames]`; `y`, shaped as it.
  /// - Returns: in nepers of power as hearing weights them, a scalar.
  package func callAsFunction(_ x: Tensor, _ y: Tensor) throws -> Tensor {
    var difference = try (x - y) * weights
    var sum = try difference.abs().mean()
    for _ in 1..<Self.scales {
      difference = try difference.averagePool2x()
      sum = try sum + difference.abs().mean()
    }
    return try sum / Double(Self.scales)
  }

  /// The mean absolute difference of log-mel in decibels, unweighted.
  package func decibels(_ x: Tensor, _ y: Tensor) throws -> Double {
    try ((x - y) * decibels).abs().mean().item()
  }
}
