import Foundation

/// How the energy of a sound is spread over frequencies, on the average over its length.
public struct Bandwidth: Sendable {
  /// Hz: above it nothing comes within 85 dB of the strongest frequency, as above the cut of an MP3 or
  /// in a recording of 22.05 kHz that was converted to 44.1. 0 is silence.
  public let top: Double
  private let powers: [Double]
  private let hertzPerBin: Double

  private static let range = 3.16e-9

  /// - Parameters:
  ///   - samples: one channel.
  ///   - sampleRate: Hz.
  public init(of samples: [Float], sampleRate: Int) {
    let stft = STFT()
    let spectrum = stft.magnitudes(of: samples, power: 2)
    var powers = [Double](repeating: 0, count: spectrum.bins)
    for frame in 0..<spectrum.frames {
      for bin in 0..<spectrum.bins { powers[bin] += Double(spectrum[frame, bin]) }
    }
    hertzPerBin = Double(sampleRate) / Double(stft.fftSize)
    let limit = (powers.max() ?? 0) * Self.range
    top = hertzPerBin * Double(limit > 0 ? powers.lastIndex { $0 > limit } ?? 0 : 0)
    self.powers = powers
  }

  /// The part of the energy above a frequency in Hz, from 0 to 1.
  public func energy(above frequency: Double) -> Double {
    let total = powers.reduce(0, +)
    let first = powers.indices.first { Double($0) * hertzPerBin > frequency } ?? powers.count
    return total > 0 ? powers[first...].reduce(0, +) / total : 0
  }
}
