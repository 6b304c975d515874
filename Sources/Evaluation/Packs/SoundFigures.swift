public import Audio
import Foundation
import Spectro

/// What can be said of a sound by itself. Of taste it says nothing.
public struct SoundFigures: Codable, Sendable, Equatable {
  /// Milliseconds from the onset to the first 5 ms within 6 dB of the loudest 5 ms.
  public var attack: Double
  /// Decibels from the loudest 10 ms to the tenth part of them that is softest; 0 to 60.
  public var range: Double
  /// How clear tones stand of each other, 0 for white noise to 1: 1 - exp(m + 0.577), where m is the mean
  /// of ln(geometric mean / arithmetic mean) of the powers in each octave from 250 Hz to 16 kHz, in frames of
  /// 46 ms, of all that is less than 50 dB below the loudest such octave; of white noise it is -0.577.
  public var clarity: Double
  /// Of a loop: how regular its pulse is, 0 to 1, as Docs/packs.md says; nil for a single sound.
  public var regularity: Double?

  /// - Parameters:
  ///   - sound: from its onset on, or a loop from its first sample on.
  ///   - regularity: of a loop.
  public init(of sound: AudioBuffer, regularity: Double? = nil) {
    self.regularity = regularity
    let samples = sound.mono().channels[0]
    func levels(_ seconds: Double) -> [Double] {
      let length = max(1, Int(seconds * Double(sound.sampleRate)))
      return stride(from: 0, to: samples.count, by: length).map { start in
        let part = samples[start..<min(start + length, samples.count)]
        let power = part.reduce(0) { $0 + Double($1) * Double($1) } / Double(part.count)
        return 10 * log10(power + 1e-12)
      }
    }
    let fine = levels(0.005)
    let loudest = fine.max() ?? 0
    attack = 5 * Double(fine.firstIndex { $0 >= loudest - 6 } ?? 0)
    let coarse = levels(0.01).sorted()
    range = min(60, (coarse.last ?? 0) - (coarse.isEmpty ? 0 : coarse[coarse.count / 10]))
    clarity = Self.clarity(samples, sampleRate: sound.sampleRate)
  }

  private static let lowestOctave = 250.0
  private static let octaves = 6
  private static let eulerGamma = 0.5772156649015329

  private static func clarity(_ samples: [Float], sampleRate: Int) -> Double {
    let fftSize = 1 << Int(log2(0.046 * Double(sampleRate)).rounded())
    let powers = STFT(fftSize: fftSize, hopLength: fftSize / 2, threads: 1)
      .magnitudes(of: samples, power: 2)
    let edges = (0...octaves).map { octave in
      let hertz = lowestOctave * pow(2, Double(octave))
      return min(powers.bins - 1, Int((hertz * Double(fftSize) / Double(sampleRate)).rounded()))
    }
    var bands: [(power: Double, flatness: Double)] = []
    for frame in 0..<powers.frames {
      for (first, end) in zip(edges, edges.dropFirst()) where end > first {
        let bins = powers.values[frame * powers.bins + first..<frame * powers.bins + end]
        guard let flatness = Flatness.logarithm(of: bins, silence: 0) else { continue }
        bands.append((bins.reduce(0) { $0 + Double($1) } / Double(bins.count), flatness))
      }
    }
    let least = 1e-5 * (bands.map(\.power).max() ?? 0)
    let heard = bands.filter { $0.power >= least }.map(\.flatness)
    guard !heard.isEmpty else { return 0 }
    return max(0, 1 - exp(heard.reduce(0, +) / Double(heard.count) + eulerGamma))
  }

  /// The mean of figures from 0 to 1. Of a single sound they are 50 / (50 + attack), range / 60 and
  /// clarity, which puts what is crisp, falls silent and is clear first; of a loop regularity and clarity.
  public var score: Double {
    regularity.map { ($0 + clarity) / 2 } ?? (50 / (50 + attack) + range / 60 + clarity) / 3
  }
}
