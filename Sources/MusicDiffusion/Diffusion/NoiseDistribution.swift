import Foundation

/// How the noise levels of training are drawn.
///
/// But for the log-normal, whose sigma is in units of the normalised data as in EDM, they are those
/// of papers whose data has a standard deviation of 1: relative to the data's own deviation, with
/// logSNR = −2 ln(sigma / sigmaData).
public enum NoiseDistribution: Sendable, Hashable {
  /// ln(sigma) is normal: EDM's choice (Karras et al. 2022, arXiv:2206.00364, table 1). A larger mean
  /// suits larger spectrograms, whose neighbouring values say much of the same.
  case logNormal(mean: Double, standardDeviation: Double)
  /// sigma / sigmaData = tan(π t / 2) with t uniform: the cosine schedule of Nichol and Dhariwal 2021
  /// (arXiv:2102.09672) as a logSNR (Kingma and Gao 2023, arXiv:2303.00848), within 60 dB of
  /// the data on both sides.
  case cosine
  /// One of DDPM's thousand timesteps, each as likely: linear betas (Ho et al. 2020,
  /// arXiv:2006.11239, section 4).
  case linear
  /// logSNR has a Laplace distribution: Hang et al. 2024 (arXiv:2407.03297), table 1.
  case laplace(mean: Double, scale: Double)
  /// The t of rectified flow is the logistic function of a normal value, sigma / sigmaData =
  /// t / (1 − t): Esser et al. 2024 (arXiv:2403.03206), equation 19.
  case logitNormal(mean: Double, standardDeviation: Double)

  /// EDM's, with a mean that suits spectrograms.
  public init(logMean: Double = -0.6, logStandardDeviation: Double = 1.4) {
    self = .logNormal(mean: logMean, standardDeviation: logStandardDeviation)
  }

  /// With its paper's parameters.
  public init(_ kind: Kind) {
    switch kind {
    case .logNormal: self.init()
    case .cosine: self = .cosine
    case .linear: self = .linear
    case .laplace: self = .laplace(mean: 0, scale: 0.5)
    case .logitNormal: self = .logitNormal(mean: 0, standardDeviation: 1)
    }
  }

  /// The distributions by name.
  public enum Kind: String, Codable, CaseIterable, Sendable {
    case logNormal = "log-normal"
    case cosine, linear, laplace
    case logitNormal = "logit-normal"

    /// Names of its parameters in JSON.
    var parameters: Set<String> {
      switch self {
      case .logNormal: ["logMean", "logStandardDeviation"]
      case .cosine, .linear: []
      case .laplace: ["mean", "scale"]
      case .logitNormal: ["mean", "standardDeviation"]
      }
    }
  }

  public var kind: Kind {
    switch self {
    case .logNormal: .logNormal
    case .cosine: .cosine
    case .linear: .linear
    case .laplace: .laplace
    case .logitNormal: .logitNormal
    }
  }

  /// The noise level below which this share of all lies.
  ///
  /// - Parameters:
  ///   - quantile: 0 to 1; the ends are those of double precision, not 0 and infinity.
  ///   - sigmaData: standard deviation of the data.
  public func sigma(quantile: Double, sigmaData: Double) -> Double {
    switch self {
    case .logNormal(let mean, let deviation):
      return exp(mean + deviation * normalQuantile(quantile))
    case .cosine:
      let (low, high) = (atan(1e-3), atan(1e3))
      return sigmaData * tan(low + quantile * (high - low))
    case .linear:
      let levels = DiscreteTimesteps.linear.sigmas
      return sigmaData * levels[min(Int(quantile * Double(levels.count)), levels.count - 1)]
    case .laplace(let mean, let scale):
      // More noise is less logSNR: the quantile counts from its other end.
      let tail = max(1 - abs(2 * quantile - 1), 1e-12)
      let logSNR = mean + scale * log(tail) * (quantile < 0.5 ? -1 : 1)
      return sigmaData * exp(-logSNR / 2)
    case .logitNormal(let mean, let deviation):
      return sigmaData * exp(mean + deviation * normalQuantile(quantile))
    }
  }

  /// Noise levels for a batch, one from each of `count` equally likely ranges, so that every batch
  /// sees all of them and its loss varies less. Each sigma by itself has this distribution.
  ///
  /// - Parameters:
  ///   - offset: uniform in [0, 1), where in its range each one lies.
  ///   - sigmaData: standard deviation of the data.
  public func stratifiedSigmas(count: Int, offset: Double, sigmaData: Double = 0.5) -> [Double] {
    (0..<count).map { sigma(quantile: (Double($0) + offset) / Double(count), sigmaData: sigmaData) }
  }

  func validate() throws {
    let (mean, spread) =
      switch self {
      case .cosine, .linear: (0.0, 1.0)
      case .logNormal(let mean, let deviation), .logitNormal(let mean, let deviation):
        (mean, deviation)
      case .laplace(let mean, let scale): (mean, scale)
      }
    guard abs(mean) <= 20, (1e-3...10).contains(spread) else {
      throw ModelError.invalidConfiguration(
        "noise needs a mean of -20 to 20 and a standard deviation or scale of 0.001 to 10")
    }
  }
}

/// Log-normal levels have the keys that they had when there were no others.
extension NoiseDistribution: Codable {
  private enum CodingKeys: CodingKey {
    case levels, logMean, logStandardDeviation, mean, standardDeviation, scale
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func number(_ key: CodingKeys) throws -> Double { try values.decode(Double.self, forKey: key) }
    switch try values.decodeIfPresent(Kind.self, forKey: .levels) ?? .logNormal {
    case .logNormal:
      self = .logNormal(
        mean: try number(.logMean), standardDeviation: try number(.logStandardDeviation))
    case .cosine: self = .cosine
    case .linear: self = .linear
    case .laplace: self = .laplace(mean: try number(.mean), scale: try number(.scale))
    case .logitNormal:
      self = .logitNormal(
        mean: try number(.mean), standardDeviation: try number(.standardDeviation))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    if kind != .logNormal { try values.encode(kind, forKey: .levels) }
    switch self {
    case .logNormal(let mean, let deviation):
      try values.encode(mean, forKey: .logMean)
      try values.encode(deviation, forKey: .logStandardDeviation)
    case .cosine, .linear: break
    case .laplace(let mean, let scale):
      try values.encode(mean, forKey: .mean)
      try values.encode(scale, forKey: .scale)
    case .logitNormal(let mean, let deviation):
      try values.encode(mean, forKey: .mean)
      try values.encode(deviation, forKey: .standardDeviation)
    }
  }
}

/// The inverse of the normal distribution's cumulative function, by bisection on erfc: exact to
/// double precision within ±8 standard deviations, to which the result is limited.
func normalQuantile(_ probability: Double) -> Double {
  var (low, high) = (-8.0, 8.0)
  for _ in 0..<60 {
    let middle = (low + high) / 2
    if 0.5 * erfc(-middle / 2.0.squareRoot()) < probability { low = middle } else { high = middle }
  }
  return (low + high) / 2
}
