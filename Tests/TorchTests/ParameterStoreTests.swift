import Testing
import Torch

@Suite struct ParameterStoreTests {
  private func build(_ store: ParameterStore, reversed: Bool = false) throws {
    let layers: [(String, ParameterPath) throws -> Void] = [
      { _ = try Linear($1 / $0, in: 4, out: 3) }, { _ = try Linear($1 / $0, in: 4, out: 3) },
    ]
    let named = zip(["first", "second"], layers).map { $0 }
    for (name, layer) in reversed ? named.reversed() : named { try layer(name, store.root / "net") }
  }

  @Test func namesFollowThePath() throws {
    let store = ParameterStore(seed: 1)
    try build(store)
    #expect(
      store.names == [
        "net.first.weight", "net.first.bias", "net.second.weight", "net.second.bias",
      ])
    #expect(store.count == 30)
    #expect(store.tensors.allSatisfy { $0.requiresGrad && $0.dtype == .float32 })
    #expect(store["net.first.bias"]?.shape == [3])
    #expect(throws: TorchError.duplicateParameter("net.first.weight")) { try build(store) }
  }

  @Test func valuesDependOnSeedAndNameAlone() throws {
    let (store, reversed) = (ParameterStore(seed: 1), ParameterStore(seed: 1))
    try build(store)
    try build(reversed, reversed: true)
    for (name, tensor) in store.named {
      #expect(try tensor.floats() == #require(reversed[name]).floats())
    }
    let weights = try #require(store["net.first.weight"]).floats()
    #expect(try weights != #require(store["net.second.weight"]).floats())
    let other = ParameterStore(seed: 2)
    try build(other)
    #expect(try weights != #require(other["net.first.weight"]).floats())
  }

  @Test func initializersHaveTheirSpread() throws {
    let root = ParameterStore(seed: 1).root
    func deviation(_ name: String, _ initializer: Initializer) throws -> Double {
      let x = try root.parameter(name, [100, 100], initializer)
      #expect(try abs(x.mean().item()) < 0.05)
      return try x.square().mean().sqrt().item()
    }
    #expect(try deviation("zeros", .zeros) == 0)
    #expect(try abs(deviation("normal", .normal(standardDeviation: 0.5)) - 0.5) < 0.02)
    #expect(try abs(deviation("uniform", .uniform(0.3)) - 0.3 / 3.0.squareRoot()) < 0.01)
    let kaiming = Initializer.kaimingUniform(fanIn: 12, gain: 3)
    #expect(try abs(deviation("kaiming", kaiming) - 0.5) < 0.02)
    #expect(try root.parameter("ones", [2], .ones).floats() == [1, 1])
  }

  @Test func loadedParametersAreCopies() throws {
    let store = ParameterStore(seed: 1)
    try build(store)
    let saved = Dictionary(uniqueKeysWithValues: store.named.map { ($0.name, $0.tensor) })
    let loaded = ParameterStore(loading: saved)
    try build(loaded)
    try loaded.finishLoading()
    #expect(loaded.names == store.names)
    for (x, y) in zip(store.tensors, loaded.tensors) { #expect(try x.floats() == y.floats()) }
    try updateEMA(loaded, from: otherStore(), decay: 0)
    #expect(try store.tensors[0].floats() != loaded.tensors[0].floats())
  }

  private func otherStore() throws -> ParameterStore {
    let store = ParameterStore(seed: 7)
    try build(store)
    return store
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let loaded = ParameterStore(loading: [
      "net.first.weight": try .zeros([3, 4]), "net.first.bias": try .zeros([4]),
      "net.second.weight": try .zeros([3, 4]), "net.third.weight": try .zeros([3, 4]),
    ])
    try build(loaded)
    let error = #expect(throws: TorchError.self) { try loaded.finishLoading() }
    #expect(
      error
        == .mismatchedParameters(
          missing: ["net.second.bias"], misshapen: ["net.first.bias [4] for [3]"],
          unused: ["net.third.weight"]))
    #expect(
      error?.description == """
        the checkpoint does not fit the network: 1 missing (net.second.bias); \
        1 of another shape (net.first.bias [4] for [3]); 1 unused (net.third.weight)
        """)
  }

  @Test(.enabled(if: Device.cudaIsAvailable)) func networksMoveWithTheirStore() throws {
    let store = ParameterStore(seed: 1)
    let layer = try Linear(store.root, in: 4, out: 3)
    let x = try normal([2, 4], seed: 1)
    let expected = try layer(x)
    try store.to(.cuda(0))
    let result = try layer(x.to(.cuda(0)))
    #expect(result.device == .cuda(0))
    #expect(try difference(result, expected) < 1e-5)
    try result.sum().backward()
    #expect(layer.weight.gradient?.device == .cuda(0))
  }
}
