import Foundation
package import Spectro

/// How much an error in a mel bin counts: as much as the ear is sensitive at its frequency, by the A-weighting
/// of IEC 61672-1:2013, annex E.
package enum HearingWeights {
  /// In decibels, 0 at 1 kHz.
  package static func decibels(at frequency: Double) -> Double {
    let square = frequency * frequency
    let response =
      12194.0 * 12194.0 * square * square
      / ((square + 20.6 * 20.6) * (square + 12194.0 * 12194.0)
        * ((square + 107.7 * 107.7) * (square + 737.9 * 737.9)).squareRoot())
    return 20 * log10(max(response, 1e-12)) + 2.0
  }

  /// A factor for each mel bin, of mean 1: half of the curve's decibels, none more than 12 dB below the most,
  /// since what is played loud is heard more evenly.
  package static func factors(of settings: SpectrogramSettings) -> [Float] {
    let curve = frequencies(of: settings).map { decibels(at: $0) / 2 }
    let most = curve.max() ?? 0
    let gains = curve.map { pow(10, max($0 - most, -12) / 20) }
    let mean = gains.reduce(0, +) / Double(gains.count)
    return gains.map { Float($0 / mean) }
  }

  /// In Hz, the middle of each mel bin.
  private static func frequencies(of settings: SpectrogramSettings) -> [Double] {
    let scale = settings.melScale
    let (low, high) = (
      scale.mel(hertz: settings.minFrequency), scale.mel(hertz: settings.topFrequency)
    )
    return (1...settings.melBins).map {
      scale.hertz(mel: low + (high - low) * Double($0) / Double(settings.melBins + 1))
    }
  }
}
