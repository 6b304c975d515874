import CSndfile
import Glibc

/// Writes an audio file from beginning to end in blocks of any size.
///
/// The file grows under a temporary name in the same folder and is renamed by `finish`, so that
/// whatever fails nothing half-written stands under its name; a writer that is let go before
/// leaves nothing. The same samples give the same bytes, however they are divided into blocks.
public final class AudioWriter {
  /// What has gone into a file.
  public struct Report: Sendable, Equatable {
    /// Samples per channel, at the rate of the file.
    public let sampleCount: Int
    /// The largest magnitude of any sample, before clipping.
    public let peak: Float
    /// Samples of all channels beyond ±1 that were clipped, as integer formats must.
    public let clippedCount: Int
  }

  public let path: String
  public let encoding: AudioEncoding
  public let channelCount: Int
  /// Of the blocks to write, in Hz.
  public let sampleRate: Int

  private let file: PendingFile
  /// nil once it is closed.
  private var sound: OpaquePointer?
  /// To the rate of the file, where that is another.
  private let resampler: Resampler?
  private let quantizer: Quantizer?

  /// Samples that wait until there are enough: libvorbis keeps whatever it is given at once on the
  /// stack, and encoders may tell by the blocks how the sound was divided.
  private var waiting: [Float]
  private var waitingCount = 0
  private var quantized: [Int32]
  private static let blockLength = 1 << 12

  private var sampleCount = 0
  private var peak: Float = 0
  private var clippedCount = 0

  /// Opens a file for blocks of sound.
  ///
  /// - Parameters:
  ///   - path: the folder must exist. A symbolic link is followed.
  ///   - sampleRate: of the blocks, in Hz; the file has the same, except Opus, always at 48 kHz.
  ///   - encoding: what to write; by the extension of `path` when nil.
  ///   - sampleCount: samples per channel that will come, at most, where that is known. It decides
  ///     between WAV and RF64, which goes beyond 4 GB; when nil, the header keeps room to become
  ///     either.
  ///   - dither: adds noise of one step to what does not fit into 16 bits, see `AudioBuffer.write`.
  ///   - metadata: what the file shall say about the sound, as far as its format can.
  ///   - overwrite: replaces a file that is there; otherwise that is an error.
  /// - Throws: `AudioError.unknownExtension`, `.exists`, `.unwritable`; `.resampling`.
  public init(
    _ path: String, sampleRate: Int, channelCount: Int, encoding: AudioEncoding? = nil,
    sampleCount: Int? = nil, dither: Bool = true, metadata: AudioMetadata = AudioMetadata(),
    overwrite: Bool = false
  ) throws {
    guard let encoding = encoding ?? AudioEncoding(path: path) else {
      throw AudioError.unknownExtension(path: path)
    }
    self.path = path
    self.encoding = encoding
    self.sampleRate = sampleRate
    self.channelCount = channelCount
    let fileRate = encoding == .opus ? 48000 : sampleRate
    resampler =
      fileRate == sampleRate
      ? nil : try Resampler(from: sampleRate, to: fileRate, channelCount: channelCount)
    if let defect = metadata.defect {
      throw AudioError.unwritable(path: path, reason: defect)
    }
    let bytesPerFrame = channelCount * Int(encoding.integerBits ?? 32) / 8
    var info = SF_INFO()
    info.samplerate = Int32(clamping: fileRate)
    info.channels = Int32(clamping: channelCount)
    info.format = encoding.format(byteCount: sampleCount.map { $0 * bytesPerFrame })
    guard sf_format_check(&info) != 0 else {
      throw AudioError.unwritable(
        path: path, reason: "\(encoding) cannot hold \(channelCount) channels at \(sampleRate) Hz")
    }
    quantizer = encoding.integerBits.map { Quantizer(bits: $0, dither: dither && $0 <= 16) }
    waiting = Array(repeating: 0, count: Self.blockLength * channelCount)
    quantized = Array(repeating: 0, count: quantizer == nil ? 0 : waiting.count)
    file = try PendingFile(path, overwrite: overwrite)
    if encoding == .mp3 {
      let tag = metadata.id3Tag
      file.origin = file.write(tag, tag.count)
      if let error = file.error { throw error }
    }
    var callbacks = PendingFile.callbacks
    let user = Unmanaged.passUnretained(file).toOpaque()
    guard let sound = sf_open_virtual(&callbacks, Int32(SFM_WRITE), &info, user) else {
      let reason = String(cString: sf_strerror(nil)).replacing("Error : ", with: "")
      throw file.error ?? .unwritable(path: path, reason: reason)
    }
    self.sound = sound
    sf_command(sound, Int32(SFC_SET_ADD_PEAK_CHUNK), nil, 0)  // it holds the time of day
    if sampleCount == nil { sf_command(sound, Int32(SFC_RF64_AUTO_DOWNGRADE), nil, 1) }
    if var quality = encoding.quality {
      sf_command(
        sound, Int32(SFC_SET_VBR_ENCODING_QUALITY), &quality, Int32(MemoryLayout<Double>.size))
    }
    if encoding != .mp3 {
      let minutes = Double(sampleCount ?? 0) / Double(sampleRate) / 60
      metadata.write(
        to: sound, isWAV: Int(info.format) & SF_FORMAT_TYPEMASK == SF_FORMAT_WAV,
        beats: UInt32(((metadata.beatsPerMinute ?? 0) * minutes).rounded()))
    }
  }

  deinit { if let sound { sf_close(sound) } }

  /// Writes the next samples, of the rate and the channels of the file.
  ///
  /// - Throws: `AudioError.unwritable`, also for samples that are infinite or no numbers.
  public func write(_ buffer: AudioBuffer) throws {
    precondition(sound != nil, "the file is finished")
    precondition(
      buffer.sampleRate == sampleRate && buffer.channelCount == channelCount,
      "blocks have the rate and the channels of the file")
    guard buffer.channels.allSatisfy({ $0.withUnsafeBufferPointer(allFinite) }) else {
      throw AudioError.unwritable(path: path, reason: "some samples are infinite or not a number")
    }
    guard let resampler else { return try append(buffer.channels) }
    for start in stride(from: 0, to: buffer.sampleCount, by: 1 << 16) {
      let part = buffer[start..<min(start + 1 << 16, buffer.sampleCount)]
      try append(resampler.process(part.channels))
    }
  }

  /// Ends the file and puts it in place. Nothing can be written after that.
  ///
  /// - Throws: `AudioError.unwritable`; `.exists` when a file has come in the way.
  public func finish() throws -> Report {
    precondition(sound != nil, "the file is finished")
    if let resampler { try append(resampler.finish()) }
    let sampleCount = self.sampleCount
    let padding = [Float](repeating: 0, count: encoding.paddingCount)
    try append(Array(repeating: padding, count: channelCount))
    try flush()
    let failure = sf_close(sound)
    sound = nil
    if let error = file.error { throw error }
    if failure != 0 {
      throw AudioError.unwritable(path: path, reason: String(cString: sf_error_number(failure)))
    }
    if encoding.isOgg { try file.mendOggPages(padding: encoding.paddingCount) }
    try file.commit()
    return Report(sampleCount: sampleCount, peak: peak, clippedCount: clippedCount)
  }

  /// Interleaves, and writes all full blocks.
  private func append(_ channels: [[Float]]) throws {
    var start = 0
    while start < channels[0].count {
      let count = min(Self.blockLength - waitingCount, channels[0].count - start)
      waiting.withUnsafeMutableBufferPointer { waiting in
        for (c, samples) in channels.enumerated() {
          for i in 0..<count {
            let sample = samples[start + i]
            waiting[(waitingCount + i) * channelCount + c] = sample
            peak = max(peak, abs(sample))
          }
        }
      }
      waitingCount += count
      sampleCount += count
      start += count
      if waitingCount == Self.blockLength { try flush() }
    }
  }

  private func flush() throws {
    let written: Int64
    if let quantizer {
      clippedCount += waiting[..<(waitingCount * channelCount)].count { abs($0) > 1 }
      quantizer.quantize(
        waiting[..<(waitingCount * channelCount)],
        from: UInt64((sampleCount - waitingCount) * channelCount), into: &quantized)
      written = sf_writef_int(sound, quantized, Int64(waitingCount))
    } else {
      written = sf_writef_float(sound, waiting, Int64(waitingCount))
    }
    if let error = file.error { throw error }
    if written != Int64(waitingCount) {
      throw AudioError.unwritable(path: path, reason: String(cString: sf_strerror(sound)))
    }
    waitingCount = 0
  }
}

extension AudioBuffer {
  /// Writes a file: `AudioWriter` with one block.
  ///
  /// - Parameters:
  ///   - path: the folder must exist. A symbolic link is followed.
  ///   - encoding: what to write; by the extension of `path` when nil.
  ///   - dither: in 16 bits, turns the error of rounding, which follows the sound and is heard as
  ///     distortion, into even noise at -93 dBFS. Samples that 16 bits hold exactly, as silence and
  ///     whatever was read from 16 bits, are written as they are.
  ///   - metadata: what the file shall say about the sound, as far as its format can.
  ///   - overwrite: replaces a file that is there; otherwise that is an error.
  /// - Throws: `AudioError.unknownExtension`, `.exists`, `.unwritable`; `.resampling`.
  @discardableResult
  public func write(
    to path: String, encoding: AudioEncoding? = nil, dither: Bool = true,
    metadata: AudioMetadata = AudioMetadata(), overwrite: Bool = false
  ) throws -> AudioWriter.Report {
    let writer = try AudioWriter(
      path, sampleRate: sampleRate, channelCount: channelCount, encoding: encoding,
      sampleCount: sampleCount, dither: dither, metadata: metadata,
      overwrite: overwrite)
    try writer.write(self)
    return try writer.finish()
  }
}
