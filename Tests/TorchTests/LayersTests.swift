import Testing
import Torch

/// The operations under the layers are tested against PyTorch in OperationTests; here it is the
/// parameters' names, shapes and initial values, and what a layer passes on.
@Suite struct LayersTests {
  @Test func linear() throws {
    let store = ParameterStore(seed: 1)
    let layer = try Linear(store.root, in: 16, out: 3)
    #expect(store.names == ["weight", "bias"])
    #expect(layer.weight.shape == [3, 16] && layer.bias?.shape == [3])
    #expect(try layer.weight.abs().max().item() <= 0.25)
    let x = try normal([2, 5, 16], seed: 2)
    #expect(try layer(x).floats() == x.linear(layer.weight, layer.bias).floats())
    let plain = try Linear(store.root / "plain", in: 2, out: 2, bias: false, initializer: .zeros)
    #expect(plain.bias == nil)
    #expect(try plain(Tensor.ones([1, 2])).floats() == [0, 0])
  }

  /// Without gradients a row is the same bits whatever the rows beside it, as many as there are.
  @Test func rowsDoNotDependOnEachOther() throws {
    let layer = try Linear(ParameterStore(seed: 1).root, in: 384, out: 448)
    let x = try normal([41, 384], seed: 2)
    let all = try withoutGradient { try layer(x).floats() }
    for (first, count) in [(0, 1), (1, 1), (40, 1), (3, 2), (7, 5), (1, 16), (0, 40)] {
      let rows = try x.narrow(dimension: 0, start: first, length: count)
      let some = try withoutGradient { try layer(rows).floats() }
      #expect(some == Array(all[448 * first..<448 * (first + count)]), "\(first), \(count)")
    }
    let plain = try layer(x).floats()
    #expect(zip(all, plain).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  /// Without gradients a clip is the same bits in float32 whatever the clips beside it, on one thread as on several,
  /// small and large, in kernels of all sizes.
  @Test(arguments: [(1, 1, 1), (3, 1, 1), (3, 2, 1), (2, 2, 1), (3, 1, 4)])
  func convolvedClipsDoNotDependOnEachOther(_ kernel: Int, _ stride: Int, _ groups: Int) throws {
    let before = threadCount
    defer { try? setThreadCount(before) }
    let weight = try normal([24, 16 / groups, kernel, kernel], seed: 1)
    for threads in [1, 2] {
      try setThreadCount(threads)
      for size in [8, 48] {
        let x = try normal([17, 16, size, size], seed: 2)
        func convolved(_ x: Tensor) throws -> [Float] {
          try withoutGradient {
            try x.conv2d(weight, stride: stride, padding: kernel / 2, groups: groups).floats()
          }
        }
        let all = try convolved(x)
        for (first, count) in [(0, 1), (16, 1), (3, 2), (0, 16)] {
          let some = try convolved(x.narrow(dimension: 0, start: first, length: count))
          let length = all.count / 17
          #expect(some == Array(all[length * first..<length * (first + count)]))
        }
      }
    }
  }

  @Test func convolution() throws {
    let store = ParameterStore(seed: 1)
    let layer = try Conv2d(store.root, in: 4, out: 6, kernel: 3, groups: 2)
    #expect(layer.weight.shape == [6, 2, 3, 3] && layer.bias?.shape == [6])
    let x = try normal([2, 4, 8, 10], seed: 2)
    #expect(try layer(x).shape == [2, 6, 8, 10])
    let down = try Conv2d(
      store.root / "down", in: 4, out: 6, kernel: 3, stride: 2, initializer: .zeros)
    #expect(try down(x).shape == [2, 6, 4, 5])
    #expect(try down(x).abs().max().item() == 0)
  }

  @Test func norms() throws {
    let store = ParameterStore(seed: 1)
    let x = try (normal([2, 8, 4, 4], seed: 2) + 3) * 5
    let group = try GroupNorm(store.root / "group", channels: 8, groups: 4)
    let grouped = try group(x).reshape([2, 4, -1])
    #expect(try grouped.mean(dimensions: [2]).abs().max().item() < 1e-5)
    #expect(try abs(grouped.square().mean().item() - 1) < 1e-4)
    let layer = try LayerNorm(store.root / "layer", channels: 4)
    #expect(try layer(x).mean(dimensions: [3]).abs().max().item() < 1e-5)
    #expect(store.names == ["group.weight", "group.bias", "layer.weight", "layer.bias"])
  }

  @Test func embedding() throws {
    let store = ParameterStore(seed: 1)
    let layer = try Embedding(store.root, entries: 5, channels: 3)
    let rows = try layer(Tensor([4, 0] as [Int64], shape: [2])).floats()
    let table = try layer.weight.floats()
    #expect(rows == Array(table[12..<15]) + Array(table[0..<3]))
  }

  /// The parameters stay float32, and so do their gradients.
  @Test func computeInTheirInputsType() throws {
    let store = ParameterStore(seed: 1)
    let conv = try Conv2d(store.root / "conv", in: 3, out: 4, kernel: 3)
    let norm = try GroupNorm(store.root / "norm", channels: 4, groups: 2)
    let linear = try Linear(store.root / "linear", in: 6, out: 2)
    let x = try normal([2, 3, 6, 6], seed: 3)
    let exact = try linear(norm(conv(x)))
    let rounded = try linear(norm(conv(x.to(.bfloat16).channelsLast())))
    #expect(rounded.dtype == .bfloat16)
    #expect(try difference(rounded, exact) < 0.05)
    try rounded.to(.float32).square().mean().backward()
    for (name, tensor) in store.named {
      let gradient = try #require(tensor.gradient, "\(name)")
      #expect(tensor.dtype == .float32 && gradient.dtype == .float32)
      #expect(try gradient.allFinite())
    }
  }
}
