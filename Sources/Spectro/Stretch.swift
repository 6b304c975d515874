/// A part of a piece that Griffin-Lim works on at once.
///
/// Stretches follow each other. Each is worked on together with a halo of the frames behind it, so
/// that its last frames know what comes; these are made anew with the next stretch, which knows what
/// was before by the frames that stand.
struct Stretch {
  /// Those worked on: the stretch and its halo.
  let frames: Range<Int>
  /// Samples that these frames reach and no finished ones are among them.
  let samples: Range<Int>
  /// Those of the samples that no later stretch changes.
  let finished: Range<Int>
  /// Where the next stretch goes on; nil at the end.
  let next: Next?
  /// Samples of the piece.
  private let total: Int

  struct Next {
    /// Its first frame.
    let frame: Int
    /// Frames of the halo that are a start for it.
    let halo: Range<Int>
    /// Samples that both its frames and those before reach.
    let samples: Range<Int>
  }

  /// Frames of a stretch without its halo, unless a window spans too many.
  static let usualLength = 1024

  /// The stretches of a piece. A loop is worked on as a whole.
  ///
  /// - Parameters:
  ///   - sampleCount: of the result, by default up to the centre of the last frame.
  ///   - length: frames of a stretch without its halo; rounded up to whole blocks and at least sixteen
  ///     halos.
  static func all(
    frames: Int, sampleCount: Int?, stft: STFT, length: Int = usualLength
  ) -> [Stretch] {
    let whole = stft.sampleCount(frames: frames)
    if stft.boundary == .circular {
      return [
        Stretch(
          frames: 0..<frames, samples: 0..<whole, finished: 0..<whole, next: nil, total: whole)
      ]
    }
    let total = sampleCount ?? whole
    let hop = stft.hopLength
    // Frames behind the end of the samples have no say.
    let frames = min(frames, total / hop + 2)
    // In hops.
    let (window, half) = ((stft.fftSize + hop - 1) / hop, (stft.fftSize / 2 + hop - 1) / hop)
    let halo = (8 * window + STFT.blockSize - 1) / STFT.blockSize * STFT.blockSize
    let length = max(
      (length + STFT.blockSize - 1) / STFT.blockSize * STFT.blockSize, 16 * halo)
    let count = max(1, (frames - halo) / length)
    return (0..<count).map { index in
      let (first, end) = (index * length, (index + 1) * length)
      // A window reaches half its length to both sides.
      let start = index == 0 ? 0 : max(0, first - half) * hop
      if index == count - 1 {
        let samples = start..<total
        return Stretch(
          frames: first..<frames, samples: samples, finished: samples, next: nil, total: total)
      }
      let finished = start..<max(0, end - half) * hop
      let shared = finished.upperBound..<min(total, (end + half) * hop)
      return Stretch(
        frames: first..<end + halo, samples: start..<min(total, (end + halo + half) * hop),
        finished: finished, next: Next(frame: end, halo: end..<end + halo / 2, samples: shared),
        total: total)
    }
  }

  /// A stretch's signal, `[samples]`, as a part of the whole.
  func excerpt(_ signal: UnsafeBufferPointer<Float>) -> STFT.Excerpt {
    STFT.Excerpt(samples: signal, offset: samples.lowerBound, total: total)
  }
}
