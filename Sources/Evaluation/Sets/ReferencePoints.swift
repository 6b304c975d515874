import Foundation
import Spectro

/// What is made of a window of real sound, to know what a distance means.
package struct ReferencePoints: Sendable {
  private let sampleRate: Int
  private let trip: RoundTrip

  /// What is shuffled: longer than a frame of any feature, shorter than most notes.
  static let pieceSeconds = 0.25
  private static let fadeSeconds = 0.005

  /// - Throws: `SpectroError.invalidSettings` for a rate that no spectrogram has.
  package init(sampleRate: Int) throws {
    self.sampleRate = sampleRate
    trip = try RoundTrip(SpectrogramSettings(sampleRate: sampleRate), threads: 1)
  }

  /// Real sound through the log-mel spectrogram of the standard preset, 256 bins, and back: the best that
  /// a model of such spectrograms can sound.
  package func inverted(_ samples: [Float]) throws -> [Float] { try trip.copy(of: [samples])[0] }

  /// Real sound in the wrong order: pieces of a quarter of a second, each faded into the next over 5 ms of
  /// what followed it.
  package func shuffled(_ samples: [Float], using generator: inout SeededGenerator) -> [Float] {
    let length = Int(Self.pieceSeconds * Double(sampleRate))
    let fade = Int(Self.fadeSeconds * Double(sampleRate))
    let pieces = stride(from: 0, to: samples.count, by: length).map {
      $0..<min($0 + length, samples.count)
    }.shuffled(using: &generator)
    var shuffled: [Float] = []
    shuffled.reserveCapacity(samples.count)
    var previousEnd: Int?
    for piece in pieces {
      let start = shuffled.count
      shuffled += samples[piece]
      if let previousEnd {
        for i in 0..<min(fade, piece.count, samples.count - previousEnd) {
          let part = (Float(i) + 0.5) / Float(fade)
          shuffled[start + i] = part * shuffled[start + i] + (1 - part) * samples[previousEnd + i]
        }
      }
      previousEnd = piece.upperBound
    }
    return shuffled
  }

  /// White noise with the energy of the sound.
  package func noise(like samples: [Float], using generator: inout SeededGenerator) -> [Float] {
    let energy = samples.reduce(0.0) { $0 + Double($1) * Double($1) }
    let rms = (energy / Double(max(samples.count, 1))).squareRoot()
    return samples.map { _ in Float(rms * generator.nextNormal()) }
  }
}
