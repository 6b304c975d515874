import Torch

/// Settings that are tried against others.
public struct TuningCandidate: Sendable, Hashable {
  public var learningRate: Double
  /// Of the network's levels.
  public var widths: [Int]
  public var levels: NoiseDistribution

  /// A run's settings with these.
  public func applied(to base: TrainingConfiguration) -> TrainingConfiguration {
    var configuration = base
    configuration.learningRate = learningRate
    configuration.widths = widths
    // The widths alone are compared: none of them gets a filter of details, or loses it.
    configuration.detailKernels = base.network(labelCount: 0).detailKernels ?? 0
    configuration.noise.levels = levels
    return configuration
  }

  /// Keys of a ``SettingsFile`` that hold what ``applied(to:)`` changes.
  public static let keys: Set<String> = ["learningRate", "widths", "detailKernels", "noise"]

  /// The default, and others around it: a quarter to four times the learning rate, two thirds to four
  /// thirds of the widths, noise levels lower, higher, nearer together and farther apart.
  ///
  /// Each value of a setting comes as often as the others, in an order of its own, so that a few
  /// candidates already try all values of each (a Latin hypercube, McKay et al. 1979).
  ///
  /// - Parameters:
  ///   - base: the default's settings.
  ///   - count: candidates, the default being the first.
  /// - Returns: distinct ones, `count` unless there are not so many.
  public static func drawn(
    around base: TrainingConfiguration, count: Int, seed: UInt64 = 0
  ) -> [TuningCandidate] {
    let network = base.network(labelCount: 0)
    let rates = [0.25, 0.5, 1, 2, 4].map { $0 * base.learningRate }
    let widths = [2.0 / 3, 1, 4.0 / 3].map { scaled(network, by: $0) }
    let levels = [base.noise.levels] + alternatives.filter { $0 != base.noise.levels }
    var random = RandomGenerator(seed: seed, stream: 1)
    var order = [[Int]](repeating: [], count: 3)
    func next(_ axis: Int, of count: Int) -> Int {
      if order[axis].isEmpty {
        order[axis] = Array(0..<count)
        for last in (1..<count).reversed() {
          order[axis].swapAt(last, random.integer(in: 0..<last + 1))
        }
      }
      return order[axis].removeLast()
    }
    var candidates = [
      TuningCandidate(
        learningRate: base.learningRate, widths: network.widths, levels: base.noise.levels)
    ]
    for _ in 0..<100 * count where candidates.count < count {
      let candidate = TuningCandidate(
        learningRate: rates[next(0, of: rates.count)], widths: widths[next(1, of: widths.count)],
        levels: levels[next(2, of: levels.count)])
      if !candidates.contains(candidate) { candidates.append(candidate) }
    }
    return Array(candidates.prefix(count))
  }

  private static let alternatives: [NoiseDistribution] = [
    NoiseDistribution(), NoiseDistribution(logMean: -1.2), NoiseDistribution(logMean: 0),
    NoiseDistribution(logStandardDeviation: 1), NoiseDistribution(logStandardDeviation: 1.8),
    .cosine,
  ]

  /// Widths that a network can have: multiples of 8, the lowest level's of the heads' width.
  private static func scaled(_ network: UNetConfiguration, by factor: Double) -> [Int] {
    func rounded(_ width: Int, to unit: Int) -> Int {
      max(unit, Int((Double(width) * factor / Double(unit)).rounded()) * unit)
    }
    return network.widths.dropLast().map { rounded($0, to: 8) }
      + network.widths.suffix(1).map { rounded($0, to: network.headWidth) }
  }
}
