public import Audio
import Spectro
import Torch

/// Loops: their frames are whole hops, of codes whole columns, but they have any number of samples. So they are analysed and
/// inverted at a rate that is higher by as much as their frames are longer than they, with filters for the
/// same frequencies, as the same periodic signal of other samples. Pitch stays as it is.
extension Generator {
  /// The shortest loop, in seconds: eight frames, which are a sound's length at most an eighth too long.
  public var shortestLoop: Double {
    let settings = model.configuration.representation.spectrogram
    return Double(8 * settings.hopLength) / Double(settings.sampleRate)
  }

  /// A loop drawn in another way: as ``variation(of:strength:seed:options:onProgress:)``, on a time axis that
  /// goes around.
  ///
  /// - Parameter loop: after its last sample the first may follow.
  /// - Returns: as long, in whole samples of the model's rate, and on its channels.
  /// - Throws: as ``generate(_:seeds:options:onProgress:)``.
  public func variation(
    ofLoop loop: AudioBuffer, strength: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    guard (0...1).contains(strength) else {
      throw ModelError.invalidArgument("--strength must be 0 to 1")
    }
    let representation = model.configuration.representation
    let space = model.configuration.space
    let sampleCount = sampleCount(loop.duration)
    try check(.loop(sampleCount: sampleCount))
    let settings = loopSettings(sampleCount)
    let frames = loopFrames(sampleCount)
    let columns = space.columns(frames)
    // Around the joint a resampler for sound that ends would know one side alone.
    let round = AudioBuffer(
      channels: loop.channels.map { resampledLoop($0, to: frames * settings.hopLength) },
      sampleRate: representation.sampleRate)
    let mel = try MelSpectrogram(settings, boundary: .circular, threads: threadCount)
    let heard = try representation.channels(of: round).map(mel.logMel)
    let sampler = try SectionSampler(self, seed: seed, options: options)
    let sigmas = sampler.sigmas(strength: strength)
    let total = sampler.evaluations(sigmas)
    var evaluations = 0
    let planes =
      total == 0
      ? heard
      : try loopPlanes(
        of: sampler.draw(
          loopsOf: columns, channels: space.channels, bins: space.bins,
          original: Tensor(
            normalized(heard, columns: columns, isLoop: true),
            shape: [1, space.channels, space.bins, columns], device: device),
          sigmas: sigmas
        ) { _, _, _ in
          evaluations += 1
          try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
        })[0]
    return try self.loop(
      of: planes, iterations: options.inversionIterations, seed: seed, sampleCount: sampleCount)
  }

  /// The log-mel spectrogram of each channel of loops that are drawn, `[loops, channels, bins, columns]`.
  func loopPlanes(of drawn: Tensor) throws -> [[Spectrogram]] {
    let (loops, channels, columns) = (drawn.shape[0], drawn.shape[1], drawn.shape[3])
    let area = drawn.shape[2] * columns
    let rows = try drawn.floats()
    return try (0..<loops).map { loop in
      let planes = (0..<channels).map { channel in
        let start = (loop * channels + channel) * area
        return Array(rows[start..<start + area])
      }
      return try logMel(
        of: planes, frames: columns * model.configuration.space.framesPerColumn, isLoop: true)
    }
  }

  /// What the log-mel spectrograms of a loop sound like.
  func loop(
    of planes: [Spectrogram], iterations: Int, seed: UInt64, sampleCount: Int, threads: Int? = nil
  ) throws -> AudioBuffer {
    let inverter = try MelInverter(
      loopSettings(sampleCount), boundary: .circular, threads: threads ?? threadCount)
    let channels = try inverter.audio(fromLogMel: planes, iterations: iterations, seed: seed)
    return model.configuration.representation.audio(
      fromChannels: channels.map { resampledLoop($0, to: sampleCount) }
    ).limited(toPeak: Self.peak)
  }

  /// Those of the model, at the rate at which the loop is whole hops.
  private func loopSettings(_ sampleCount: Int) -> SpectrogramSettings {
    var settings = model.configuration.representation.spectrogram
    let stretch = Double(loopFrames(sampleCount) * settings.hopLength) / Double(sampleCount)
    settings.maxFrequency = settings.topFrequency
    settings.sampleRate = Int((Double(settings.sampleRate) * stretch).rounded())
    return settings
  }

  func loopFrames(_ sampleCount: Int) -> Int {
    // Whole hops, and of a code whole columns.
    let hop = model.configuration.representation.spectrogram.hopLength
    let frames = (sampleCount + hop - 1) / hop
    let space = model.configuration.space
    return space.columns(frames) * space.framesPerColumn
  }
}
