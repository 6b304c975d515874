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

extension AudioBuffer {
  /// Writes the file at the level wanted, turned down as a whole and with a word about it if it would
  /// clip.
  ///
  /// - Returns: how loud the file is.
  public func writeUnclipped(
    to path: String, normalizedTo target: NormalizationTarget? = nil,
    metadata: AudioMetadata = AudioMetadata(), overwrite: Bool
  ) throws -> Loudness {
    let loudness = try loudness()
    let gain = gain(for: loudness, to: target, path: path)
    try amplified(by: gain).write(to: path, metadata: metadata, overwrite: overwrite)
    return loudness.amplified(by: gain)
  }
}

/// Writes a file of sound that comes in blocks, at the level wanted, turned down as a whole and with
/// a word about it if it would clip. Until its loudness is known the sound waits in a file of floats
/// beside it, so that hours take no more memory than minutes.
///
/// - Parameter make: calls its argument with each block.
/// - Returns: samples per channel, and how loud the file is.
public func writeUnclipped(
  to path: String, sampleRate: Int, channelCount: Int,
  normalizedTo target: NormalizationTarget? = nil, overwrite: Bool,
  _ make: (_ write: (AudioBuffer) throws -> Void) throws -> Void
) throws -> (sampleCount: Int, loudness: Loudness) {
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
  let sampleCount = try scratch.finish().sampleCount
  let loudness = try meter.finish()

  let gain = gain(for: loudness, to: target, path: path)
  let file = try AudioWriter(
    path, sampleRate: sampleRate, channelCount: channelCount, sampleCount: sampleCount,
    overwrite: overwrite)
  if sampleCount > 0 {
    let reader = try AudioReader(waiting)
    while let block = try reader.read(upTo: 1 << 16) { try file.write(block.amplified(by: gain)) }
  }
  _ = try file.finish()
  return (sampleCount, loudness.amplified(by: gain))
}
