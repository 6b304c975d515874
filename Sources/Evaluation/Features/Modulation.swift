import Foundation
package import Spectro

/// How levels go up and down in time: the power of their swings in octaves from half a swing a second.
package struct Modulation: Sendable {
  static let octaves = 5
  private static let lowest = 0.5
  private static let stepsPerOctave = 3
  /// Below this power of a swing, in squared nepers, nothing moves.
  private static let floor = 1e-4

  private let frameRate: Double

  package init(frameRate: Double) { self.frameRate = frameRate }

  /// For each group of neighbouring bins, `ln(P + 1e-4)` of each octave, `[groups, octaves]`: P is the mean
  /// over the group's bins and the octave's three frequencies f of
  /// `4 |Σ h(t) (L(t) - L̄) exp(-2πi f t)|² / (Σ h)²`, with Hann's window h, so that a swing of height 1
  /// has the power 1.
  ///
  /// - Parameter groups: as many as the bins are parted in evenly.
  package func spectrum(_ levels: Spectrogram, groups: Int) -> [Float] {
    let (frames, bins) = (levels.frames, levels.bins)
    precondition(frames > 0 && bins % groups == 0, "bins come in even groups")
    let window = (0..<frames).map { 0.5 - 0.5 * cos(2 * .pi * (Double($0) + 0.5) / Double(frames)) }
    let windowSum = window.reduce(0, +)
    let perGroup = bins / groups
    var powers = [Double](repeating: 0, count: groups * Self.octaves)
    var swings = [Double](repeating: 0, count: frames)
    let waves = (0..<Self.octaves * Self.stepsPerOctave).map { step in
      let frequency = Self.lowest * pow(2, Double(step) / Double(Self.stepsPerOctave))
      return (0..<frames).map { frame in
        let angle = 2 * .pi * frequency * Double(frame) / frameRate
        return (cos: cos(angle), sin: sin(angle))
      }
    }
    for bin in 0..<bins {
      var mean = 0.0
      for frame in 0..<frames { mean += Double(levels[frame, bin]) }
      mean /= Double(frames)
      for frame in 0..<frames {
        swings[frame] = window[frame] * (Double(levels[frame, bin]) - mean)
      }
      for (step, wave) in waves.enumerated() {
        var (real, imaginary) = (0.0, 0.0)
        for frame in 0..<frames {
          real += swings[frame] * wave[frame].cos
          imaginary += swings[frame] * wave[frame].sin
        }
        powers[bin / perGroup * Self.octaves + step / Self.stepsPerOctave] +=
          4 * (real * real + imaginary * imaginary) / (windowSum * windowSum)
      }
    }
    return powers.map { Float(log($0 / Double(perGroup * Self.stepsPerOctave) + Self.floor)) }
  }
}
