import Foundation

/// Falling noise levels for a sampler to step through, ending in 0.
public enum SigmaSchedule: String, CaseIterable, Codable, Sendable {
  case karras, exponential, linear, cosine, leading, trailing, flow

  /// - Parameters:
  ///   - steps: denoising steps, at least 1; the result has one more entry, the final 0.
  ///   - min: smallest standard deviation of the noise above 0, in units of the data. Those that
  ///     follow a training schedule, `leading`, `trailing` and `flow`, have an end of their own.
  ///   - max: largest standard deviation, where sampling starts. `leading` and `trailing` have a
  ///     start of their own.
  ///   - sigmaData: standard deviation of the data, by which the schedules of papers whose data has
  ///     a deviation of 1 are scaled.
  ///   - shift: of `flow`.
  /// - Throws: ``ModelError/invalidArgument(_:)`` for more steps than a training schedule has.
  public func sigmas(
    steps: Int, min: Double, max: Double, sigmaData: Double, shift: Double = 1
  ) throws -> [Double] {
    func scaled(_ sigmas: [Double]) -> [Double] { sigmas.map { $0 * sigmaData } }
    switch self {
    case .karras: return Self.karras(steps: steps, min: min, max: max)
    case .exponential: return Self.exponential(steps: steps, min: min, max: max)
    case .linear: return Self.linear(steps: steps, min: min, max: max)
    case .cosine:
      return scaled(Self.cosine(steps: steps, min: min / sigmaData, max: max / sigmaData))
    case .leading, .trailing:
      guard self == .trailing || steps > 1 else {
        throw ModelError.invalidArgument(
          "a single step of --schedule leading is at the least noise")
      }
      guard steps <= DiscreteTimesteps.count else {
        throw ModelError.invalidArgument(
          "--schedule \(rawValue) has \(DiscreteTimesteps.count) steps at most, not \(steps)")
      }
      return scaled(Self.timesteps(steps: steps, self == .leading ? .leading : .trailing))
    case .flow: return scaled(Self.flow(steps: steps, max: max / sigmaData, shift: shift))
    }
  }

  /// Karras et al. 2022 (arXiv:2206.00364), equation 5.
  ///
  /// - Parameters:
  ///   - steps: denoising steps, at least 1, of which the first starts at `max`; the result has one more entry,
  ///     the final 0.
  ///   - min: smallest standard deviation of the noise above 0, in units of the data.
  ///   - max: largest standard deviation, where sampling starts.
  ///   - rho: how strongly the steps gather near `min`; the paper uses 7.
  public static func karras(steps: Int, min: Double, max: Double, rho: Double = 7) -> [Double] {
    precondition(steps >= 1 && 0 < min && min < max)
    let (low, high) = (pow(min, 1 / rho), pow(max, 1 / rho))
    return ramp(steps).map { pow(high + $0 * (low - high), rho) } + [0]
  }

  /// Equal steps of ln sigma, and so of logSNR: Lu et al. 2022 (arXiv:2206.00927).
  public static func exponential(steps: Int, min: Double, max: Double) -> [Double] {
    precondition(steps >= 1 && 0 < min && min < max)
    let (low, high) = (log(min), log(max))
    return ramp(steps).map { exp(high + $0 * (low - high)) } + [0]
  }

  /// Equal steps of sigma.
  public static func linear(steps: Int, min: Double, max: Double) -> [Double] {
    karras(steps: steps, min: min, max: max, rho: 1)
  }

  /// Equal steps of the angle whose tangent sigma is: the cosine schedule in continuous time (Salimans
  /// and Ho 2022, arXiv:2202.00512, section 2), for data of standard deviation 1.
  public static func cosine(steps: Int, min: Double, max: Double) -> [Double] {
    precondition(steps >= 1 && 0 < min && min < max)
    let (low, high) = (atan(min), atan(max))
    return ramp(steps).map { tan(high + $0 * (low - high)) } + [0]
  }

  /// The noise levels of equally spaced timesteps of DDPM's or another discrete training schedule,
  /// for data of standard deviation 1: Song et al. 2020 (arXiv:2010.02502), appendix D.2.
  public static func timesteps(
    steps: Int, _ spacing: TimestepSpacing, of schedule: DiscreteTimesteps = .linear
  ) -> [Double] {
    let levels = schedule.sigmas
    return spacing.timesteps(steps).map { levels[$0] } + [0]
  }

  /// Equal steps of the time t of rectified flow, sigma = t / (1 − t), for data of standard
  /// deviation 1, from the t of `max` on.
  ///
  /// - Parameter shift: above 1 spends more steps where there is more noise, as larger data needs:
  ///   t' = shift · t / (1 + (shift − 1) t), Esser et al. 2024 (arXiv:2403.03206), equation 23, which
  ///   multiplies sigma by it.
  public static func flow(steps: Int, max: Double, shift: Double = 1) -> [Double] {
    precondition(steps >= 1 && max > 0 && shift > 0)
    // Unshifted, the first one is less noisy, so that the shift takes it to `max`.
    let start = max / shift / (1 + max / shift)
    return (0...steps).map { step in
      let time = start * (1 - Double(step) / Double(steps))
      return shift * time / (1 - time)
    }
  }

  /// From 0 to 1; one step is at 0.
  private static func ramp(_ steps: Int) -> [Double] {
    (0..<steps).map { Double($0) / Double(Swift.max(1, steps - 1)) }
  }
}
