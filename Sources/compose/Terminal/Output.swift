public import Audio
import Foundation
public import Spectro

extension AudioBuffer {
  /// Writes the file, turned down as a whole and with a word about it if it would clip.
  public func writeUnclipped(to path: String, overwrite: Bool) throws {
    let quieter = limited(toPeak: 0.999)
    try quieter.write(to: path, overwrite: overwrite)
    if peak > 1 {
      Terminal.note(
        String(format: "%@: turned down by %.1f dB, or it would clip", path, 20 * log10(peak)))
    }
  }
}

/// Writes a file of sound that comes in blocks, turned down as a whole and with a word about it if it
/// would clip. Until its peak is known the sound waits in a file of floats beside it, so that hours
/// take no more memory than minutes.
///
/// - Parameter make: calls its argument with each block.
/// - Returns: samples per channel.
public func writeUnclipped(
  to path: String, sampleRate: Int, channelCount: Int, overwrite: Bool,
  _ make: (_ write: (AudioBuffer) throws -> Void) throws -> Void
) throws -> Int {
  let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
  let waiting = folder.appendingPathComponent(".compose-\(UUID().uuidString).wav").path
  defer { try? FileManager.default.removeItem(atPath: waiting) }
  let scratch = try AudioWriter(
    waiting, sampleRate: sampleRate, channelCount: channelCount, encoding: .wavFloat)
  try make(scratch.write)
  let report = try scratch.finish()

  let gain = report.peak > 1 ? 0.999 / report.peak : 1
  let file = try AudioWriter(
    path, sampleRate: sampleRate, channelCount: channelCount, sampleCount: report.sampleCount,
    overwrite: overwrite)
  if report.sampleCount > 0 {
    let reader = try AudioReader(waiting)
    while var block = try reader.read(upTo: 1 << 16) {
      if gain < 1 { block.channels = block.channels.map { $0.map { $0 * gain } } }
      try file.write(block)
    }
  }
  _ = try file.finish()
  if gain < 1 {
    Terminal.note(
      String(
        format: "%@: turned down by %.1f dB, or it would clip", path, -20 * log10(gain)))
  }
  return report.sampleCount
}

/// Draws a sound with the settings of a model.
public func writePicture(of audio: AudioBuffer, _ settings: SpectrogramSettings, to path: String)
  throws
{
  let logMel = try MelSpectrogram(settings).logMel(of: audio.mono().channels[0])
  try logMel.writePNG(
    to: path, settings: settings,
    title: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
    overwrite: true)
}
