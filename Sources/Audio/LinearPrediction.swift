/// How a sound would go on for a moment: each sample a weighted sum of those before it.
///
/// The weights are Burg's (Burg 1975, "Maximum entropy spectral analysis"), whose predictions never
/// grow; for filling gaps with them see Kauppinen and Roth 2002, "Audio signal extrapolation".
public struct LinearPrediction: Sendable {
  /// The weight of the sample before, of that before it, and so on.
  public let coefficients: [Double]

  /// - Parameters:
  ///   - samples: what to learn from; with fewer than two samples for each weight, there are fewer
  ///     weights.
  ///   - order: weights.
  public init(_ samples: [Float], order: Int) {
    var forward = samples.map(Double.init)
    var backward = forward
    var weights: [Double] = []
    for step in 0..<min(order, samples.count / 2) {
      let count = forward.count - step - 1
      var (product, energy) = (0.0, 0.0)
      for i in 0..<count {
        let (f, b) = (forward[i + step + 1], backward[i])
        product += f * b
        energy += f * f + b * b
      }
      // What is left cannot be predicted any better.
      guard energy > 1e-12 * Double(count) else { break }
      let reflection = 2 * product / energy
      weights =
        zip(weights, weights.reversed()).map { $0 - reflection * $1 } + [reflection]
      for i in 0..<count {
        let (f, b) = (forward[i + step + 1], backward[i])
        forward[i + step + 1] = f - reflection * b
        backward[i] = b - reflection * f
      }
    }
    coefficients = weights
  }

  /// The `count` samples that follow on `samples`; silence where there are fewer of these than weights.
  public func continuation(of samples: [Float], count: Int) -> [Float] {
    let order = coefficients.count
    guard samples.count >= order else { return [Float](repeating: 0, count: count) }
    var values = samples.suffix(order).map(Double.init)
    values.reserveCapacity(order + count)
    for index in 0..<count {
      var next = 0.0
      for (lag, coefficient) in coefficients.enumerated() {
        next += coefficient * values[order + index - 1 - lag]
      }
      values.append(next)
    }
    return values[order...].map { Float($0) }
  }
}
