import Foundation

/// What each frequency of a spectrum adds to each of the twelve pitch classes, as
/// `librosa.filters.chroma` defines it, at a tuning of A = 440 Hz: a Gaussian around each pitch class, a
/// semitone wide, or as wide as a bin where bins are wider; the weights of a bin have the length 1, less
/// the farther it is from 880 Hz, by a Gaussian of two octaves.
package struct ChromaFilterBank: Sendable {
  static let classes = 12
  /// Row-major `[12, bins]`, C first.
  package let weights: [Float]
  /// `fftSize / 2 + 1`.
  package let bins: Int

  private static let a0 = 27.5
  private static let (center, width) = (5.0, 2.0)

  package init(sampleRate: Int, fftSize: Int) {
    bins = fftSize / 2 + 1
    let classes = Self.classes
    // Semitones above A0.
    func pitch(_ bin: Int) -> Double {
      12 * log2(Double(bin) * Double(sampleRate) / Double(fftSize) / Self.a0)
    }
    // 0 Hz has no pitch: librosa puts it an octave and a half below the first bin.
    let pitches = [pitch(1) - 18] + (1...bins).map(pitch)
    var weights = [Float](repeating: 0, count: classes * bins)
    for bin in 0..<bins {
      let binWidth = max(pitches[bin + 1] - pitches[bin], 1)
      let heights = (0..<classes).map { note in
        let apart = remainder(pitches[bin] - Double(note), 12)
        return exp(-0.5 * pow(2 * apart / binWidth, 2))
      }
      let norm = heights.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let octave = (pitches[bin] / 12 - Self.center) / Self.width
      let gain = exp(-0.5 * octave * octave) / norm
      for (note, height) in heights.enumerated() {
        // Note 0 is A, which stands at 9 from C.
        weights[(note + 9) % classes * bins + bin] = Float(height * gain)
      }
    }
    self.weights = weights
  }
}
