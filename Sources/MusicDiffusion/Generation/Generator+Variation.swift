public import Audio
package import Spectro
import Torch

/// A sound of one's own drawn in another way, or led over to another one: nothing of it is kept as it was.
extension Generator {
  /// A sound that is like another: that with noise of some level, denoised (SDEdit: Meng et al. 2021,
  /// arXiv:2108.01073, algorithm 1).
  ///
  /// - Parameters:
  ///   - sound: of any rate and number of channels, at most ``maximumSecondsInMemory`` long.
  ///   - strength: the part of the steps that is taken, 0 to 1: 0 draws nothing, and the sound comes back
  ///     as a spectrogram has it; 1 starts from noise alone.
  ///   - options: without a label, nothing is said of one: the sound tells.
  /// - Returns: as long, at the model's rate and on its channels.
  /// - Throws: as ``generate(seconds:seed:options:onProgress:)``.
  public func variation(
    of sound: AudioBuffer, strength: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    guard (0...1).contains(strength) else {
      throw ModelError.invalidArgument("--strength must be 0 to 1")
    }
    let heard = try HeardSound(channels(of: [sound])[0], by: self)
    let sampler = try SectionSampler(self, seed: seed, options: options)
    let sigmas = sampler.sigmas(strength: strength)
    let total = heard.plan.steps.count * sampler.evaluations(sigmas)
    var evaluations = 0
    let planes =
      total == 0
      ? heard.planes
      : try heard.drawn(by: self) { section, known, mask in
        try sampler.draw(
          section: section, known: known, mask: mask,
          original: heard.section(section, device: device), sigmas: sigmas
        ) { _, _, _ in
          evaluations += 1
          try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
        }
      }
    return try audio(
      of: planes, iterations: options.inversionIterations, seed: seed,
      sampleCount: heard.sampleCount)
  }

  /// Sounds between two: of the noises that the model makes each of the two from, found by going
  /// backwards, those between them on the great circle. A model for few steps takes small ones here, forwards and
  /// backwards, 32 by default.
  ///
  /// - Parameters:
  ///   - first, last: of any rate and number of channels, at most ``maximumSecondsInMemory`` long; the longer one
  ///     is cut to the shorter one.
  ///   - count: sounds, at least 2, of which the outermost are near to `first` and `last`.
  ///   - options: what is said of all of them; by default nothing. Guidance would lead the way back
  ///     elsewhere, so that there is none by default. The way is Heun's, whatever sampler is named here.
  ///   - onPiece: called with each sound's place and the sound, at the model's rate and on its channels.
  /// - Throws: as ``generate(seconds:seed:options:onProgress:)``.
  public func interpolation(
    from first: AudioBuffer, to last: AudioBuffer, count: Int, seed: UInt64,
    options: Options = Options(), onProgress: (Progress) throws -> Void = { _ in },
    onPiece: (_ number: Int, _ piece: AudioBuffer) throws -> Void
  ) throws {
    try interpolation(
      from: first, to: last, count: count, seed: seed, options: options, onProgress: onProgress,
      onLogMel: { number, planes, sampleCount in
        try onPiece(
          number,
          audio(
            of: planes, iterations: options.inversionIterations, seed: seed,
            sampleCount: sampleCount))
      })
  }

  /// The same before it becomes sound.
  package func interpolation(
    from first: AudioBuffer, to last: AudioBuffer, count: Int, seed: UInt64,
    options: Options = Options(), onProgress: (Progress) throws -> Void = { _ in },
    onLogMel: (_ number: Int, _ planes: [Spectrogram], _ sampleCount: Int) throws -> Void
  ) throws {
    guard count >= 2 else {
      throw ModelError.invalidArgument("an interpolation has at least its two ends")
    }
    let sampler = try SectionSampler(self, seed: seed, options: options.forFlow(), isFlow: true)
    let ends = try channels(of: [first, last]).map {
      try HeardSound($0, by: self, passes: false)
    }
    let sections = ends[0].plan.steps.count
    let steps = sampler.sigmas.count - 1
    let total =
      sections
      * (2 * Sampling.invertedEvaluations(steps: steps)
        + count * sampler.evaluations(sampler.sigmas))
    var evaluations = 0
    func observe(_ x: Tensor, _ sigma: Double, _ denoised: Tensor) throws {
      evaluations += 1
      try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
    }
    let starts = try withoutGradient {
      try ends.map { end in
        try (0..<sections).map { section in
          let (known, mask) = try end.standing(section, device: device)
          return try sampler.start(
            of: end.section(section, device: device), section: section, known: known, mask: mask,
            observe: observe)
        }
      }
    }
    for number in 0..<count {
      let part = Double(number) / Double(count - 1)
      let planes = try ends[0].drawn(by: self) { section, known, mask in
        try sampler.draw(
          section: section, known: known, mask: mask,
          from: Sampling.spherical(starts[0][section], starts[1][section], part: part),
          observe: observe)
      }
      try onLogMel(number, planes, ends[0].sampleCount)
    }
  }

  /// - Throws: ``ModelError/tooLongToEdit(_:limit:)``.
  static func checkLength(of sound: AudioBuffer) throws {
    guard sound.duration <= maximumSecondsInMemory else {
      throw ModelError.tooLongToEdit(sound.duration, limit: maximumSecondsInMemory)
    }
  }

  /// The channels of sounds at the model's rate, all cut to the shortest.
  private func channels(of sounds: [AudioBuffer]) throws -> [[[Float]]] {
    for sound in sounds {
      guard sound.sampleCount > 0 else {
        throw ModelError.tooShortToEdit(0, needed: 1 / Double(sound.sampleRate))
      }
      try Self.checkLength(of: sound)
    }
    let channels = try sounds.map(model.configuration.representation.channels)
    let shortest = max(1, channels.map { $0[0].count }.min() ?? 1)
    return channels.map { $0.map { Array($0.prefix(shortest)) } }
  }
}

extension Generator.Options {
  /// For going backwards and forwards by the same way.
  fileprivate func forFlow() -> Generator.Options {
    var options = self
    (options.sampler, options.samplerSettings) = (.heun, Sampler.Settings())
    let isDescribed = label != nil || prompt != nil || !numbers.isEmpty
    if isDescribed, negativeLabel == nil, negativePrompt == nil {
      options.guidanceScale = guidanceScale ?? 1
    }
    return options
  }
}
