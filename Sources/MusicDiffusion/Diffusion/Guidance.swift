public import Torch

/// How far a denoiser goes beyond its own estimate, away from a worse one.
public struct Guidance: Codable, Sendable, Equatable {
  /// How far to go from the worse estimate towards the better one and beyond: Ho and Salimans 2022
  /// (arXiv:2207.12598), there 1 + w. 1 leaves the better one as it is and costs one evaluation
  /// instead of two; 0 is the worse one.
  public var scale: Double
  /// How much of the estimate's standard deviation is set back to that of the better one, 0 to 1:
  /// phi of Lin et al. 2023 (arXiv:2305.08891), equations 15 and 16, which advises 0.7 where large
  /// scales exaggerate contrast.
  public var rescale: Double
  /// The noise levels above the lower bound and up to the upper one are guided, the others are not:
  /// Kynkäänniemi et al. 2024 (arXiv:2404.07724). Guiding at high noise levels costs
  /// variety. Nil guides at all of them.
  public var interval: ClosedRange<Double>?

  public init(scale: Double = 1, rescale: Double = 0, interval: ClosedRange<Double>? = nil) {
    self.scale = scale
    self.rescale = rescale
    self.interval = interval
  }

  /// What is absent is as ``init(scale:rescale:interval:)`` has it.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      scale: try values.decodeIfPresent(Double.self, forKey: .scale) ?? 1,
      rescale: try values.decodeIfPresent(Double.self, forKey: .rescale) ?? 0,
      interval: try values.decodeIfPresent(ClosedRange<Double>.self, forKey: .interval))
  }

  public func isActive(at sigma: Double) -> Bool {
    // A schedule that starts at 40 does so to rounding.
    let isInside =
      interval.map { $0.lowerBound < sigma && sigma <= $0.upperBound * (1 + 1e-12) } ?? true
    return scale != 1 && isInside
  }

  /// - Parameters:
  ///   - better: the estimate to follow, `[batch, ...]`; `worse`, shaped as it, the one to avoid.
  public func combined(_ better: Tensor, _ worse: Tensor) throws -> Tensor {
    let guided = try worse + (better - worse) * scale
    guard rescale > 0 else { return guided }
    let ratio = try Self.deviation(better) / Self.deviation(guided).clamp(min: 1e-12)
    return try guided * (ratio * rescale + (1 - rescale))
  }

  /// Of each clip, `[batch, 1, ...]`: one after the other, each in the order of its shape, since libtorch sums up
  /// otherwise for another number of clips and for another order in memory.
  private static func deviation(_ x: Tensor) throws -> Tensor {
    let dimensions = Array(1..<x.rank)
    return try .concatenate(
      (0..<x.shape[0]).map { number in
        let clip = try x.narrow(dimension: 0, start: number, length: 1).contiguous()
        let centred = try clip - clip.mean(dimensions: dimensions, keep: true)
        return try centred.square().mean(dimensions: dimensions, keep: true).sqrt()
      }, dimension: 0)
  }
}

/// A denoiser with guidance: to a sampler, a denoiser like any other.
public struct GuidedDenoiser: Sendable {
  /// Where the worse estimate comes from.
  public enum Reference: Sendable {
    /// The same network told something else: nothing, classifier-free guidance (Ho and Salimans 2022,
    /// arXiv:2207.12598), or what to keep away from.
    case description(Description)
    /// A weaker network told the same: an earlier snapshot or a smaller one. Autoguidance, Karras et
    /// al. 2024 (arXiv:2406.02507); it needs no descriptions.
    case weaker(Denoiser)
  }

  public let denoiser: Denoiser
  public let reference: Reference
  public let guidance: Guidance

  public init(_ denoiser: Denoiser, away reference: Reference, guidance: Guidance) {
    self.denoiser = denoiser
    self.reference = reference
    self.guidance = guidance
  }

  /// Shapes and result as ``Denoiser/callAsFunction(_:sigma:condition:)``: what is known stays as it
  /// is, since both estimates have it.
  public func callAsFunction(_ x: Tensor, sigma: Double, condition: Condition) throws -> Tensor {
    guard guidance.isActive(at: sigma) else {
      return try denoiser(x, sigma: sigma, condition: condition)
    }
    let (better, worse) =
      switch reference {
      case .description(let other): try denoiser.pair(x, sigma: sigma, condition, other: other)
      case .weaker(let weaker):
        try (
          denoiser.estimate(x, sigma: sigma, condition), weaker.estimate(x, sigma: sigma, condition)
        )
      }
    return try combined(better, worse, condition)
  }

  /// The same for clips with noise levels of their own.
  package func callAsFunction(_ x: Tensor, sigmas: [Double], condition: Condition) throws -> Tensor
  {
    let better = try denoiser.estimate(x, sigmas: sigmas, condition)
    let isActive = sigmas.map { guidance.isActive(at: $0) }
    guard isActive.contains(true) else { return try condition.completed(by: better) }
    let worse: Tensor
    switch reference {
    case .description(let other):
      var condition = condition
      condition.descriptions = condition.descriptions.map { _ in other }
      worse = try denoiser.estimate(x, sigmas: sigmas, condition)
    case .weaker(let weaker): worse = try weaker.estimate(x, sigmas: sigmas, condition)
    }
    let share = try Tensor(
      isActive.map { Float($0 ? 1 : 0) }, shape: [sigmas.count, 1, 1, 1], device: x.device)
    let plain = try condition.completed(by: better)
    return try plain + (combined(better, worse, condition) - plain) * share
  }

  private func combined(
    _ better: Tensor, _ worse: Tensor, _ condition: Condition
  ) throws -> Tensor {
    // What the estimates say of what is known was never trained, and must not count as contrast.
    try condition.completed(
      by: guidance.combined(condition.completed(by: better), condition.completed(by: worse)))
  }
}
