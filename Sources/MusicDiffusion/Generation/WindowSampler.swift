import Torch

/// Draws one window after another of a piece, all by the same options and seed.
///
/// Of a window `known` is what stands, 0 elsewhere, `[1, channels, bins, width]`, and `mask` where,
/// `[1, 1, bins, width]`. `onEvaluation` is called after each evaluation of the network; what it throws
/// ends the work.
struct WindowSampler {
  /// With what the options say.
  let sampling: SamplingDefaults
  /// From noise alone to none.
  let sigmas: [Double]
  private let description: Description
  private let denoiser: GuidedDenoiser
  private let shape: NoiseShape
  private let seed: UInt64
  private let device: Device

  /// - Parameter options: without a label, nothing is said of one: the sound that is there tells.
  /// - Throws: as ``Generator/generate(seconds:seed:options:onProgress:)``.
  init(_ generator: Generator, seed: UInt64, options: Generator.Options) throws {
    let configuration = generator.model.configuration
    sampling = try configuration.sampling.with(options)
    sigmas = try sampling.sigmas(sigmaData: Double(configuration.normalization.sigmaData))
    description = try configuration.description(
      label: options.label, numbers: options.numbers, caption: options.prompt)
    denoiser = try generator.guidedDenoiser(description, options, sampling.guidance)
    shape = options.noise ?? configuration.noise.shape
    (self.seed, device) = (seed, generator.device)
  }

  /// Network evaluations of one window that starts from the first of these noise levels.
  func evaluations(_ sigmas: [Double]) -> Int {
    sigmas.count < 2 ? 0 : sampling.sampler.evaluations(steps: sigmas.count - 1)
  }

  /// - Parameters:
  ///   - window: its number, which with the seed decides the noise.
  ///   - original: what to add noise to, shaped as `known`; nothing by default.
  ///   - sigmas: noise levels from where to start to 0; all by default.
  /// - Returns: the window, shaped as `known`.
  func draw(
    window: Int, known: Tensor, mask: Tensor, original: Tensor? = nil, sigmas: [Double]? = nil,
    onEvaluation: () throws -> Void
  ) throws -> Tensor {
    let sigmas = sigmas ?? self.sigmas
    let condition = Condition([description], known: known, mask: mask)
    let clean = try original.map(condition.completed) ?? known
    let start = try clean + noise(0, of: window, like: known) * sigmas[0]
    return try draw(window, from: start, sigmas, condition, onEvaluation)
  }

  /// - Parameters:
  ///   - window: its number, which with the seed decides the noise of what stands.
  ///   - start: with noise of the highest level, shaped as `known`; where something stands it is not
  ///     looked at.
  func draw(
    window: Int, known: Tensor, mask: Tensor, from start: Tensor, onEvaluation: () throws -> Void
  ) throws -> Tensor {
    let condition = Condition([description], known: known, mask: mask)
    let standing = try (known + noise(0, of: window, like: known) * sigmas[0]) * mask
    return try draw(window, from: start * (1 - mask) + standing, sigmas, condition, onEvaluation)
  }

  /// What a window would have to start from to become `original`, shaped as it; 0 where something
  /// stands.
  func start(
    of original: Tensor, window: Int, known: Tensor, mask: Tensor, onEvaluation: () throws -> Void
  ) throws -> Tensor {
    let condition = Condition([description], known: known, mask: mask)
    // As in drawing, what stands has noise of its own, which grows with sigma as the flow goes back.
    let least = sigmas[sigmas.count - 2]
    let clean = try condition.completed(by: original)
    let standing = try noise(0, of: window, like: known) * mask * least
    return try Sampling.inverted(clean + standing, sigmas: sigmas) { x, sigma in
      let denoised = try denoiser(x, sigma: sigma, condition: condition)
      try onEvaluation()
      return denoised
    } * (1 - mask)
  }

  private func draw(
    _ window: Int, from start: Tensor, _ sigmas: [Double], _ condition: Condition,
    _ onEvaluation: () throws -> Void
  ) throws -> Tensor {
    try sampling.sampler.sample(
      start, sigmas: sigmas, settings: sampling.settings,
      denoise: { x, sigma in
        let denoised = try denoiser(x, sigma: sigma, condition: condition)
        try onEvaluation()
        return denoised
      },
      noise: { step in try noise(step + 1, of: window, like: condition.known) })
  }

  private func noise(_ number: Int, of window: Int, like x: Tensor) throws -> Tensor {
    var random = RandomGenerator(seed: seed, stream: UInt64(window) << 20 | UInt64(number))
    return try Tensor(
      shape.values(x.shape.reduce(1, *), &random), shape: x.shape, device: device)
  }
}
