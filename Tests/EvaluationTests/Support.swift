import Audio
import Foundation

func loadGolden<Golden: Decodable>(_ name: String) throws -> Golden {
  let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: "json")
  guard let url else { throw CocoaError(.fileNoSuchFile) }
  return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
}

/// Calls `body` with the path of a new folder, which is then removed.
func withTemporaryFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    .appendingPathComponent(UUID().uuidString, isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// Numbers that a seed decides, uniform over 0 ..< 1.
struct Chance {
  var state: UInt64

  mutating func next() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return Double((word ^ word >> 31) >> 11) * 0x1p-53
  }

  mutating func next(below limit: Int) -> Int { Int(next() * Double(limit)) }
}

let rate = 22050

/// A tune over chords in a key, both chosen by the seed, of plucked notes with overtones at a steady beat.
func tune(seconds: Double, seed: UInt64, gain: Double = 0.1) -> [Float] {
  var chance = Chance(state: seed)
  var samples = [Float](repeating: 0, count: Int(seconds * Double(rate)))
  let beat = 0.35 + 0.1 * chance.next()
  let tonic = 48 + chance.next(below: 12)
  let scale = [0, 2, 4, 5, 7, 9, 11]
  func pluck(_ pitch: Int, at time: Double, decay: Double, level: Double) {
    let frequency = 440 * pow(2, Double(pitch - 69) / 12)
    let start = Int(time * Double(rate))
    for index in start..<min(samples.count, start + rate * 2) {
      let age = Double(index - start) / Double(rate)
      var value = 0.0
      for harmonic in 1...4 where frequency * Double(harmonic) < 8000 {
        value += sin(2 * .pi * frequency * Double(harmonic) * age) / Double(harmonic * harmonic)
      }
      samples[index] += Float(level * exp(-decay * age) * min(1, age * 300) * value)
    }
  }
  var (time, step) = (0.0, 0)
  var chord = 0
  while time < seconds {
    if step % 4 == 0 {
      chord = [0, 3, 4, 5, 1][chance.next(below: 5)]
      for third in 0..<3 {
        let degree = chord + 2 * third
        pluck(tonic + scale[degree % 7] + degree / 7 * 12, at: time, decay: 1.5, level: gain)
      }
    }
    if chance.next() < 0.8 {
      let degree = chance.next() < 0.6 ? chord + 2 * chance.next(below: 3) : chance.next(below: 7)
      pluck(tonic + 12 + scale[degree % 7], at: time, decay: 4, level: 1.5 * gain)
    }
    time += beat
    step += 1
  }
  return samples
}

extension URL {
  static func / (folder: URL, name: String) -> URL { folder.appendingPathComponent(name) }

  /// Writes a mono file at 22.05 kHz into this folder, which is made if need be.
  func write(_ samples: [Float], to name: String) throws {
    try FileManager.default.createDirectory(
      at: (self / name).deletingLastPathComponent(), withIntermediateDirectories: true)
    try AudioBuffer(channels: [samples], sampleRate: rate).write(
      to: (self / name).path, encoding: .wavFloat, overwrite: true)
  }
}
