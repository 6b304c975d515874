import Foundation

/// How the noise levels of training are drawn.
public struct NoiseDistribution: Codable, Sendable, Equatable {
  /// ln(sigma) is normal with this mean and standard deviation: EDM's choice (Karras et al. 2022,
  /// arXiv:2206.00364, table 1). A larger mean suits larger spectrograms, whose neighbouring values
  /// say much of the same.
  public var logMean: Double
  public var logStandardDeviation: Double

  public init(logMean: Double = -0.6, logStandardDeviation: Double = 1.4) {
    self.logMean = logMean
    self.logStandardDeviation = logStandardDeviation
  }

  /// Noise levels for a batch, one from each of `count` equally likely ranges, so that every batch
  /// sees all of them and its loss varies less. Each sigma by itself is log-normal.
  ///
  /// - Parameter offset: uniform in [0, 1), where in its range each one lies.
  public func stratifiedSigmas(count: Int, offset: Double) -> [Double] {
    (0..<count).map { index in
      let quantile = (Double(index) + offset) / Double(count)
      return exp(logMean + logStandardDeviation * normalQuantile(quantile))
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
