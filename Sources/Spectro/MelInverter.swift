import CSpectro
public import Foundation

/// Log-mel spectrogram to sound, the way back of `MelSpectrogram` with the same settings.
///
/// Mel to linear by multiplicative updates, first phases from the gradient of the magnitudes, then
/// fast Griffin-Lim. Its iterations do not hold on to the first guess of the linear magnitudes: each
/// takes those of the signal so far, corrected by an update towards the mel values, so that what a mel
/// filter cannot tell apart is told by what a signal can have; a little of the guess stays.
/// Docs/inversion.md has what else was tried.
public final class MelInverter: Sendable {
  public let settings: SpectrogramSettings

  // Chosen on chorales, drums and orchestras: Docs/inversion.md.
  private static let relaxation = 1.3
  private static let (guessIterations, guessSteps) = (12, 8)
  private static let steps = 4
  /// Of the energies held to the mel values, against those of the first guess: where there is noise,
  /// whose magnitudes nobody can know, the guess is their mean.
  private static let melWeight: Float = 0.81
  /// What a pass leaves of the bins below all filters. Nothing tells of them but their neighbours, into
  /// which they leak: 0 would take a drum's slow swing away, 1 would keep whatever comes up. They never
  /// hold more than an offset does, whose magnitude a Hann window halves from one bin to the next.
  private static let unseenGain: Float = 0.95

  private let mel: MelSpectrogram
  private let inverse: MelInverse
  private let stretchLength: Int

  /// - Parameters:
  ///   - boundary: that of the `MelSpectrogram`: `.circular` gives loops whose end meets their start.
  ///   - stretchLength: frames that are worked on at once, which decides about memory; at least 512
  ///     where windows overlap by three quarters.
  ///   - threads: threads used by one call.
  /// - Throws: `SpectroError.invalidSettings`.
  public init(
    _ settings: SpectrogramSettings, boundary: STFT.Boundary = .reflection,
    stretchLength: Int = 1024,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    precondition(stretchLength > 0, "a stretch has frames")
    self.settings = settings
    self.stretchLength = stretchLength
    mel = try MelSpectrogram(settings, boundary: boundary, threads: threads)
    inverse = MelInverse(mel.filterBank)
  }

  /// The sound of a log-mel spectrogram of any length, without a seam.
  ///
  /// - Parameters:
  ///   - logMel: `[frames, melBins]`, ln of mel values as `MelSpectrogram` makes them.
  ///   - iterations: passes of Griffin-Lim.
  ///   - momentum: of fast Griffin-Lim; 0 is the original algorithm.
  ///   - seed: of the phases that the magnitudes do not decide.
  ///   - sampleCount: by default `(frames - 1) * hopLength`; of a loop always `frames * hopLength`.
  /// - Returns: one channel at `settings.sampleRate`.
  /// - Throws: `SpectroError.invalidSpectrogram` where the bins are not those of the settings or
  ///   values are not a number.
  public func audio(
    fromLogMel logMel: Spectrogram, iterations: Int = 32, momentum: Double = 0.95,
    seed: UInt64 = 0, sampleCount: Int? = nil
  ) throws -> [Float] {
    try audio(
      fromLogMel: [logMel], iterations: iterations, momentum: momentum, seed: seed,
      sampleCount: sampleCount)[0]
  }

  /// The same for channels of equal length, which are worked on side by side.
  ///
  /// - Parameter known: what is known of the samples of each channel; nothing where empty.
  /// - Returns: `[channels][samples]`, each as it would be by itself.
  public func audio(
    fromLogMel channels: [Spectrogram], iterations: Int = 32, momentum: Double = 0.95,
    seed: UInt64 = 0, sampleCount: Int? = nil, known: [KnownSamples] = []
  ) throws -> [[Float]] {
    let frames = channels.first?.frames ?? 0
    for channel in channels { try check(channel, frames: frames) }
    let count = sampleCount ?? mel.stft.sampleCount(frames: frames)
    var samples = [[Float]](repeating: [], count: channels.count)
    for channel in samples.indices { samples[channel].reserveCapacity(count) }
    try audio(
      frames: frames, channels: channels.count, iterations: iterations, momentum: momentum,
      seed: seed, sampleCount: sampleCount, known: known
    ) { frames in
      channels.map { logMel in
        let values = logMel.values[
          frames.lowerBound * logMel.bins..<frames.upperBound * logMel.bins]
        return Spectrogram(values: Array(values), frames: frames.count, bins: logMel.bins)
      }
    } write: {
      for (channel, part) in $0.enumerated() { samples[channel] += part }
    }
    return samples
  }

  /// The same for a piece that need not exist as a whole: an hour takes no more memory than a few
  /// minutes. Loops alone are worked on as a whole.
  ///
  /// - Parameters:
  ///   - frames: of the whole piece.
  ///   - channels: that `read` returns and `write` gets.
  ///   - iterations: passes of Griffin-Lim.
  ///   - momentum: of fast Griffin-Lim; 0 is the original algorithm.
  ///   - seed: of the phases that the magnitudes do not decide.
  ///   - sampleCount: by default `(frames - 1) * hopLength`; of a loop always `frames * hopLength`.
  ///   - known: what is known of the samples of each channel; nothing where empty. The rest is fitted
  ///     to them; what is written in their place is what would fit there, nearly the same.
  ///   - read: the log-mel spectrogram `[frames, melBins]` of each channel in a range of frames. The
  ///     ranges follow each other without a gap.
  ///   - write: gets the next samples of each channel, as many of each.
  /// - Throws: `SpectroError.invalidSpectrogram` where the shape is not that asked for or values are
  ///   not a number; and what `read` and `write` throw.
  public func audio(
    frames: Int, channels: Int, iterations: Int = 32, momentum: Double = 0.95, seed: UInt64 = 0,
    sampleCount: Int? = nil, known: [KnownSamples] = [],
    read: (_ frames: Range<Int>) throws -> [Spectrogram],
    write: (_ samples: [[Float]]) throws -> Void
  ) throws {
    precondition(known.isEmpty || known.count == channels, "each channel has its known samples")
    // Whole channels are shared out first: threads that work on one wait for each other in each pass.
    let threads = mel.stft.threads
    let griffinLim = GriffinLim(
      mel.stft.with(threads: max(1, threads / max(1, channels))), iterations: iterations,
      momentum: momentum, relaxation: Self.relaxation)
    var standing = [GriffinLim.Standing](repeating: .init(), count: channels)
    // Mel values of the frames that were read and are still needed.
    var melValues = [[Float]](repeating: [], count: channels)
    var unread = 0
    let stretches = Stretch.all(
      frames: frames, sampleCount: sampleCount, stft: mel.stft, length: stretchLength)
    for stretch in stretches {
      let missing = unread..<stretch.frames.upperBound
      if !missing.isEmpty {
        let logMel = try read(missing)
        guard logMel.count == channels else {
          throw SpectroError.invalidSpectrogram(
            "\(logMel.count) channels where \(channels) belong")
        }
        for channel in logMel { try check(channel, frames: missing.count) }
        let values = mapInParallel(0..<channels, threads: threads) { self.melValues(logMel[$0]) }
        for (channel, values) in values.enumerated() { melValues[channel] += values }
        unread = stretch.frames.upperBound
      }
      let finished = standing.withUnsafeMutableBufferPointer { standing in
        nonisolated(unsafe) let standing = standing
        return mapInParallel(0..<channels, threads: threads) { channel in
          samples(
            of: stretch, melValues: melValues[channel], griffinLim, seed: seed,
            known: known.isEmpty ? nil : known[channel], standing: &standing[channel])
        }
      }
      try write(finished)
      let done = (stretch.next?.frame ?? frames) - stretch.frames.lowerBound
      for channel in melValues.indices {
        melValues[channel].removeFirst(min(melValues[channel].count, done * settings.melBins))
      }
    }
  }

  /// The samples that one channel's mel values `[frames, melBins]` of a stretch finish.
  private func samples(
    of stretch: Stretch, melValues: [Float], _ griffinLim: GriffinLim, seed: UInt64,
    known: KnownSamples?, standing: inout GriffinLim.Standing
  ) -> [Float] {
    melValues.withUnsafeBufferPointer { melValues in
      let guess = magnitudes(
        fromMel: melValues, iterations: Self.guessIterations, threads: griffinLim.stft.threads)
      return griffinLim.audio(
        of: stretch, magnitudes: guess, unknownBins: inverse.unseenBins, start: .phaseGradient,
        seed: seed, standing: &standing, known: known
      ) { frame, scratch in
        let row = frame - stretch.frames.lowerBound
        guess.values.withUnsafeBufferPointer {
          impose(
            melValues.baseAddress.unsafelyUnwrapped + row * settings.melBins,
            guess: $0.baseAddress.unsafelyUnwrapped + row * guess.bins, on: scratch)
        }
      }
    }
  }

  /// Magnitudes in the STFT's unit, `[frames, fftSize / 2 + 1]`, whose mel spectrogram is nearest
  /// to the given one, each frame by itself.
  ///
  /// - Parameter iterations: updates of all bins after the clipped pseudo-inverse.
  /// - Throws: `SpectroError.invalidSpectrogram` where the bins are not those of the settings or
  ///   values are not a number.
  public func magnitudes(fromLogMel logMel: Spectrogram, iterations: Int = 12) throws -> Spectrogram
  {
    try check(logMel, frames: logMel.frames)
    return melValues(logMel).withUnsafeBufferPointer {
      magnitudes(fromMel: $0, iterations: iterations, threads: mel.stft.threads)
    }
  }

  private func check(_ logMel: Spectrogram, frames: Int) throws {
    guard logMel.bins == settings.melBins else {
      throw SpectroError.invalidSpectrogram(
        "\(logMel.bins) mel bins where \(settings.melBins) belong")
    }
    guard logMel.frames == frames else {
      throw SpectroError.invalidSpectrogram("\(logMel.frames) frames where \(frames) belong")
    }
    // The exponential of more than 88 is no float.
    guard logMel.values.allSatisfy({ $0 < 80 }) else {
      throw SpectroError.invalidSpectrogram(
        "some values are not a number or too large for a logarithm of mel energy")
    }
  }

  /// Out of the logarithm. What lies at the floor was anything below it: it is taken for silence, or
  /// silence would come back as noise.
  private func melValues(_ logMel: Spectrogram) -> [Float] {
    let floor = Float(settings.floor) * 1.001
    return logMel.values.map {
      let value = exp($0)
      return value > floor ? value : 0
    }
  }

  /// `[frames, melBins]` to magnitudes in the STFT's unit, `[frames, fftSize / 2 + 1]`.
  private func magnitudes(
    fromMel melValues: UnsafeBufferPointer<Float>, iterations: Int, threads: Int
  ) -> Spectrogram {
    let (bins, melBins) = (mel.stft.bins, settings.melBins)
    let frames = melValues.count / melBins
    let (scale, power) = (Float(1 / mel.magnitudeScale), settings.power)
    let values = [Float](unsafeUninitializedCapacity: frames * bins) { output, count in
      let output = output.baseAddress
      forEachBlock(of: frames, size: STFT.blockSize, threads: threads) { block in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: bins + MelFilterBank.padding) {
          linear in
          let linear = linear.baseAddress.unsafelyUnwrapped
          for frame in block {
            let row = melValues.baseAddress.unsafelyUnwrapped + frame * melBins
            inverse.solve(row, into: linear, iterations: iterations, steps: Self.guessSteps)
            let target = output.unsafelyUnwrapped + frame * bins
            for bin in 0..<bins {
              target[bin] = scale * (power == 2 ? linear[bin].squareRoot() : linear[bin])
            }
          }
        }
      }
      count = frames * bins
    }
    return Spectrogram(values: values, frames: frames, bins: bins)
  }

  /// Moves the magnitudes of a packed spectrum towards those with this mel spectrum, and a little
  /// towards the first guess, `[bins]`, and keeps the phases.
  private func impose(
    _ melValues: UnsafePointer<Float>, guess: UnsafePointer<Float>, on scratch: RealFFT.Scratch
  ) {
    let (stft, power) = (mel.stft, settings.power)
    let scale = Float(pow(mel.magnitudeScale, power))
    let values = scratch.magnitudes
    sp_prefetch(guess, stft.bins)
    stft.fft.split(scratch, powers: values)
    if power == 1 { sp_square_root(values, stft.bins) }
    let padded = stft.bins + MelFilterBank.padding
    withUnsafeTemporaryAllocation(of: Float.self, capacity: padded) {
      let wanted = $0.baseAddress.unsafelyUnwrapped
      inverse.update(values, scale: scale, toward: melValues, steps: Self.steps, into: wanted)
      if power == 1 { for bin in 0..<stft.bins { wanted[bin] *= wanted[bin] } }
      for bin in 0..<inverse.unseenBins {
        let energy = power == 1 ? values[bin] * values[bin] : values[bin]
        let left = Self.unseenGain * Self.unseenGain * energy / Self.melWeight
        wanted[bin] = min(left, 4 * wanted[inverse.unseenBins])
      }
      stft.fft.imposeMixture(
        powers: wanted, weight: Self.melWeight, magnitudes: guess, on: scratch)
    }
  }
}
