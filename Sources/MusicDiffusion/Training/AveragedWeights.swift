import Foundation
package import Torch

/// The power-function EMA of the weights: Karras et al. 2024 (arXiv:2312.02696), equation 7 with
/// the decay 1 − 1/t to the power of gamma + 1. Its length grows with the run, so early weights are
/// forgotten without a warm-up.
package struct AveragedWeights {
  package let parameters: ParameterStore
  package let width: Double
  private let gamma: Double

  /// - Parameter width: standard deviation of the average's weights over time, relative to the run.
  package init(_ parameters: ParameterStore, width: Double) {
    (self.parameters, self.width) = (parameters, width)
    gamma = Self.gamma(width: width)
  }

  /// - Parameter step: the number of updates made, this one included.
  package func update(from source: ParameterStore, step: Int) throws {
    let decay = step <= 1 ? 0 : pow(1 - 1 / Double(step), gamma + 1)
    try updateEMA(parameters, from: source, decay: decay)
  }

  /// The gamma whose width is `width`: sigma² = (gamma + 1) / ((gamma + 2)² (gamma + 3)) (appendix C
  /// there), which falls as gamma grows, by bisection.
  package static func gamma(width: Double) -> Double {
    var (low, high) = (0.0, 1e6)
    for _ in 0..<100 {
      let gamma = (low + high) / 2
      let variance = (gamma + 1) / ((gamma + 2) * (gamma + 2) * (gamma + 3))
      if variance > width * width { low = gamma } else { high = gamma }
    }
    return (low + high) / 2
  }
}
