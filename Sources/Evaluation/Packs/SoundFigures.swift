public import Audio
import Foundation
import Spectro

/// What can be said of a sound by itself. Of taste it says nothing.
public struct SoundFigures: Codable, Sendable, Equatable {
  /// Milliseconds from the onset to the first 5 ms within 3 dB of the loudest 5 ms.
  public var attack: Double
  /// Decibels from the loudest 10 ms to the tenth part of them that is softest; 0 to 60.
  public var range: Double
  /// 1 for tones that stand clear of each other, 0 for noise: one less the spectrum's flatness (its
  /// geometric over its arithmetic mean, in frames of 46 ms up to 16 kHz), the mean by the frames' power.
  public var clarity: Double

  /// - Parameter sound: from its onset on.
  public init(of sound: AudioBuffer) {
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
    attack = 5 * Double(fine.firstIndex { $0 >= loudest - 3 } ?? 0)
    let coarse = levels(0.01).sorted()
    range = min(60, (coarse.last ?? 0) - (coarse.isEmpty ? 0 : coarse[coarse.count / 10]))
    clarity = Self.clarity(samples, sampleRate: sound.sampleRate)
  }

  private static func clarity(_ samples: [Float], sampleRate: Int) -> Double {
    let fftSize = 1 << Int(log2(0.046 * Double(sampleRate)).rounded())
    let powers = STFT(fftSize: fftSize, hopLength: fftSize / 2, threads: 1)
      .magnitudes(of: samples, power: 2)
    let top = min(powers.bins, Int(16_000 * Double(fftSize) / Double(sampleRate)))
    var (sum, weights) = (0.0, 0.0)
    for frame in 0..<powers.frames {
      let bins = powers.values[frame * powers.bins + 1..<frame * powers.bins + top]
      let power = bins.reduce(0) { $0 + Double($1) }
      guard let flatness = Flatness.logarithm(of: bins, silence: 0) else { continue }
      sum += power * (1 - exp(flatness))
      weights += power
    }
    return weights > 0 ? sum / weights : 0
  }

  /// The mean of three figures from 0 to 1: 50 / (50 + attack), range / 60 and clarity. It puts what is
  /// crisp, falls silent and is clear first.
  public var score: Double { (50 / (50 + attack) + range / 60 + clarity) / 3 }
}
