import Foundation
import Spectro

/// How regular the pulse of a loop is.
enum Pulse {
  /// Samples from one frame to the next, and of a frame.
  private static let (hop, size) = (256, 1024)
  /// Mel energies that are hardly heard, as of ``WindowAnalyzer``.
  private static let quietest: Float = 1e-9
  /// Seconds; beats of 240 to 40 a minute.
  private static let beats = 0.25...1.5

  /// The correlation of the loop's onset strength with itself a beat later, or two, whichever is larger, on
  /// a time axis that goes around; where the tempo is unknown the largest over 0.25 to 1.5 s.
  ///
  /// - Parameters:
  ///   - samples: one round.
  ///   - beatsPerMinute: nil for an unknown tempo.
  /// - Returns: 0 to 1; 0 for a loop in which nothing begins, or of less than two beats.
  /// - Throws: `SpectroError.invalidSettings` for a rate that no spectrogram has.
  static func regularity(
    of samples: [Float], sampleRate: Int, beatsPerMinute: Double?
  ) throws -> Double {
    let strength = try strength(of: samples, sampleRate: sampleRate)
    let perSecond = Double(sampleRate) / Double(hop)
    let lags =
      beatsPerMinute.map { [60 / $0 * perSecond, 120 / $0 * perSecond] }
      ?? Array(
        stride(from: beats.lowerBound * perSecond, through: beats.upperBound * perSecond, by: 1))
    let mean = strength.reduce(0, +) / Double(strength.count)
    let power = strength.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    guard power > 0 else { return 0 }
    func correlation(_ lag: Double) -> Double {
      let (whole, part) = (Int(lag), lag - lag.rounded(.down))
      return strength.indices.reduce(0) { sum, frame in
        let a = strength[(frame + whole) % strength.count]
        let b = strength[(frame + whole + 1) % strength.count]
        return sum + (strength[frame] - mean) * ((1 - part) * a + part * b - mean)
      } / power
    }
    let longest = Double(samples.count) / Double(2 * hop)
    return max(0, lags.filter { $0 <= longest + 1e-6 }.map(correlation).max() ?? 0)
  }

  /// Of the frames of one round, at least one; around the joint a frame has sound of both sides.
  private static func strength(of samples: [Float], sampleRate: Int) throws -> [Double] {
    let mel = try MelSpectrogram(
      SpectrogramSettings(
        sampleRate: sampleRate, fftSize: size, hopLength: hop, melBins: 40, minFrequency: 30),
      threads: 1)
    let count = samples.count
    let around = (-size..<count + size).map { samples[($0 % count + count) % count] }
    var levels = mel.logMel(of: around)
    for index in levels.values.indices {
      levels.values[index] = log1p(exp(levels.values[index] - log(quietest)))
    }
    let first = size / hop
    return Array(Onsets.strength(levels)[first..<first + max(1, count / hop)])
  }
}
