/// Frames of samples to a signal: each frame is windowed once more and added at its place, and the
/// sum divided by that of the squared windows (Griffin and Lim 1984, equation 6).
///
/// Holds what one signal needs in each of many passes, so that an iteration allocates nothing.
final class OverlapAdd {
  private let stft: STFT
  private let frames: Int
  private let sampleCount: Int
  /// `[sampleCount]`: 1 / (fftSize * sum of squared windows); 0 where no window reaches.
  private let gains: [Float]
  /// `[blocks, span]`: the sum of one block's frames, the first starting at 0.
  private var partials: [Float]
  private let blocks: Int
  private let span: Int

  init(_ stft: STFT, frames: Int, sampleCount: Int) {
    self.stft = stft
    self.frames = frames
    self.sampleCount = sampleCount
    blocks = (frames + STFT.blockSize - 1) / STFT.blockSize
    span = (STFT.blockSize - 1) * stft.hopLength + stft.fftSize
    partials = [Float](repeating: 0, count: blocks * span)

    let (fftSize, hop) = (stft.fftSize, stft.hopLength)
    var squares = [Float](repeating: 0, count: sampleCount)
    for frame in 0..<frames {
      let start = frame * hop - fftSize / 2
      for t in max(0, start)..<max(0, start, min(sampleCount, start + fftSize)) {
        squares[t] += stft.window[t - start] * stft.window[t - start]
      }
    }
    gains = squares.map { $0 > 1e-10 ? 1 / ($0 * Float(fftSize)) : 0 }
  }

  /// Calls `fill` for each frame to put its spectrum into a thread's scratch memory, and writes the
  /// signal these frames make to `output`, `[sampleCount]`.
  func synthesize(
    into output: inout [Float], fill: (_ frame: Int, _ scratch: RealFFT.Scratch) -> Void
  ) {
    partials.withUnsafeMutableBufferPointer { partials in
      guard let partials = partials.baseAddress else { return }
      forEachBlock(of: frames, size: STFT.blockSize, threads: stft.threads) { block in
        let scratch = RealFFT.Scratch(size: stft.fftSize)
        defer { scratch.free() }
        let sum = partials + block.lowerBound / STFT.blockSize * span
        sum.update(repeating: 0, count: span)
        stft.window.withUnsafeBufferPointer { window in
          for frame in block {
            fill(frame, scratch)
            stft.fft.inverse(scratch)
            let (samples, start) = (
              scratch.samples, sum + (frame - block.lowerBound) * stft.hopLength
            )
            for i in 0..<stft.fftSize { start[i] += samples[i] * window[i] }
          }
        }
      }
    }
    join(into: &output)
  }

  /// Adds the blocks, which overlap by what a frame is longer than a hop, in a fixed order.
  private func join(into output: inout [Float]) {
    let (stride, margin) = (STFT.blockSize * stft.hopLength, stft.fftSize / 2)
    output.withUnsafeMutableBufferPointer { output in
      partials.withUnsafeBufferPointer { partials in
        gains.withUnsafeBufferPointer { gains in
          guard let output = output.baseAddress else { return }
          forEachBlock(of: sampleCount, size: stride, threads: stft.threads) { range in
            output.advanced(by: range.lowerBound).update(repeating: 0, count: range.count)
            let padded = range.lowerBound + margin..<range.upperBound + margin
            let first = max(0, (padded.lowerBound - span) / stride)
            for block in first..<max(first, blocks) {
              let start = block * stride
              let (low, high) = (
                max(padded.lowerBound, start), min(padded.upperBound, start + span)
              )
              if low >= padded.upperBound { break }
              if low >= high { continue }
              let source = partials.baseAddress.unsafelyUnwrapped + block * span + (low - start)
              let target = output + (low - margin)
              for i in 0..<high - low { target[i] += source[i] }
            }
            for t in range { output[t] *= gains[t] }
          }
        }
      }
    }
  }
}

extension STFT {
  /// Samples in front of the centre of the last of `frames` frames, which an inverse gives back
  /// where nothing else is asked for.
  public func sampleCount(frames: Int) -> Int { max(0, frames - 1) * hopLength }

  /// The signal whose transform is nearest to `spectrum` in the sense of least squares; of a
  /// transform that `forward` made, the signal itself.
  ///
  /// - Parameters:
  ///   - spectrum: `[frames, fftSize / 2 + 1]`.
  ///   - sampleCount: samples to return, by default up to the centre of the last frame. Zeros
  ///     follow where no frame reaches.
  public func inverse(_ spectrum: ComplexSpectrogram, sampleCount: Int? = nil) -> [Float] {
    precondition(spectrum.bins == bins, "the transform and the spectrogram differ in bins")
    let sampleCount = sampleCount ?? self.sampleCount(frames: spectrum.frames)
    var output = [Float](repeating: 0, count: sampleCount)
    let row = 2 * bins
    spectrum.values.withUnsafeBufferPointer { values in
      OverlapAdd(self, frames: spectrum.frames, sampleCount: sampleCount)
        .synthesize(into: &output) { frame, scratch in
          scratch.spectrum.update(
            from: values.baseAddress.unsafelyUnwrapped + frame * row, count: row)
        }
    }
    return output
  }
}
