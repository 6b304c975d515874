import Audio
import Foundation

/// Calls `body` with the path of a new folder, which is then removed.
func withTemporaryFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    .appendingPathComponent(UUID().uuidString, isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// Numbers that a seed decides, uniform over -1 ..< 1 (Steele et al. 2014, SplitMix64).
struct Noise {
  var state: UInt64

  mutating func next() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return Float(Int64(bitPattern: word ^ word >> 31) >> 40) * 0x1p-23
  }
}

/// Some music: notes of a scale with overtones, chosen by the seed, each fading, with a little noise.
func music(
  seconds: Double, sampleRate: Int = 22050, channels: Int = 1, seed: UInt64
) -> AudioBuffer {
  var noise = Noise(state: seed &* 7919 &+ 1)
  let count = Int(seconds * Double(sampleRate))
  let length = sampleRate / 5
  var planes = [[Float]](repeating: [], count: channels)
  var (frequency, pan) = (0.0, Float(0))
  for index in 0..<count {
    if index % length == 0 {
      frequency = 110 * pow(2, Double((noise.next() * 18).rounded()) / 12 + 1.5)
      pan = noise.next() * 0.5
    }
    let time = Double(index % length) / Double(sampleRate)
    let tone = (1...5).reduce(0.0) {
      $0 + sin(2 * .pi * frequency * Double($1) * time) / Double($1)
    }
    let value = Float(0.15 * tone * exp(-6 * time)) + 0.002 * noise.next()
    for channel in planes.indices {
      planes[channel].append(channels == 1 ? value : value * (channel == 0 ? 1 - pan : 1 + pan))
    }
  }
  return AudioBuffer(channels: planes, sampleRate: sampleRate)
}

extension URL {
  static func / (folder: URL, name: String) -> URL { folder.appendingPathComponent(name) }

  /// Writes a file below this folder, making the folders that it lies in.
  func write(_ audio: AudioBuffer, to name: String, encoding: AudioEncoding? = nil) throws {
    try makeParent(of: name)
    if let encoding {
      try audio.write(to: (self / name).path, encoding: encoding, overwrite: true)
    } else {
      try audio.write(to: (self / name).path, overwrite: true)
    }
  }

  func write(_ text: String, to name: String) throws {
    try makeParent(of: name)
    try Data(text.utf8).write(to: self / name)
  }

  private func makeParent(of name: String) throws {
    try FileManager.default.createDirectory(
      at: (self / name).deletingLastPathComponent(), withIntermediateDirectories: true)
  }
}
