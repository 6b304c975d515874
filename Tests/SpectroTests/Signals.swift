import Foundation

/// Sounds with the traits of real ones, 1.5 s at 8 kHz; the same as in scripts/goldens/spectro.py.
enum Signals {
  static let sampleRate = 8000
  static let sampleCount = 12000

  static func named(_ name: String) throws -> [Float] {
    switch name {
    case "chords": chords
    case "bursts": bursts
    case "voice": voice
    default: throw CocoaError(.featureUnsupported)
    }
  }

  /// Uniform in [-1, 1): Numerical Recipes' linear congruential generator.
  static func noise(_ count: Int) -> [Float] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
      state = 1_664_525 &* state &+ 1_013_904_223
      return Float(Double(state) / 0x1p31 - 1)
    }
  }

  /// Three chords of decaying notes with five harmonics each.
  static let chords: [Float] = {
    var samples = [Double](repeating: 0, count: sampleCount)
    let chords: [(start: Double, notes: [Double])] = [
      (0, [220, 277.2, 329.6]), (0.5, [196, 246.9, 293.7]), (1, [174.6, 220, 261.6]),
    ]
    for (start, notes) in chords {
      for i in Int(start * Double(sampleRate))..<sampleCount {
        let age = Double(i) / Double(sampleRate) - start
        let level = 0.1 * exp(-4 * age)
        for note in notes {
          for harmonic in 1...5 {
            let frequency = note * Double(harmonic)
            samples[i] += level / Double(harmonic) * sin(2 * .pi * frequency * age)
          }
        }
      }
    }
    return samples.map { Float($0) }
  }()

  /// Six strokes of decaying noise.
  static let bursts: [Float] = noise(sampleCount).enumerated().map { i, noise in
    let time = Double(i) / Double(sampleRate)
    return noise * Float(exp(-12 * time.truncatingRemainder(dividingBy: 0.25)))
  }

  /// Harmonics of a gliding pitch under two moving formants.
  static let voice: [Float] = (0..<sampleCount).map { i in
    let time = Double(i) / Double(sampleRate)
    let pitch = 120 + 20 * cos(2 * .pi * time)
    let phase = 2 * .pi * 120 * time + 20 * sin(2 * .pi * time)
    var sample = 0.0
    for harmonic in 1...24 {
      let frequency = Double(harmonic) * pitch
      let first = (frequency - 600 - 200 * time) / 150
      let second = (frequency - 1800 + 400 * time) / 250
      let formants = exp(-first * first) + 0.5 * exp(-second * second)
      sample += 0.3 * formants * sin(Double(harmonic) * phase)
    }
    return Float(sample)
  }
}
