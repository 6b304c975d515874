package import Torch

/// What an adversary learns from, and what a generator learns from the adversary.
public enum AdversarialLoss: String, Codable, Sendable, CaseIterable {
  /// The earth mover's distance, by a critic whose weights are held small (Arjovsky et al. 2017,
  /// arXiv:1701.07875).
  case wgan
  /// The same, by a critic whose gradient is held at a norm of 1 (Gulrajani et al. 2017, arXiv:1704.00028).
  case wganGP = "wgan-gp"
  /// Margins of 1 on both sides (Lim and Ye 2017, arXiv:1705.02894).
  case hinge
  /// The maximum mean discrepancy of what the critic makes of real and of generated patches, its witness's
  /// gradient held as in `wgan-gp` (Bińkowski et al. 2018, arXiv:1801.01401).
  case mmd

  /// Numbers that the critic says of each patch.
  package var scoresPerPatch: Int { self == .mmd ? 8 : 1 }
  /// The most that a weight of the critic may be; nil for any.
  var weightLimit: Double? { self == .wgan ? 0.05 : nil }
  /// Of the penalty on the critic's gradient; 0 for none.
  var penaltyWeight: Double { self == .wganGP || self == .mmd ? 10 : 0 }

  /// A critic whose loss stays below this has its margins nearly everywhere, so that it learns no more and its gradient
  /// says little; nil where it goes on measuring how far they are apart.
  var satisfiedBelow: Double? { self == .hinge ? 0.1 : nil }

  /// What the critic is to lower, a scalar.
  ///
  /// - Parameters:
  ///   - real: what it says of real patches, `[patches, numbers]`; `generated`, shaped as it.
  package func ofCritic(real: Tensor, generated: Tensor) throws -> Tensor {
    switch self {
    case .wgan, .wganGP: try generated.mean() - real.mean()
    case .hinge: try (1 - real).relu().mean() + (1 + generated).relu().mean()
    case .mmd: try -KernelDistance.squared(real, generated)
    }
  }

  /// What the generator is to lower, a scalar.
  package func ofGenerator(real: Tensor, generated: Tensor) throws -> Tensor {
    switch self {
    case .wgan, .wganGP, .hinge: try -generated.mean()
    case .mmd: try KernelDistance.squared(real, generated)
    }
  }

  /// The function whose mean over real patches lies above that over generated ones: what the penalty holds.
  ///
  /// - Parameter scores: of any patches, `[patches, numbers]`.
  /// - Returns: `[patches]`.
  func witness(_ scores: Tensor, real: Tensor, generated: Tensor) throws -> Tensor {
    switch self {
    case .wgan, .wganGP, .hinge: try scores.mean(dimensions: [1])
    case .mmd:
      try KernelDistance.kernel(scores, real).mean(dimensions: [1])
        - KernelDistance.kernel(scores, generated).mean(dimensions: [1])
    }
  }
}

extension AdversarialLoss {
  /// What the critic is to lower, its penalty included, as the mean over several judges.
  ///
  /// - Parameters:
  ///   - real: clips, `[batch, ...]`; `generated`, shaped as it; both without history.
  ///   - mix: for each clip how much of it is real where the penalty looks, 0 to 1.
  ///   - judges: what each judge says of clips: `[patches, numbers]`, a clip's patches after those of the one
  ///     before.
  package func ofCritic(
    real: Tensor, generated: Tensor, mix: [Float], judges: (Tensor) throws -> [Tensor]
  ) throws -> Tensor {
    let (ofReal, ofGenerated) = (try judges(real), try judges(generated))
    let loss = try ofCritic(real: ofReal, generated: ofGenerated)
    if penaltyWeight == 0 { return loss }
    let penalty = try GradientPenalty.between(real, generated, mix: mix) { between in
      let values = try judges(between).enumerated().map { judge, scores in
        try witness(scores, real: ofReal[judge], generated: ofGenerated[judge])
          .reshape([mix.count, -1]).mean(dimensions: [1])
      }
      return try values.dropFirst().reduce(values[0]) { try $0 + $1 } / Double(values.count)
    }
    return try loss + penalty * penaltyWeight
  }

  /// The same without a penalty, of what several judges say, `[patches, numbers]` of each.
  func ofCritic(real: [Tensor], generated: [Tensor]) throws -> Tensor {
    try mean(real, generated) { try ofCritic(real: $0, generated: $1) }
  }

  /// What the generator is to lower, as the mean over several judges, `[patches, numbers]` of each.
  package func ofGenerator(real: [Tensor], generated: [Tensor]) throws -> Tensor {
    try mean(real, generated) { try ofGenerator(real: $0, generated: $1) }
  }

  private func mean(
    _ real: [Tensor], _ generated: [Tensor], _ loss: (Tensor, Tensor) throws -> Tensor
  ) throws -> Tensor {
    let losses = try zip(real, generated).map { try loss($0, $1) }
    return try losses.dropFirst().reduce(losses[0]) { try $0 + $1 } / Double(losses.count)
  }

  /// Holds a critic's weights within their limit, where there is one.
  package func limit(_ weights: ParameterStore) throws {
    guard let weightLimit else { return }
    try withoutGradient {
      for weight in weights.tensors {
        try weight.detach().copy(from: weight.clamp(min: -weightLimit, max: weightLimit))
      }
    }
  }
}
