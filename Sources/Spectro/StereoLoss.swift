import Foundation

/// What becomes of left and right in a copy of a stereo sound.
///
/// Where mid and side are kept as magnitudes, the phase between them is made up, and with it which
/// side a sound stands on: a tone on the left is as loud in side as in mid, as is one on the right.
public struct StereoLoss: Sendable, Equatable {
  /// The spectral convergence of mid, (left + right) / 2, and side, (left - right) / 2, together, dB.
  public var planesConvergence: Double
  /// By how much the level of left against right is off, dB, in the mean over the sound's energy: 0
  /// where everything stands where it stood, 40 where all has changed sides.
  ///
  /// Levels are those of 32 mel bands in 8 frames (93 ms at 44.1 kHz), about as finely as ears place
  /// sounds; what is all on one side counts as 20 dB.
  public var levelError: Double

  private static let (bands, framesPerCell) = (32, 8)
  /// Of the energy of both channels, added to each: 20 dB from one side to the other.
  private static let spill = 0.01

  /// - Parameters:
  ///   - copy, original: left and right.
  ///   - stft: 2048/512.
  init(of copy: [[Float]], against original: [[Float]], sampleRate: Int, _ stft: STFT) {
    planesConvergence = stft.decibelsOfConvergence(
      of: Self.planes(copy), to: Self.planes(original))
    // Of energies, not of energies a Hz: a band counts as what it holds.
    let filters = MelFilterBank(
      sampleRate: sampleRate, fftSize: stft.fftSize, melBins: Self.bands, normalization: .none)
    let (a, b) = (
      copy.map { Self.energies(of: $0, stft, filters) },
      original.map { Self.energies(of: $0, stft, filters) }
    )
    var (error, energy) = (0.0, 0.0)
    for cell in b[0].indices {
      let weight = b[0][cell] + b[1][cell]
      let (found, wanted) = (
        Self.level(a[0][cell], against: a[1][cell]), Self.level(b[0][cell], against: b[1][cell])
      )
      error += weight * abs(found - wanted)
      energy += weight
    }
    levelError = energy > 0 ? error / energy : 0
  }

  /// What listeners would say.
  public enum Places: Sendable {
    case kept, blurred, lost
  }

  /// Below 2 dB sounds hardly move; beyond 6 dB what stood on a side stands anywhere.
  public var places: Places { levelError < 2 ? .kept : levelError < 6 ? .blurred : .lost }

  private static func planes(_ sound: [[Float]]) -> [[Float]] {
    [
      zip(sound[0], sound[1]).map { ($0 + $1) / 2 },
      zip(sound[0], sound[1]).map { ($0 - $1) / 2 },
    ]
  }

  /// `[cells, bands]`.
  private static func energies(
    of samples: [Float], _ stft: STFT, _ filters: MelFilterBank
  ) -> [Double] {
    let mel = filters.apply(stft.magnitudes(of: samples, power: 2))
    let cells = (mel.frames + framesPerCell - 1) / framesPerCell
    var energies = [Double](repeating: 0, count: cells * mel.bins)
    for frame in 0..<mel.frames {
      for band in 0..<mel.bins {
        energies[frame / framesPerCell * mel.bins + band] += Double(mel[frame, band])
      }
    }
    return energies
  }

  /// dB.
  private static func level(_ left: Double, against right: Double) -> Double {
    let spilled = spill * (left + right)
    guard spilled > 0 else { return 0 }
    return 10 * log10((left + spilled) / (right + spilled))
  }
}
