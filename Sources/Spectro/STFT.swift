import CSpectro
public import Foundation

/// Short-time Fourier transform as librosa defines it: periodic Hann window, frames centred on
/// multiples of the hop, the signal continued by reflection at both ends, or, if it is a loop, by
/// itself.
///
/// A signal of `n > 0` samples has `1 + n / hopLength` frames, a loop `n / hopLength`; an empty one
/// has none. Signals shorter than half a window are continued as often as it takes.
public final class STFT: Sendable {
  /// What stands before the first sample and after the last.
  public enum Boundary: Sendable {
    /// The signal reflected, without repeating the outermost sample.
    case reflection
    /// The signal once more: it is a loop, of whole hops.
    case circular
  }

  public let fftSize: Int
  public let hopLength: Int
  /// Length of the Hann window, samples.
  public let windowLength: Int
  /// `[fftSize]`; a window shorter than the transform stands in its middle.
  public let window: [Float]
  public let boundary: Boundary
  /// Threads used by one call. The result does not depend on it.
  public let threads: Int

  let fft: RealFFT

  /// Frames per unit of parallel work: enough to amortise a dispatch, few enough to share out.
  static let blockSize = 32

  /// - Parameters:
  ///   - fftSize: samples per transform, even.
  ///   - hopLength: samples from one frame to the next.
  ///   - windowLength: length of the Hann window, at most and by default `fftSize`.
  ///   - boundary: what stands before the first sample and after the last.
  ///   - threads: threads used by one call; by default as many as the machine runs at once.
  public init(
    fftSize: Int = 2048, hopLength: Int = 512, windowLength: Int? = nil,
    boundary: Boundary = .reflection,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) {
    let windowLength = windowLength ?? fftSize
    precondition(fftSize >= 2 && fftSize % 2 == 0, "fftSize must be even")
    precondition(hopLength > 0 && windowLength > 0 && windowLength <= fftSize && threads > 0)
    self.fftSize = fftSize
    self.hopLength = hopLength
    self.windowLength = windowLength
    self.boundary = boundary
    self.threads = threads
    let margin = (fftSize - windowLength) / 2
    window = (0..<fftSize).map { i in
      guard (margin..<margin + windowLength).contains(i) else { return 0 }
      return Float(0.5 - 0.5 * cos(2 * .pi * Double(i - margin) / Double(windowLength)))
    }
    fft = RealFFT(size: fftSize)
  }

  private init(_ other: STFT, threads: Int) {
    precondition(threads > 0)
    (fftSize, hopLength, windowLength) = (other.fftSize, other.hopLength, other.windowLength)
    (window, boundary, fft) = (other.window, other.boundary, other.fft)
    self.threads = threads
  }

  /// The same transform, which uses so many threads.
  func with(threads: Int) -> STFT { STFT(self, threads: threads) }

  /// Frequencies per frame, from 0 Hz to half the sample rate.
  public var bins: Int { fft.bins }

  /// Frames of a signal of `sampleCount` samples; of a loop they must be whole hops.
  public func frames(sampleCount: Int) -> Int {
    switch boundary {
    case .reflection: return sampleCount == 0 ? 0 : 1 + sampleCount / hopLength
    case .circular:
      precondition(sampleCount % hopLength == 0, "a loop's samples are whole hops")
      return sampleCount / hopLength
    }
  }

  /// Magnitude and phase, `[frames, fftSize / 2 + 1]`.
  public func forward(_ samples: [Float]) -> ComplexSpectrogram {
    let frames = frames(sampleCount: samples.count)
    let row = 2 * bins
    let values = [Float](unsafeUninitializedCapacity: frames * row) { output, count in
      let output = output.baseAddress
      forEachFrame(of: samples) { frame, scratch in
        fft.unpack(scratch, into: output.unsafelyUnwrapped + frame * row)
      }
      count = frames * row
    }
    return ComplexSpectrogram(values: values, frames: frames, bins: bins)
  }

  /// Magnitudes raised to `power`: 1 for magnitudes, 2 for powers.
  public func magnitudes(of samples: [Float], power: Double = 1) -> Spectrogram {
    let frames = frames(sampleCount: samples.count)
    let bins = bins
    let values = [Float](unsafeUninitializedCapacity: frames * bins) { output, count in
      let output = output.baseAddress
      forEachFrame(of: samples) { frame, scratch in
        magnitudes(scratch, power: power, into: output.unsafelyUnwrapped + frame * bins)
      }
      count = frames * bins
    }
    return Spectrogram(values: values, frames: frames, bins: bins)
  }

  /// Calls `body` with each frame's index and its packed transform in a thread's scratch memory.
  func forEachFrame(of samples: [Float], _ body: (Int, RealFFT.Scratch) -> Void) {
    samples.withUnsafeBufferPointer {
      forEachFrame(0..<frames(sampleCount: $0.count), of: Excerpt(whole: $0), body)
    }
  }

  func forEachFrame(
    _ frames: Range<Int>, of excerpt: Excerpt, _ body: (Int, RealFFT.Scratch) -> Void
  ) {
    forEachBlock(
      of: frames.count, size: Self.blockSize, threads: threads,
      perThread: RealFFT.Scratch(size: fftSize)
    ) { block, scratch in
      for frame in frames.lowerBound + block.lowerBound..<frames.lowerBound + block.upperBound {
        analyze(excerpt, center: frame * hopLength, scratch)
        body(frame, scratch)
      }
    }
  }

  /// What is at hand of a signal: all of it, or the part that some frames need.
  struct Excerpt {
    let samples: UnsafeBufferPointer<Float>
    /// Where in the signal the first of `samples` stands.
    let offset: Int
    /// Samples of the whole signal.
    let total: Int

    init(samples: UnsafeBufferPointer<Float>, offset: Int, total: Int) {
      (self.samples, self.offset, self.total) = (samples, offset, total)
    }

    init(whole samples: UnsafeBufferPointer<Float>) {
      self.init(samples: samples, offset: 0, total: samples.count)
    }
  }

  /// The windowed frame around a sample of a signal, and its packed transform, into `scratch`.
  func analyze(_ excerpt: Excerpt, center: Int, _ scratch: RealFFT.Scratch) {
    let start = center - fftSize / 2
    let (samples, output) = (excerpt.samples, scratch.samples)
    window.withUnsafeBufferPointer { window in
      if start >= 0 && start + fftSize <= excerpt.total {
        let input = samples.baseAddress.unsafelyUnwrapped + (start - excerpt.offset)
        sp_multiply(input, window.baseAddress.unsafelyUnwrapped, output, fftSize)
      } else {
        for i in 0..<fftSize {
          let index = sourceIndex(start + i, count: excerpt.total) - excerpt.offset
          output[i] = samples[index] * window[i]
        }
      }
    }
    fft.forward(scratch)
  }

  /// The index of the sample that stands at `index`, also outside of a signal of `count` samples.
  private func sourceIndex(_ index: Int, count: Int) -> Int {
    if count == 1 { return 0 }
    let period = boundary == .circular ? count : 2 * (count - 1)
    let folded = ((index % period) + period) % period
    return boundary == .circular ? folded : min(folded, period - folded)
  }

  /// Magnitudes raised to `power` of a packed transform, `[bins]`.
  func magnitudes(
    _ scratch: RealFFT.Scratch, power: Double, into output: UnsafeMutablePointer<Float>
  ) {
    fft.powers(scratch, into: output)
    if power == 1 {
      sp_square_root(output, bins)
    } else if power != 2 {
      for bin in 0..<bins { output[bin] = pow(output[bin], Float(power / 2)) }
    }
  }
}
