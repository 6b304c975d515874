import CEBUR128

/// How loud a sound is, by ITU-R BS.1770 and EBU R 128.
public struct Loudness: Sendable, Equatable, CustomStringConvertible {
  /// Of a sound as a whole.
  public enum Integrated: Sendable, Equatable, CustomStringConvertible {
    /// In LUFS, which are decibels below full scale as heard.
    case lufs(Double)
    /// Less than 400 ms of sound, the least that the standard measures.
    case tooShort
    /// Nothing above -70 LUFS, where the standard's silence begins.
    case silent

    /// In LUFS; nil where there is no such number.
    public var value: Double? {
      if case .lufs(let value) = self { value } else { nil }
    }

    /// By how many LU another sound is louder; nil where either has no loudness.
    public func change(to other: Integrated) -> Double? {
      guard let value, let other = other.value else { return nil }
      return other - value
    }

    public var description: String {
      switch self {
      case .lufs(let value): "\(oneDecimal(value)) LUFS"
      case .tooShort: "too short for a loudness"
      case .silent: "silent"
      }
    }
  }

  public var integrated: Integrated
  /// Loudness range by EBU Tech 3342, in LU; 0 for sounds shorter than 3 s.
  public var range: Double
  /// The largest magnitude of the sound between its samples too, in dBTP: decibels above full scale,
  /// found by sampling four times as fast, or twice from 96 kHz; -infinity for silence.
  public var truePeak: Double
  /// The largest magnitude of the samples, in decibels above full scale; -infinity for silence.
  public var samplePeak: Double

  /// Of the same sound, louder by so many decibels.
  public func amplified(by gain: Double) -> Loudness {
    var louder = self
    if let value = integrated.value { louder.integrated = .lufs(value + gain) }
    louder.truePeak += gain
    louder.samplePeak += gain
    return louder
  }

  /// As "-14.0 LUFS, true peak -1.2 dBTP".
  public var description: String {
    truePeak.isFinite
      ? "\(integrated), true peak \(oneDecimal(truePeak)) dBTP" : "\(integrated)"
  }
}

/// Measures the loudness of a sound that comes in blocks, with libebur128.
///
/// Three to eight channels are taken to be in the order of WAVE files; the low-frequency channel does
/// not count, nor do channels beyond the eighth. One channel counts as one loudspeaker, so that the
/// same sound in two is 3 LU louder, as BS.1770 says.
public final class LoudnessMeter {
  public let sampleRate: Int
  public let channelCount: Int
  private let state: UnsafeMutablePointer<ebur128_state>
  /// To 48 kHz where the filters of BS.1770 would not be what they should: near 8 kHz by 0.2 LU.
  private let resampler: Resampler?
  private var sampleCount = 0
  private var samplePeak: Float = 0
  private var interleaved: [Float] = []

  /// - Parameters:
  ///   - sampleRate: in Hz, one of `AudioBuffer.sampleRates`.
  ///   - channelCount: 1 to 64.
  /// - Throws: `AudioError.loudness` for others; `.resampling`.
  public init(sampleRate: Int, channelCount: Int) throws {
    let measuredRate = sampleRate < Self.lowestRate ? 48000 : sampleRate
    guard AudioBuffer.sampleRates.contains(sampleRate), (1...64).contains(channelCount),
      let state = ebur128_init(
        UInt32(channelCount), UInt(measuredRate),
        Int32(EBUR128_MODE_I.rawValue | EBUR128_MODE_LRA.rawValue | EBUR128_MODE_TRUE_PEAK.rawValue)
      )
    else { throw AudioError.loudness(channelCount: channelCount, sampleRate: sampleRate) }
    for (c, channel) in Self.channelMap(channelCount).enumerated() {
      ebur128_set_channel(state, UInt32(c), Int32(channel.rawValue))
    }
    self.sampleRate = sampleRate
    self.channelCount = channelCount
    self.state = state
    resampler =
      measuredRate == sampleRate
      ? nil : try Resampler(from: sampleRate, to: measuredRate, channelCount: channelCount)
  }

  deinit {
    var state: UnsafeMutablePointer<ebur128_state>? = state
    ebur128_destroy(&state)
  }

  static let lowestRate = 32000

  static func channelMap(_ count: Int) -> [channel] {
    let (left, right, center) = (EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER)
    let (surroundLeft, surroundRight) = (EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND)
    let layout =
      switch count {
      case 1: [left]
      case 2: [left, right]
      case 3: [left, right, center]
      case 4: [left, right, surroundLeft, surroundRight]
      case 5: [left, right, center, surroundLeft, surroundRight]
      case 7:
        [left, right, center, EBUR128_UNUSED, EBUR128_Mp180, EBUR128_Mp090, EBUR128_Mm090]
      default:
        [
          left, right, center, EBUR128_UNUSED, surroundLeft, surroundRight, EBUR128_Mp090,
          EBUR128_Mm090,
        ]
      }
    return (0..<count).map { $0 < layout.count ? layout[$0] : EBUR128_UNUSED }
  }

  /// Takes the next samples, which must be finite.
  public func add(_ block: AudioBuffer) throws {
    precondition(
      block.sampleRate == sampleRate && block.channelCount == channelCount,
      "blocks have the rate and the channels of the meter")
    sampleCount += block.sampleCount
    samplePeak = max(samplePeak, block.peak)
    try measure(resampler.map { try $0.process(block.channels) } ?? block.channels)
  }

  /// Ends the measurement. Nothing can be added after that.
  public func finish() throws -> Loudness {
    if let resampler { try measure(resampler.finish()) }
    var (integrated, range) = (0.0, 0.0)
    try check(ebur128_loudness_global(state, &integrated))
    try check(ebur128_loudness_range(state, &range))
    var truePeak = Double(samplePeak)
    for c in 0..<UInt32(channelCount) {
      var peak = 0.0
      try check(ebur128_true_peak(state, c, &peak))
      truePeak = max(truePeak, peak)
    }
    let isTooShort = sampleCount * 10 < sampleRate * 4
    return Loudness(
      integrated: isTooShort ? .tooShort : integrated.isFinite ? .lufs(integrated) : .silent,
      range: range, truePeak: decibels(truePeak), samplePeak: decibels(Double(samplePeak)))
  }

  private func measure(_ channels: [[Float]]) throws {
    let blockLength = 1 << 14
    for start in stride(from: 0, to: channels[0].count, by: blockLength) {
      let count = min(blockLength, channels[0].count - start)
      interleaved.removeAll(keepingCapacity: true)
      for i in start..<start + count {
        for samples in channels { interleaved.append(samples[i]) }
      }
      try check(ebur128_add_frames_float(state, interleaved, count))
    }
  }

  private func check(_ status: Int32) throws {
    guard status == Int32(EBUR128_SUCCESS.rawValue) else {
      throw AudioError.loudness(channelCount: channelCount, sampleRate: sampleRate)
    }
  }
}

extension AudioBuffer {
  /// Loudness and peaks of the whole.
  ///
  /// - Throws: `AudioError.loudness` for a rate outside `sampleRates` or more than 64 channels.
  public func loudness() throws -> Loudness {
    let meter = try LoudnessMeter(sampleRate: sampleRate, channelCount: channelCount)
    try meter.add(self)
    return try meter.finish()
  }
}
