public import Audio
import Foundation
public import Spectro
public import Torch

/// The front door: seconds and a seed in, music out.
///
///     let generator = try Generator(model: Model(contentsOf: "my-model"))
///     try generator.generate(seconds: 30, seed: 7).write(to: "music.wav")
public struct Generator: Sendable {
  /// What to draw. Whatever is nil is as the model's `config.json` has it.
  public struct Options: Sendable {
    /// A label of the model, or several mixed; nil draws one from the seed, or takes none where there
    /// is a prompt. Guidance 0 is the model without any of this.
    public var label: LabelMix?
    /// Numbers of the model by name; the others are unknown.
    public var numbers: [String: Double] = [:]
    /// A caption such as the training data has.
    public var prompt: String?
    /// A label and a caption to keep away from, in place of none.
    public var negativeLabel: String?
    public var negativePrompt: String?
    public var guidanceScale: Double?
    public var guidanceRescale: Double?
    public var guidanceInterval: ClosedRange<Double>?
    public var sampler: Sampler?
    public var samplerSettings: Sampler.Settings?
    public var steps: Int?
    public var schedule: SigmaSchedule?
    public var shift: Double?
    public var noise: NoiseShape?
    /// Of a loop: its beat; nil for none.
    public var groove: Groove?
    /// Rounds of fast Griffin-Lim.
    public var inversionIterations = 32

    public init() {}
  }

  /// How far the drawing is, for a progress line: evaluations of the network for a window or a loop.
  public struct Progress: Sendable {
    public var evaluations: Int
    public var totalEvaluations: Int
  }

  /// The longest piece, in seconds.
  public static let maximumSeconds = 86_400.0
  /// The longest piece or loop that is returned as a whole, and sound of one's own that is edited, in
  /// seconds.
  public static let maximumSecondsInMemory = 3600.0

  public let model: Model
  let denoiser: Denoiser
  private let weaker: Denoiser?
  /// With what is guided by the weaker one.
  private let sampling: SamplingDefaults
  /// Whether it was named, in place of the model's own.
  private let isGuideNamed: Bool
  let device: Device

  /// A generator with the model's guide, if it has one: see ``init(model:awayFrom:device:precision:)``.
  public init(model: Model, device: Device = .cpu, precision: DType = .float32) {
    self.model = model
    self.device = device
    denoiser = Denoiser(model, precision: precision)
    weaker = model.guide.map { Denoiser($0, precision: precision) }
    sampling = model.sampling
    isGuideNamed = false
  }

  /// A generator with autoguidance: away from what a weaker model would draw, in place of what the
  /// model itself would without a label.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` if the two were not trained on the same labels,
  ///   numbers, captions and values.
  public init(
    model: Model, awayFrom guide: Model, device: Device = .cpu, precision: DType = .float32
  ) throws {
    guard model.configuration.isOfSameData(as: guide.configuration) else {
      throw ModelError.invalidArgument(
        "--guide must be a model of the same data and preset: an earlier snapshot or a smaller network"
      )
    }
    self.model = model
    self.device = device
    denoiser = Denoiser(model, precision: precision)
    weaker = Denoiser(guide, precision: precision)
    sampling = model.configuration.sampling.guided(by: guide.configuration.sampling)
    isGuideNamed = true
  }

  /// - Parameters:
  ///   - seconds: more than 0, at most ``maximumSecondsInMemory``; the result has exactly
  ///     `(seconds · sampleRate).rounded()` samples. What would clip is turned down as a whole.
  ///   - seed: the same seed, model and options give the same sound on the same machine.
  ///   - onProgress: called after each evaluation of the network; what it throws ends the work.
  /// - Throws: ``ModelError/invalidSeconds(_:limit:)``, ``ModelError/unknownLabel(_:known:)``,
  ///   ``ModelError/unknownNumber(_:known:)``, ``ModelError/noCaptions``.
  public func generate(
    seconds: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    try generate(
      .piece(seconds: seconds), seeds: [seed], options: options, onProgress: onProgress)[0]
  }

  /// What the log-mel spectrograms of the channels sound like.
  ///
  /// - Parameter threads: all of them by default, which changes nothing but the time.
  func audio(
    of planes: [Spectrogram], iterations: Int, seed: UInt64, sampleCount: Int, threads: Int? = nil
  ) throws -> AudioBuffer {
    let representation = model.configuration.representation
    let inverter = try MelInverter(
      representation.spectrogram, threads: threads ?? threadCount)
    let channels = try inverter.audio(
      fromLogMel: planes, iterations: iterations, seed: seed, sampleCount: sampleCount)
    return representation.audio(fromChannels: channels).limited(toPeak: Self.peak)
  }

  /// The log-mel spectrogram of each channel, before it becomes sound.
  public func logMel(
    seconds: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> [Spectrogram] {
    try logMel(
      seconds: seconds, seed: seed, options: options, onProgress: onProgress,
      observe: { _, _, _ in })
  }

  /// - Parameter observe: called after each evaluation of the network with a window as it is then,
  ///   the standard deviation of the noise in it, and the estimate of what is without the noise.
  func logMel(
    seconds: Double, seed: UInt64, options: Options, onProgress: (Progress) throws -> Void,
    observe: (_ x: Tensor, _ sigma: Double, _ denoised: Tensor) throws -> Void
  ) throws -> [Spectrogram] {
    try logMel(
      .piece(seconds: seconds), seeds: [seed], options: options, onProgress: onProgress,
      observe: observe)[0]
  }

  /// The label that a piece is drawn with: the one that is asked for, none where words say what it is
  /// to be, else one drawn from the seed, which is not the one to keep away from.
  public func label(for options: Options, seed: UInt64) -> LabelMix? {
    if options.label != nil || options.prompt != nil { return options.label }
    let configuration = model.configuration
    // One that is not there is an error soon.
    let avoided = options.negativeLabel.flatMap { try? configuration.labelIndex($0) }
    return configuration.label(drawnFrom: seed, but: avoided).map { LabelMix($0) }
  }

  func description(of options: Options, seed: UInt64) throws -> Description {
    try model.configuration.description(
      label: label(for: options, seed: seed), numbers: options.numbers, caption: options.prompt)
  }

  /// A piece that nothing is said about can be guided by a weaker model alone.
  func guidedDenoiser(
    _ description: Description, _ options: Options, _ guidance: Guidance
  ) throws -> GuidedDenoiser {
    let none = Description(label: model.configuration.labels.count)
    let negative = try negative(options)
    guard negative == none || negative != description else {
      throw ModelError.invalidArgument(
        "the piece is to be what it is to keep away from: --negative-label or --negative-prompt must differ"
      )
    }
    try options.checkGuidance(
      isGuided: isGuided(description, options), scale: guidance.scale, hasGuide: isGuideNamed)
    // What is to be kept away from counts more than the model's own guide.
    guard let weaker, isGuideNamed || negative == none else {
      return GuidedDenoiser(
        denoiser, away: .description(negative),
        guidance: description == negative ? Guidance() : guidance)
    }
    guard negative == none else {
      throw ModelError.invalidArgument(
        "a weaker model and a negative label or prompt cannot guide at once: leave out --guide or "
          + "what is negative")
    }
    return GuidedDenoiser(denoiser, away: .weaker(weaker), guidance: guidance)
  }

  /// What a piece is drawn with where its options say nothing.
  ///
  /// - Parameter isNegative: whether it is led away from a label or a caption, and so from no weaker model.
  func standard(isNegative: Bool) -> SamplingDefaults {
    isNegative ? model.configuration.sampling : sampling
  }

  func isGuided(_ description: Description, _ options: Options) throws -> Bool {
    try weaker != nil || description != negative(options)
  }

  /// What to keep away from: by default what nothing is said of.
  private func negative(_ options: Options) throws -> Description {
    let configuration = model.configuration
    return try configuration.conditioning.description(
      label: options.negativeLabel.map(configuration.labelIndex) ?? configuration.labels.count,
      numbers: [:], caption: options.negativePrompt)
  }

  var scaling: SpectrogramScaling {
    SpectrogramScaling(model.configuration.representation, model.configuration.normalization)
  }

  /// What was drawn, `[channels][bins, columns]`, back to log-mel, `[frames, bins]` for each channel.
  ///
  /// - Parameter isLoop: whether the last column is beside the first.
  package func logMel(of drawn: [[Float]], frames: Int, isLoop: Bool = false) throws
    -> [Spectrogram]
  {
    guard let coder = model.coder else {
      return scaling.logMel(ofNormalized: drawn, frames: frames)
    }
    let space = model.configuration.space
    let code = try Tensor(
      drawn.flatMap(\.self),
      shape: [1, space.channels, space.bins, drawn[0].count / space.bins], device: device)
    let spectrogram =
      try isLoop
      ? coder.spectrogram(ofLoop: code, precision: denoiser.precision)
      : coder.spectrogram(of: code, precision: denoiser.precision)
    let area = spectrogram.shape[2] * spectrogram.shape[3]
    let values = try spectrogram.floats()
    return scaling.logMel(
      ofNormalized: (0..<spectrogram.shape[1]).map {
        Array(values[$0 * area..<($0 + 1) * area])
      }, frames: frames)
  }
}

extension Generator.Options {
  /// Whether there is a label or a caption to keep away from.
  var isNegative: Bool { negativeLabel != nil || negativePrompt != nil }

  /// - Throws: ``ModelError/invalidArgument(_:)`` for what would change nothing.
  fileprivate func checkGuidance(isGuided: Bool, scale: Double, hasGuide: Bool) throws {
    let details = [
      ("--guidance-rescale", guidanceRescale != nil),
      ("--guidance-interval", guidanceInterval != nil),
    ]
    if !isGuided {
      let given = ([("--guidance", guidanceScale != nil)] + details).first(where: \.1)
      if let option = given?.0 {
        throw ModelError.invalidArgument(
          "\(option) means nothing to a piece that nothing is said about: add --guide with a weaker model"
        )
      }
    } else if scale == 1 {
      let references = [
        ("--negative-label", negativeLabel != nil), ("--negative-prompt", negativePrompt != nil),
        ("--guide", hasGuide),
      ]
      if let option = (references + details).first(where: \.1)?.0 {
        throw ModelError.invalidArgument("\(option) means nothing to --guidance 1")
      }
    }
  }
}

extension SamplingDefaults {
  /// With what is not nil among the options.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` for what cannot be drawn with.
  func with(_ options: Generator.Options) throws -> SamplingDefaults {
    var result = self
    result.sampler = options.sampler ?? sampler
    // What a sampler is told by default is meant for it alone.
    result.settings =
      options.samplerSettings ?? (result.sampler == sampler ? settings : Sampler.Settings())
    result.steps = options.steps ?? steps
    result.schedule = options.schedule ?? schedule
    result.shift = options.shift ?? shift
    result.guidanceScale = options.guidanceScale ?? guidanceScale
    result.guidanceRescale = options.guidanceRescale ?? guidanceRescale
    result.guidanceInterval = options.guidanceInterval ?? guidanceInterval
    func check(_ holds: Bool, _ option: String, _ name: String) throws {
      guard !holds else { return }
      throw ModelError.invalidArgument("\(option) means nothing to \(name)")
    }
    let asked = options.samplerSettings ?? Sampler.Settings()
    let name = "--sampler \(result.sampler.rawValue)"
    try check(asked.eta == nil || result.sampler.takesEta, "--eta", name)
    try check(asked.churn == nil || result.sampler == .heun, "--churn", name)
    try check(
      options.shift == nil || result.schedule == .flow, "--shift",
      "--schedule \(result.schedule.rawValue)")
    do {
      try result.validate()
    } catch ModelError.invalidConfiguration(let reason) {
      throw ModelError.invalidArgument("cannot draw with these options: \(reason)")
    }
    return result
  }
}
