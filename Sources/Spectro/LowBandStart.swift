import Foundation

/// Better first phases of the lowest frequencies, where phase gradients mislead.
///
/// A kick drum falls through its pitches within a few windows, and beside 0 Hz a spectrum is mixed with
/// its mirror image: there the phases of gradients start Griffin-Lim near a bad local optimum, from
/// which it does not escape, and it matters, since most of the energy of drums is there. These bins are
/// a signal of their own, of a sixteenth of the rate, whose transforms cost a sixteenth. So several
/// starts are worked out to the end, one from the gradients and some from random phases, and `Splice`
/// takes of each the frames that have the wanted magnitudes best.
struct LowBandStart {
  /// Random starts beside that of the gradients, and passes for each.
  private static let (randomStarts, iterations) = (3, 48)
  /// What a pass leaves of magnitudes that nobody knows.
  private static let unknownGain: Float = 0.8
  /// Samples of the low signal's transforms.
  private static let size = 128
  /// Bins of the low signal that sound, and those of them whose phases are taken: above, a filter's
  /// edge would show.
  private static let (soundingBins, takenBins) = (48, 24)

  /// Replaces the phases of the lowest bins.
  ///
  /// - Parameters:
  ///   - phases: `[frames, bins]`, of gradients.
  ///   - magnitudes: `[frames, bins]`.
  ///   - unknownBins: the lowest bins whose magnitudes are not known.
  ///   - firstFrame: where in the piece the magnitudes start.
  ///   - known: the frames whose phases stand.
  ///   - seed: of the random starts.
  static func improve(
    _ phases: inout [PhaseGradient.Turns], of magnitudes: Spectrogram, unknownBins: Int,
    firstFrame: Int, known: KnownPhases, stft: STFT, seed: UInt64
  ) {
    let factor = stft.fftSize / size
    // Other sizes have no low signal with the same frames and the same window, one frame no signal.
    guard factor > 1, stft.fftSize % size == 0, stft.windowLength == stft.fftSize,
      stft.hopLength % factor == 0, magnitudes.frames > 1, unknownBins < takenBins
    else { return }
    let low = STFT(
      fftSize: size, hopLength: stft.hopLength / factor, boundary: stft.boundary, threads: 1)
    let (frames, bins) = (magnitudes.frames, magnitudes.bins)
    var wanted = Spectrogram(
      values: [Float](repeating: 0, count: frames * low.bins), frames: frames, bins: low.bins)
    for frame in 0..<frames {
      for bin in 0..<soundingBins { wanted[frame, bin] = magnitudes[frame, bin] / Float(factor) }
    }

    let griffinLim = GriffinLim(low, iterations: iterations)
    // A candidate is little work: threads take one each.
    let candidates = mapInParallel(0..<randomStarts + 1, threads: stft.threads) { candidate in
      var start = [PhaseGradient.Turns](repeating: 0, count: frames * low.bins)
      for frame in 0..<frames {
        for bin in 0..<soundingBins {
          let i = frame * bins + bin
          start[frame * low.bins + bin] =
            candidate == 0 || known.contains(frame)
            ? phases[i]
            : randomPhase(seed: seed &+ UInt64(candidate), index: firstFrame * bins + i)
        }
      }
      return low.forward(
        griffinLim.audio(
          from: wanted, phases: start, unknownBins: unknownBins, unknownGain: unknownGain))
    }
    let path = Splice(
      candidates, wanted: wanted, bins: unknownBins..<takenBins, known: known,
      isCircular: stft.boundary == .circular
    ).path()
    for frame in 0..<frames where !known.contains(frame) {
      let (candidate, turn) = (candidates[path[frame] / 2], UInt32(path[frame] % 2) << 31)
      for bin in 0..<takenBins { phases[frame * bins + bin] = candidate.turns(frame, bin) &+ turn }
    }
  }
}

/// One spectrogram out of several that have nearly the same magnitudes: from one to another where it
/// costs least, by dynamic programming (Viterbi 1967).
///
/// A frame costs its distance from the wanted magnitudes, a change the distance of the two frames that
/// would have overlapped. Magnitudes do not tell the sign of a signal, so each candidate stands for
/// two: state `2 k` is candidate k, state `2 k + 1` the same turned around.
private struct Splice {
  private let states: Int
  private let frames: Int
  /// `[frames, states]`: squared distance from the wanted magnitudes.
  private var errors: [Float] = []
  /// `[frames, states, states]`: squared distance of a state's frame from another's.
  private var changes: [Float] = []
  private let isCircular: Bool

  /// - Parameters:
  ///   - candidates: each `[frames, any number of bins]`.
  ///   - wanted: magnitudes.
  ///   - bins: those that are compared.
  ///   - known: frames that cannot be turned around.
  init(
    _ candidates: [ComplexSpectrogram], wanted: Spectrogram, bins: Range<Int>, known: KnownPhases,
    isCircular: Bool
  ) {
    (states, frames, self.isCircular) = (2 * candidates.count, wanted.frames, isCircular)
    errors.reserveCapacity(frames * states)
    changes.reserveCapacity(frames * states * states)
    for frame in 0..<frames {
      for candidate in candidates {
        let error = bins.reduce(Float(0)) {
          let difference = candidate.magnitude(frame, $1) - wanted[frame, $1]
          return $0 + difference * difference
        }
        errors += [error, known.contains(frame) ? .infinity : error]
      }
      // |a - b|^2 of the candidates is |a|^2 + |b|^2 - 2 a b, with one turned around plus 2 a b.
      let values = candidates.map { candidate in
        let row = frame * candidate.bins
        return candidate.values[2 * (row + bins.lowerBound)..<2 * (row + bins.upperBound)]
      }
      let products = values.map { a in
        values.map { b in zip(a, b).reduce(Float(0)) { $0 + $1.0 * $1.1 } }
      }
      for state in 0..<states {
        for other in 0..<states {
          let (a, b) = (state / 2, other / 2)
          let product = (state + other) % 2 == 0 ? products[a][b] : -products[a][b]
          changes.append(products[a][a] + products[b][b] - 2 * product)
        }
      }
    }
  }

  /// The state of each frame.
  func path() -> [Int] {
    let open = path(around: nil)
    return isCircular ? path(around: open[0]) : open
  }

  /// - Parameter state: of the first frame, and of the one after the last.
  private func path(around state: Int?) -> [Int] {
    var costs = (0..<states).map { state == nil || state == $0 ? errors[$0] : .infinity }
    // [frames, states]: the best state of the frame before.
    var before = [Int](repeating: 0, count: frames * states)
    func arrive(_ to: Int, _ frame: Int) -> (from: Int, cost: Float) {
      var best = (from: 0, cost: Float.infinity)
      for from in 0..<states {
        let cost = costs[from] + changes[(frame * states + from) * states + to]
        if cost < best.cost { best = (from, cost) }
      }
      return best
    }
    for frame in 1..<frames {
      costs = (0..<states).map { to in
        let best = arrive(to, frame)
        before[frame * states + to] = best.from
        return best.cost + errors[frame * states + to]
      }
    }
    var last = state.map { arrive($0, 0).from } ?? costs.indices.min { costs[$0] < costs[$1] } ?? 0
    var path = [Int](repeating: 0, count: frames)
    for frame in (0..<frames).reversed() {
      path[frame] = last
      last = before[frame * states + last]
    }
    return path
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
