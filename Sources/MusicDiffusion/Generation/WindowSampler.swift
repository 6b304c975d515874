import Torch

/// Draws windows of pieces, all by the same options: the windows of several pieces beside each other,
/// each as it would be by itself.
///
/// Of windows `known` is what stands, 0 elsewhere, `[pieces, channels, bins, width]`, and `mask` where,
/// `[pieces, 1, bins, width]`. An observer is called after each evaluation of the network; what it throws
/// ends the work.
struct WindowSampler {
  /// What decides about a piece beside the options.
  struct Piece {
    let seed: UInt64
    let description: Description
  }

  /// - Parameters:
  ///   - x: the windows as they are then; `denoised` is the estimate of what is without the noise.
  ///   - sigma: the standard deviation of the noise in them.
  typealias Observer = (_ x: Tensor, _ sigma: Double, _ denoised: Tensor) throws -> Void

  /// With what the options say.
  let sampling: SamplingDefaults
  /// From noise alone to none.
  let sigmas: [Double]
  let pieces: [Piece]
  private let denoiser: GuidedDenoiser
  private let shape: NoiseShape
  private let device: Device

  /// - Parameter pieces: at least one; all of them are guided or none is (``Generator/isGuided(_:_:)``).
  /// - Throws: as ``Generator/generate(seconds:seed:options:onProgress:)``.
  init(_ generator: Generator, _ pieces: [Piece], options: Generator.Options) throws {
    let configuration = generator.model.configuration
    sampling = try configuration.sampling.with(options)
    sigmas = try sampling.sigmas(sigmaData: Double(configuration.normalization.sigmaData))
    denoiser = try generator.guidedDenoiser(pieces[0].description, options, sampling.guidance)
    shape = options.noise ?? configuration.noise.shape
    (self.pieces, device) = (pieces, generator.device)
  }

  /// Of one piece of which, without a label, nothing is said: the sound that is there tells.
  init(_ generator: Generator, seed: UInt64, options: Generator.Options) throws {
    let description = try generator.model.configuration.description(
      label: options.label, numbers: options.numbers, caption: options.prompt)
    try self.init(generator, [Piece(seed: seed, description: description)], options: options)
  }

  /// Whether each evaluation of a window is one with and one without what is said of it.
  var evaluatesPairs: Bool {
    if case .weaker = denoiser.reference { return false }
    return denoiser.guidance.scale != 1 && denoiser.guidance.interval == nil
  }

  /// Network evaluations of one window that starts from the first of these noise levels.
  func evaluations(_ sigmas: [Double]) -> Int {
    sigmas.count < 2 ? 0 : sampling.sampler.evaluations(steps: sigmas.count - 1)
  }

  /// - Parameters:
  ///   - window: its number, which with a piece's seed decides the noise.
  ///   - pieces: of which it is a window, by their numbers; all by default.
  ///   - original: what to add noise to, shaped as `known`; nothing by default.
  ///   - sigmas: noise levels from where to start to 0; all by default.
  /// - Returns: the windows, shaped as `known`.
  func draw(
    window: Int, pieces: Range<Int>? = nil, known: Tensor, mask: Tensor, original: Tensor? = nil,
    sigmas: [Double]? = nil, observe: Observer
  ) throws -> Tensor {
    let pieces = self.pieces[pieces ?? self.pieces.indices]
    let sigmas = sigmas ?? self.sigmas
    let condition = Condition(pieces.map(\.description), known: known, mask: mask)
    let clean = try original.map(condition.completed) ?? known
    let start = try clean + noise(0, of: window, pieces, like: known) * sigmas[0]
    return try draw(window, pieces, from: start, sigmas, condition, observe)
  }

  /// - Parameters:
  ///   - window: its number, which with the seed decides the noise of what stands.
  ///   - start: with noise of the highest level, shaped as `known`; where something stands it is not
  ///     looked at.
  func draw(
    window: Int, known: Tensor, mask: Tensor, from start: Tensor, observe: Observer
  ) throws -> Tensor {
    let pieces = self.pieces[...]
    let condition = Condition(pieces.map(\.description), known: known, mask: mask)
    let noise = try noise(0, of: window, pieces, like: known)
    let standing = try (known + noise * sigmas[0]) * mask
    return try draw(
      window, pieces, from: start * (1 - mask) + standing, sigmas, condition, observe)
  }

  /// What a window would have to start from to become `original`, shaped as it; 0 where something
  /// stands.
  func start(
    of original: Tensor, window: Int, known: Tensor, mask: Tensor, observe: Observer
  ) throws -> Tensor {
    let pieces = self.pieces[...]
    let condition = Condition(pieces.map(\.description), known: known, mask: mask)
    // As in drawing, what stands has noise of its own, which grows with sigma as the flow goes back.
    let least = sigmas[sigmas.count - 2]
    let clean = try condition.completed(by: original)
    let standing = try noise(0, of: window, pieces, like: known) * mask * least
    return try Sampling.inverted(clean + standing, sigmas: sigmas) { x, sigma in
      let denoised = try denoiser(x, sigma: sigma, condition: condition)
      try observe(x, sigma, denoised)
      return denoised
    } * (1 - mask)
  }

  /// Loops of which nothing stands, on a time axis that goes around.
  ///
  /// - Parameter atOnce: windows that are drawn beside each other, at most, which decides about memory.
  /// - Returns: `[pieces, channels, bins, frames]`.
  func draw(
    _ plan: LoopPlan, channels: Int, bins: Int, atOnce: Int = 8, observe: Observer
  ) throws -> Tensor {
    let state = try Tensor.zeros([pieces.count, channels, bins, plan.frames], device: device)
    let descriptions = pieces.flatMap {
      repeatElement($0.description, count: plan.starts.count)
    }
    let conditions = try stride(from: 0, to: descriptions.count, by: atOnce).map { first in
      let batch = descriptions[first..<min(first + atOnce, descriptions.count)]
      return try Condition(
        Array(batch), shape: [batch.count, channels, bins, plan.window], device: device)
    }
    var evaluation = 0
    return try withoutGradient {
      try sampling.sampler.sample(
        noise(0, of: 0, pieces[...], like: state) * sigmas[0], sigmas: sigmas,
        settings: sampling.settings,
        denoise: { x, sigma in
          let turn = plan.turn(ofEvaluation: evaluation)
          evaluation += 1
          let windows = try plan.windows(of: x, turned: turn)
          let estimates = try conditions.enumerated().map { number, condition in
            let batch = try windows.narrow(
              dimension: 0, start: number * atOnce, length: condition.descriptions.count)
            return try denoiser(batch, sigma: sigma, condition: condition)
          }
          let denoised = try plan.loops(
            of: .concatenate(estimates, dimension: 0), turned: turn)
          try observe(x, sigma, denoised)
          return denoised
        },
        noise: { step in try noise(step + 1, of: 0, pieces[...], like: state) })
    }
  }

  private func draw(
    _ window: Int, _ pieces: ArraySlice<Piece>, from start: Tensor, _ sigmas: [Double],
    _ condition: Condition, _ observe: Observer
  ) throws -> Tensor {
    try sampling.sampler.sample(
      start, sigmas: sigmas, settings: sampling.settings,
      denoise: { x, sigma in
        let denoised = try denoiser(x, sigma: sigma, condition: condition)
        try observe(x, sigma, denoised)
        return denoised
      },
      noise: { step in try noise(step + 1, of: window, pieces, like: condition.known) })
  }

  /// Each piece's own, shaped as `x`.
  private func noise(
    _ number: Int, of window: Int, _ pieces: ArraySlice<Piece>, like x: Tensor
  ) throws -> Tensor {
    let count = x.shape.dropFirst().reduce(1, *)
    let values = pieces.flatMap { piece in
      var random = RandomGenerator(
        seed: piece.seed, stream: UInt64(window) << 20 | UInt64(number))
      return shape.values(count, &random)
    }
    return try Tensor(values, shape: x.shape, device: device)
  }
}
