import Foundation
public import Torch

/// Noise level and label to one vector per clip, which every residual block takes.
///
/// Fourier features of the noise level, then two linear layers, as in Karras et al. 2022
/// (arXiv:2206.00364, appendix C); the label's learned vector is added between them, and so is, as
/// in appendix F.2 there, a linear map of what tells how a clip was augmented.
public struct NoiseEmbedding: Sendable {
  /// Frequencies in cycles per unit of cNoise = ln(sigma) / 4, from a slow one that tells the ends
  /// of the range apart to one that tells neighbouring noise levels apart.
  private static let frequencies = (0..<32).map { 0.125 * pow(128, Double($0) / 31) }

  let first, second: Linear
  let labels: Embedding
  /// `augmentation.weight`, which only networks trained on augmented clips have.
  let augmentation: Linear?

  public init(
    _ path: ParameterPath, width: Int, labelCount: Int, augmentationWidth: Int? = nil
  ) throws {
    first = try Linear(path / "first", in: 2 * Self.frequencies.count, out: width)
    second = try Linear(path / "second", in: width, out: width)
    labels = try Embedding(path / "labels", entries: labelCount + 1, channels: width)
    augmentation = try augmentationWidth.map {
      try Linear(path / "augmentation", in: $0, out: width, bias: false)
    }
  }

  /// - Parameters:
  ///   - noiseLevels: cNoise of each clip.
  ///   - labels: an index of a label for each clip, or the number of labels for "none".
  ///   - augmentation: `[batch, augmentationWidth]`; nil for clips as they are, which is as zeros.
  /// - Returns: `[batch, width]`, after the last SiLU.
  public func callAsFunction(
    noiseLevels: [Double], labels: [Int], augmentation: Tensor? = nil, device: Device
  ) throws -> Tensor {
    let angles = noiseLevels.flatMap { level in
      Self.frequencies.map { 2 * Double.pi * $0 * level }
    }
    let features = angles.chunked(by: Self.frequencies.count).flatMap { row in
      row.map { Float(cos($0)) } + row.map { Float(sin($0)) }
    }
    let x = try Tensor(
      features, shape: [noiseLevels.count, 2 * Self.frequencies.count], device: device)
    let label = try self.labels(
      Tensor(labels.map(Int64.init), shape: [labels.count], device: device))
    var h = try first(x) + label
    if let map = self.augmentation, let augmentation { h = try h + map(augmentation) }
    return try second(h.silu()).silu()
  }
}

extension Array {
  fileprivate func chunked(by size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}
