import Torch

/// Draws sections of pieces, all by the same options: those of several pieces beside each other, each as it
/// would be by itself. A section is a window wide or more; then its windows are drawn as one
/// (``WindowFusion``).
///
/// Of sections `known` is what stands, 0 elsewhere, `[pieces, channels, bins, width]`, and `mask` where,
/// `[pieces, 1, bins, width]`, between 0 and 1 for a part of the steps. An observer is called after each evaluation of all their windows; what it
/// throws ends the work.
struct SectionSampler {
  /// What decides about a piece beside the options.
  struct Piece {
    let seed: UInt64
    let description: Description
  }

  /// - Parameters:
  ///   - x: the sections as they are then; `denoised` is the estimate of what is without the noise.
  ///   - sigma: the standard deviation of the noise in them.
  typealias Observer = (_ x: Tensor, _ sigma: Double, _ denoised: Tensor) throws -> Void

  /// With what the options say.
  let sampling: SamplingDefaults
  /// From noise alone to none.
  let sigmas: [Double]
  let pieces: [Piece]
  private let isDistilled: Bool
  private let denoiser: GuidedDenoiser
  private let shape: NoiseShape
  /// Frames of a window.
  private let window: Int
  private let windowsAtOnce: Int
  /// Of loops.
  private let groove: Groove?
  private let sigmaData: Double
  private let device: Device

  /// What a model for few steps takes to follow the flow in both directions, unless it is told its steps: many small
  /// ones, down to where hardly any noise is left.
  private static let flow = (steps: 32, sigmaMin: 0.01)

  /// - Parameters:
  ///   - pieces: at least one; all of them are guided or none is (``Generator/isGuided(_:_:)``).
  ///   - isFlow: whether they follow the probability flow, forwards and backwards.
  /// - Throws: as ``Generator/generate(seconds:seed:options:onProgress:)``.
  init(
    _ generator: Generator, _ pieces: [Piece], options: Generator.Options, isFlow: Bool = false
  ) throws {
    let configuration = generator.model.configuration
    var sampling = try generator.standard(isNegative: options.isNegative).with(options)
    if isFlow, configuration.history.distilledSteps != nil {
      sampling.sigmaMin = min(sampling.sigmaMin, Self.flow.sigmaMin)
      if options.steps == nil { sampling.steps = max(sampling.steps, Self.flow.steps) }
    }
    self.sampling = sampling
    sigmaData = Double(configuration.normalization.sigmaData)
    sigmas = try sampling.sigmas(sigmaData: sigmaData)
    groove = options.groove
    isDistilled = configuration.history.distilledSteps != nil
    denoiser = try generator.guidedDenoiser(pieces[0].description, options, sampling.guidance)
    shape = options.noise ?? configuration.noise.shape
    (window, windowsAtOnce) = (configuration.windowColumns, generator.windowsAtOnce)
    (self.pieces, device) = (pieces, generator.device)
  }

  /// Of one piece of which, without a label, nothing is said: the sound that is there tells.
  init(
    _ generator: Generator, seed: UInt64, options: Generator.Options, isFlow: Bool = false
  ) throws {
    let description = try generator.model.configuration.description(
      label: options.label, numbers: options.numbers, caption: options.prompt)
    try self.init(
      generator, [Piece(seed: seed, description: description)], options: options, isFlow: isFlow)
  }

  /// The end of its steps that a strength says: 1 for all of them, 0 for none.
  func sigmas(strength: Double) -> [Double] {
    SigmaSchedule.end(of: sigmas, strength: strength, keepsLevels: isDistilled)
  }

  /// Evaluations of a section that starts from the first of these noise levels.
  func evaluations(_ sigmas: [Double]) -> Int {
    sigmas.count < 2 ? 0 : sampling.sampler.evaluations(steps: sigmas.count - 1)
  }

  /// - Parameters:
  ///   - section: its number, which with a piece's seed decides the noise.
  ///   - pieces: of which it is a section, by their numbers; all by default.
  ///   - original: what to add noise to, shaped as `known`; nothing by default.
  ///   - sigmas: noise levels from where to start to 0; all by default.
  /// - Returns: the sections, shaped as `known`.
  func draw(
    section: Int, pieces: Range<Int>? = nil, known: Tensor, mask: Tensor, original: Tensor? = nil,
    sigmas: [Double]? = nil, observe: Observer
  ) throws -> Tensor {
    let pieces = self.pieces[pieces ?? self.pieces.indices]
    let sigmas = sigmas ?? self.sigmas
    let condition = Condition(pieces.map(\.description), known: known, mask: mask)
    let clean = try original.map(condition.standing(after: 0).completed) ?? known
    let start = try clean + noise(0, of: section, pieces, like: known) * sigmas[0]
    return try draw(section, pieces, from: start, sigmas, condition, observe)
  }

  /// - Parameters:
  ///   - section: its number, which with the seed decides the noise of what stands, all of it for good.
  ///   - start: with noise of the highest level, shaped as `known`; where something stands it is not
  ///     looked at.
  func draw(
    section: Int, known: Tensor, mask: Tensor, from start: Tensor, observe: Observer
  ) throws -> Tensor {
    let pieces = self.pieces[...]
    let condition = Condition(pieces.map(\.description), known: known, mask: mask)
    let noise = try noise(0, of: section, pieces, like: known)
    let standing = try (known + noise * sigmas[0]) * mask
    return try draw(
      section, pieces, from: start * (1 - mask) + standing, sigmas, condition, observe)
  }

  /// What a section would have to start from to become `original`, shaped as it; 0 where something
  /// stands.
  func start(
    of original: Tensor, section: Int, known: Tensor, mask: Tensor, observe: Observer
  ) throws -> Tensor {
    let pieces = self.pieces[...]
    let condition = Condition(pieces.map(\.description), known: known, mask: mask)
    // As in drawing, what stands has noise of its own, which grows with sigma as the flow goes back.
    let least = sigmas[sigmas.count - 2]
    let clean = try condition.completed(by: original)
    let standing = try noise(0, of: section, pieces, like: known) * mask * least
    let denoiser = try fused(.line, condition)
    return try Sampling.inverted(clean + standing, sigmas: sigmas) { x, sigma in
      let denoised = try denoiser(x, sigma: sigma)
      try observe(x, sigma, denoised)
      return denoised
    } * (1 - mask)
  }

  /// Loops of which nothing stands, on a time axis that goes around.
  ///
  /// - Parameters:
  ///   - original: what to add noise to, `[pieces, channels, bins, frames]`; nothing by default.
  ///   - sigmas: noise levels from where to start to 0; all by default.
  /// - Returns: shaped as `original`.
  func draw(
    loopsOf frames: Int, channels: Int, bins: Int, original: Tensor? = nil,
    sigmas: [Double]? = nil, observe: Observer
  ) throws -> Tensor {
    let sigmas = sigmas ?? self.sigmas
    let condition = try Condition(
      pieces.map(\.description), shape: [pieces.count, channels, bins, frames], device: device)
    let clean = original ?? condition.known
    let noise = try inTime(noise(0, of: 0, pieces[...], like: clean), sigma: sigmas[0])
    let start = try clean + noise * sigmas[0]
    return try withoutGradient {
      try draw(0, pieces[...], from: start, sigmas, condition, axis: .circle, observe)
    }
  }

  private func draw(
    _ section: Int, _ pieces: ArraySlice<Piece>, from start: Tensor, _ sigmas: [Double],
    _ condition: Condition, axis: WindowFusion.Axis = .line, _ observe: Observer
  ) throws -> Tensor {
    guard groove == nil || axis == .circle else {
      throw ModelError.invalidArgument("a groove is of a loop, and this is a piece that ends")
    }
    let denoiser = try fused(axis, condition)
    return try sampling.sampler.sample(
      start, sigmas: sigmas, settings: sampling.settings,
      denoise: { x, sigma in
        let denoised = try denoiser(x, sigma: sigma)
        try observe(x, sigma, denoised)
        return denoised
      },
      noise: { step in
        let noise = try noise(step + 1, of: section, pieces, like: condition.known)
        let place = sampling.sampler.noisePlace(ofStep: step)
        return axis == .circle ? try inTime(noise, sigma: sigmas[place]) : noise
      })
  }

  /// The noise of loops as their groove has it at a level.
  private func inTime(_ noise: Tensor, sigma: Double) throws -> Tensor {
    guard let groove else { return noise }
    let frames = noise.shape[3]
    try groove.check(frames: frames)
    let sources = groove.sources(frames: frames, level: sigma / sigmaData).map { Int64($0) }
    return try noise.indexSelect(
      dimension: 3, indices: Tensor(sources, shape: [frames], device: device))
  }

  private func fused(
    _ axis: WindowFusion.Axis, _ condition: Condition
  ) throws -> FusedDenoiser {
    try FusedDenoiser(
      denoiser, axis, condition, sigmas: sigmas, window: window, atOnce: windowsAtOnce)
  }

  /// Each piece's own, shaped as `x`.
  private func noise(
    _ number: Int, of section: Int, _ pieces: ArraySlice<Piece>, like x: Tensor
  ) throws -> Tensor {
    let count = x.shape.dropFirst().reduce(1, *)
    let values = pieces.flatMap { piece in
      var random = RandomGenerator(
        seed: piece.seed, stream: UInt64(section) << 20 | UInt64(number))
      return shape.values(count, &random)
    }
    return try Tensor(values, shape: x.shape, device: device)
  }
}
