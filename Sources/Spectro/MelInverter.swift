import CSpectro
public import Foundation

/// Log-mel spectrogram to sound, the way back of `MelSpectrogram` with the same settings.
///
/// Mel to linear by non-negative least squares, first phases from the gradient of the magnitudes,
/// then fast Griffin-Lim. Its iterations do not hold on to the first guess of the linear magnitudes:
/// each takes those of the signal so far, corrected by two multiplicative updates towards the mel
/// values, so that what a mel filter cannot tell apart is told by what a signal can have; a little of
/// the guess stays. Docs/inversion.md has what else was tried.
public final class MelInverter: Sendable {
  public let settings: SpectrogramSettings

  // Chosen on chorales, drums and orchestras: Docs/inversion.md.
  private static let relaxation = 1.3
  private static let guessIterations = 50
  /// Of the magnitudes held to the mel values, against the first guess: where there is noise, whose
  /// magnitudes nobody can know, the guess is their mean.
  private static let melWeight: Float = 0.85
  /// What a pass leaves of the bins below all filters. Nothing tells of them but their neighbours, into
  /// which they leak: 0 would take a drum's slow swing away, 1 would keep whatever comes up. Beside
  /// silence they are silent.
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
    let bins = logMel.bins
    var samples: [Float] = []
    samples.reserveCapacity(sampleCount ?? mel.stft.sampleCount(frames: logMel.frames))
    try audio(
      frames: logMel.frames, channels: 1, iterations: iterations, momentum: momentum, seed: seed,
      sampleCount: sampleCount
    ) { frames in
      let values = logMel.values[frames.lowerBound * bins..<frames.upperBound * bins]
      return [Spectrogram(values: Array(values), frames: frames.count, bins: bins)]
    } write: {
      samples += $0[0]
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
  ///   - read: the log-mel spectrogram `[frames, melBins]` of each channel in a range of frames. The
  ///     ranges follow each other without a gap.
  ///   - write: gets the next samples of each channel, as many of each.
  /// - Throws: `SpectroError.invalidSpectrogram` where the shape is not that asked for or values are
  ///   not a number; and what `read` and `write` throw.
  public func audio(
    frames: Int, channels: Int, iterations: Int = 32, momentum: Double = 0.95, seed: UInt64 = 0,
    sampleCount: Int? = nil, read: (_ frames: Range<Int>) throws -> [Spectrogram],
    write: (_ samples: [[Float]]) throws -> Void
  ) throws {
    let griffinLim = GriffinLim(
      mel.stft, iterations: iterations, momentum: momentum, relaxation: Self.relaxation)
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
        for (channel, logMel) in logMel.enumerated() {
          try check(logMel, frames: missing.count)
          melValues[channel] += self.melValues(logMel)
        }
        unread = stretch.frames.upperBound
      }
      try write(
        melValues.indices.map { channel in
          samples(
            of: stretch, melValues: melValues[channel], griffinLim, seed: seed,
            standing: &standing[channel])
        })
      let done = (stretch.next?.frame ?? frames) - stretch.frames.lowerBound
      for channel in melValues.indices {
        melValues[channel].removeFirst(min(melValues[channel].count, done * settings.melBins))
      }
    }
  }

  /// The samples that one channel's mel values `[frames, melBins]` of a stretch finish.
  private func samples(
    of stretch: Stretch, melValues: [Float], _ griffinLim: GriffinLim, seed: UInt64,
    standing: inout GriffinLim.Standing
  ) -> [Float] {
    melValues.withUnsafeBufferPointer { melValues in
      let guess = magnitudes(fromMel: melValues, iterations: Self.guessIterations)
      return griffinLim.audio(
        of: stretch, magnitudes: guess, unknownBins: inverse.unseenBins, start: .phaseGradient,
        seed: seed, standing: &standing
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
  /// - Parameter iterations: multiplicative updates after the clipped pseudo-inverse.
  /// - Throws: `SpectroError.invalidSpectrogram` where the bins are not those of the settings or
  ///   values are not a number.
  public func magnitudes(fromLogMel logMel: Spectrogram, iterations: Int = 50) throws -> Spectrogram
  {
    try check(logMel, frames: logMel.frames)
    return melValues(logMel).withUnsafeBufferPointer {
      magnitudes(fromMel: $0, iterations: iterations)
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
    fromMel melValues: UnsafeBufferPointer<Float>, iterations: Int
  ) -> Spectrogram {
    let (bins, melBins) = (mel.stft.bins, settings.melBins)
    let frames = melValues.count / melBins
    let (scale, power) = (Float(1 / mel.magnitudeScale), settings.power)
    let values = [Float](unsafeUninitializedCapacity: frames * bins) { output, count in
      let output = output.baseAddress
      forEachBlock(of: frames, size: STFT.blockSize, threads: mel.stft.threads) { block in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: bins + MelFilterBank.padding) {
          linear in
          let linear = linear.baseAddress.unsafelyUnwrapped
          for frame in block {
            let row = melValues.baseAddress.unsafelyUnwrapped + frame * melBins
            inverse.solve(row, into: linear, iterations: iterations)
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
    stft.magnitudes(scratch, power: power, into: values)
    let padded = stft.bins + MelFilterBank.padding
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * padded) {
      let gains = $0.baseAddress.unsafelyUnwrapped
      let (more, moved) = (gains + padded, gains + 2 * padded)
      inverse.gains(values, scale: scale, toward: melValues, into: gains)
      // A second update, of what the first one makes.
      moved.update(repeating: 0, count: padded)
      sp_multiply(values, gains, moved, stft.bins)
      inverse.gains(moved, scale: scale, toward: melValues, into: more)
      sp_multiply(gains, more, moved, stft.bins)
      if power == 2 {
        sp_square_root(moved, stft.bins)
        sp_square_root(values, stft.bins)
      }
      sp_blend(moved, values, guess, Self.melWeight, 1e-15, stft.bins)
      let unseen = inverse.unseenBins
      moved.update(repeating: moved[unseen] > 0 ? Self.unseenGain : 0, count: unseen)
      stft.fft.scale(scratch, by: moved)
    }
  }
}
