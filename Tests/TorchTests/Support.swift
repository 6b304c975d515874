import Foundation
import Testing
import Torch

/// The tensors of a file in Goldens/.
func loadGolden(_ name: String) throws -> [String: Tensor] {
  try SafeTensors.read(goldenPath(name)).tensors
}

func goldenPath(_ name: String) throws -> String {
  let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: "safetensors")
  return try #require(url).path
}

/// The greatest difference between two tensors of the same shape.
func difference(_ x: Tensor, _ y: Tensor) throws -> Float {
  try #require(x.shape == y.shape)
  return zip(try x.floats(), try y.floats()).map { abs($0 - $1) }.max() ?? 0
}

/// Calls `body` with the path of a new folder, which is then removed.
func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// Standard normal values that the seed alone decides.
func normal(_ shape: [Int], seed: UInt64) throws -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return try Tensor(generator.normals(shape.reduce(1, *)), shape: shape)
}
