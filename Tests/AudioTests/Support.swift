import Audio
import Foundation

/// A folder that goes with the test that made it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/audio-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: self(name)))
    return self(name)
  }

  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

func bytes(of path: String) throws -> [UInt8] {
  try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
}

func golden(_ name: String) throws -> String {
  let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil)
  return try (url ?? { throw CocoaError(.fileNoSuchFile) }()).path
}

/// A sine of another frequency on each channel, `frequency` on the first, the double on the second.
func tone(
  _ frequency: Double = 440, channelCount: Int = 1, sampleCount: Int = 48000,
  sampleRate: Int = 48000, amplitude: Double = 0.9
) -> AudioBuffer {
  AudioBuffer(
    channels: (1...channelCount).map { multiple in
      (0..<sampleCount).map {
        let turns = frequency * Double(multiple * $0) / Double(sampleRate)
        return Float(amplitude * sin(2 * .pi * turns))
      }
    }, sampleRate: sampleRate)
}

/// Uniform noise from a fixed seed (SplitMix64), so that every run tests the same.
func noise(seed: UInt64, channelCount: Int = 1, sampleCount: Int, sampleRate: Int) -> AudioBuffer {
  var state = seed
  func next() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Float(z >> 40) / Float(1 << 23) - 1
  }
  return AudioBuffer(
    channels: (0..<channelCount).map { _ in (0..<sampleCount).map { _ in next() } },
    sampleRate: sampleRate)
}

/// The largest difference of two sounds of the same shape; infinite when the shapes differ.
func difference(_ a: AudioBuffer, _ b: AudioBuffer) -> Float {
  guard a.sampleRate == b.sampleRate, a.channelCount == b.channelCount,
    a.sampleCount == b.sampleCount
  else { return .infinity }
  return zip(a.channels, b.channels).map(difference).max() ?? 0
}

func difference(_ a: [Float], _ b: [Float]) -> Float {
  zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

func createLink(_ path: String, to destination: String) throws {
  try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: destination)
}
