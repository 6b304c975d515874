/// A matrix over time and frequency. What its values are (magnitudes, powers, decibels, log-mel) is
/// told by the function that returns it.
public struct Spectrogram: Sendable, Equatable {
  /// Row-major `[frames, bins]`: time first, so that crops and streams in time are contiguous.
  public var values: [Float]
  /// Columns in time.
  public let frames: Int
  /// Rows in frequency, the lowest first.
  public let bins: Int

  public init(values: [Float], frames: Int, bins: Int) {
    precondition(values.count == frames * bins, "a spectrogram holds frames * bins values")
    (self.values, self.frames, self.bins) = (values, frames, bins)
  }

  public subscript(frame: Int, bin: Int) -> Float {
    get { values[frame * bins + bin] }
    set { values[frame * bins + bin] = newValue }
  }
}

/// A short-time Fourier transform: magnitude and phase at each frame and bin.
public struct ComplexSpectrogram: Sendable, Equatable {
  /// Row-major `[frames, bins, 2]`, the last index over the real and imaginary part.
  public var values: [Float]
  public let frames: Int
  /// `fftSize / 2 + 1`, from 0 Hz to half the sample rate.
  public let bins: Int

  public init(values: [Float], frames: Int, bins: Int) {
    precondition(values.count == frames * bins * 2, "a complex spectrogram holds two parts each")
    (self.values, self.frames, self.bins) = (values, frames, bins)
  }
}
