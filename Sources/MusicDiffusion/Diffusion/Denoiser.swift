public import Torch

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

  init(_ model: Model, precision: DType) {
    self.init(
      network: model.network, preconditioning: model.configuration.preconditioning,
      precision: precision)
  }

  init(_ guide: Model.Guide, precision: DType) {
    self.init(
      network: guide.network, preconditioning: guide.configuration.preconditioning,
      precision: precision)
  }

  /// - Parameter x: signal + sigma · noise, `[batch, channels, mel bins, frames]`.
  /// - Returns: the estimate of the signal, shaped as `x`; where the signal is known, that.
  public func callAsFunction(_ x: Tensor, sigma: Double, condition: Condition) throws -> Tensor {
    try condition.completed(by: estimate(x, sigma: sigma, condition))
  }

  /// The estimates with the condition and with another description in it, in one evaluation of the
  /// network.
  func pair(
    _ x: Tensor, sigma: Double, _ condition: Condition, other: Description
  ) throws -> (Tensor, Tensor) {
    let both = try estimate(
      .concatenate([x, x], dimension: 0), sigma: sigma, condition.twice(other: other))
    let count = x.shape[0]
    return (
      try both.narrow(dimension: 0, start: 0, length: count),
      try both.narrow(dimension: 0, start: count, length: count)
    )
  }

  /// The estimate everywhere, as the network has it.
  func estimate(_ x: Tensor, sigma: Double, _ condition: Condition) throws -> Tensor {
    let values = x.shape.dropFirst().reduce(1, *)
    return try ClipsAtOnce(ofValues: values, on: x.device).map(x, condition) { x, condition in
      let p = preconditioning
      let f = try network(
        x * p.cIn(sigma), noiseLevels: condition.descriptions.map { _ in p.cNoise(sigma) },
        condition: condition.scaled(by: 1 / p.sigmaData), precision: precision)
      return try x * p.cSkip(sigma) + f * p.cOut(sigma)
    }
  }

  /// The same for clips with noise levels of their own.
  func estimate(_ x: Tensor, sigmas: [Double], _ condition: Condition) throws -> Tensor {
    try answer(x, sigmas: sigmas, condition: condition).estimate()
  }

  /// The mean squared error of what the network is asked for, over what is not known, for each clip.
  /// For EDM that is its loss (Karras et al. 2022, arXiv:2206.00364, equation 2 with the weight of
  /// table 1); for the others see ``Prediction`` and ``Preconditioning/lossWeight(_:)``.
  ///
  /// - Parameters:
  ///   - signal: clean, `[batch, channels, mel bins, frames]`.
  ///   - noise: of mean 0 and variance 1, shaped as `signal`.
  ///   - sigmas: the noise level of each clip.
  ///   - teacher: what is to be learned in place of the signal, of a distillation.
  ///   - dropout: of the network; nil where the loss is only measured.
  /// - Returns: `[batch]`: 1 before training, on data of the deviation sigmaData.
  func loss(
    signal: Tensor, noise: Tensor, sigmas: [Double], condition: Condition, teacher: Teacher?,
    dropout: Dropout? = nil
  ) throws -> Tensor {
    try answer(
      signal: signal, noise: noise, sigmas: sigmas, condition: condition, teacher: teacher,
      dropout: dropout
    ).losses
  }

  /// The same, with what the network says.
  func answer(
    signal: Tensor, noise: Tensor, sigmas: [Double], condition: Condition, teacher: Teacher?,
    dropout: Dropout? = nil
  ) throws -> (answer: Answer, losses: Tensor) {
    let x = try signal + noise * signal.perClip(sigmas)
    let target = try teacher?.target(x, sigmas: sigmas, condition: condition, student: self)
    let answer = try answer(x, sigmas: sigmas, condition: condition, dropout: dropout)
    return (answer, try answer.losses(target: target ?? signal))
  }

  /// The same without a teacher.
  public func loss(
    signal: Tensor, noise: Tensor, sigmas: [Double], condition: Condition,
    dropout: Dropout? = nil
  ) throws -> Tensor {
    try loss(
      signal: signal, noise: noise, sigmas: sigmas, condition: condition, teacher: nil,
      dropout: dropout)
  }

  /// What the network says of noisy clips, with its history.
  ///
  /// - Parameter x: signal + sigma · noise, `[batch, channels, mel bins, frames]`.
  func answer(
    _ x: Tensor, sigmas: [Double], condition: Condition, dropout: Dropout? = nil
  ) throws -> Answer {
    let p = preconditioning
    let f = try network(
      x * x.perClip(sigmas.map(p.cIn)), noiseLevels: sigmas.map(p.cNoise),
      condition: condition.scaled(by: 1 / p.sigmaData), dropout: dropout, precision: precision)
    return Answer(x: x, f: f, sigmas: sigmas, condition: condition, preconditioning: p)
  }

  /// F(x; sigma) of a batch.
  struct Answer {
    let x, f: Tensor
    let sigmas: [Double]
    let condition: Condition
    let preconditioning: Preconditioning

    /// The estimates D everywhere, as the network has them, shaped as `x`.
    func estimate() throws -> Tensor {
      let p = preconditioning
      return try x * x.perClip(sigmas.map(p.cSkip)) + f * x.perClip(sigmas.map(p.cOut))
    }

    /// Of each clip, `[batch]`.
    ///
    /// - Parameter target: what D is to be, shaped as `x`.
    func losses(target signal: Tensor) throws -> Tensor {
      let p = preconditioning
      // cOut target = signal − cSkip x, so that (D − signal)² = cOut² (F − target)².
      let target =
        try (signal - x * x.perClip(sigmas.map(p.cSkip)))
        * x.perClip(sigmas.map { 1 / p.cOut($0) })
      let open = try 1 - condition.mask
      let error = try ((f - target).square() * open).sum(dimensions: [1, 2, 3], keep: false)
      let openValues = try open.sum(dimensions: [1, 2, 3], keep: false)
      let variance = p.prediction.targetVariance
      return try error / (openValues * (Double(signal.shape[1]) * variance)).clamp(min: 1)
    }
  }

  /// What the network sees in clips with noise levels of their own, as
  /// ``UNet/features(_:noiseLevels:condition:precision:)`` gives it.
  func features(_ x: Tensor, sigmas: [Double], _ condition: Condition) throws -> [Tensor] {
    let p = preconditioning
    return try network.features(
      x * x.perClip(sigmas.map(p.cIn)), noiseLevels: sigmas.map(p.cNoise),
      condition: condition.scaled(by: 1 / p.sigmaData), precision: precision)
  }
}

extension Tensor {
  /// One number for each clip of this batch, `[batch, 1, 1, 1]`.
  func perClip(_ values: [Double]) throws -> Tensor {
    try Tensor(values.map { Float($0) }, shape: [values.count, 1, 1, 1], device: device)
  }
}
