/// The log-mel frames of a sound that comes in blocks, in the memory of one window.
///
/// However the sound is cut, the frames are bit for bit those that `MelSpectrogram.logMel` makes of
/// the whole. A frame needs half a window beyond its centre: it comes that much late.
///
///     var stream = MelStream(mel)
///     while let block = try reader.read() { use(stream.append(block)) }
///     use(stream.finish())
public struct MelStream: Sendable {
  private let mel: MelSpectrogram
  /// The samples that frames to come may need, and where in the sound the first of them stands.
  private var recent: [Float] = []
  private var offset = 0
  /// Frames given away.
  private var frames = 0

  public init(_ mel: MelSpectrogram) { self.mel = mel }

  /// Samples so far.
  public var sampleCount: Int { offset + recent.count }

  /// The frames that the next samples complete, `[frames, melBins]`, often none.
  ///
  /// - Parameter samples: the next of one channel, any number.
  public mutating func append(_ samples: [Float]) -> Spectrogram {
    recent += samples
    let (half, hop) = (mel.stft.fftSize / 2, mel.stft.hopLength)
    // The first frame is half reflection, which takes one sample more than half a window.
    let complete = sampleCount > half ? (sampleCount - half) / hop + 1 : 0
    let finished = take(until: complete)
    // What the next frame starts with, or the last ones' reflection at an end right here.
    let needed = max(0, min(frames * hop - half, sampleCount - half - 1))
    if needed - offset > recent.count / 2 {
      recent.removeFirst(needed - offset)
      offset = needed
    }
    return finished
  }

  /// The last frames, for which the sound is continued by reflection. No sample can follow.
  public consuming func finish() -> Spectrogram {
    take(until: mel.stft.frames(sampleCount: sampleCount))
  }

  private mutating func take(until end: Int) -> Spectrogram {
    let range = frames..<max(frames, end)
    frames = range.upperBound
    return recent.withUnsafeBufferPointer {
      mel.logMel(of: STFT.Excerpt(samples: $0, offset: offset, total: sampleCount), frames: range)
    }
  }
}
