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
    var meter = BandwidthMeter(sampleRate: sampleRate)
    meter.add(samples)
    self = meter.finish()
  }

  fileprivate init(powers: [Double], hertzPerBin: Double) {
    let limit = (powers.max() ?? 0) * Self.range
    top = hertzPerBin * Double(limit > 0 ? powers.lastIndex { $0 > limit } ?? 0 : 0)
    (self.powers, self.hertzPerBin) = (powers, hertzPerBin)
  }

  /// Hz: where the sound ends as at a wall, falling by 20 dB within 600 Hz from where it was still
  /// everywhere, and not coming back. An encoder's low-pass and a conversion from a lower rate make
  /// such; nil where it fades away by itself, or holds single tones alone.
  public var wall: Double? {
    let width = 100.0
    let perBand = max(1, Int((width / hertzPerBin).rounded()))
    let bands = stride(from: 0, to: powers.count - perBand + 1, by: perBand).map { first in
      10 * log10(powers[first..<first + perBand].reduce(0, +) / Double(perBand) + 1e-30)
    }
    let bandWidth = Double(perBand) * hertzPerBin
    let (gap, reach) = (Int((300 / bandWidth).rounded()), Int(1500 / bandWidth))
    // The loudest band from each on.
    var loudest = bands
    for band in bands.indices.dropLast().reversed() {
      loudest[band] = max(loudest[band], loudest[band + 1])
    }
    var found: (drop: Double, band: Int)?
    for band in bands.indices
    where Double(band) * bandWidth > 2000 && band - reach >= 0 && band + gap < bands.count {
      let below = bands[band - reach...band - gap].min() ?? 0
      let drop = below - loudest[band + gap]
      if drop > max(20, found?.drop ?? 0) { found = (drop, band) }
    }
    return found.map { Double($0.band) * bandWidth }
  }

  /// The part of the energy above a frequency in Hz, from 0 to 1.
  public func energy(above frequency: Double) -> Double {
    part { $0 > frequency }
  }

  /// The part of the energy below a frequency in Hz, from 0 to 1.
  public func energy(below frequency: Double) -> Double {
    part { $0 < frequency }
  }

  private func part(_ isIncluded: (_ hertz: Double) -> Bool) -> Double {
    var (part, total) = (0.0, 0.0)
    for (bin, power) in powers.enumerated() {
      // All bins but the first and the last stand for a negative frequency, too.
      let power = bin == 0 || bin == powers.count - 1 ? power / 2 : power
      total += power
      if isIncluded(Double(bin) * hertzPerBin) { part += power }
    }
    return total > 0 ? part / total : 0
  }
}

/// Measures the bandwidth of a sound that comes in blocks.
public struct BandwidthMeter: Sendable {
  private let stft: STFT
  private let sampleRate: Int
  private var powers: [Double]

  /// - Parameters:
  ///   - sampleRate: Hz.
  ///   - fftSize: samples per transform, of which each begins a quarter later.
  public init(sampleRate: Int, fftSize: Int = 2048) {
    self.sampleRate = sampleRate
    stft = STFT(fftSize: fftSize, hopLength: fftSize / 4, threads: 1)
    powers = Array(repeating: 0, count: stft.bins)
  }

  /// - Parameter samples: the next of one channel; blocks of many windows, since each is taken for
  ///   itself.
  public mutating func add(_ samples: [Float]) {
    let spectrum = stft.magnitudes(of: samples, power: 2)
    for frame in 0..<spectrum.frames {
      for bin in powers.indices {
        powers[bin] += Double(spectrum.values[frame * spectrum.bins + bin])
      }
    }
  }

  public func finish() -> Bandwidth {
    Bandwidth(powers: powers, hertzPerBin: Double(sampleRate) / Double(stft.fftSize))
  }
}
