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

  /// From phases drawn at random.
  ///
  /// - Parameters:
  ///   - magnitudes: `[frames, fftSize / 2 + 1]`, in the STFT's unit.
  ///   - seed: the same seed gives the same signal.
  ///   - sampleCount: samples to return, by default up to the centre of the last frame.
  public func audio(
    from magnitudes: Spectrogram, seed: UInt64, sampleCount: Int? = nil
  ) -> [Float] {
    let bins = magnitudes.bins
    return audio(from: magnitudes, sampleCount: sampleCount) { frame, phases in
      for bin in 0..<bins { phases[bin] = randomPhase(seed: seed, index: frame * bins + bin) }
    }
  }

  /// From given phases, radians, `[frames, fftSize / 2 + 1]`.
  public func audio(
    from magnitudes: Spectrogram, phases: [Float], sampleCount: Int? = nil
  ) -> [Float] {
    precondition(phases.count == magnitudes.values.count, "one phase for each magnitude")
    let bins = magnitudes.bins
    return phases.withUnsafeBufferPointer { phases in
      audio(from: magnitudes, sampleCount: sampleCount) { frame, row in
        row.update(from: phases.baseAddress.unsafelyUnwrapped + frame * bins, count: bins)
      }
    }
  }

  /// - Parameter startPhases: writes one frame's phases, `[bins]`.
  private func audio(
    from magnitudes: Spectrogram, sampleCount: Int?,
    startPhases: (_ frame: Int, _ phases: UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    precondition(magnitudes.bins == stft.bins, "the transform and the spectrogram differ in bins")
    let (frames, bins) = (magnitudes.frames, magnitudes.bins)
    let sampleCount = sampleCount ?? stft.sampleCount(frames: frames)
    let overlapAdd = OverlapAdd(stft, frames: frames, sampleCount: sampleCount)
    var signal = [Float](repeating: 0, count: sampleCount)
    if sampleCount == 0 || frames == 0 { return signal }

    magnitudes.values.withUnsafeBufferPointer { magnitudes in
      let magnitudes = magnitudes.baseAddress.unsafelyUnwrapped
      overlapAdd.synthesize(into: &signal) { frame, scratch in
        let phases = scratch.magnitudes
        startPhases(frame, phases)
        for bin in 0..<bins {
          scratch.spectrum[2 * bin] = magnitudes[frame * bins + bin] * cos(phases[bin])
          scratch.spectrum[2 * bin + 1] = magnitudes[frame * bins + bin] * sin(phases[bin])
        }
      }

      // Only phases count, so the extrapolation may be scaled: c_n - a / (1 + a) c_(n-1).
      let recall = Float(momentum / (1 + momentum))
      var previous = [Float](repeating: 0, count: sampleCount)
      for _ in 0..<iterations {
        for t in 0..<sampleCount {
          (previous[t], signal[t]) = (signal[t], signal[t] - recall * previous[t])
        }
        var next = [Float](repeating: 0, count: sampleCount)
        signal.withUnsafeBufferPointer { signal in
          overlapAdd.synthesize(into: &next) { frame, scratch in
            stft.analyze(signal, frame: frame, scratch)
            Self.impose(magnitudes + frame * bins, bins: bins, on: scratch)
          }
        }
        signal = next
      }
    }
    return signal
  }

  /// Keeps the phases of `scratch.spectrum` and replaces its magnitudes.
  private static func impose(
    _ magnitudes: UnsafePointer<Float>, bins: Int, on scratch: RealFFT.Scratch
  ) {
    scratch.magnitudes.update(from: magnitudes, count: bins)
    let (spectrum, wanted) = (
      UnsafeMutableRawPointer(scratch.spectrum), UnsafeRawPointer(scratch.magnitudes)
    )
    for bin in stride(from: 0, to: bins, by: 4) {
      let offset = bin * MemoryLayout<Float>.stride
      let pairs = spectrum.load(fromByteOffset: 2 * offset, as: SIMD8<Float>.self)
      let (re, im) = (pairs.evenHalf, pairs.oddHalf)
      let squared = re * re + im * im
      // A bin of no magnitude has no phase and stays 0.
      let length = pointwiseMax(squared, SIMD4(repeating: 1e-30)).squareRoot()
      let gain = wanted.load(fromByteOffset: offset, as: SIMD4<Float>.self) / length
      var scaled = SIMD8<Float>()
      scaled.evenHalf = re * gain
      scaled.oddHalf = im * gain
      spectrum.storeBytes(of: scaled, toByteOffset: 2 * offset, as: SIMD8<Float>.self)
    }
  }
}

/// A phase in [-pi, pi) that depends on `seed` and `index` alone: SplitMix64 (Steele, Lea and Flood
/// 2014) as a hash of a counter.
func randomPhase(seed: UInt64, index: Int) -> Float {
  var z = seed &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  z ^= z >> 31
  return Float(z >> 40) * Float(0x1p-24) * 2 * .pi - .pi
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
