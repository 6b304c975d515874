import Foundation

/// Phases from magnitudes without iteration: phase gradient heap integration, Průša, Balazs and
/// Søndergaard 2017 (algorithm 1).
///
/// For a Gaussian window the derivatives of the phase are those of the log-magnitude with time and
/// frequency exchanged, and a Hann window is nearly one. (The paper's equations, here with the phase
/// of a frame counted from its first sample: half a turn a bin more.) From the loudest bin on,
/// phases spread to the neighbours in the order of their magnitudes, wrapped at each step: a sum of
/// many turns would cost a `Float` the digits that matter.
struct PhaseGradient {
  private let fftSize: Int
  private let hopLength: Int
  private let windowLength: Int
  /// `[frames, bins]`: natural logarithms of the magnitudes.
  private let logs: [Float]
  private let frames: Int
  private let bins: Int

  /// Frames that are integrated as one; longer pieces are cut, and Griffin-Lim mends the cuts.
  static let segmentSize = 512

  /// Bins this far below the loudest get random phases, nepers (80 dB).
  private static let range: Float = 9.2
  /// Ranks by magnitude, 0.08 dB each: a queue sorted no finer needs no heap.
  private static let ranks = 1024

  /// Phases of a spectrogram, radians, `[frames, bins]`.
  ///
  /// - Parameters:
  ///   - firstFrame: where in the piece these magnitudes start, a multiple of `segmentSize`.
  ///   - seed: of the phases that gradients do not decide.
  static func phases(
    of magnitudes: Spectrogram, firstFrame: Int, stft: STFT, seed: UInt64
  ) -> [Float] {
    let bins = magnitudes.bins
    return [Float](unsafeUninitializedCapacity: magnitudes.values.count) { output, count in
      let output = output.baseAddress
      forEachBlock(of: magnitudes.frames, size: segmentSize, threads: stft.threads) { segment in
        let range = segment.lowerBound * bins..<segment.upperBound * bins
        let phases = output.unsafelyUnwrapped + range.lowerBound
        for i in range {
          output.unsafelyUnwrapped[i] = randomPhase(seed: seed, index: firstFrame * bins + i)
        }
        PhaseGradient(
          stft: stft, magnitudes: magnitudes.values[range], frames: segment.count, bins: bins
        ).integrate(phases)
      }
      count = magnitudes.values.count
    }
  }

  private init(stft: STFT, magnitudes: ArraySlice<Float>, frames: Int, bins: Int) {
    (fftSize, hopLength, windowLength) = (stft.fftSize, stft.hopLength, stft.windowLength)
    (self.frames, self.bins) = (frames, bins)
    logs = magnitudes.map { log(max($0, 1e-30)) }
  }

  /// Replaces the phases `[frames, bins]` of all bins but the quietest and one in each island.
  private func integrate(_ phases: UnsafeMutablePointer<Float>) {
    let count = logs.count
    let top = logs.max() ?? 0
    let rankScale = Float(Self.ranks - 1) / Self.range
    // gamma of the Gaussian nearest to a Hann window, as in the authors' toolbox LTFAT.
    let gamma = 0.25645 * Float(windowLength) * Float(windowLength)
    let (hop, size) = (Float(hopLength), Float(fftSize))
    // Half the phase that a sinusoid in the middle of each bin gains in a hop, without whole turns.
    let advances = (0..<bins).map { .pi * Float(hopLength * $0 % fftSize) / size }
    let perFrame = hop * size / gamma / 2
    let perBin = gamma / (hop * size) / 2

    let known = UnsafeMutablePointer<Bool>.allocate(capacity: count)
    known.initialize(repeating: false, count: count)
    defer { known.deallocate() }
    var queue = RankedQueue(ranks: Self.ranks, capacity: count)
    var unvisited = RankedQueue(ranks: Self.ranks, capacity: count)

    logs.withUnsafeBufferPointer { logs in
      func isAudible(_ i: Int) -> Bool { top - logs[i] < Self.range }
      func rank(_ i: Int) -> Int { Self.ranks - 1 - Int((top - logs[i]) * rankScale) }
      /// Half the change of phase from one frame to the next.
      func alongTime(_ i: Int, _ bin: Int) -> Float {
        // A real signal's spectrum is even around 0 Hz and half the sample rate.
        if bin == 0 || bin + 1 == bins { return advances[bin] }
        return advances[bin] + perFrame * (logs[i + 1] - logs[i - 1]) / 2
      }
      /// Half the change of phase from one bin to the next.
      func alongFrequency(_ i: Int, _ frame: Int) -> Float {
        let (before, after) = (min(frame, 1), min(frames - 1 - frame, 1))
        let rise = logs[i + after * bins] - logs[i - before * bins]
        return -.pi / 2 - perBin * rise / Float(max(before + after, 1))
      }

      for i in 0..<count where isAudible(i) { unvisited.push(i, rank: rank(i)) }
      while let start = unvisited.pop() {
        if known[start] { continue }
        known[start] = true
        queue.push(start, rank: rank(start))
        while let i = queue.pop() {
          let (frame, bin) = (i / bins, i % bins)
          func isOpen(_ j: Int) -> Bool { !known[j] && isAudible(j) }
          func spread(to j: Int, _ change: Float) {
            known[j] = true
            let phase = phases[i] + change
            phases[j] = phase - 2 * .pi * (phase / (2 * .pi)).rounded()
            queue.push(j, rank: rank(j))
          }
          // The trapezoid rule between neighbours.
          if frame + 1 < frames, isOpen(i + bins) {
            spread(to: i + bins, alongTime(i, bin) + alongTime(i + bins, bin))
          }
          if frame > 0, isOpen(i - bins) {
            spread(to: i - bins, -alongTime(i, bin) - alongTime(i - bins, bin))
          }
          if bin + 1 < bins, isOpen(i + 1) {
            spread(to: i + 1, alongFrequency(i, frame) + alongFrequency(i + 1, frame))
          }
          if bin > 0, isOpen(i - 1) {
            spread(to: i - 1, -alongFrequency(i, frame) - alongFrequency(i - 1, frame))
          }
        }
      }
    }
  }
}

/// Indices in the order of their ranks, the highest first; one index at most once at a time.
private struct RankedQueue {
  /// The last index pushed at each rank, and behind each index the one before it; -1 ends.
  private var heads: [Int32]
  private var next: [Int32]
  private var highest = -1

  init(ranks: Int, capacity: Int) {
    heads = [Int32](repeating: -1, count: ranks)
    next = [Int32](repeating: -1, count: capacity)
  }

  mutating func push(_ index: Int, rank: Int) {
    next[index] = heads[rank]
    heads[rank] = Int32(index)
    highest = max(highest, rank)
  }

  mutating func pop() -> Int? {
    while highest >= 0 && heads[highest] < 0 { highest -= 1 }
    guard highest >= 0 else { return nil }
    let index = Int(heads[highest])
    heads[highest] = next[index]
    return index
  }
}
