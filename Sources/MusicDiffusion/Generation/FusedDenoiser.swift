package import Torch

/// A denoiser of whole sections by their windows (``WindowFusion``): to a sampler, one like any other.
package struct FusedDenoiser {
  private let fusion: WindowFusion
  private let denoiser: GuidedDenoiser
  private let sigmas: [Double]
  private let condition: Condition
  /// For each window.
  private let descriptions: [Description]
  private let windowsAtOnce: Int
  /// Whether some of what stands does so for a part of the steps.
  private let passes: Bool

  /// - Parameters:
  ///   - condition: of whole sections.
  ///   - sigmas: the steps at which windows move.
  ///   - window: frames of a window.
  ///   - atOnce: windows that the network sees at once, at most.
  package init(
    _ denoiser: GuidedDenoiser, _ axis: WindowFusion.Axis, _ condition: Condition,
    sigmas: [Double], window: Int, atOnce: Int
  ) throws {
    let fusion = WindowFusion(axis, frames: condition.known.shape[3], window: window)
    descriptions = condition.descriptions.flatMap { repeatElement($0, count: fusion.count) }
    (self.denoiser, self.condition, self.sigmas) = (denoiser, condition, sigmas)
    (self.fusion, windowsAtOnce) = (fusion, atOnce)
    passes = try condition.mask.floats().contains { $0 > 0 && $0 < 1 }
  }

  /// Shapes as ``Denoiser/callAsFunction(_:sigma:condition:)`` has them, of sections.
  package func callAsFunction(_ x: Tensor, sigma: Double) throws -> Tensor {
    // By the noise level, so that a way back meets the windows of the way there.
    let step = sigmas.prefix { $0 > sigma }.count
    let starts = fusion.starts(atStep: step)
    let condition =
      try passes
      ? condition.standing(after: Double(step) / Double(sigmas.count - 1)) : condition
    let windows = try [x, condition.known, condition.mask].map {
      try fusion.windows(of: $0, at: starts)
    }
    let estimates = try batches.map { batch in
      let parts = try windows.map {
        try $0.narrow(dimension: 0, start: batch.lowerBound, length: batch.count)
      }
      return try denoiser(
        parts[0], sigma: sigma,
        condition: Condition(Array(descriptions[batch]), known: parts[1], mask: parts[2]))
    }
    return try fusion.joined(.concatenate(estimates, dimension: 0), at: starts)
  }

  /// Windows that go together, as evenly as can be.
  private var batches: [Range<Int>] {
    let total = descriptions.count
    let count = (total + windowsAtOnce - 1) / windowsAtOnce
    return (0..<count).map { $0 * total / count..<($0 + 1) * total / count }
  }
}
