package import Audio
package import Foundation

/// A sound as MP3, which every browser plays, small enough for a page.
package func mp3(of audio: AudioBuffer) throws -> Data {
  let file = FileManager.default.temporaryDirectory
    .appendingPathComponent("compose-\(UUID().uuidString).mp3")
  defer { try? FileManager.default.removeItem(at: file) }
  try audio.write(to: file.path)
  return try Data(contentsOf: file)
}
