import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

func goldenPath(_ name: String) throws -> String {
  try #require(Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil)).path
}

/// The values of a JSON file in Goldens/.
func loadGolden<Golden: Decodable>(_ name: String, as type: Golden.Type) throws -> Golden {
  let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("\(name).json")))
  return try JSONDecoder().decode(type, from: data)
}

/// The greatest difference between two tensors of the same shape.
func difference(_ x: Tensor, _ y: Tensor) throws -> Float {
  try #require(x.shape == y.shape)
  return zip(try x.floats(), try y.floats()).map { abs($0 - $1) }.max() ?? 0
}

/// Calls `body` with the path of a new folder, which is then removed.
func withTemporaryFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    .appendingPathComponent(UUID().uuidString, isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// Standard normal values that the seed alone decides.
func normal(_ shape: [Int], seed: UInt64) throws -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return try Tensor(generator.normals(shape.reduce(1, *)), shape: shape)
}

extension UNet {
  /// With nothing said about the clips but their labels.
  func callAsFunction(
    _ x: Tensor, noiseLevels: [Double], labels: [Int], known: Tensor, mask: Tensor,
    augmentation: Tensor? = nil, precision: DType
  ) throws -> Tensor {
    try self(
      x, noiseLevels: noiseLevels,
      condition: Condition(labels: labels, known: known, mask: mask, augmentation: augmentation),
      precision: precision)
  }
}

// MARK: - Data

extension Representation {
  /// Small enough for tests: 8 kHz, 16 mel bins, 16 frames.
  static func small(
    channels: Int = 1, windowFrames: Int = 16, melBins: Int = 16, padsShortClips: Bool = false
  ) -> Representation {
    Representation(
      spectrogram: SpectrogramSettings(
        sampleRate: 8000, fftSize: 256, hopLength: 64, melBins: melBins),
      channels: channels, windowFrames: windowFrames, padsShortClips: padsShortClips)
  }
}

/// Some sound: a tone that falls or rises, with a little noise.
func sound(
  seconds: Double, frequency: Double = 440, sampleRate: Int = 8000, channels: Int = 1,
  seed: UInt64 = 0
) -> AudioBuffer {
  let count = Int(seconds * Double(sampleRate))
  return AudioBuffer(
    channels: (0..<channels).map { channel in
      var random = RandomGenerator(seed: seed, stream: UInt64(channel))
      let noise = random.normals(count)
      return noise.enumerated().map { index, noise in
        let time = Double(index) / Double(sampleRate)
        let phase = frequency * Double(channel + 1) * time * (1 + 0.2 * time)
        return Float(0.4 * sin(2 * Double.pi * phase)) + 0.01 * noise
      }
    }, sampleRate: sampleRate)
}

extension URL {
  /// A file or folder below this folder.
  static func / (folder: URL, name: String) -> URL { folder.appendingPathComponent(name) }

  /// Writes a file below this folder, making the folders that it lies in.
  func write(_ audio: AudioBuffer, to name: String) throws {
    try makeParent(of: name)
    try audio.write(to: (self / name).path, overwrite: true)
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

/// The names in a folder, hidden ones too, in order.
func contents(_ folder: URL) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
}

/// The power of a sound at 8 kHz within bands of frequencies, to 60 Hz beyond each, and that farther than 200 Hz from
/// all of them.
func powers(
  of samples: [Float], bands: [ClosedRange<Double>]
) -> (inside: [Double], outside: Double) {
  let powers = STFT(fftSize: 2048, hopLength: 512).magnitudes(of: samples, power: 2)
  var (inside, outside) = ([Double](repeating: 0, count: bands.count), 0.0)
  func lies(_ hertz: Double, in band: ClosedRange<Double>, margin: Double) -> Bool {
    (band.lowerBound - margin...band.upperBound + margin).contains(hertz)
  }
  for frame in 0..<powers.frames {
    for bin in 0..<powers.bins {
      let (hertz, power) = (Double(bin) * 8000 / 2048, Double(powers[frame, bin]))
      if let number = bands.firstIndex(where: { lies(hertz, in: $0, margin: 60) }) {
        inside[number] += power
      } else if !bands.contains(where: { lies(hertz, in: $0, margin: 200) }) {
        outside += power
      }
    }
  }
  return (inside, outside)
}
