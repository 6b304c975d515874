import Foundation
import Spectro

/// How much a sound is tones and how much noise, in octaves of frequency: where harmonics stand clear of
/// each other the spectrum is all peaks, in fog it is flat.
package struct Flatness: Sendable {
  /// From 62.5 Hz; the last ends at 16 kHz.
  static let octaves = 8
  private static let lowest = 62.5
  /// Valleys deeper than this part of an octave's mean power, 40 dB, are masked.
  private static let masked = 1e-4

  /// The bins of each octave, empty above half the sample rate.
  private let bands: [Range<Int>]
  /// Power below which an octave is silent in a frame.
  private let silence: Double

  /// - Parameter silence: a power of one bin.
  init(sampleRate: Int, fftSize: Int, silence: Double) {
    let edges = (0...Self.octaves).map {
      let hertz = Self.lowest * pow(2, Double($0))
      return min(fftSize / 2, Int((hertz * Double(fftSize) / Double(sampleRate)).rounded()))
    }
    bands = zip(edges, edges.dropFirst()).map { $0..<$1 }
    self.silence = silence
  }

  /// The mean over frames of `ln(geometric mean / arithmetic mean)` of each octave's powers, to which
  /// 1e-4 of their mean is added; 0 is flat, and what silence has.
  ///
  /// - Parameter powers: `[frames, fftSize / 2 + 1]`.
  func logarithms(_ powers: Spectrogram) -> [Float] {
    bands.map { band in
      guard !band.isEmpty else { return 0 }
      let flatness = (0..<powers.frames).compactMap { frame in
        Self.logarithm(
          of: powers.values[
            frame * powers.bins + band.lowerBound..<frame * powers.bins + band.upperBound],
          silence: silence)
      }
      return flatness.isEmpty ? 0 : Float(flatness.reduce(0, +) / Double(flatness.count))
    }
  }

  /// nil for silence.
  package static func logarithm(of powers: some Collection<Float>, silence: Double) -> Double? {
    let mean = powers.reduce(0.0) { $0 + Double($1) } / Double(powers.count)
    guard mean > silence else { return nil }
    let least = masked * mean
    let logarithms = powers.reduce(0.0) { $0 + log(Double($1) + least) }
    return logarithms / Double(powers.count) - log(mean + least)
  }
}
