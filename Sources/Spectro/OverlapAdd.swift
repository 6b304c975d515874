import CSpectro

/// Frames of samples to a signal: each frame is windowed once more and added at its place, and the
/// sum divided by that of the squared windows (Griffin and Lim 1984, equation 6).
///
/// Holds what one signal needs in each of many passes, so that an iteration allocates next to
/// nothing: `add` all frames, then `join`.
final class OverlapAdd {
  private let stft: STFT
  private let frames: Int
  private let sampleCount: Int
  /// `[blocks, span]`: the sum of one block's frames, the first starting at 0.
  private let partials: UnsafeMutablePointer<Float>
  private let blocks: Int
  private let span: Int
  /// Samples from one block to the next.
  private let stride: Int
  /// `[stride]`: the gains of a block that all windows reach; they recur with the hop.
  private var innerGains: [Float] = []

  init(_ stft: STFT, frames: Int, sampleCount: Int) {
    self.stft = stft
    self.frames = frames
    self.sampleCount = sampleCount
    blocks = (frames + STFT.blockSize - 1) / STFT.blockSize
    stride = STFT.blockSize * stft.hopLength
    span = stride - stft.hopLength + stft.fftSize
    partials = .allocate(capacity: blocks * span)
    innerGains = gains(of: 0..<stride, from: reaching(0..<stride))
  }

  deinit { partials.deallocate() }

  /// Calls `fill` for each frame to put its spectrum, packed, into a thread's scratch memory, and keeps
  /// what these frames make. The range begins and ends at blocks, or where the frames do.
  func add(_ range: Range<Int>, fill: (_ frame: Int, _ scratch: RealFFT.Scratch) -> Void) {
    forEachBlock(of: range.count, size: STFT.blockSize, threads: stft.threads) { block in
      let scratch = RealFFT.Scratch(size: stft.fftSize)
      defer { scratch.free() }
      let first = range.lowerBound + block.lowerBound
      let sum = partials + first / STFT.blockSize * span
      sum.initialize(repeating: 0, count: span)
      stft.window.withUnsafeBufferPointer { window in
        for frame in first..<first + block.count {
          fill(frame, scratch)
          stft.fft.inverse(scratch)
          sp_add_product(
            scratch.samples, window.baseAddress.unsafelyUnwrapped,
            sum + (frame - first) * stft.hopLength, stft.fftSize)
        }
      }
    }
  }

  /// Adds the blocks, which overlap by what a frame is longer than a hop, in a fixed order, and
  /// writes the signal that they make, `[sampleCount]`.
  func join(into output: inout [Float]) {
    let margin = stft.fftSize / 2
    output.withUnsafeMutableBufferPointer { output in
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
          let source = partials + block * span + (low - start)
          let target = output + (low - margin)
          for i in 0..<high - low { target[i] += source[i] }
        }
        let reaching = reaching(range)
        let known = reaching.clamped(to: 0..<frames)
        let gains = known == reaching ? innerGains : gains(of: range, from: known)
        let target = output + range.lowerBound
        gains.withUnsafeBufferPointer { for i in 0..<range.count { target[i] *= $0[i] } }
      }
    }
  }

  /// Frames, also before the first and after the last, whose windows may reach into a range of
  /// samples.
  private func reaching(_ range: Range<Int>) -> Range<Int> {
    let (margin, hop) = (stft.fftSize / 2, stft.hopLength)
    return (range.lowerBound - margin) / hop - 1..<(range.upperBound + margin) / hop + 1
  }

  /// 1 / (fftSize * sum of squared windows) for each sample of a range; 0 where no window reaches.
  private func gains(of range: Range<Int>, from frames: Range<Int>) -> [Float] {
    let (fftSize, hop) = (stft.fftSize, stft.hopLength)
    var squares = [Float](repeating: 0, count: range.count)
    for frame in frames {
      let start = frame * hop - fftSize / 2
      for t in (start..<start + fftSize).clamped(to: range) {
        squares[t - range.lowerBound] += stft.window[t - start] * stft.window[t - start]
      }
    }
    return squares.map { $0 > 1e-10 ? 1 / ($0 * Float(fftSize)) : 0 }
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
    let overlapAdd = OverlapAdd(self, frames: spectrum.frames, sampleCount: sampleCount)
    spectrum.values.withUnsafeBufferPointer { values in
      overlapAdd.add(0..<spectrum.frames) { frame, scratch in
        fft.pack(values.baseAddress.unsafelyUnwrapped + frame * row, into: scratch)
      }
    }
    overlapAdd.join(into: &output)
    return output
  }
}
