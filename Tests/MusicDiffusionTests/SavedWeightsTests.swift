import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct SavedWeightsTests {
  /// Reference: scripts/goldens/weights.py, PyTorch's `quantize_per_channel`.
  @Test func int8IsThatOfPyTorch() throws {
    let golden = try SafeTensors.read(goldenPath("weights.safetensors")).tensors
    let (x, back) = (try #require(golden["x"]), try #require(golden["back"]))
    let (saved, kept) = try SavedWeights.encode([(name: "x", tensor: x)], as: .int8)
    #expect(kept == .int8)
    let tensors = Dictionary(uniqueKeysWithValues: saved.map { ($0.name, $0.tensor) })
    #expect(tensors.keys.sorted() == ["x", "x_scale"])
    #expect(tensors["x"]?.dtype == .int8 && tensors["x_scale"]?.shape == [8, 1, 1, 1])
    #expect(try tensors["x"]?.integers() == golden["whole"]?.integers())
    #expect(try tensors["x_scale"]?.floats() == golden["scale"]?.floats())
    let (read, format) = try SavedWeights.decode(tensors)
    #expect(format == .int8 && read.count == 1)
    #expect(try read["x"]?.floats() == back.floats())
  }

  /// What has one row or short ones, and what has no steps to be counted in, stays in float16.
  @Test func theRestIsFloat16() throws {
    let parameters = [
      (name: "short", tensor: try Tensor.ones([200, 31])),
      (name: "vector", tensor: try Tensor.ones([4096])),
      (name: "one", tensor: try Tensor.ones([1, 64, 64, 1])),
      (name: "infinite", tensor: try Tensor.full([2, 64], .infinity)),
    ]
    let (saved, format) = try SavedWeights.encode(parameters, as: .int8)
    #expect(saved.map(\.name) == parameters.map(\.name))
    #expect(saved.allSatisfy { $0.tensor.dtype == .float16 })
    #expect(format == .float16)
  }

  /// A model and its guide, of which every weight is within half a step of what it was; a copy of the copy is
  /// the same, and older programs are told that they cannot read it.
  @Test func modelsComeBack() throws {
    try withTemporaryFolder { folder in
      let original = try Self.model()
      try original.save(to: (folder / "whole").path)
      try original.save(to: (folder / "whole/guide").path)
      func export(_ name: String, to other: String, _ weights: WeightFormat?) throws -> Model {
        try Model.export(
          (folder / name).path, to: (folder / other).path, weights: weights)
      }
      let whole = try Model(contentsOf: (folder / "whole").path)
      #expect(whole.weightFormat == .float16 && whole.configuration.formatVersion == 1)
      let small = try export("whole", to: "small", .int8)
      #expect(small.weightFormat == .int8 && small.configuration.formatVersion == 5)
      let guide = try #require(small.guide)
      #expect(guide.weightFormat == .int8 && guide.configuration.formatVersion == 5)
      for (name, tensor) in small.parameters.named {
        #expect(try tensor.floats() == guide.parameters[name]?.floats())
      }
      var changed = 0
      for (name, tensor) in whole.parameters.named {
        let (before, after) = (
          try tensor.floats(), try #require(small.parameters[name]).floats()
        )
        guard tensor.rank >= 2, tensor.shape[0] > 1, before.count / tensor.shape[0] >= 32 else {
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
      let large = try export("small", to: "large", .float16)
      #expect(large.weightFormat == .float16 && large.configuration.formatVersion == 1)
      // What has the format already is copied, and known to recipes.
      for (name, copy, weights) in [
        ("small", "same", WeightFormat.int8), ("whole", "other", nil), ("small", "third", nil),
      ] {
        _ = try export(name, to: copy, weights)
        let sources = try [name, copy].map {
          try Recipe.Source(contentsOf: (folder / $0).path, name: nil).fingerprint
        }
        #expect(sources[0] == sources[1])
      }
      let inside = (folder / "whole/x").path
      #expect(throws: ModelError.exportInside(inside, of: (folder / "whole").path)) {
        try export("whole", to: "whole/x", nil)
      }
      #expect(throws: ModelError.outputExists((folder / "same").path)) {
        try export("whole", to: "same", nil)
      }
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
    let whole = try SavedWeights.encode(
      [(name: "x", tensor: .ones([64, 64]))], as: .int8
    ).tensors[0].tensor
    func message(_ tensors: [String: Tensor]) -> String {
      do {
        _ = try SavedWeights.decode(tensors)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message(["x": whole, "y": whole]).contains("2 missing (x_scale, y_scale)"))
    let scale = "x_scale float32 [1, 64] for float32 [64, 1]"
    #expect(try message(["x": whole, "x_scale": .ones([1, 64])]).contains(scale))
    // Steps that are steps' own steps.
    let steps = try Tensor([Int8](repeating: 1, count: 64), shape: [64, 1])
    #expect(message(["x": whole, "x_scale": steps]).contains("x_scale int8 [64, 1] for float32"))
  }
}
