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

/// Draws a sound with the settings of a model.
public func writePicture(of audio: AudioBuffer, _ settings: SpectrogramSettings, to path: String)
  throws
{
  let logMel = try MelSpectrogram(settings).logMel(of: audio.mono().channels[0])
  try logMel.writePNG(to: path, settings: settings, overwrite: true)
}
