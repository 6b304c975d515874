import CSpectro

/// Frames of samples to a signal: each frame is windowed once more and added at its place, and the
/// sum divided by that of the squared windows (Griffin and Lim 1984, equation 6).
///
/// Holds what one signal, or a stretch of one, needs in each of many passes, so that an iteration
/// allocates next to nothing: `add` all frames, then `join`.
final class OverlapAdd {
  private let stft: STFT
  private let frames: Range<Int>
  private let samples: Range<Int>
  /// What the frames before `frames` add to the first of `samples`.
  private let standing: [Float]
  /// Samples that are joined at once.
  private static let pieceSize = 1024

  /// `[blocks, span]`: the sum of one block's frames, the first starting at 0.
  private let partials: UnsafeMutablePointer<Float>
  private let blocks: Int
  private let span: Int
  /// Samples from one block to the next.
  private let stride: Int
  /// `[stride]`: the gains from a multiple of the hop on, where all windows reach; they recur with
  /// the hop.
  private var innerGains: [Float] = []
  /// Of the parts of `samples`, `stride` long, that are not such.
  private var edgeGains: [Int: [Float]] = [:]

  /// - Parameters:
  ///   - frames: those to be added; of a circular signal, all.
  ///   - samples: where in the signal the result stands, from a multiple of the hop on.
  ///   - standing: what earlier frames made of the first of these samples, by `sum`.
  init(_ stft: STFT, frames: Range<Int>, samples: Range<Int>, standing: [Float] = []) {
    self.stft = stft
    self.frames = frames
    self.samples = samples
    self.standing = standing
    blocks = (frames.count + STFT.blockSize - 1) / STFT.blockSize
    stride = STFT.blockSize * stft.hopLength
    span = stride - stft.hopLength + stft.fftSize
    partials = .allocate(capacity: blocks * span)
    innerGains = gains(of: 0..<stride, from: reaching(0..<stride))
    if stft.boundary == .circular { return }
    for start in Swift.stride(from: 0, to: samples.count, by: stride) {
      let range =
        samples.lowerBound + start..<min(samples.lowerBound + start + stride, samples.upperBound)
      let reaching = reaching(range)
      let known = reaching.clamped(to: 0..<frames.upperBound)
      if known != reaching { edgeGains[start] = gains(of: range, from: known) }
    }
  }

  deinit { partials.deallocate() }

  /// Calls `fill` for each frame to put its spectrum, packed, into a thread's scratch memory, and keeps
  /// what the frames make.
  func add(fill: (_ frame: Int, _ scratch: RealFFT.Scratch) -> Void) {
    let (hop, fftSize) = (stft.hopLength, stft.fftSize)
    let overlap = max(0, fftSize - hop)
    forEachBlock(
      of: frames.count, size: STFT.blockSize, threads: stft.threads,
      perThread: RealFFT.Scratch(size: fftSize)
    ) { block, scratch in
      let first = frames.lowerBound + block.lowerBound
      let sum = partials + block.lowerBound / STFT.blockSize * span
      // Where no frame of the block reaches.
      if block.count < STFT.blockSize || hop > fftSize { sum.initialize(repeating: 0, count: span) }
      stft.window.withUnsafeBufferPointer { window in
        let window = window.baseAddress.unsafelyUnwrapped
        for frame in first..<first + block.count {
          fill(frame, scratch)
          stft.fft.inverse(scratch)
          // What no frame before has reached is written, not added to.
          let (target, added) = (sum + (frame - first) * hop, frame == first ? 0 : overlap)
          sp_add_product(scratch.samples, window, target, added)
          sp_multiply(
            scratch.samples + added, window + added, target + added, fftSize - added)
        }
      }
    }
  }

  /// Adds the blocks, which overlap by what a frame is longer than a hop, in a fixed order, to the
  /// signal that they make, `[samples]`.
  ///
  /// - Parameter use: gets each piece of the signal, on any thread, while it is in the fastest cache.
  func join(use: (_ piece: Range<Int>, _ values: UnsafePointer<Float>) -> Void) {
    forEachBlock(of: samples.count, size: stride, threads: stft.threads) { part in
      let gains = edgeGains[part.lowerBound] ?? innerGains
      withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.pieceSize) { values in
        let values = values.baseAddress.unsafelyUnwrapped
        for start in Swift.stride(from: 0, to: part.count, by: Self.pieceSize) {
          let first = part.lowerBound + start
          let piece = first..<min(first + Self.pieceSize, part.upperBound)
          values.initialize(repeating: 0, count: piece.count)
          let range = samples.lowerBound + piece.lowerBound..<samples.lowerBound + piece.upperBound
          sum(blocks, over: range, into: values)
          gains.withUnsafeBufferPointer {
            sp_amplify(values, $0.baseAddress.unsafelyUnwrapped + start, piece.count)
          }
          use(piece, values)
        }
      }
    }
  }

  /// The signal, `[samples]`.
  func join(into output: inout [Float]) {
    output.withUnsafeMutableBufferPointer { output in
      guard let output = output.baseAddress else { return }
      join { piece, values in
        (output + piece.lowerBound).update(from: values, count: piece.count)
      }
    }
  }

  /// What the frames before `frame`, a multiple of the block size behind the first, and all earlier
  /// ones add to a range of samples, before it is divided by the sum of the squared windows.
  func sum(before frame: Int, over range: Range<Int>) -> [Float] {
    [Float](unsafeUninitializedCapacity: range.count) { output, count in
      output.initialize(repeating: 0)
      if let output = output.baseAddress {
        sum((frame - frames.lowerBound) / STFT.blockSize, over: range, into: output)
      }
      count = range.count
    }
  }

  /// Adds what stands and the first `blocks` to a range of samples, `[range]`.
  private func sum(_ blocks: Int, over range: Range<Int>, into output: UnsafeMutablePointer<Float>)
  {
    let known = range.clamped(to: samples.lowerBound..<samples.lowerBound + standing.count)
    for t in known { output[t - range.lowerBound] += standing[t - samples.lowerBound] }

    let start = frames.lowerBound * stft.hopLength - stft.fftSize / 2
    // A circular signal goes on at its beginning; a short one, several times.
    let period = frames.count * stft.hopLength
    let turns = stft.boundary == .circular ? (stft.fftSize / 2 + period - 1) / period : 0
    for turn in -turns...turns {
      let (from, to) = (
        range.lowerBound + turn * period - start, range.upperBound + turn * period - start
      )
      let first = max(0, (from - span) / stride)
      for block in first..<max(first, blocks) {
        let (low, high) = (max(from, block * stride), min(to, block * stride + span))
        if block * stride >= to { break }
        if low >= high { continue }
        let source = partials + block * span + (low - block * stride)
        sp_add(source, output + (low - from), high - low)
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
  /// Samples that an inverse of `frames` frames gives back where nothing else is asked for: those in
  /// front of the centre of the last frame, or all of a loop.
  public func sampleCount(frames: Int) -> Int {
    boundary == .circular ? frames * hopLength : max(0, frames - 1) * hopLength
  }

  /// The signal whose transform is nearest to `spectrum` in the sense of least squares; of a
  /// transform that `forward` made, the signal itself.
  ///
  /// - Parameters:
  ///   - spectrum: `[frames, fftSize / 2 + 1]`.
  ///   - sampleCount: samples to return, by default up to the centre of the last frame. Zeros
  ///     follow where no frame reaches. Of a loop always all.
  public func inverse(_ spectrum: ComplexSpectrogram, sampleCount: Int? = nil) -> [Float] {
    precondition(spectrum.bins == bins, "the transform and the spectrogram differ in bins")
    let whole = self.sampleCount(frames: spectrum.frames)
    let sampleCount = boundary == .circular ? whole : sampleCount ?? whole
    var output = [Float](repeating: 0, count: sampleCount)
    let row = 2 * bins
    let overlapAdd = OverlapAdd(self, frames: 0..<spectrum.frames, samples: 0..<sampleCount)
    spectrum.values.withUnsafeBufferPointer { values in
      overlapAdd.add { frame, scratch in
        fft.pack(values.baseAddress.unsafelyUnwrapped + frame * row, into: scratch)
      }
    }
    overlapAdd.join(into: &output)
    return output
  }
}
