/// Sound in memory: planar `Float` samples, full scale ±1.
///
/// Values beyond ±1 are kept as they are; only writing an integer format clips them.
public struct AudioBuffer: Sendable, Equatable {
  /// Rates that files may have and resampling takes, in Hz. Below, nothing above 500 Hz is left of
  /// music; above, there is no converter. Between the two, a damaged header cannot ask for more
  /// than 768 times the memory that its samples take.
  public static let sampleRates = 1000...768_000

  /// One array of samples per channel, all of the same length.
  public var channels: [[Float]]
  /// In Hz.
  public var sampleRate: Int

  /// - Parameters:
  ///   - channels: at least one, all of the same length.
  ///   - sampleRate: in Hz, above 0.
  public init(channels: [[Float]], sampleRate: Int) {
    precondition(!channels.isEmpty, "an AudioBuffer has at least one channel")
    precondition(
      channels.allSatisfy { $0.count == channels[0].count }, "channels differ in length")
    precondition(sampleRate > 0, "a sample rate is above 0 Hz")
    self.channels = channels
    self.sampleRate = sampleRate
  }

  public var channelCount: Int { channels.count }

  /// Samples per channel.
  public var sampleCount: Int { channels[0].count }

  /// In seconds.
  public var duration: Double { Double(sampleCount) / Double(sampleRate) }

  /// The largest magnitude of any sample; 0 when there is none.
  public var peak: Float {
    channels.reduce(0) { peak, samples in samples.reduce(peak) { max($0, abs($1)) } }
  }

  /// The root of the mean square of all samples of all channels; 0 when there is none.
  public var rms: Float {
    guard sampleCount > 0 else { return 0 }
    let energy = channels.reduce(0.0) { sum, samples in
      samples.reduce(sum) { $0 + Double($1) * Double($1) }
    }
    return Float((energy / Double(sampleCount * channelCount)).squareRoot())
  }

  /// The same sound, turned down as a whole if it is louder than `peak`.
  public func limited(toPeak peak: Float) -> AudioBuffer {
    let loudest = self.peak
    return loudest > peak ? scaled(by: peak / loudest) : self
  }

  /// Several sounds, all turned down alike if one of them is louder than `peak`, so that none seems
  /// better than another for being louder.
  public static func limited(_ sounds: [AudioBuffer], toPeak peak: Float) -> [AudioBuffer] {
    let loudest = sounds.map(\.peak).max() ?? 0
    return loudest > peak ? sounds.map { $0.scaled(by: peak / loudest) } : sounds
  }

  /// The same sound with every sample multiplied.
  public func scaled(by gain: Float) -> AudioBuffer {
    AudioBuffer(
      channels: channels.map { samples in samples.map { $0 * gain } }, sampleRate: sampleRate)
  }

  /// The part within `range`, in samples, which must lie within the buffer.
  public subscript(range: Range<Int>) -> AudioBuffer {
    AudioBuffer(channels: channels.map { Array($0[range]) }, sampleRate: sampleRate)
  }

  /// The mean of all channels, as librosa's `to_mono`.
  public func mono() -> AudioBuffer { mixed(toChannels: 1) }

  /// The same sound on another number of channels.
  ///
  /// One channel is copied to all; to one channel goes the mean of all. Three to eight channels
  /// are taken to be in the order of WAVE files and go to two as in ITU-R BS.775: the centre and
  /// the surrounds at -3 dB, without the low-frequency channel, scaled so that nothing can clip.
  /// Otherwise channel `i` goes to channel `i` modulo `count`, and what meets there is averaged.
  public func mixed(toChannels count: Int) -> AudioBuffer {
    precondition(count > 0, "an AudioBuffer has at least one channel")
    if count == channelCount { return self }
    let mixed =
      channelCount == 1
      ? Array(repeating: channels[0], count: count)
      : mixingGains(from: channelCount, to: count).map { gains in
        var sum = [Float](repeating: 0, count: sampleCount)
        for (samples, gain) in zip(channels, gains) where gain != 0 {
          for i in sum.indices { sum[i] += gain * samples[i] }
        }
        return sum
      }
    return AudioBuffer(channels: mixed, sampleRate: sampleRate)
  }
}

extension AudioBuffer {
  /// The part of the energy, from 0 to 1, that a sound on fewer channels cannot give back: that of
  /// the difference between the channels and what they are mixed to.
  public func energyLost(mixedToChannels count: Int) -> Double {
    let kept = mixed(toChannels: count).mixed(toChannels: channelCount)
    var (lost, all) = (0.0, 0.0)
    for (a, b) in zip(channels, kept.channels) {
      for (a, b) in zip(a, b) {
        lost += Double((a - b) * (a - b))
        all += Double(a * a)
      }
    }
    return all > 0 ? lost / all : 0
  }
}

/// One row of gains, each for one input channel, per output channel; every row sums to 1.
private func mixingGains(from inputs: Int, to outputs: Int) -> [[Float]] {
  let rows: [[Float]]
  if outputs == 2, let layout = surroundLayouts[inputs] {
    rows = [layout.map(\.leftGain), layout.map(\.rightGain)]
  } else {
    rows = (0..<outputs).map { output in
      (0..<inputs).map { input in
        outputs < inputs ? (input % outputs == output ? 1 : 0) : (output % inputs == input ? 1 : 0)
      }
    }
  }
  return rows.map { row in
    let sum = row.reduce(0, +)
    return row.map { $0 / sum }
  }
}

private enum Speaker {
  case left, right, center, lowFrequency, surroundLeft, surroundRight, surroundCenter

  var leftGain: Float { gain(front: .left, surround: .surroundLeft) }
  var rightGain: Float { gain(front: .right, surround: .surroundRight) }

  private func gain(front: Speaker, surround: Speaker) -> Float {
    switch self {
    case front: 1
    case surround, .center: Float(0.5).squareRoot()
    case .surroundCenter: 0.5
    default: 0
    }
  }
}

/// The default order of speakers in WAVE and FLAC files, by number of channels.
private let surroundLayouts: [Int: [Speaker]] = [
  3: [.left, .right, .center],
  4: [.left, .right, .surroundLeft, .surroundRight],
  5: [.left, .right, .center, .surroundLeft, .surroundRight],
  6: [.left, .right, .center, .lowFrequency, .surroundLeft, .surroundRight],
  7: [.left, .right, .center, .lowFrequency, .surroundCenter, .surroundLeft, .surroundRight],
  8: [
    .left, .right, .center, .lowFrequency, .surroundLeft, .surroundRight, .surroundLeft,
    .surroundRight,
  ],
]
