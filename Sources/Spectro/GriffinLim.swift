import CSpectro
import Foundation

/// A signal from magnitudes alone: Griffin and Lim 1984, and with momentum the fast variant of
/// Perraudin, Balazs and Søndergaard 2013.
///
/// The fast variant extrapolates the transform of the last two signals, `c_n + a (c_n - c_(n-1))`.
/// The transform being linear, so is the extrapolation of the signals themselves: no iteration
/// holds a transform of the whole piece.
public struct GriffinLim: Sendable {
  public let stft: STFT
  /// Passes through the transform and back.
  public var iterations: Int
  /// The paper's alpha: 0 is the original algorithm, 0.99 a good value for music.
  public var momentum: Double

  public init(_ stft: STFT, iterations: Int = 32, momentum: Double = 0.99) {
    precondition(iterations >= 0 && momentum >= 0)
    (self.stft, self.iterations, self.momentum) = (stft, iterations, momentum)
  }

  /// Where the phases start.
  public enum Start: Sendable {
    /// Drawn at random.
    case random
    /// Phase gradient heap integration: Průša, Balazs and Søndergaard 2017.
    case phaseGradient
  }

  /// - Parameters:
  ///   - magnitudes: `[frames, fftSize / 2 + 1]`, in the STFT's unit.
  ///   - start: where the phases start.
  ///   - seed: the same seed gives the same signal.
  ///   - sampleCount: samples to return, by default up to the centre of the last frame.
  public func audio(
    from magnitudes: Spectrogram, start: Start = .phaseGradient, seed: UInt64 = 0,
    sampleCount: Int? = nil
  ) -> [Float] {
    let bins = magnitudes.bins
    return audio(
      frames: magnitudes.frames, sampleCount: sampleCount, start: start, seed: seed
    ) { frames in
      let values = magnitudes.values[frames.lowerBound * bins..<frames.upperBound * bins]
      return Spectrogram(values: Array(values), frames: frames.count, bins: bins)
    } project: { frame, scratch in
      magnitudes.values.withUnsafeBufferPointer { values in
        let row = values.baseAddress.unsafelyUnwrapped + frame * bins
        stft.fft.impose(row, on: scratch)
      }
    }
  }

  /// Asks for the first magnitudes in parts, so that they and their phases need not exist at once.
  ///
  /// - Parameters:
  ///   - magnitudes: the start's of a range of frames, `[frames, fftSize / 2 + 1]`.
  ///   - project: moves one frame's packed spectrum to the nearest that has the wanted magnitudes
  ///     and makes it ready for the inverse; its scale on entry is of no meaning.
  func audio(
    frames: Int, sampleCount: Int?, start: Start, seed: UInt64,
    magnitudes: (_ frames: Range<Int>) -> Spectrogram,
    project: (_ frame: Int, _ scratch: RealFFT.Scratch) -> Void
  ) -> [Float] {
    let sampleCount = sampleCount ?? stft.sampleCount(frames: frames)
    var signal = [Float](repeating: 0, count: sampleCount)
    if sampleCount == 0 || frames == 0 { return signal }

    let overlapAdd = OverlapAdd(stft, frames: frames, sampleCount: sampleCount)
    // As much at once as keeps all threads at work.
    let part = PhaseGradient.segmentSize * stft.threads
    for first in stride(from: 0, to: frames, by: part) {
      let range = first..<min(first + part, frames)
      add(magnitudes(range), firstFrame: first, start: start, seed: seed, to: overlapAdd)
    }
    overlapAdd.join(into: &signal)

    // Only phases count, so the extrapolation may be scaled: c_n - a / (1 + a) c_(n-1).
    let recall = Float(momentum / (1 + momentum))
    var previous = [Float](repeating: 0, count: sampleCount)
    for _ in 0..<iterations {
      signal.withUnsafeMutableBufferPointer { signal in
        previous.withUnsafeMutableBufferPointer { previous in
          for t in 0..<sampleCount {
            (previous[t], signal[t]) = (signal[t], signal[t] - recall * previous[t])
          }
        }
      }
      signal.withUnsafeBufferPointer { signal in
        overlapAdd.add(0..<frames) { frame, scratch in
          stft.analyze(STFT.Excerpt(whole: signal), frame: frame, scratch)
          project(frame, scratch)
        }
      }
      overlapAdd.join(into: &signal)
    }
    return signal
  }

  /// Gives frames their first phases and adds them.
  private func add(
    _ magnitudes: Spectrogram, firstFrame: Int, start: Start, seed: UInt64,
    to overlapAdd: OverlapAdd
  ) {
    precondition(magnitudes.bins == stft.bins, "the transform and the spectrogram differ in bins")
    let bins = stft.bins
    let first = firstFrame * bins
    let phases =
      switch start {
      case .phaseGradient:
        PhaseGradient.phases(of: magnitudes, firstFrame: firstFrame, stft: stft, seed: seed)
      case .random:
        magnitudes.values.indices.map { randomPhase(seed: seed, index: first + $0) }
      }
    magnitudes.values.withUnsafeBufferPointer { magnitudes in
      phases.withUnsafeBufferPointer { phases in
        overlapAdd.add(firstFrame..<firstFrame + magnitudes.count / bins) { frame, scratch in
          let row = frame * bins - first
          sp_polar(
            magnitudes.baseAddress.unsafelyUnwrapped + row,
            phases.baseAddress.unsafelyUnwrapped + row, scratch.spectrum, bins)
          stft.fft.pack(scratch.spectrum, into: scratch)
        }
      }
    }
  }
}

/// A phase that depends on `seed` and `index` alone: SplitMix64 (Steele, Lea and Flood 2014) as a
/// hash of a counter.
func randomPhase(seed: UInt64, index: Int) -> PhaseGradient.Turns {
  var z = seed &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  z ^= z >> 31
  return PhaseGradient.Turns(truncatingIfNeeded: z >> 32)
}

extension STFT {
  /// How far `samples` are from having these magnitudes: `|| |STFT(x)| - S || / || S ||`, the
  /// spectral convergence of Sturmel and Daudet 2011. Lower is better; 20 log10 of it is dB.
  public func spectralConvergence(of samples: [Float], to magnitudes: Spectrogram) -> Double {
    let own = self.magnitudes(of: samples)
    precondition(own.bins == magnitudes.bins, "the transform and the spectrogram differ in bins")
    var (error, energy) = (0.0, 0.0)
    for i in 0..<min(own.values.count, magnitudes.values.count) {
      let (a, b) = (Double(own.values[i]), Double(magnitudes.values[i]))
      error += (a - b) * (a - b)
      energy += b * b
    }
    return energy > 0 ? (error / energy).squareRoot() : error.squareRoot()
  }
}
