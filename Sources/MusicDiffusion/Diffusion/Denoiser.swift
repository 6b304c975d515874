public import Torch

/// What a denoiser is told beside the noisy signal.
public struct Condition: Sendable {
  /// An index of a label for each clip; the network's `labelCount` stands for none.
  public var labels: [Int]
  /// The clean signal where it is known and 0 elsewhere, `[batch, channels, mel bins, frames]`.
  public var known: Tensor
  /// 1 where the signal is known, 0 elsewhere, `[batch, 1, mel bins, frames]`.
  public var mask: Tensor
  /// How each clip was augmented, `[batch, Augmentation.vectorWidth]`; nil for not at all.
  public var augmentation: Tensor?

  public init(labels: [Int], known: Tensor, mask: Tensor, augmentation: Tensor? = nil) {
    self.labels = labels
    self.known = known
    self.mask = mask
    self.augmentation = augmentation
  }

  /// Nothing known.
  public init(labels: [Int], shape: [Int], device: Device) throws {
    self.labels = labels
    known = try .zeros(shape, device: device)
    mask = try .zeros([shape[0], 1, shape[2], shape[3]], device: device)
  }

  /// The batch twice: as it is, and with `none` for every label.
  func withAndWithoutLabels(none: Int) throws -> Condition {
    Condition(
      labels: labels + labels.map { _ in none },
      known: try .concatenate([known, known], dimension: 0),
      mask: try .concatenate([mask, mask], dimension: 0))
  }
}

/// The network with its preconditioning: D(x; sigma, condition).
public struct Denoiser: Sendable {
  public let network: UNet
  public let preconditioning: Preconditioning
  /// The type that the network computes in; everything around it is float32.
  public let precision: DType

  public init(network: UNet, preconditioning: Preconditioning, precision: DType) {
    self.network = network
    self.preconditioning = preconditioning
    self.precision = precision
  }

  /// - Parameters:
  ///   - x: signal + sigma · noise, `[batch, channels, mel bins, frames]`.
  ///   - guidanceScale: how far to go from the estimate without label towards the one with it and
  ///     beyond (Ho and Salimans 2022, arXiv:2207.12598, there 1 + w); 1 leaves it as it is and
  ///     costs one evaluation instead of two.
  /// - Returns: the estimate of the signal, shaped as `x`; where the signal is known, that.
  public func callAsFunction(
    _ x: Tensor, sigma: Double, condition: Condition, guidanceScale: Double = 1
  ) throws -> Tensor {
    let denoised: Tensor
    if guidanceScale == 1 {
      denoised = try estimate(x, sigma: sigma, condition)
    } else {
      let both = try estimate(
        .concatenate([x, x], dimension: 0), sigma: sigma,
        condition.withAndWithoutLabels(none: network.configuration.labelCount))
      let guided = try both.narrow(dimension: 0, start: 0, length: x.shape[0])
      let unguided = try both.narrow(dimension: 0, start: x.shape[0], length: x.shape[0])
      denoised = try unguided + (guided - unguided) * guidanceScale
    }
    return try condition.known + denoised * (1 - condition.mask)
  }

  private func estimate(_ x: Tensor, sigma: Double, _ condition: Condition) throws -> Tensor {
    let p = preconditioning
    let f = try network(
      x * p.cIn(sigma), noiseLevels: condition.labels.map { _ in p.cNoise(sigma) },
      labels: condition.labels, known: condition.known * (1 / p.sigmaData), mask: condition.mask,
      precision: precision)
    return try x * p.cSkip(sigma) + f * p.cOut(sigma)
  }

  /// EDM's loss (Karras et al. 2022, arXiv:2206.00364, equation 2 with the weight of table 1), for
  /// each clip, over what is not known.
  ///
  /// - Parameters:
  ///   - signal: clean, `[batch, channels, mel bins, frames]`.
  ///   - noise: standard normal, shaped as `signal`.
  ///   - sigmas: the noise level of each clip.
  /// - Returns: `[batch]`: 1 before training, by construction of the preconditioning.
  public func loss(
    signal: Tensor, noise: Tensor, sigmas: [Double], condition: Condition
  ) throws -> Tensor {
    let p = preconditioning
    func perClip(_ value: (Double) -> Double) throws -> Tensor {
      try Tensor(
        sigmas.map { Float(value($0)) }, shape: [sigmas.count, 1, 1, 1], device: signal.device)
    }
    let x = try signal + noise * perClip { $0 }
    let f = try network(
      x * perClip(p.cIn), noiseLevels: sigmas.map(p.cNoise), labels: condition.labels,
      known: condition.known * (1 / p.sigmaData), mask: condition.mask,
      augmentation: condition.augmentation, precision: precision)
    // λ (D − signal)² = (F − target)², because λ = 1 / cOut².
    let target = try (signal - x * perClip(p.cSkip)) * perClip { 1 / p.cOut($0) }
    let open = try 1 - condition.mask
    let error = try ((f - target).square() * open).sum(dimensions: [1, 2, 3], keep: false)
    let openValues = try open.sum(dimensions: [1, 2, 3], keep: false)
    return try error / (openValues * Double(signal.shape[1])).clamp(min: 1)
  }
}
