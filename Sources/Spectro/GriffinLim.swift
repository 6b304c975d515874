import CSpectro
import Foundation

/// A signal from magnitudes alone: Griffin and Lim 1984, with momentum the fast variant of Perraudin,
/// Balazs and Søndergaard 2013, and with relaxation that of Nenov, Nguyen, Balazs and Boţ 2023.
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

  /// How far a pass goes towards where the original algorithm goes: their gamma.
  public var relaxation: Double

  public init(
    _ stft: STFT, iterations: Int = 32, momentum: Double = 0.99, relaxation: Double = 1
  ) {
    precondition(iterations >= 0 && momentum >= 0 && relaxation > 0)
    self.stft = stft
    (self.iterations, self.momentum, self.relaxation) = (iterations, momentum, relaxation)
  }

  /// Where the phases start.
  public enum Start: Sendable {
    /// Drawn at random.
    case random
    /// Phase gradient heap integration: Průša, Balazs and Søndergaard 2017; of the lowest bins, the
    /// best of several starts.
    case phaseGradient
  }

  /// Long pieces are worked on in stretches of a minute or so, one after the other, so that memory
  /// beside the magnitudes and the result stays bounded.
  ///
  /// - Parameters:
  ///   - magnitudes: `[frames, fftSize / 2 + 1]`, in the STFT's unit.
  ///   - start: where the phases start.
  ///   - seed: the same seed gives the same signal.
  ///   - sampleCount: samples to return, by default up to the centre of the last frame; of a loop
  ///     always all.
  public func audio(
    from magnitudes: Spectrogram, start: Start = .phaseGradient, seed: UInt64 = 0,
    sampleCount: Int? = nil
  ) -> [Float] {
    precondition(magnitudes.bins == stft.bins, "the transform and the spectrogram differ in bins")
    let bins = magnitudes.bins
    let stretches = Stretch.all(frames: magnitudes.frames, sampleCount: sampleCount, stft: stft)
    var (signal, standing) = ([Float](), Standing())
    signal.reserveCapacity(stretches.last?.finished.upperBound ?? 0)
    for stretch in stretches {
      let rows = stretch.frames.lowerBound * bins..<stretch.frames.upperBound * bins
      let wanted = Spectrogram(
        values: Array(magnitudes.values[rows]), frames: stretch.frames.count, bins: bins)
      signal += audio(
        of: stretch, magnitudes: wanted, start: start, seed: seed, standing: &standing
      ) { frame, scratch in
        wanted.values.withUnsafeBufferPointer {
          let row = (frame - stretch.frames.lowerBound) * bins
          stft.fft.impose($0.baseAddress.unsafelyUnwrapped + row, on: scratch)
        }
      }
    }
    return signal
  }

  /// A piece that is worked on as a whole, from these phases on, `[frames, bins]`. The lowest
  /// `unknownBins` take the magnitudes that the signal has, times a gain.
  func audio(
    from magnitudes: Spectrogram, phases: [PhaseGradient.Turns], unknownBins: Int,
    unknownGain: Float
  ) -> [Float] {
    let stretches = Stretch.all(
      frames: magnitudes.frames, sampleCount: nil, stft: stft, length: magnitudes.frames)
    var standing = Standing()
    standing.phases = phases
    return audio(
      of: stretches[0], magnitudes: magnitudes, start: .random, seed: 0, standing: &standing
    ) { frame, scratch in
      let values = scratch.magnitudes
      magnitudes.values.withUnsafeBufferPointer {
        values.update(
          from: $0.baseAddress.unsafelyUnwrapped + frame * stft.bins, count: stft.bins)
      }
      for bin in 0..<unknownBins {
        values[bin] = unknownGain * stft.fft.power(scratch, bin: bin).squareRoot()
      }
      stft.fft.impose(values, on: scratch)
    }
  }

  /// What the stretches so far leave for the next.
  struct Standing {
    /// The sum of the frames that are done with, where later ones still add to it.
    fileprivate var sum: [Float] = []
    /// `[frames, bins]`: the phases that the first frames of the next stretch had already.
    fileprivate var phases: [PhaseGradient.Turns] = []
  }

  /// The samples that are finished with one stretch.
  ///
  /// The frames before it stay as they are: they are a part of the signal that no iteration changes,
  /// so that the new frames find their phases beside them.
  ///
  /// - Parameters:
  ///   - magnitudes: what the stretch starts from, `[frames, fftSize / 2 + 1]`.
  ///   - unknownBins: the lowest bins whose magnitudes are not known.
  ///   - standing: what the stretches before left; becomes what this one leaves.
  ///   - known: samples of the piece that no pass changes.
  ///   - project: moves one frame's packed spectrum to the nearest that has the wanted magnitudes
  ///     and makes it ready for the inverse; its scale on entry is of no meaning.
  func audio(
    of stretch: Stretch, magnitudes: Spectrogram, unknownBins: Int = 0, start: Start, seed: UInt64,
    standing: inout Standing, known: KnownSamples? = nil,
    project: (_ frame: Int, _ scratch: RealFFT.Scratch) -> Void
  ) -> [Float] {
    var signal = [Float](repeating: 0, count: stretch.samples.count)
    if stretch.frames.isEmpty || signal.isEmpty { return signal }
    let overlapAdd = OverlapAdd(
      stft, frames: stretch.frames, samples: stretch.samples, standing: standing.sum)
    begin(
      stretch, magnitudes, unknownBins: unknownBins, start: start, seed: seed,
      known: phases(thatStandIn: stretch, standing, known), overlapAdd)
    overlapAdd.join(into: &signal)
    known?.restore(&signal, stretch.samples)

    let (relaxation, momentum) = (Float(relaxation), Float(momentum))
    var (last, previous) = (signal, signal)
    for pass in 0..<iterations {
      last.withUnsafeBufferPointer { last in
        let excerpt = stretch.excerpt(last)
        overlapAdd.add { frame, scratch in
          stft.analyze(excerpt, center: frame * stft.hopLength, scratch)
          project(frame, scratch)
        }
      }
      if pass == iterations - 1 {
        overlapAdd.join(into: &signal)
        break
      }
      last.withUnsafeMutableBufferPointer { last in
        previous.withUnsafeMutableBufferPointer { previous in
          nonisolated(unsafe) let (last, previous) = (last.baseAddress, previous.baseAddress)
          overlapAdd.join { piece, values in
            guard let last, let previous else { return }
            sp_extrapolate(
              last + piece.lowerBound, values, previous + piece.lowerBound, relaxation, momentum,
              piece.count)
          }
        }
      }
      known?.restore(&last, stretch.samples)
      known?.restore(&previous, stretch.samples)
    }
    if let next = stretch.next {
      standing.sum = overlapAdd.sum(before: next.frame, over: next.samples)
      standing.phases = phases(of: signal, stretch, frames: next.halo)
      signal.removeLast(stretch.samples.upperBound - stretch.finished.upperBound)
    }
    return signal
  }

  /// Gives the frames of a stretch their first phases and adds them.
  private func begin(
    _ stretch: Stretch, _ magnitudes: Spectrogram, unknownBins: Int, start: Start, seed: UInt64,
    known: KnownPhases, _ overlapAdd: OverlapAdd
  ) {
    let (bins, firstFrame) = (stft.bins, stretch.frames.lowerBound)
    var phases: [PhaseGradient.Turns]
    switch start {
    case .phaseGradient:
      phases = PhaseGradient.phases(
        of: magnitudes, firstFrame: firstFrame, stft: stft, seed: seed, known: known)
      LowBandStart.improve(
        &phases, of: magnitudes, unknownBins: unknownBins, firstFrame: firstFrame,
        known: known, stft: stft, seed: seed)
    case .random:
      phases = magnitudes.values.indices.map {
        known.contains($0 / bins)
          ? known.turns[$0] : randomPhase(seed: seed, index: firstFrame * bins + $0)
      }
    }
    magnitudes.values.withUnsafeBufferPointer { magnitudes in
      phases.withUnsafeBufferPointer { phases in
        overlapAdd.add { frame, scratch in
          let row = (frame - firstFrame) * bins
          sp_polar(
            magnitudes.baseAddress.unsafelyUnwrapped + row,
            phases.baseAddress.unsafelyUnwrapped + row, scratch.spectrum, bins)
          stft.fft.pack(scratch.spectrum, into: scratch)
        }
      }
    }
  }

  /// The phases that the frames of a stretch have already: from the stretch before, and where nothing
  /// but known samples is in their windows.
  private func phases(
    thatStandIn stretch: Stretch, _ standing: Standing, _ known: KnownSamples?
  ) -> KnownPhases {
    let bins = stft.bins
    var phases = KnownPhases(
      turns: standing.phases,
      isKnown: [Bool](repeating: true, count: standing.phases.count / bins))
    guard let known else { return phases }
    let part = Array(known.samples[stretch.samples])
    for frames in known.frames(of: stretch, stft)
    where frames.upperBound - stretch.frames.lowerBound > phases.isKnown.count {
      let first = max(frames.lowerBound - stretch.frames.lowerBound, phases.isKnown.count)
      let end = frames.upperBound - stretch.frames.lowerBound
      phases.turns += [PhaseGradient.Turns](
        repeating: 0, count: first * bins - phases.turns.count)
      phases.isKnown += [Bool](repeating: false, count: first - phases.isKnown.count)
      phases.turns += self.phases(
        of: part, stretch,
        frames: first + stretch.frames.lowerBound..<end + stretch.frames.lowerBound)
      phases.isKnown += [Bool](repeating: true, count: end - first)
    }
    return phases
  }

  /// The phases of some frames of a stretch's signal, `[frames, bins]`.
  private func phases(
    of signal: [Float], _ stretch: Stretch, frames: Range<Int>
  ) -> [PhaseGradient.Turns] {
    let bins = stft.bins
    return [PhaseGradient.Turns](unsafeUninitializedCapacity: frames.count * bins) {
      output, count in
      let output = output.baseAddress
      signal.withUnsafeBufferPointer { signal in
        stft.forEachFrame(frames, of: stretch.excerpt(signal)) { frame, scratch in
          stft.fft.unpack(scratch, into: scratch.spectrum)
          let row = output.unsafelyUnwrapped + (frame - frames.lowerBound) * bins
          for bin in 0..<bins {
            row[bin] = PhaseGradient.turns(
              radians: atan2(scratch.spectrum[2 * bin + 1], scratch.spectrum[2 * bin]))
          }
        }
      }
      count = frames.count * bins
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
