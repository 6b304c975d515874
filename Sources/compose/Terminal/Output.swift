public import ArgumentParser
public import Audio
import Foundation

/// How loud to make what is written.
public struct LoudnessOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("normalize"), parsing: .unconditional,
    help: ArgumentHelp(
      "Make it louder or softer as a whole: \"-14 LUFS\" for a loudness, \"-1 dB\" for a peak.",
      valueName: "target"),
    transform: readTarget)
  public var target: NormalizationTarget?

  public init() {}
}

@Sendable private func readTarget(_ text: String) throws -> NormalizationTarget {
  guard let target = NormalizationTarget(text) else {
    throw ValidationError(
      "A target is a loudness of -70 to -1 LUFS, as \"-14 LUFS\", or a peak of -70 to 0 dB, as "
        + "\"-1 dB\".")
  }
  return target
}

/// The gain, in decibels, that brings a sound to the level wanted and keeps it from clipping; tells
/// where it could not reach the one, and where it turned the sound down for the other.
private func gain(for loudness: Loudness, to target: NormalizationTarget?, path: String) -> Double {
  var gain = 0.0
  if let target {
    let normalization = target.gain(for: loudness)
    gain = normalization.decibels
    switch normalization.outcome {
    case .reached: break
    case .heldBack: Terminal.note("\(path): below \(target), or its true peak would pass -1 dBTP")
    case .undefined(let reason): Terminal.note("\(path): not normalized: \(reason)")
    }
  }
  let excess = loudness.samplePeak + gain
  if excess > 1e-9 {
    gain -= excess + 0.01
    Terminal.note(
      String(format: "%@: turned down by %.1f dB, or it would clip", path, excess + 0.01))
  }
  return gain
}

/// A file of sound that was written.
public struct WrittenSound {
  /// Per channel, at the rate of the file.
  public let sampleCount: Int
  public let sampleRate: Int
  /// Of what the file holds, lossy formats decoded again.
  public let loudness: Loudness

  /// Seconds.
  public var duration: Double { Double(sampleCount) / Double(sampleRate) }

  /// - Parameter loudness: of what was given to the encoder.
  fileprivate init(
    _ path: String, encoding: AudioEncoding?, sampleCount: Int, sampleRate: Int, loudness: Loudness
  ) throws {
    guard encoding?.isLossy == true else {
      (self.sampleCount, self.sampleRate, self.loudness) = (sampleCount, sampleRate, loudness)
      return
    }
    let reader = try AudioReader(path)
    let meter = try LoudnessMeter(sampleRate: reader.sampleRate, channelCount: reader.channelCount)
    var count = 0
    while let block = try reader.read(upTo: 1 << 16) {
      try meter.add(block)
      count += block.sampleCount
    }
    (self.sampleCount, self.sampleRate) = (count, reader.sampleRate)
    self.loudness = try meter.finish()
    if self.loudness.samplePeak > 0.05 {
      Terminal.note(
        String(
          format: "%@: its encoding raises the peak to %+.1f dB, which players may clip; "
            + "--normalize \"-2 dB\" leaves room", path, self.loudness.samplePeak))
    }
  }
}

extension AudioBuffer {
  /// Writes the file at the level wanted, turned down as a whole and with a word about it if it would
  /// clip.
  ///
  /// - Parameter encoding: by the extension of `path` when nil.
  public func writeUnclipped(
    to path: String, encoding: AudioEncoding? = nil,
    normalizedTo target: NormalizationTarget? = nil,
    metadata: AudioMetadata = AudioMetadata(), overwrite: Bool
  ) throws -> WrittenSound {
    let loudness = try loudness()
    let gain = gain(for: loudness, to: target, path: path)
    let encoding = encoding ?? AudioEncoding(path: path)
    try amplified(by: gain).write(
      to: path, encoding: encoding, metadata: metadata, overwrite: overwrite)
    return try WrittenSound(
      path, encoding: encoding, sampleCount: sampleCount, sampleRate: sampleRate,
      loudness: loudness.amplified(by: gain))
  }
}

/// Writes a file of sound that comes in blocks, at the level wanted, turned down as a whole and with
/// a word about it if it would clip. Until its loudness is known the sound waits in a file of floats
/// beside it, so that hours take no more memory than minutes.
///
/// - Parameters:
///   - encoding: by the extension of `path` when nil.
///   - sampleCount: samples per channel that will come.
///   - make: calls its argument with each block. What keeps the file from being written is known before.
public func writeUnclipped(
  to path: String, encoding: AudioEncoding? = nil, sampleRate: Int, channelCount: Int,
  sampleCount: Int, normalizedTo target: NormalizationTarget? = nil,
  metadata: AudioMetadata = AudioMetadata(), overwrite: Bool,
  _ make: (_ write: (AudioBuffer) throws -> Void) throws -> Void
) throws -> WrittenSound {
  let file = try AudioWriter(
    path, sampleRate: sampleRate, channelCount: channelCount, encoding: encoding,
    sampleCount: sampleCount, metadata: metadata, overwrite: overwrite)
  let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
  let waiting = folder.appendingPathComponent(".compose-\(UUID().uuidString).wav").path
  defer { try? FileManager.default.removeItem(atPath: waiting) }
  let scratch = try AudioWriter(
    waiting, sampleRate: sampleRate, channelCount: channelCount, encoding: .wavFloat)
  let meter = try LoudnessMeter(sampleRate: sampleRate, channelCount: channelCount)
  try make { block in
    try scratch.write(block)
    try meter.add(block)
  }
  let written = try scratch.finish().sampleCount
  let loudness = try meter.finish()

  let gain = gain(for: loudness, to: target, path: path)
  if written > 0 {
    let reader = try AudioReader(waiting)
    while let block = try reader.read(upTo: 1 << 16) { try file.write(block.amplified(by: gain)) }
  }
  _ = try file.finish()
  return try WrittenSound(
    path, encoding: file.encoding, sampleCount: written, sampleRate: sampleRate,
    loudness: loudness.amplified(by: gain))
}

extension AudioMetadata {
  /// More would not fit beside a spectrogram.
  private static let longestJSON = 20_000

  /// Its words for `SpectrogramOrigin`; nil where there are none, or too many.
  public var json: String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard self != AudioMetadata(), let data = try? encoder.encode(self),
      data.count <= Self.longestJSON
    else { return nil }
    return String(decoding: data, as: UTF8.self)
  }

  /// The way back; nothing for what no `json` left.
  public init(json: String?) {
    let data = json.map { Data($0.utf8) } ?? Data()
    self = (try? JSONDecoder().decode(AudioMetadata.self, from: data)) ?? AudioMetadata()
  }
}
