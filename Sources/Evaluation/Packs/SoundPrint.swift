import Audio
import Foundation
import Spectro

/// A sound's spectrum over time, from its onset on, by which it is told whether another one is nearly the
/// same.
package struct SoundPrint: Sendable {
  /// Decibels above 50 below the loudest, `[frames, bands]`, 0 where there is less.
  private let levels: Spectrogram

  private static let bands = 64
  private static let range: Float = 50
  /// Of the beginning, seconds.
  private static let longest = 4.0
  /// Onsets are not found to the frame.
  private static let shifts = -2...2

  /// Makes them at one sample rate.
  package struct Maker: Sendable {
    private let mel: MelSpectrogram

    /// - Throws: `SpectroError.invalidSettings` for a rate that no spectrogram has.
    package init(sampleRate: Int) throws {
      // 46 ms at 22.05 and 44.1 kHz, every 12 ms.
      let fftSize = 1 << Int(log2(0.046 * Double(sampleRate)).rounded())
      mel = try MelSpectrogram(
        SpectrogramSettings(
          sampleRate: sampleRate, fftSize: fftSize, hopLength: fftSize / 4,
          melBins: SoundPrint.bands, minFrequency: 30), threads: 1)
    }

    /// - Parameter samples: from the onset on, of at least one sample.
    package func print(of samples: [Float]) -> SoundPrint {
      let most = Int(SoundPrint.longest * Double(mel.settings.sampleRate))
      var levels = mel.logMel(of: Array(samples.prefix(most)))
      let decibels = Float(mel.settings.decibelsPerNeper)
      let floor = (levels.values.max() ?? 0) * decibels - SoundPrint.range
      for index in levels.values.indices {
        levels.values[index] = max(0, levels.values[index] * decibels - floor)
      }
      return SoundPrint(levels: levels)
    }
  }

  /// The mean difference in decibels over what is to be heard of either, where they lie best against each
  /// other: 0 for the same, about 25 for sounds that have nothing in common. How loud they are does not
  /// count.
  package func distance(to other: SoundPrint) -> Double {
    Self.shifts.map { distance(to: other, shift: $0) }.min() ?? 0
  }

  private func distance(to other: SoundPrint, shift: Int) -> Double {
    let (own, others) = (levels, other.levels)
    let frames = min(0, shift)..<max(own.frames, others.frames + shift)
    var (sum, count) = (Float(0), 0)
    own.values.withUnsafeBufferPointer { a in
      others.values.withUnsafeBufferPointer { b in
        for frame in frames {
          let first = 0 <= frame && frame < own.frames ? frame * Self.bands : nil
          let place = frame - shift
          let second = 0 <= place && place < others.frames ? place * Self.bands : nil
          for band in 0..<Self.bands {
            let (x, y) = (first.map { a[$0 + band] } ?? 0, second.map { b[$0 + band] } ?? 0)
            if x > 0 || y > 0 {
              sum += abs(x - y)
              count += 1
            }
          }
        }
      }
    }
    return count == 0 ? 0 : Double(sum) / Double(count)
  }
}
