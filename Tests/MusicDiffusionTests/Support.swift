import Foundation
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
