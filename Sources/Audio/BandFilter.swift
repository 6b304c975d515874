import Glibc

/// A band-pass without delay, by which a band of one sound takes the place of that of another.
///
/// A sinc in a Blackman window: from an edge of the band, where it passes half, to nothing (-74 dB) and
/// to all it takes 60 Hz.
public struct BandFilter: Sendable {
  /// Width of each edge, Hz.
  public static let edge = 120.0
  /// `[2 n + 1]`, symmetrical.
  let taps: [Float]

  /// - Parameters:
  ///   - band: Hz; below 0 and above half the sample rate there is nothing to keep out.
  ///   - sampleRate: Hz.
  public init(_ band: ClosedRange<Double>, sampleRate: Int) {
    let rate = Double(sampleRate)
    // A Blackman window of N samples has a main lobe of 6 / N of the sample rate, half to each side.
    let reach = max(1, Int((6 * rate / Self.edge / 2).rounded(.up)))
    func lowPass(_ frequency: Double, _ t: Int) -> Double {
      // Beyond half the sample rate it passes all.
      if frequency >= rate / 2 { return t == 0 ? 1 : 0 }
      if frequency <= 0 { return 0 }
      let cutoff = 2 * frequency / rate
      return t == 0 ? cutoff : sin(.pi * cutoff * Double(t)) / (.pi * Double(t))
    }
    taps = (-reach...reach).map { t in
      let turn = Double.pi * Double(t) / Double(reach + 1)
      let window = 0.42 + 0.5 * cos(turn) + 0.08 * cos(2 * turn)
      return Float(window * (lowPass(band.upperBound, t) - lowPass(band.lowerBound, t)))
    }
  }

  /// The band of a signal, beyond whose ends there is silence.
  public func callAsFunction(_ samples: [Float]) -> [Float] {
    let reach = taps.count / 2
    let padding = [Float](repeating: 0, count: reach)
    let padded = padding + samples + padding
    var output = [Float](repeating: 0, count: samples.count)
    // Blocks that stay in a cache through all taps.
    for start in stride(from: 0, to: samples.count, by: 4096) {
      let end = min(start + 4096, samples.count)
      padded.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          for (offset, tap) in taps.enumerated() where tap != 0 {
            for i in start..<end { output[i] += tap * input[i + offset] }
          }
        }
      }
    }
    return output
  }

  /// A sound whose band is that of another one within a part, with a cross-fade of 20 ms within it at
  /// each border that has sound behind it.
  ///
  /// - Parameters:
  ///   - old, new: of the same shape and rate.
  ///   - peak: where the part would be louder, and louder than the old sound, less is changed.
  public func replacing(
    _ part: Range<Int>, of old: AudioBuffer, with new: AudioBuffer, peak: Float
  ) -> AudioBuffer {
    let (count, length) = (old.sampleCount, min(old.sampleRate / 50, part.count / 2))
    func fade(_ distance: Int) -> Float {
      distance >= length
        ? 1 : Float(0.5 - 0.5 * cos(.pi * (Double(distance) + 0.5) / Double(length)))
    }
    let changes = zip(old.channels, new.channels).map { old, new in
      let difference = self(zip(new, old).map { $0 - $1 })
      return part.map { t in
        let rising = part.lowerBound > 0 ? fade(t - part.lowerBound) : 1
        let falling = part.upperBound < count ? fade(part.upperBound - 1 - t) : 1
        return rising * falling * difference[t]
      }
    }
    let mixed = old[part].adding(
      AudioBuffer(channels: changes, sampleRate: old.sampleRate), peak: peak)
    var result = old
    for channel in result.channels.indices {
      result.channels[channel].replaceSubrange(part, with: mixed.channels[channel])
    }
    return result
  }
}
