import Foundation

/// Better first phases of the lowest frequencies, where phase gradients mislead.
///
/// A kick drum falls through its pitches within a few windows, and beside 0 Hz a spectrum is mixed with
/// its mirror image: there the phases of gradients start Griffin-Lim near a bad local optimum, from
/// which it does not escape, and it matters, since most of the energy of drums is there. These bins are
/// a signal of their own, of a sixteenth of the rate, whose transforms cost a sixteenth. So several
/// starts are worked out to the end, one from the gradients and some from random phases, and of each
/// half second the one is taken that has the wanted magnitudes best.
struct LowBandStart {
  /// Random starts beside that of the gradients, and passes for each.
  private static let (randomStarts, iterations) = (4, 24)
  /// Samples of the low signal's transforms.
  private static let size = 128
  /// Bins of the low signal that sound, and those of them whose phases are taken: above, a filter's
  /// edge would show.
  private static let (soundingBins, takenBins) = (48, 24)
  private static let blockSize = 32

  /// Replaces the phases of the lowest bins.
  ///
  /// - Parameters:
  ///   - phases: `[frames, bins]`, of gradients.
  ///   - magnitudes: `[frames, bins]`.
  ///   - firstFrame: where in the piece the magnitudes start.
  ///   - known: frames at the beginning whose phases stand.
  ///   - seed: of the random starts.
  static func improve(
    _ phases: inout [PhaseGradient.Turns], of magnitudes: Spectrogram, firstFrame: Int, known: Int,
    stft: STFT, seed: UInt64
  ) {
    let factor = stft.fftSize / size
    // Other sizes have no low signal with the same frames and the same window, one frame no signal.
    guard factor > 1, stft.fftSize % size == 0, stft.windowLength == stft.fftSize,
      stft.hopLength % factor == 0, magnitudes.frames > 1
    else { return }
    let low = STFT(
      fftSize: size, hopLength: stft.hopLength / factor, boundary: stft.boundary,
      threads: stft.threads)
    let (frames, bins) = (magnitudes.frames, magnitudes.bins)
    var wanted = Spectrogram(
      values: [Float](repeating: 0, count: frames * low.bins), frames: frames, bins: low.bins)
    for frame in 0..<frames {
      for bin in 0..<soundingBins { wanted[frame, bin] = magnitudes[frame, bin] / Float(factor) }
    }

    let griffinLim = GriffinLim(low, iterations: iterations)
    var best = [Float](repeating: .infinity, count: (frames + blockSize - 1) / blockSize)
    var result = phases
    for candidate in 0...randomStarts {
      var start = [PhaseGradient.Turns](repeating: 0, count: frames * low.bins)
      for frame in 0..<frames {
        for bin in 0..<soundingBins {
          let i = frame * bins + bin
          start[frame * low.bins + bin] =
            candidate == 0 || frame < known
            ? phases[i]
            : randomPhase(seed: seed &+ UInt64(candidate), index: firstFrame * bins + i)
        }
      }
      let spectrum = low.forward(griffinLim.audio(from: wanted, phases: start))
      for block in best.indices {
        let range = block * blockSize..<min(frames, (block + 1) * blockSize)
        var error: Float = 0
        for frame in range {
          for bin in 0..<takenBins {
            let difference = spectrum.magnitude(frame, bin) - wanted[frame, bin]
            error += difference * difference
          }
        }
        guard error < best[block] else { continue }
        best[block] = error
        for frame in range where frame >= known {
          for bin in 0..<takenBins { result[frame * bins + bin] = spectrum.turns(frame, bin) }
        }
      }
    }
    phases = result
  }
}

extension ComplexSpectrogram {
  fileprivate func magnitude(_ frame: Int, _ bin: Int) -> Float {
    let i = 2 * (frame * bins + bin)
    return (values[i] * values[i] + values[i + 1] * values[i + 1]).squareRoot()
  }

  fileprivate func turns(_ frame: Int, _ bin: Int) -> PhaseGradient.Turns {
    let i = 2 * (frame * bins + bin)
    return PhaseGradient.turns(radians: atan2(values[i + 1], values[i]))
  }
}
