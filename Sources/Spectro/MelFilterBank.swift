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
  /// The non-zero part of each row, padded with zeros to a multiple of four.
  let bands: [Band]
  let bandWeights: [SIMD4<Float>]

  struct Band: Sendable {
    /// First bin, and the range of its weights in `bandWeights`.
    var bin, start, end: Int
  }

  /// - Parameters:
  ///   - sampleRate: Hz.
  ///   - fftSize: samples per Fourier transform.
  ///   - melBins: number of filters.
  ///   - minFrequency: lower edge of the lowest filter, Hz.
  ///   - maxFrequency: upper edge of the highest filter, Hz; nil is half the sample rate.
  public init(
    sampleRate: Int, fftSize: Int, melBins: Int, minFrequency: Double = 0,
    maxFrequency: Double? = nil, scale: MelScale = .slaney, normalization: Normalization = .slaney
  ) {
    let nyquist = Double(sampleRate) / 2
    let (low, high) = (
      scale.mel(hertz: minFrequency), scale.mel(hertz: maxFrequency ?? nyquist)
    )
    precondition(sampleRate > 0 && fftSize >= 2 && melBins > 0 && 0 <= low && low < high)
    self.melBins = melBins
    fftBins = fftSize / 2 + 1

    let edges = (0..<melBins + 2).map {
      scale.hertz(mel: low + (high - low) * Double($0) / Double(melBins + 1))
    }
    var weights = [Float](repeating: 0, count: melBins * fftBins)
    var bands: [Band] = []
    var bandWeights: [SIMD4<Float>] = []
    for mel in 0..<melBins {
      let (left, centre, right) = (edges[mel], edges[mel + 1], edges[mel + 2])
      let height = normalization == .slaney ? 2 / (right - left) : 1
      let row = (0..<fftBins).map { bin in
        let hertz = Double(bin) * Double(sampleRate) / Double(fftSize)
        let rising = (hertz - left) / (centre - left)
        let falling = (right - hertz) / (right - centre)
        return Float(height * max(0, min(rising, falling)))
      }
      weights.replaceSubrange(mel * fftBins..<(mel + 1) * fftBins, with: row)

      let first = row.firstIndex { $0 > 0 } ?? 0
      let end = (row.lastIndex { $0 > 0 } ?? -1) + 1
      let start = bandWeights.count
      for bin in stride(from: first, to: end, by: 4) {
        var four = SIMD4<Float>.zero
        for lane in 0..<min(4, end - bin) { four[lane] = row[bin + lane] }
        bandWeights.append(four)
      }
      bands.append(Band(bin: first, start: start, end: bandWeights.count))
    }
    (self.weights, self.bands, self.bandWeights) = (weights, bands, bandWeights)
  }

  /// The mel spectrogram of a linear one: `[frames, fftBins]` to `[frames, melBins]`.
  public func apply(_ linear: Spectrogram) -> Spectrogram {
    precondition(linear.bins == fftBins, "the filter bank and the spectrogram differ in bins")
    let padded = [Float](repeating: 0, count: 3)
    let values = [Float](unsafeUninitializedCapacity: linear.frames * melBins) { output, count in
      // The vectors of the last frame's last band may reach past its end.
      (linear.values + padded).withUnsafeBufferPointer { input in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        for frame in 0..<linear.frames {
          apply(input + frame * fftBins, into: output + frame * melBins)
        }
      }
      count = linear.frames * melBins
    }
    return Spectrogram(values: values, frames: linear.frames, bins: melBins)
  }

  /// One frame: `[fftBins]`, with three readable finite values after it, to `[melBins]`.
  func apply(_ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
    let raw = UnsafeRawPointer(input)
    bands.withUnsafeBufferPointer { bands in
      bandWeights.withUnsafeBufferPointer { weights in
        for mel in 0..<melBins {
          let band = bands[mel]
          var sum = SIMD4<Float>.zero
          var offset = band.bin * MemoryLayout<Float>.stride
          for i in band.start..<band.end {
            sum += weights[i] * raw.loadUnaligned(fromByteOffset: offset, as: SIMD4<Float>.self)
            offset += MemoryLayout<SIMD4<Float>>.stride
          }
          output[mel] = sum.sum()
        }
      }
    }
  }

  /// `A' y` for one frame: `[melBins]` to `[fftBins]` and three more, which become 0.
  func applyTransposed(_ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
    output.update(repeating: 0, count: fftBins + 3)
    let raw = UnsafeMutableRawPointer(output)
    bands.withUnsafeBufferPointer { bands in
      bandWeights.withUnsafeBufferPointer { weights in
        for mel in 0..<melBins {
          let band = bands[mel]
          var offset = band.bin * MemoryLayout<Float>.stride
          for i in band.start..<band.end {
            let sum = raw.loadUnaligned(fromByteOffset: offset, as: SIMD4<Float>.self)
            raw.storeBytes(
              of: sum + input[mel] * weights[i], toByteOffset: offset, as: SIMD4<Float>.self)
            offset += MemoryLayout<SIMD4<Float>>.stride
          }
        }
      }
    }
  }
}
