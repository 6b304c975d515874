import CSndfile
import Glibc

/// Reads an audio file from beginning to end in blocks of any size.
///
/// Whatever libsndfile knows: WAV, FLAC, OGG Vorbis, Opus, MP3, AIFF, AU, CAF and more. Integer
/// samples are scaled to ±1; floating-point and lossy files may pass beyond it and are not clipped.
/// A file that ends before what its headers promise gives what is there, and then throws
/// `AudioError.truncated` in place of the end. Only an MP3 without a Xing header can be cut at a
/// frame without showing it.
public final class AudioReader {
  public let path: String
  /// In Hz.
  public let sampleRate: Int
  public let channelCount: Int
  /// Samples per channel; nil where only reading tells, as from a pipe or an OGG file that is cut.
  public let sampleCount: Int?
  /// Container and encoding, as "WAV (Microsoft), Signed 16 bit PCM".
  public let formatDescription: String
  /// Bits of an integer sample; nil for floating point and for what is compressed with losses.
  public let integerBits: Int?
  public let metadata: AudioMetadata

  private let file: OpaquePointer
  /// Whether the headers show that the end is missing, and the length they promise.
  private let isCut: Bool
  private let promisedCount: Int?
  /// Samples to decode before the wanted one: after a jump, a lossy decoder lacks what its blocks
  /// overlap with, and MP3 frames borrow from earlier ones.
  private let preroll: Int
  fileprivate var position = 0
  private var interleaved: [Float]

  private static let blockLength = 1 << 14

  /// Opens a file and reads its headers.
  ///
  /// - Throws: `AudioError` when it is not there, cannot be read, is not audio or has a rate outside
  ///   `AudioBuffer.sampleRates`.
  public init(_ path: String) throws {
    try checkReadable(path)
    var info = SF_INFO()
    guard let file = sf_open(path, Int32(SFM_READ), &info) else {
      throw openingError(path)
    }
    let rates = AudioBuffer.sampleRates
    guard rates.contains(Int(info.samplerate)), info.channels > 0 else {
      sf_close(file)
      throw AudioError.unsupported(
        path: path,
        reason: "its sample rate is \(info.samplerate) Hz, not \(rates.lowerBound) to "
          + "\(rates.upperBound); convert it first")
    }
    self.file = file
    self.path = path
    sampleRate = Int(info.samplerate)
    channelCount = Int(info.channels)
    let isEndless = info.frames == Int64.max
    sampleCount = isEndless || info.seekable == 0 ? nil : Int(info.frames)
    formatDescription = describeFormat(info.format)
    integerBits = bitsOfIntegers(info.format)
    metadata = AudioMetadata(of: file)
    let container = Int(info.format) & SF_FORMAT_TYPEMASK
    let isLossy = [SF_FORMAT_OGG, SF_FORMAT_MPEG].contains(container)
    preroll = isLossy ? Self.blockLength : 0
    if let truncation = Truncation(path: path) {
      isCut = true
      promisedCount = sampleCount.flatMap(truncation.promisedSamples)
    } else {
      isCut = container == SF_FORMAT_OGG && isEndless && info.seekable != 0
      promisedCount = sampleCount
    }
    // An AU header may place the sound within itself, which libsndfile heeds after a jump only.
    if container == SF_FORMAT_AU, info.seekable != 0 { sf_seek(file, 0, SEEK_SET) }
    interleaved = Array(repeating: 0, count: Self.blockLength * channelCount)
  }

  deinit { sf_close(file) }

  /// The next samples, at most `limit` per channel; nil at the end.
  ///
  /// - Throws: `AudioError.truncated` at the end of a file that is cut short, `.nonFinite` where
  ///   samples are no numbers, `.unsupported` where decoding fails.
  public func read(upTo limit: Int) throws -> AudioBuffer? {
    precondition(limit > 0, "a block has at least one sample")
    var channels = [[Float]](repeating: [], count: channelCount)
    let expected = min(limit, sampleCount.map { max(0, $0 - position) } ?? Self.blockLength)
    // What a header promises is not to be had at once for 1024 channels.
    let reserved = min(expected, (1 << 24) / channelCount)
    for c in channels.indices { channels[c].reserveCapacity(reserved) }
    var count = 0
    while count < limit {
      let wanted = min(limit - count, Self.blockLength)
      let got = Int(sf_readf_float(file, &interleaved, Int64(wanted)))
      guard got > 0 else { break }
      try append(got, to: &channels)
      count += got
    }
    position += count
    if count > 0 { return AudioBuffer(channels: channels, sampleRate: sampleRate) }

    if isCut || position < promisedCount ?? 0 {
      throw AudioError.truncated(path: path, found: position, promised: promisedCount)
    }
    if sf_error(file) != SF_ERR_NO_ERROR {
      throw AudioError.unsupported(path: path, reason: String(cString: sf_strerror(file)))
    }
    return nil
  }

  /// Goes on reading at a sample, counted from 0.
  ///
  /// - Throws: `AudioError.outOfRange` beyond the end, `.truncated` beyond the end of what is left,
  ///   `.unsupported` where the file cannot seek.
  public func seek(to sample: Int) throws {
    try check(sample..<sample)
    let preroll = min(sample, preroll)
    guard sf_seek(file, Int64(sample - preroll), SEEK_SET) == Int64(sample - preroll) else {
      throw AudioError.unsupported(path: path, reason: "cannot go to sample \(sample)")
    }
    if preroll > 0 { sf_readf_float(file, &interleaved, Int64(preroll)) }
    position = sample
  }

  fileprivate func check(_ range: Range<Int>) throws {
    guard let sampleCount, range.lowerBound < 0 || range.upperBound > sampleCount else { return }
    if isCut, range.lowerBound >= 0 {
      throw AudioError.truncated(path: path, found: sampleCount, promised: promisedCount)
    }
    throw AudioError.outOfRange(path: path, range: range, sampleCount: sampleCount)
  }

  /// Moves the first samples of `interleaved` to the ends of the channels.
  private func append(_ count: Int, to channels: inout [[Float]]) throws {
    try interleaved.withUnsafeBufferPointer { samples in
      let samples = UnsafeBufferPointer(rebasing: samples[..<(count * channelCount)])
      guard allFinite(samples) else { throw AudioError.nonFinite(path: path) }
      if channelCount == 1 { return channels[0].append(contentsOf: samples) }
      for c in 0..<channelCount {
        channels[c] += [Float](unsafeUninitializedCapacity: count) { channel, initialized in
          for i in 0..<count { channel[i] = samples[i * channelCount + c] }
          initialized = count
        }
      }
    }
  }
}

extension AudioBuffer {
  /// Reads a file, or the samples in `range`, counted from 0, of it.
  ///
  /// - Throws: `AudioError`; also when the file is cut short, unless `range` lies before the cut.
  public init(contentsOf path: String, range: Range<Int>? = nil) throws {
    let reader = try AudioReader(path)
    if let range {
      try reader.check(range)
      try reader.seek(to: range.lowerBound)
    }
    try self.init(next: range?.count ?? .max, of: reader)
    if let range, sampleCount < range.count {
      throw AudioError.outOfRange(path: path, range: range, sampleCount: reader.position)
    }
    if sampleCount == 0, range == nil { throw AudioError.empty(path: path) }
  }

  /// Reads the middle of a file, so many seconds of it or all that there are; the beginning where
  /// only reading to the end tells how long it is. What lies behind is not read.
  ///
  /// - Throws: `AudioError`; also when the file is cut short before that.
  public init(middleOf path: String, seconds: Double) throws {
    precondition(seconds > 0, "a part has a length")
    let reader = try AudioReader(path)
    let length = max(1, Int(seconds * Double(reader.sampleRate)))
    if let count = reader.sampleCount, count > length { try reader.seek(to: (count - length) / 2) }
    try self.init(next: length, of: reader)
    if sampleCount == 0 { throw AudioError.empty(path: path) }
  }

  /// What a reader gives next, at most `limit` samples per channel.
  private init(next limit: Int, of reader: AudioReader) throws {
    var channels = [[Float]](repeating: [], count: reader.channelCount)
    var missing = limit
    while missing > 0, let block = try reader.read(upTo: missing) {
      if channels[0].isEmpty {
        channels = block.channels  // mostly all there is
      } else {
        for c in channels.indices { channels[c] += block.channels[c] }
      }
      missing -= block.sampleCount
    }
    self.init(channels: channels, sampleRate: reader.sampleRate)
  }
}
