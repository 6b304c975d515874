package import Spectro

/// How notes begin: the rise of the spectrum from frame to frame, and its peaks.
package enum Onsets {
  /// The mean over all bins of what each rises by from the frame before, `[frames]`, 0 at the first:
  /// librosa's `onset_strength` of a given spectrogram, without its shift by half a window.
  package static func strength(_ levels: Spectrogram) -> [Double] {
    (0..<levels.frames).map { frame in
      guard frame > 0 else { return 0 }
      var sum: Float = 0
      for bin in 0..<levels.bins { sum += max(0, levels[frame, bin] - levels[frame - 1, bin]) }
      return Double(sum) / Double(levels.bins)
    }
  }

  /// Frames at which a value is the largest of those around it, exceeds their mean by `delta`, and comes
  /// more than `wait` frames after the last peak: Böck, Krebs and Schedl 2012, as
  /// `librosa.util.peak_pick`.
  ///
  /// - Parameters:
  ///   - before, after: frames that it must be the largest of.
  ///   - meanBefore, meanAfter: frames that the mean is taken of; `after` and `meanAfter` count the frame
  ///     itself.
  package static func peaks(
    _ values: [Double], before: Int, after: Int, meanBefore: Int, meanAfter: Int, delta: Double,
    wait: Int
  ) -> [Int] {
    var peaks: [Int] = []
    var frame = 0
    while frame < values.count {
      let near = values[max(0, frame - before)..<min(frame + after, values.count)]
      let around = values[max(0, frame - meanBefore)..<min(frame + meanAfter, values.count)]
      let mean = around.reduce(0, +) / Double(around.count)
      if values[frame] == near.max(), values[frame] >= mean + delta {
        peaks.append(frame)
        frame += wait
      }
      frame += 1
    }
    return peaks
  }

  /// How alike the beginnings of notes are to themselves a while later, from -1 to 1: the largest
  /// correlation of their strengths with those `lag` frames later, over lags that leave half of the
  /// frames to compare; nil where there are too few for any lag, or nothing begins.
  ///
  /// - Parameter lags: frames; 0.25 to 1.5 s are beats of 240 to 40 a minute.
  package static func regularity(_ strength: [Double], lags: ClosedRange<Int>) -> Double? {
    let longest = min(lags.upperBound, strength.count / 2)
    guard lags.lowerBound <= longest else { return nil }
    return (lags.lowerBound...longest).compactMap { lag in
      correlation(strength.dropLast(lag), strength.dropFirst(lag))
    }.max()
  }
}
