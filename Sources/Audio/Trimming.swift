import Glibc

/// The part of a sound that is kept, and how it is faded at its ends.
public struct Trim: Codable, Sendable, Equatable {
  /// In samples of the whole sound.
  public var first: Int
  public var end: Int
  /// Samples at the ends of the part that rise from silence and fall to it.
  public var fadeIn: Int
  public var fadeOut: Int

  public init(first: Int, end: Int, fadeIn: Int, fadeOut: Int) {
    (self.first, self.end, self.fadeIn, self.fadeOut) = (first, end, fadeIn, fadeOut)
  }

  /// Whether a sound of so many samples has this part, and the part its fades.
  public func fits(_ sampleCount: Int) -> Bool {
    0 <= first && first < end && end <= sampleCount && 0 <= fadeIn && 0 <= fadeOut
      && fadeIn <= end - first && fadeOut <= end - first
  }
}

extension AudioBuffer {
  /// What is left of a sound without silence before and behind it: from its onset, where it first comes
  /// within `head` decibels of its peak, to where it is last above `tail`.
  ///
  /// 1 ms before the onset fades in, and 10 ms behind the end fade out; of a sound that ends sooner, its
  /// own last 10 ms do.
  ///
  /// - Parameters:
  ///   - head, tail: decibels relative to the peak, below 0.
  /// - Returns: nil for a sound of nothing but zeros.
  public func trim(head: Double = -40, tail: Double = -60) -> Trim? {
    let peak = peak
    guard peak > 0 else { return nil }
    func isAbove(_ decibels: Double) -> (Int) -> Bool {
      let limit = peak * Float(pow(10, decibels / 20))
      return { [channels] index in channels.contains { abs($0[index]) > limit } }
    }
    guard let onset = (0..<sampleCount).first(where: isAbove(head)),
      let last = (0..<sampleCount).last(where: isAbove(tail))
    else { return nil }
    let fadeIn = min(sampleRate / 1000, onset)
    let fadeOut = sampleRate / 100
    let first = onset - fadeIn
    let end = min(last + 1 + fadeOut, sampleCount)
    return Trim(first: first, end: end, fadeIn: fadeIn, fadeOut: min(fadeOut, end - first))
  }

  /// How loud the noise is that a sound ends in, at its loudest over the last sixth of it, in decibels relative to the
  /// peak: where over the last third the level (of 10 ms, the median) changes by less than 3 dB, and is 45 to 60 dB
  /// below the peak. Nil for what decays, ends in silence, or takes less than 0.3 s.
  public var endingNoise: Double? {
    let peak = peak
    let length = max(1, sampleRate / 100)
    let blocks = sampleCount / length
    guard peak > 0, blocks >= 30 else { return nil }
    let levels = (blocks - blocks / 3..<blocks).map { block in
      let largest =
        channels.map { channel in
          channel[block * length..<(block + 1) * length].reduce(0) { max($0, abs($1)) }
        }.max() ?? 0
      return max(-120, 20 * log10(Double(largest / peak)))
    }
    func median(_ part: ArraySlice<Double>) -> Double { part.sorted()[part.count / 2] }
    let (first, second) = (
      median(levels[..<(levels.count / 2)]), median(levels[(levels.count / 2)...])
    )
    guard abs(first - second) < 3, (-60..<(-45)).contains(second) else { return nil }
    return levels[(levels.count / 2)...].max()
  }

  /// The part by itself, which must be one of this sound, with its fades: half a period of a cosine each.
  public func trimmed(to trim: Trim) -> AudioBuffer {
    precondition(trim.fits(sampleCount), "a part lies within the sound")
    var part = self[trim.first..<trim.end]
    func gain(_ step: Int, of count: Int) -> Float {
      Float(0.5 - 0.5 * cos(.pi * (Double(step) + 0.5) / Double(count)))
    }
    for channel in part.channels.indices {
      for step in 0..<trim.fadeIn {
        part.channels[channel][step] *= gain(step, of: trim.fadeIn)
      }
      for step in 0..<trim.fadeOut {
        part.channels[channel][part.sampleCount - 1 - step] *= gain(step, of: trim.fadeOut)
      }
    }
    return part
  }
}
