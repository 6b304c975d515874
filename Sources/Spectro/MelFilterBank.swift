import Foundation

/// A perceptual scale of pitch.
public enum MelScale: String, Codable, Sendable, CaseIterable {
  /// Linear below 1 kHz, logarithmic above: Slaney's Auditory Toolbox (1998), librosa's default.
  case slaney
  /// `2595 log10(1 + f / 700)`: the Hidden Markov Model Toolkit (HTK).
  case htk

  /// Slaney's constants: 200/3 Hz a mel up to 1 kHz, then 27 mels for a factor of 6.4.
  private static let hertzPerMel = 200.0 / 3
  private static let logStart = 1000.0
  private static let logStep = log(6.4) / 27

  public func mel(hertz: Double) -> Double {
    switch self {
    case .htk: 2595 * log10(1 + hertz / 700)
    case .slaney where hertz < Self.logStart: hertz / Self.hertzPerMel
    case .slaney: Self.logStart / Self.hertzPerMel + log(hertz / Self.logStart) / Self.logStep
    }
  }

  public func hertz(mel: Double) -> Double {
    let logMel = Self.logStart / Self.hertzPerMel
    return switch self {
    case .htk: 700 * (pow(10, mel / 2595) - 1)
    case .slaney where mel < logMel: mel * Self.hertzPerMel
    case .slaney: Self.logStart * exp(Self.logStep * (mel - logMel))
    }
  }
}

/// Triangular filters, equally spaced on a mel scale, as `librosa.filters.mel` defines them.
public struct MelFilterBank: Sendable {
  /// How the height of a triangle is chosen.
  public enum Normalization: String, Codable, Sendable {
    /// Area 1 over Hz, so that white noise gives a flat spectrum.
    case slaney
    /// Height 1.
    case none
  }

  public let melBins: Int
  /// `fftSize / 2 + 1`.
  public let fftBins: Int
  /// Row-major `[melBins, fftBins]`, mostly zeros.
  public let weights: [Float]
  /// The bins of each row that hold more than 0.
  let bands: [Range<Int>]
  /// `A x` and `A' y`, with `A` the weights.
  let product: FilterProduct
  let transposedProduct: TransposedFilterProduct

  /// Values that must be readable, and finite, behind a spectrum: vectors reach past its end.
  static let padding = 7

  /// - Parameters:
  ///   - sampleRate: Hz.
  ///   - fftSize: samples per Fourier transform.
  ///   - melBins: number of filters.
  ///   - minFrequency: lower edge of the lowest filter, Hz.
  ///   - maxFrequency: upper edge of the highest filter, Hz; nil is half the sample rate.
  ///   - pitch: the filters see the sound as if all its frequencies were multiplied with it.
  public init(
    sampleRate: Int, fftSize: Int, melBins: Int, minFrequency: Double = 0,
    maxFrequency: Double? = nil, scale: MelScale = .slaney, normalization: Normalization = .slaney,
    pitch: Double = 1
  ) {
    let nyquist = Double(sampleRate) / 2
    let (low, high) = (
      scale.mel(hertz: minFrequency), scale.mel(hertz: maxFrequency ?? nyquist)
    )
    precondition(
      sampleRate > 0 && fftSize >= 2 && melBins > 0 && 0 <= low && low < high && pitch > 0)
    self.melBins = melBins
    fftBins = fftSize / 2 + 1

    let edges = (0..<melBins + 2).map {
      scale.hertz(mel: low + (high - low) * Double($0) / Double(melBins + 1))
    }
    var weights = [Float](repeating: 0, count: melBins * fftBins)
    var bands: [Range<Int>] = []
    for mel in 0..<melBins {
      let height = normalization == .slaney ? 2 / (edges[mel + 2] - edges[mel]) : 1
      let (left, centre, right) = (
        edges[mel] / pitch, edges[mel + 1] / pitch, edges[mel + 2] / pitch
      )
      // A bin more than needed at both ends, against rounding; there the weights are 0.
      let reach = [left, right].map { Int($0 * Double(fftSize) / Double(sampleRate)) }
      var band = 0..<0
      let bins = (max(0, reach[0] - 1)..<reach[1] + 2).clamped(to: 0..<fftBins)
      for bin in bins {
        let hertz = Double(bin) * Double(sampleRate) / Double(fftSize)
        let rising = (hertz - left) / (centre - left)
        let falling = (right - hertz) / (right - centre)
        let weight = Float(height * max(0, min(rising, falling)))
        if weight > 0 {
          band = (band.isEmpty ? bin : band.lowerBound)..<bin + 1
          weights[mel * fftBins + bin] = weight
        }
      }
      bands.append(band)
    }
    (self.weights, self.bands) = (weights, bands)
    product = FilterProduct(weights, bands: bands, bins: fftBins)
    transposedProduct = TransposedFilterProduct(weights, bands: bands, bins: fftBins)
  }

  /// The filters of a kind of spectrogram, see the other initializer for `pitch`.
  public init(_ settings: SpectrogramSettings, pitch: Double = 1) {
    self.init(
      sampleRate: settings.sampleRate, fftSize: settings.fftSize, melBins: settings.melBins,
      minFrequency: settings.minFrequency, maxFrequency: settings.maxFrequency,
      scale: settings.melScale, pitch: pitch)
  }

  /// The mel spectrogram of a linear one: `[frames, fftBins]` to `[frames, melBins]`.
  public func apply(_ linear: Spectrogram) -> Spectrogram {
    precondition(linear.bins == fftBins, "the filter bank and the spectrogram differ in bins")
    let values = [Float](unsafeUninitializedCapacity: linear.frames * melBins) { output, count in
      guard let output = output.baseAddress else { return }
      linear.values.withUnsafeBufferPointer { input in
        guard let input = input.baseAddress else { return }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: fftBins + Self.padding) { row in
          row.update(repeating: 0)
          let row = row.baseAddress.unsafelyUnwrapped
          for frame in 0..<linear.frames {
            row.update(from: input + frame * fftBins, count: fftBins)
            product(row, into: output + frame * melBins)
          }
        }
      }
      count = linear.frames * melBins
    }
    return Spectrogram(values: values, frames: linear.frames, bins: melBins)
  }
}
