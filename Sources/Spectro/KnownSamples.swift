/// What is known of a channel whose magnitudes are to become sound: stretches of samples that stand,
/// to whose phases the rest is fitted.
///
/// Each pass of Griffin-Lim puts them back, a projection like that on the magnitudes (Krémé, Emiya
/// and Chaux 2018, "Phase reconstruction for time-frequency inpainting", have the converse: known
/// coefficients of a transform); and the first phases spread from theirs.
public struct KnownSamples: Sendable {
  /// Of the whole piece; what lies outside of ``ranges`` is not looked at.
  public let samples: [Float]
  /// Where they are known, in order, apart from each other.
  public let ranges: [Range<Int>]

  /// - Parameters:
  ///   - samples: as many as are asked for of the inverter.
  ///   - ranges: within them, in order, apart from each other.
  public init(samples: [Float], ranges: [Range<Int>]) {
    precondition(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
    precondition(ranges.allSatisfy { $0.clamped(to: samples.indices) == $0 })
    (self.samples, self.ranges) = (samples, ranges)
  }

  /// Puts what is known into a part of the piece.
  func restore(_ signal: inout [Float], _ part: Range<Int>) {
    for range in ranges {
      for t in range.clamped(to: part) { signal[t - part.lowerBound] = samples[t] }
    }
  }

  /// The frames of a stretch in whose windows, as far as they reach into the piece, all is known.
  func frames(of stretch: Stretch, _ stft: STFT) -> [Range<Int>] {
    let (half, hop) = (stft.fftSize / 2, stft.hopLength)
    // The last frame whose window ends at or before a sample.
    func last(before sample: Int) -> Int { sample < half ? -1 : (sample - half) / hop }
    let reached = stretch.samples.upperBound
    return ranges.compactMap { range in
      let first = range.lowerBound == 0 ? 0 : (range.lowerBound + half + hop - 1) / hop
      // Beyond the ends of the piece stands what is within, reflected.
      let end = min(
        range.upperBound == samples.count
          ? stretch.frames.upperBound : last(before: range.upperBound) + 1,
        reached == samples.count ? stretch.frames.upperBound : last(before: reached) + 1)
      let frames =
        max(first, stretch.frames.lowerBound)..<max(first, stretch.frames.lowerBound, end)
      return frames.isEmpty ? nil : frames.clamped(to: stretch.frames)
    }
  }
}
