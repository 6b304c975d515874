import Foundation

/// The noise levels of models that know a thousand timesteps, from little noise to much, for data of
/// standard deviation 1.
public enum DiscreteTimesteps: String, CaseIterable, Sendable {
  /// betas from 0.0001 to 0.02 in equal steps: Ho et al. 2020 (arXiv:2006.11239), section 4.
  case linear
  /// Nichol and Dhariwal 2021 (arXiv:2102.09672), equation 17, with betas of at most 0.999.
  case cosine

  static let count = 1000

  private var betas: [Double] {
    let count = Self.count
    switch self {
    case .linear:
      return (0..<count).map { 1e-4 + (0.02 - 1e-4) * Double($0) / Double(count - 1) }
    case .cosine:
      func alphaBar(_ timestep: Int) -> Double {
        let angle = (Double(timestep) / Double(count) + 0.008) / 1.008 * .pi / 2
        return cos(angle) * cos(angle)
      }
      return (0..<count).map { min(1 - alphaBar($0 + 1) / alphaBar($0), 0.999) }
    }
  }

  /// sigma² = (1 − alphaBar) / alphaBar, where alphaBar is the product of all 1 − beta so far.
  public var sigmas: [Double] { self == .linear ? Self.linearSigmas : Self.cosineSigmas }

  private static let linearSigmas = linear.computedSigmas()
  private static let cosineSigmas = cosine.computedSigmas()

  private func computedSigmas() -> [Double] {
    var alphaBar = 1.0
    return betas.map { beta in
      alphaBar *= 1 - beta
      return ((1 - alphaBar) / alphaBar).squareRoot()
    }
  }
}

/// Which of the thousand timesteps a few steps of sampling visit: Lin et al. 2023
/// (arXiv:2305.08891), table 2.
public enum TimestepSpacing: Sendable {
  /// Begins below the last timestep and ends at the first: DDIM's own.
  case leading
  /// Begins at the last timestep, where there is hardly any signal.
  case trailing

  /// Falling timesteps, 0 ..< 1000.
  ///
  /// - Precondition: `steps` is 1 to 1000.
  public func timesteps(_ steps: Int) -> [Int] {
    let count = DiscreteTimesteps.count
    precondition((1...count).contains(steps))
    switch self {
    case .leading:
      return (0..<steps).reversed().map { $0 * (count / steps) }
    case .trailing:
      let stride = Double(count) / Double(steps)
      return (0..<steps).map {
        Int((Double(count) - Double($0) * stride).rounded(.toNearestOrEven)) - 1
      }
    }
  }
}
