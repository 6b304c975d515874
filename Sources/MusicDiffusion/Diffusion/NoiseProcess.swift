public import Torch

/// How signals become noisy in training, and what the network is asked for then.
///
/// In JSON the noise levels' keys stand beside `shape` and `prediction`. What is absent is as models
/// had it before there was a choice: log-normal levels, Gaussian noise, EDM's F.
public struct NoiseProcess: Sendable, Equatable {
  public var levels: NoiseDistribution
  public var shape: NoiseShape
  public var prediction: Prediction

  public init(
    levels: NoiseDistribution = NoiseDistribution(), shape: NoiseShape = .gaussian,
    prediction: Prediction = .edm
  ) {
    self.levels = levels
    self.shape = shape
    self.prediction = prediction
  }

  /// What suits a preset. Whether a one-shot has ended moves most of a window's values at once: the first
  /// principal component of normalised drums has a deviation of 72, and noise has to drown that, too, or the
  /// label decides nothing (Docs/training.md).
  public init(for preset: Preset) {
    switch preset {
    case .oneshots: self.init(levels: .logNormal(mean: 1, standardDeviation: 2))
    case .standard, .draft, .studio: self.init()
    }
  }

  func validate() throws {
    try levels.validate()
  }
}

extension NoiseProcess: Codable {
  private enum CodingKeys: CodingKey { case shape, prediction }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    levels = try NoiseDistribution(from: decoder)
    shape = try values.decodeIfPresent(NoiseShape.self, forKey: .shape) ?? .gaussian
    prediction = try values.decodeIfPresent(Prediction.self, forKey: .prediction) ?? .edm
  }

  public func encode(to encoder: any Encoder) throws {
    try levels.encode(to: encoder)
    var values = encoder.container(keyedBy: CodingKeys.self)
    if shape != .gaussian { try values.encode(shape, forKey: .shape) }
    if prediction != .edm { try values.encode(prediction, forKey: .prediction) }
  }
}

/// How a value of the noise is distributed: of mean 0 and variance 1, each by itself.
public enum NoiseShape: String, Codable, CaseIterable, Sendable {
  case gaussian
  /// Heavier tails than the normal distribution's. A sum of such values is not one, so that no
  /// sampler is proven for it: a thing to try.
  case laplace

  /// Values that the generator's seed, stream and position decide.
  public func values(_ count: Int, _ random: inout RandomGenerator) -> [Float] {
    switch self {
    case .gaussian: random.normals(count)
    case .laplace: random.laplaces(count)
    }
  }
}
