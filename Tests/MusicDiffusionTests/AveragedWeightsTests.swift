import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct AveragedWeightsTests {
  /// Karras et al. 2024 (arXiv:2312.02696) give 16.97 and 6.94 for widths of 5 and 10 %.
  @Test func gammaIsThePapers() {
    #expect(abs(AveragedWeights.gamma(width: 0.05) - 16.97) < 0.005)
    #expect(abs(AveragedWeights.gamma(width: 0.10) - 6.94) < 0.005)
  }

  /// Equation 6 there: after step t, the weights of step s count in proportion to s to the power of
  /// gamma, here exactly (s^(γ+1) − (s−1)^(γ+1)) / t^(γ+1).
  @Test func averageIsThatOfThePaper() throws {
    let (values, average) = (ParameterStore(seed: 1), ParameterStore(seed: 1))
    let parameter = try values.root.parameter("x", [1], .zeros)
    let averaged = try average.root.parameter("x", [1], .ones)
    let weights = AveragedWeights(average, width: 0.1)
    let exponent = AveragedWeights.gamma(width: 0.1) + 1
    let optimizer = try AdamW(parameters: values, weightDecay: 0)
    var history: [Double] = []
    for step in 1...20 {
      // Any update will do.
      try (parameter * sin(Double(step))).sum().backward()
      try optimizer.step(learningRate: 0.1)
      values.zeroGradients()
      history.append(try parameter.item())
      try weights.update(from: values, step: step)
      var expected = 0.0
      for (index, value) in history.enumerated() {
        let (before, after) = (Double(index), Double(index + 1))
        expected += value * (pow(after, exponent) - pow(before, exponent))
      }
      expected /= pow(Double(step), exponent)
      #expect(try abs(averaged.item() - expected) < 1e-5)
    }
  }
}
