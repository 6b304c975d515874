/// Reads a file in blocks of one size, as the channels and at the sample rate that are wanted, in
/// memory that does not grow with the length of the file.
///
/// All blocks together are `AudioBuffer(contentsOf:).arranged(as:).resampled(to:)`, to the bit.
public final class AudioStream {
  /// In Hz.
  public let sampleRate: Int
  public let layout: ChannelLayout
  /// Samples per channel of every block but the last, which may have fewer.
  public let blockLength: Int
  /// Samples per channel in all; nil where only reading tells.
  public let sampleCount: Int?

  private let reader: AudioReader
  private var resampler: Resampler?
  private var isAtEnd = false
  /// Samples read, one array per channel, of which the first `given` have been given out.
  private var waiting: [[Float]]
  private var given = 0

  /// Opens a file and reads its headers.
  ///
  /// - Parameters:
  ///   - layout: what the channels become; the file's own when nil.
  ///   - sampleRate: in Hz, one of `AudioBuffer.sampleRates`; the file's own when nil.
  ///   - blockLength: samples per channel of a block.
  /// - Throws: as `AudioReader` and `Resampler`.
  public init(
    _ path: String, layout: ChannelLayout? = nil, sampleRate: Int? = nil, blockLength: Int = 1 << 16
  ) throws {
    precondition(blockLength > 0, "a block has at least one sample")
    let reader = try AudioReader(path)
    let layout = layout ?? .channels(reader.channelCount)
    let sampleRate = sampleRate ?? reader.sampleRate
    if sampleRate != reader.sampleRate {
      let resampler = try Resampler(
        from: reader.sampleRate, to: sampleRate, channelCount: layout.channelCount)
      sampleCount = reader.sampleCount.map(resampler.outputCount)
      self.resampler = resampler
    } else {
      sampleCount = reader.sampleCount
    }
    self.reader = reader
    self.layout = layout
    self.sampleRate = sampleRate
    self.blockLength = blockLength
    waiting = Array(repeating: [], count: layout.channelCount)
  }

  public var path: String { reader.path }

  /// The next block; nil at the end.
  ///
  /// - Throws: as `AudioReader.read`: a file that is cut short gives what is there, then throws.
  public func next() throws -> AudioBuffer? {
    while waiting[0].count - given < blockLength, !isAtEnd {
      do {
        try refill()
      } catch let error as AudioError {
        // What stands before a cut goes out first; the next call meets the cut again.
        guard case .truncated = error, waiting[0].count > given else { throw error }
        break
      }
    }
    let block = given..<min(given + blockLength, waiting[0].count)
    given = block.upperBound
    if block.isEmpty { return nil }
    return AudioBuffer(channels: waiting.map { Array($0[block]) }, sampleRate: sampleRate)
  }

  private func refill() throws {
    let block = try reader.read(upTo: 1 << 14)?.arranged(as: layout)
    isAtEnd = block == nil
    let samples =
      if let resampler {
        try block.map { try resampler.process($0.channels) } ?? resampler.finish()
      } else {
        block?.channels
      }
    for c in waiting.indices {
      waiting[c].removeFirst(given)
      if let samples { waiting[c] += samples[c] }
    }
    given = 0
  }
}

/// What the channels of a sound become.
public enum ChannelLayout: Sendable, Hashable {
  /// As many, as in `AudioBuffer.mixed(toChannels:)`.
  case channels(Int)
  /// Of a sound mixed to stereo, (left + right) / 2 and (left - right) / 2.
  case midSide

  /// The mean of all channels.
  public static let mono = channels(1)
  public static let stereo = channels(2)

  public var channelCount: Int {
    switch self {
    case .channels(let count): count
    case .midSide: 2
    }
  }
}

extension AudioBuffer {
  /// Stereo from the channels of `ChannelLayout.midSide`, which must be of the same length.
  public init(mid: [Float], side: [Float], sampleRate: Int) {
    self.init(
      channels: [zip(mid, side).map { $0 + $1 }, zip(mid, side).map { $0 - $1 }],
      sampleRate: sampleRate)
  }

  /// The same sound in another layout.
  public func arranged(as layout: ChannelLayout) -> AudioBuffer {
    let mixed = mixed(toChannels: layout.channelCount)
    guard layout == .midSide else { return mixed }
    let (left, right) = (mixed.channels[0], mixed.channels[1])
    return AudioBuffer(
      channels: [
        zip(left, right).map { ($0 + $1) / 2 }, zip(left, right).map { ($0 - $1) / 2 },
      ], sampleRate: sampleRate)
  }
}
