import CSpectro
import Foundation

/// Phases from magnitudes without iteration: phase gradient heap integration, Průša, Balazs and
/// Søndergaard 2017 (algorithm 1).
///
/// For a Gaussian window the derivatives of the phase are those of the log-magnitude with time and
/// frequency exchanged, and a Hann window is nearly one. (The paper's equations, here with the phase
/// of a frame counted from its first sample: half a turn a bin more.) From the loudest bin on,
/// phases spread to the neighbours in the order of their magnitudes.
///
/// Phases are `Turns`, which wrap as integers do: a sum of many turns would cost a `Float` the digits
/// that matter.
struct PhaseGradient {
  /// A phase: 2^32 make a turn.
  typealias Turns = UInt32

  static func turns(radians: Float) -> Turns {
    Turns(truncatingIfNeeded: Int64(Double(radians) / (2 * .pi) * 0x1p32))
  }

  private let frames: Int
  private let bins: Int
  /// `[frames, bins]`: natural logarithms of the magnitudes.
  private let logs: [Float]
  /// `[bins]`: what a sinusoid in the middle of each bin turns in a hop.
  private let advances: [Turns]
  /// What the phase gains from a frame to the next for each neper that the magnitudes rise in two
  /// bins, and from a bin to the next for each neper that they fall in two frames; in `Turns`.
  private let perFrame: Float
  private let perBin: Float
  private let isCircular: Bool

  /// Frames that are integrated at once, so that they stay in a cache. What follows starts from the
  /// last few: phases that were integrated apart would not fit together, and steady tones would tell.
  private static let (segmentSize, overlap) = (128, 4)

  /// Bins this far below the loudest get random phases, nepers (80 dB).
  private static let range: Float = 9.2
  /// Ranks by magnitude, 0.08 dB each: a queue sorted no finer needs no heap. From 1; 0 is for bins
  /// that are done or stay as they are.
  private static let ranks = 1024

  /// Phases of a spectrogram, `[frames, bins]`.
  ///
  /// - Parameters:
  ///   - firstFrame: where in the piece these magnitudes start.
  ///   - seed: of the phases that gradients do not decide.
  ///   - known: the frames whose phases stand, from which the others follow.
  static func phases(
    of magnitudes: Spectrogram, firstFrame: Int, stft: STFT, seed: UInt64,
    known: KnownPhases = KnownPhases()
  ) -> [Turns] {
    let (bins, frames) = (magnitudes.bins, magnitudes.frames)
    return [Turns](unsafeUninitializedCapacity: magnitudes.values.count) { output, count in
      count = magnitudes.values.count
      nonisolated(unsafe) let phases = output.baseAddress
      forEachBlock(of: frames, size: STFT.blockSize, threads: stft.threads) { block in
        guard let phases else { return }
        for frame in block {
          let isKnown = known.contains(frame)
          for i in frame * bins..<(frame + 1) * bins {
            phases[i] =
              isKnown ? known.turns[i] : randomPhase(seed: seed, index: firstFrame * bins + i)
          }
        }
      }
      // A loop has no place to begin.
      let size = stft.boundary == .circular ? max(1, frames) : segmentSize
      for start in stride(from: 0, to: frames, by: size) {
        guard let phases else { return }
        let segment = max(0, start - overlap)..<min(frames, start + size)
        let values = magnitudes.values[segment.lowerBound * bins..<segment.upperBound * bins]
        PhaseGradient(stft: stft, magnitudes: values, bins: bins).integrate(
          phases + segment.lowerBound * bins,
          isKnown: segment.map { $0 < start || known.contains($0) })
      }
    }
  }

  private init(stft: STFT, magnitudes: ArraySlice<Float>, bins: Int) {
    (frames, self.bins) = (magnitudes.count / bins, bins)
    isCircular = stft.boundary == .circular
    var logs = Array(magnitudes)
    sp_log(&logs, 1, 1e-30, logs.count)
    self.logs = logs
    // gamma of the Gaussian nearest to a Hann window, as in the authors' toolbox LTFAT.
    let gamma = 0.25645 * Double(stft.windowLength) * Double(stft.windowLength)
    let (hop, size) = (Double(stft.hopLength), Double(stft.fftSize))
    let (turn, radian) = (0x1p32, 0x1p32 / (2 * .pi))
    advances = (0..<bins).map { bin in
      let turns = Double(stft.hopLength * bin % stft.fftSize) / size
      return Turns(truncatingIfNeeded: Int64((turns * turn).rounded()))
    }
    // Half for the difference over two, and half for the mean of two bins.
    perFrame = Float(hop * size / gamma / 4 * radian)
    perBin = Float(gamma / (hop * size) / 4 * radian)
  }

  /// Replaces the phases `[frames, bins]` of all bins but those of the frames that are known,
  /// `[frames]`, the quietest and one in each island.
  private func integrate(_ phases: UnsafeMutablePointer<Turns>, isKnown: [Bool]) {
    let count = frames * bins
    let points = UnsafeMutablePointer<Point>.allocate(capacity: count)
    defer { points.deallocate() }
    let top = logs.max() ?? 0
    let rankScale = Float(Self.ranks - 1) / Self.range
    var loudest = 0
    for i in 0..<count {
      let depth = top - logs[i]
      let rank = depth < Self.range ? UInt16(Self.ranks - Int(depth * rankScale)) : 0
      points[i] = Point(log: logs[i], phase: phases[i], rank: rank)
      if rank > points[loudest].rank { loudest = i }
    }

    var queue = RankedQueue(ranks: Self.ranks)
    for frame in 0..<frames where isKnown[frame] {
      for i in frame * bins..<(frame + 1) * bins where points[i].rank > 0 {
        reach(points, i, points[i].phase, &queue)
      }
    }
    if !isKnown.contains(true) { reach(points, loudest, points[loudest].phase, &queue) }
    spread(points, &queue)
    // Islands: whatever is left, the loudest first.
    var islands = RankedQueue(ranks: Self.ranks)
    let behind = UnsafeMutablePointer<Int32>.allocate(capacity: count)
    defer { behind.deallocate() }
    for i in 0..<count where points[i].rank > 0 {
      behind[i] = islands.push(i, rank: points[i].rank)
    }
    while let i = islands.first {
      islands.replaceFirst(by: behind[i])
      if points[i].rank > 0 {
        reach(points, i, points[i].phase, &queue)
        spread(points, &queue)
      }
    }
    for i in 0..<count { phases[i] = points[i].phase }
  }

  /// What is known of a bin, side by side: its neighbours' are all that a step needs from memory.
  private struct Point {
    var log: Float
    var phase: Turns
    /// What stands behind this bin in the queue.
    var next: Int32 = -1
    /// 0 for bins that have their phase.
    var rank: UInt16
  }

  /// Gives a bin its phase, and a place in the queue of those whose neighbours are to have theirs.
  @inline(__always)
  private func reach(
    _ points: UnsafeMutablePointer<Point>, _ i: Int, _ phase: Turns, _ queue: inout RankedQueue
  ) {
    points[i].phase = phase
    points[i].next = queue.push(i, rank: points[i].rank)
    points[i].rank = 0
  }

  /// Gives phases to all bins that can be reached from those in the queue.
  private func spread(_ points: UnsafeMutablePointer<Point>, _ queue: inout RankedQueue) {
    while let i = queue.first {
      queue.replaceFirst(by: points[i].next)
      // Division of 32 bits takes half the time.
      let (row, column) = UInt32(i).quotientAndRemainder(dividingBy: UInt32(bins))
      let (frame, bin, phase) = (Int(row), Int(column), points[i].phase)
      let (before, after) = (i - toFrameBefore(frame), i + toFrameAfter(frame))
      if points[after].rank > 0 {
        reach(points, after, phase &+ changeInTime(points + i, points + after, bin), &queue)
      }
      if points[before].rank > 0 {
        reach(points, before, phase &- changeInTime(points + i, points + before, bin), &queue)
      }
      if bin + 1 < bins && points[i + 1].rank > 0 {
        let change = changeInFrequency(points + i, points + i + 1, frame)
        reach(points, i + 1, phase &+ change, &queue)
      }
      if bin > 0 && points[i - 1].rank > 0 {
        let change = changeInFrequency(points + i, points + i - 1, frame)
        reach(points, i - 1, phase &- change, &queue)
      }
    }
  }

  /// From a point to that of the next frame; 0 at an end.
  private func toFrameAfter(_ frame: Int) -> Int {
    frame + 1 < frames ? bins : isCircular ? bins - frames * bins : 0
  }

  /// From the point of the frame before to that of this one; 0 at an end.
  private func toFrameBefore(_ frame: Int) -> Int {
    frame > 0 ? bins : isCircular ? bins - frames * bins : 0
  }

  /// From one frame to the next, by the trapezoid rule between two points.
  @inline(__always)
  private func changeInTime(
    _ a: UnsafePointer<Point>, _ b: UnsafePointer<Point>, _ bin: Int
  ) -> Turns {
    // A real signal's spectrum is even around 0 Hz and half the sample rate.
    if bin == 0 || bin + 1 == bins { return advances[bin] }
    let rise = a[1].log - a[-1].log + b[1].log - b[-1].log
    return advances[bin] &+ turns(perFrame * rise)
  }

  /// From one bin to the next.
  @inline(__always)
  private func changeInFrequency(
    _ a: UnsafePointer<Point>, _ b: UnsafePointer<Point>, _ frame: Int
  ) -> Turns {
    let (before, after) = (toFrameBefore(frame), toFrameAfter(frame))
    // At an end the difference is over one frame instead of two.
    let scale = before == 0 || after == 0 ? 2 * perBin : perBin
    let rise = a[after].log - a[-before].log + b[after].log - b[-before].log
    return 1 << 31 &- turns(scale * rise)
  }

  @inline(__always)
  private func turns(_ value: Float) -> Turns {
    Turns(truncatingIfNeeded: Int64(max(-0x1p62, min(value, 0x1p62))))
  }
}

/// The phases of a stretch that stand, frame by frame.
struct KnownPhases {
  /// `[frames, bins]`, up to the last frame that is known; of the others without meaning.
  var turns: [PhaseGradient.Turns] = []
  /// For each of these frames whether it is known.
  var isKnown: [Bool] = []

  func contains(_ frame: Int) -> Bool { frame < isKnown.count && isKnown[frame] }
}

/// Indices in the order of their ranks, the highest first. Which index stands behind another of the
/// same rank is kept by the user.
private struct RankedQueue {
  /// The last index pushed at each rank; -1 for none.
  private var heads: [Int32]
  private var highest = 0

  /// - Parameter ranks: the highest rank.
  init(ranks: Int) { heads = [Int32](repeating: -1, count: ranks + 1) }

  /// Puts an index first in its rank, and returns what is behind it.
  @inline(__always)
  mutating func push(_ index: Int, rank: UInt16) -> Int32 {
    let rank = Int(rank)
    let behind = heads[rank]
    heads[rank] = Int32(truncatingIfNeeded: index)
    if rank > highest { highest = rank }
    return behind
  }

  /// The first index of the highest rank, to be replaced by what is behind it.
  var first: Int? {
    @inline(__always)
    mutating get {
      while highest > 0 && heads[highest] < 0 { highest -= 1 }
      return heads[highest] < 0 ? nil : Int(heads[highest])
    }
  }

  mutating func replaceFirst(by behind: Int32) { heads[highest] = behind }
}
