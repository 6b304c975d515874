import CSndfile
import Glibc

extension AudioBuffer {
  /// Writes a file: under a temporary name in the same folder, renamed once it is complete, so that
  /// whatever fails nothing half-written stands under `path`. The same samples give the same bytes.
  ///
  /// - Parameters:
  ///   - path: the folder must exist. A symbolic link is followed.
  ///   - encoding: what to write; by the extension of `path` when nil.
  ///   - overwrite: replaces a file that is there; otherwise that is an error.
  /// - Returns: how many samples lay beyond ±1 and were clipped, as integer formats must.
  /// - Throws: `AudioError.unknownExtension`, `.exists`, `.unwritable`; `.resampling`.
  @discardableResult
  public func write(to path: String, encoding: AudioEncoding? = nil, overwrite: Bool = false) throws
    -> Int
  {
    guard let encoding = encoding ?? AudioEncoding(path: path) else {
      throw AudioError.unknownExtension(path: path)
    }
    guard channels.allSatisfy({ $0.withUnsafeBufferPointer(allFinite) }) else {
      throw AudioError.unwritable(
        path: path, reason: "some samples are infinite or not a number")
    }
    if encoding == .opus, sampleRate != 48000 {
      return try resampled(to: 48000).write(to: path, encoding: encoding, overwrite: overwrite)
    }
    let file = try PendingFile(path, overwrite: overwrite)
    let clipped = try encode(as: encoding, into: file)
    if encoding.isOgg { try file.mendOggPages(padding: encoding.paddingCount) }
    try file.commit()
    return clipped
  }

  /// In blocks: libvorbis keeps whatever it is given at once on the stack.
  private func encode(as encoding: AudioEncoding, into file: PendingFile) throws -> Int {
    let bytesPerSample = Int(encoding.integerBits ?? 32) / 8
    var info = SF_INFO()
    info.samplerate = Int32(clamping: sampleRate)
    info.channels = Int32(clamping: channelCount)
    info.format = encoding.format(byteCount: sampleCount * channelCount * bytesPerSample)
    guard sf_format_check(&info) != 0 else {
      throw AudioError.unwritable(
        path: file.path,
        reason: "\(encoding) cannot hold \(channelCount) channels at \(sampleRate) Hz")
    }
    var callbacks = PendingFile.callbacks
    let user = Unmanaged.passUnretained(file).toOpaque()
    guard let sound = sf_open_virtual(&callbacks, Int32(SFM_WRITE), &info, user) else {
      throw file.error ?? .unwritable(path: file.path, reason: String(cString: sf_strerror(nil)))
    }
    sf_command(sound, Int32(SFC_SET_ADD_PEAK_CHUNK), nil, 0)  // it holds the time of day
    if let quality = encoding.quality {
      var quality = quality
      sf_command(
        sound, Int32(SFC_SET_VBR_ENCODING_QUALITY), &quality,
        Int32(MemoryLayout<Double>.size))
    }

    let blockLength = 1 << 12
    var clipped = 0
    var failure: String?
    var interleaved = [Float](repeating: 0, count: blockLength * channelCount)
    let paddedCount = sampleCount + encoding.paddingCount
    for start in stride(from: 0, to: paddedCount, by: blockLength) {
      let count = min(blockLength, paddedCount - start)
      for (c, samples) in channels.enumerated() {
        for i in 0..<count {
          interleaved[i * channelCount + c] = start + i < sampleCount ? samples[start + i] : 0
        }
      }
      let written: Int64
      if let bits = encoding.integerBits {
        let block = interleaved[..<(count * channelCount)]
        clipped += block.count { abs($0) > 1 }
        written = sf_writef_int(sound, block.map { quantize($0, bits: bits) }, Int64(count))
      } else {
        written = sf_writef_float(sound, interleaved, Int64(count))
      }
      if written != Int64(count) {
        failure = String(cString: sf_strerror(sound))
        break
      }
    }
    let closed = withExtendedLifetime(file) { sf_close(sound) }
    if let error = file.error { throw error }
    if let failure { throw AudioError.unwritable(path: file.path, reason: failure) }
    if closed != 0 {
      throw AudioError.unwritable(path: file.path, reason: String(cString: sf_error_number(closed)))
    }
    return clipped
  }
}

/// The nearest integer sample, left-aligned in 32 bits as libsndfile takes it. Full scale is
/// 2^(bits - 1) as in reading, so that what was read is written back unchanged.
private func quantize(_ sample: Float, bits: Int32) -> Int32 {
  let scale = Float(1 << (bits - 1))
  let level = min(max((sample * scale).rounded(.toNearestOrEven), -scale), scale - 1)
  return Int32(level) << (32 - bits)
}
