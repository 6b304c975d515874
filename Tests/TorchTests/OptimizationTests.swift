import Foundation
import Testing
import Torch

@Suite struct OptimizationTests {
  /// A matrix and a vector, and what to give them as gradients, from Goldens/adamw.safetensors.
  private struct Problem {
    let golden: [String: Tensor]
    let store: ParameterStore
    let optimizer: AdamW

    init(device: Device = .cpu) throws {
      golden = try loadGolden("adamw").mapValues { try $0.to(device) }
      store = ParameterStore(
        loading: [
          "matrix": try #require(golden["matrix/0"]), "vector": try #require(golden["vector/0"]),
        ], device: device)
      _ = try store.root.parameter("matrix", [3, 4], .zeros)
      _ = try store.root.parameter("vector", [4], .zeros)
      optimizer = try AdamW(
        parameters: store, betas: (0.8, 0.95), epsilon: 1e-6, weightDecay: 0.1)
    }

    func step(_ step: Int) throws {
      store.zeroGradients()
      for (name, tensor) in store.named {
        try (tensor * #require(golden["\(name)/grad/\(step)"])).sum().backward()
      }
      try optimizer.step(learningRate: 0.1 / Double(step + 1))
    }

    func expectMatch(after step: Int) throws {
      for (name, tensor) in store.named {
        #expect(try difference(tensor, #require(golden["\(name)/\(step)"])) < 1e-6)
      }
    }
  }

  /// Reference: scripts/goldens/torch_operations.py.
  @Test func adamWMatchesPyTorch() throws {
    let problem = try Problem()
    for step in 0..<5 {
      try problem.step(step)
      try problem.expectMatch(after: step + 1)
    }
  }

  @Test(.enabled(if: Device.cudaIsAvailable)) func adamWMatchesPyTorchOnCUDA() throws {
    let problem = try Problem(device: .cuda(0))
    for step in 0..<5 { try problem.step(step) }
    try problem.expectMatch(after: 5)
  }

  @Test func adamWResumesExactly() throws {
    let (whole, first, second) = (try Problem(), try Problem(), try Problem())
    for step in 0..<5 { try whole.step(step) }
    for step in 0..<3 { try first.step(step) }
    try withTemporaryFolder { folder in
      try SafeTensors.write(first.optimizer.state(), to: folder + "/optimizer.safetensors")
      try second.optimizer.load(SafeTensors.read(folder + "/optimizer.safetensors").tensors)
    }
    try updateEMA(second.store, from: first.store, decay: 0)
    #expect(second.optimizer.steps == 3)
    for step in 3..<5 { try second.step(step) }
    for (x, y) in zip(whole.store.tensors, second.store.tensors) {
      #expect(try x.floats() == y.floats())
    }
  }

  @Test func adamWRefusesAnotherNetworksState() throws {
    let problem = try Problem()
    var state = Dictionary(
      uniqueKeysWithValues: try problem.optimizer.state().map { ($0.name, $0.tensor) })
    state["first.vector"] = try .zeros([5])
    state["second.vector"] = nil
    state["more"] = try .zeros([1])
    #expect(
      throws: TorchError.mismatchedParameters(
        missing: ["second.vector"], misshapen: ["first.vector"], unused: ["more"])
    ) { try problem.optimizer.load(state) }
  }

  /// With gradients of 0, a weight that decays is multiplied with 1 − learning rate · decay in each
  /// step, and all else stays, bit for bit.
  @Test func whatDecaysIsForTheStoreToSay() throws {
    let store = ParameterStore(seed: 1)
    let conv = try Conv2d(store.root / "conv", in: 2, out: 3, kernel: 3)
    let linear = try Linear(store.root / "linear", in: 4, out: 2)
    let norm = try GroupNorm(store.root / "norm", channels: 4, groups: 2)
    let embedding = try Embedding(store.root / "embedding", entries: 3, channels: 4)
    let position = try store.root.parameter(
      "position", [1, 4, 2, 1], .normal(standardDeviation: 1), decays: false)
    #expect(store.decays == [true, false, true, false, false, false, false, false])
    let optimizer = try AdamW(parameters: store, weightDecay: 0.25)
    let before = try store.tensors.map { try $0.floats() }
    for tensor in store.tensors { try (tensor * 0).sum().backward() }
    try optimizer.step(learningRate: 0.5)
    for (number, tensor) in store.tensors.enumerated() {
      let factor: Float = store.decays[number] ? 0.875 : 1
      #expect(try tensor.floats() == before[number].map { $0 * factor })
    }
    #expect(try conv.weight.floats() != before[0] && linear.weight.floats() != before[2])
    #expect(try norm.weight.floats() == before[4] && embedding.weight.floats() == before[6])
    #expect(try position.floats() == before[7])
  }

  /// A convolution's weights and gradients in channels-last order take the same update.
  @Test func adamWFollowsTheLayout() throws {
    let values = try normal([4, 3, 3, 3], seed: 1)
    let results = try [values, values.channelsLast()].map { start in
      let store = ParameterStore(loading: ["w": start])
      let weight = try store.root.parameter("w", [4, 3, 3, 3], .zeros)
      let optimizer = try AdamW(parameters: store)
      for step in 0..<3 {
        store.zeroGradients()
        try (weight * normal([4, 3, 3, 3], seed: UInt64(step))).sum().backward()
        try optimizer.step(learningRate: 0.01)
      }
      return weight
    }
    #expect(results[1].isChannelsLast)
    #expect(try difference(results[0], results[1]) < 1e-7)
  }

  @Test func parametersWithoutGradientStay() throws {
    let store = ParameterStore(seed: 1)
    let layer = try Linear(store.root, in: 3, out: 2)
    let before = try layer.weight.floats()
    try AdamW(parameters: store).step(learningRate: 1)
    #expect(try layer.weight.floats() == before)
    #expect(try clipGradients(of: store, maxNorm: 1) == 0)
  }

  @Test func clippingScalesAllGradientsAlike() throws {
    let store = ParameterStore(seed: 1)
    let x = try store.root.parameter("x", [2], .zeros)
    let y = try store.root.parameter("y", [1], .zeros)
    func set(_ gx: [Float], _ gy: [Float]) throws {
      store.zeroGradients()
      try (x * Tensor(gx, shape: [2])).sum().backward()
      try (y * Tensor(gy, shape: [1])).sum().backward()
    }
    try set([2, 3], [6])
    #expect(try abs(clipGradients(of: store, maxNorm: 8) - 7) < 1e-6)
    #expect(try x.gradient?.floats() == [2, 3])
    #expect(try abs(clipGradients(of: store, maxNorm: 3.5) - 7) < 1e-6)
    #expect(try x.gradient?.floats() == [1, 1.5] && y.gradient?.floats() == [3])
    try set([2, 3], [.infinity])
    #expect(try clipGradients(of: store, maxNorm: 1) == .infinity)
    #expect(try x.gradient?.floats() == [2, 3])
  }

  @Test func averageMovesByTheDecay() throws {
    func store(_ value: Float) throws -> ParameterStore {
      let store = ParameterStore(loading: ["x": try Tensor([value], shape: [1])])
      _ = try store.root.parameter("x", [1], .zeros)
      return store
    }
    let (average, source) = (try store(1), try store(3))
    try updateEMA(average, from: source, decay: 0.75)
    #expect(try average.tensors[0].item() == 1.5)
    #expect(try source.tensors[0].item() == 3)
  }

  /// A training step leaves nothing behind: memory is flat over 200 of them, and the loss falls. In a
  /// process of its own, since other tests use memory, too.
  @Test func memoryStaysFlat() async {
    await #expect(processExitsWith: .success) { try Self.expectFlatMemory() }
  }

  private static func expectFlatMemory() throws {
    let store = ParameterStore(seed: 1)
    let first = try Conv2d(store.root / "first", in: 2, out: 16, kernel: 3)
    let norm = try GroupNorm(store.root / "norm", channels: 16, groups: 4)
    let second = try Conv2d(store.root / "second", in: 16, out: 2, kernel: 3)
    let optimizer = try AdamW(parameters: store)
    let average = ParameterStore(
      loading: Dictionary(uniqueKeysWithValues: store.named.map { ($0.name, $0.tensor) }))
    for (name, tensor) in store.named {
      _ = try average.root.parameter(name, tensor.shape, .zeros)
    }
    let x = try normal([4, 2, 32, 32], seed: 2)
    var losses: [Double] = []
    func step() throws {
      store.zeroGradients()
      let output = try second(norm(first(x.channelsLast())).silu())
      let loss = try (output - x).square().mean()
      try loss.backward()
      try clipGradients(of: store, maxNorm: 1)
      try optimizer.step(learningRate: 1e-3)
      try updateEMA(average, from: store, decay: 0.99)
      losses.append(try loss.item())
      #expect(throws: TorchError.self) { try output.reshape([3]) }
    }
    for _ in 0..<50 { try step() }
    let before = try Self.residentBytes()
    for _ in 0..<200 { try step() }
    let growth = try Self.residentBytes() - before
    // One step's activations are about 1.5 MB: a leak of one tensor a step would be 50 MB.
    #expect(growth < 8 << 20)
    #expect(try #require(losses.last) < 0.5 * losses[0])
  }

  private static func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(
      separator: " ")
    return try #require(Int(fields[1])) * Int(getpagesize())
  }
}
