import Foundation

/// Falling noise levels for a sampler to step through, ending in 0.
public enum SigmaSchedule {
  /// Karras et al. 2022 (arXiv:2206.00364), equation 5.
  ///
  /// - Parameters:
  ///   - steps: denoising steps, at least 2; the result has one more entry, the final 0.
  ///   - min: smallest standard deviation of the noise above 0, in units of the data.
  ///   - max: largest standard deviation, where sampling starts.
  ///   - rho: how strongly the steps gather near `min`; the paper uses 7.
  public static func karras(steps: Int, min: Double, max: Double, rho: Double = 7) -> [Double] {
    precondition(steps >= 2 && 0 < min && min < max)
    let (low, high) = (pow(min, 1 / rho), pow(max, 1 / rho))
    let ramp = (0..<steps).map { Double($0) / Double(steps - 1) }
    return ramp.map { pow(high + $0 * (low - high), rho) } + [0]
  }
}
