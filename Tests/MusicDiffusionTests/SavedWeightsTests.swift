import Foundation
import Testing
import Torch

@testable import MusicDiffusion

@Suite struct SavedWeightsTests {
  /// Reference: scripts/goldens/weights.py, PyTorch's `quantize_per_channel`.
  @Test func int8IsThatOfPyTorch() throws {
    let golden = try SafeTensors.read(goldenPath("weights.safetensors")).tensors
    let (x, back) = (try #require(golden["x"]), try #require(golden["back"]))
    let saved = try SavedWeights.encode([(name: "x", tensor: x)], as: .int8)
    let tensors = Dictionary(uniqueKeysWithValues: saved.map { ($0.name, $0.tensor) })
    #expect(tensors.keys.sorted() == ["x", "x_scale"])
    #expect(tensors["x"]?.dtype == .int8 && tensors["x_scale"]?.shape == [32, 1, 1, 1])
    #expect(try tensors["x"]?.integers() == golden["whole"]?.integers())
    #expect(try tensors["x_scale"]?.floats() == golden["scale"]?.floats())
    let (read, format) = try SavedWeights.decode(tensors)
    #expect(format == .int8 && read.count == 1)
    #expect(try read["x"]?.floats() == back.floats())
  }

  /// What has few values or one dimension, and what has no steps to be counted in, stays in float16.
  @Test func theRestIsFloat16() throws {
    let count = SavedWeights.quantizedCount
    let parameters = [
      (name: "few", tensor: try Tensor.ones([2, count / 2 - 1])),
      (name: "vector", tensor: try Tensor.ones([count])),
      (name: "infinite", tensor: try Tensor.full([2, count], .infinity)),
    ]
    let saved = try SavedWeights.encode(parameters, as: .int8)
    #expect(saved.map(\.name) == ["few", "vector", "infinite"])
    #expect(saved.allSatisfy { $0.tensor.dtype == .float16 })
    #expect(
      try SavedWeights.decode(
        Dictionary(uniqueKeysWithValues: saved.map { ($0.name, $0.tensor) })
      ).format == .float16)
  }

  /// A model and its guide, of which every weight is within half a step of what it was; a copy of the copy is
  /// the same, and older programs are told that they cannot read it.
  @Test func modelsComeBack() throws {
    try withTemporaryFolder { folder in
      let original = try Self.model()
      try original.save(to: (folder / "whole").path)
      try original.save(to: (folder / "whole/guide").path)
      let whole = try Model(contentsOf: (folder / "whole").path)
      #expect(whole.weights == .float16 && whole.configuration.formatVersion == 1)
      try whole.export(to: (folder / "small").path, weights: .int8)
      let small = try Model(contentsOf: (folder / "small").path)
      #expect(small.weights == .int8 && small.configuration.formatVersion == 5)
      #expect(small.guide != nil)
      var changed = 0
      for (name, tensor) in whole.parameters.named {
        let (before, after) = (
          try tensor.floats(), try #require(small.parameters[name]).floats()
        )
        guard tensor.rank >= 2, tensor.count >= SavedWeights.quantizedCount else {
          #expect(before == after, "\(name)")
          continue
        }
        if before != after { changed += 1 }
        let size = before.count / tensor.shape[0]
        for start in stride(from: 0, to: before.count, by: size) {
          let row = start..<start + size
          let step = (before[row].map(abs).max() ?? 0) / 127
          #expect(row.allSatisfy { abs(before[$0] - after[$0]) <= 0.501 * step }, "\(name)")
        }
      }
      #expect(changed > 3)
      try small.export(to: (folder / "again").path, weights: .int8)
      let file = "model.safetensors"
      let (first, second) = (
        try SafeTensors.read((folder / "small" / file).path).tensors,
        try SafeTensors.read((folder / "again" / file).path).tensors
      )
      for (name, tensor) in first where tensor.dtype == .int8 {
        #expect(try tensor.integers() == second[name]?.integers())
      }
      try small.export(to: (folder / "large").path, weights: .float16)
      let large = try Model(contentsOf: (folder / "large").path)
      #expect(large.weights == .float16 && large.configuration.formatVersion == 1)
    }
  }

  private static func model() throws -> Model {
    var configuration = try GeneratorTests.model().configuration
    configuration.network.widths = [24, 32, 32]
    let parameters = ParameterStore(seed: 1)
    return Model(
      configuration: configuration,
      network: try UNet(parameters.root, configuration: configuration.network),
      parameters: parameters)
  }

  @Test func missingStepsAreErrors() throws {
    let saved = try SavedWeights.encode([(name: "x", tensor: .ones([64, 64]))], as: .int8)
    #expect(throws: TorchError.self) { try SavedWeights.decode(["x": saved[0].tensor]) }
    #expect(throws: TorchError.self) {
      try SavedWeights.decode(["x": saved[0].tensor, "x_scale": .ones([1, 64])])
    }
  }
}
