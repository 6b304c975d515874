import Testing
import Torch

/// 3 x 3 convolutions, alone and fused with the norm before and the sum after them, against the same
/// made of separate operations in float32, which OperationTests holds to PyTorch.
@Suite struct FusedConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    /// `[batch, inputs, height, width]`
    let shape: [Int]
    let outputs: Int
    /// Of scale and shift.
    let rows: Int
    var testDescription: String { "\(shape) to \(outputs), \(rows) rows" }
  }

  /// Even and odd sides, one tile and many, panels of 1 to 6 vectors, and channels that only the
  /// separate operations take.
  static let cases = [
    Case(shape: [2, 32, 24, 20], outputs: 96, rows: 2),
    Case(shape: [3, 96, 5, 7], outputs: 80, rows: 1),
    Case(shape: [1, 48, 1, 1], outputs: 16, rows: 1),
    Case(shape: [2, 16, 3, 130], outputs: 64, rows: 2),
    Case(shape: [5, 64, 16, 12], outputs: 224, rows: 5),
    Case(shape: [2, 24, 6, 4], outputs: 8, rows: 2),
  ]

  @Test(arguments: cases, [DType.float32, .bfloat16])
  func convolutionMatchesFloat32(_ test: Case, _ dtype: DType) throws {
    try compare(test, dtype, isNormed: false)
  }

  @Test(arguments: cases, [DType.float32, .bfloat16])
  func fusedMatchesSeparateOperations(_ test: Case, _ dtype: DType) throws {
    try compare(test, dtype, isNormed: true)
  }

  private func compare(_ test: Case, _ dtype: DType, isNormed: Bool) throws {
    let fused = try run(test, dtype) { x, scale, shift, convolution, residual in
      if isNormed {
        return try x.groupNormSiLUConv(
          groups: 4, scale: scale, shift: shift, convolution: convolution, residual: residual)
      }
      return try residual + convolution(x)
    }
    let separate = try run(test, .float32) { x, scale, shift, convolution, residual in
      if !isNormed { return try residual + convolution(x) }
      let columns = [-1, test.shape[1], 1, 1]
      let z = try x.groupNorm(groups: 4) * scale.reshape(columns) + shift.reshape(columns)
      return try residual + convolution(z.silu())
    }
    #expect(fused.count == (isNormed ? 7 : 5) && separate.count == fused.count)
    for (name, result) in fused {
      let expected = try #require(separate[name])
      // The norm of the difference over that of the values.
      let error = try (result.to(.float32) - expected).square().sum().sqrt().item()
      let size = try expected.square().sum().sqrt().item()
      #expect(error < (dtype == .float32 ? 1e-5 : 1.2e-2) * size, "\(name)")
    }
  }

  /// Each clip alone gives what it gives among others, bit for bit, on any number of threads.
  @Test func neitherThreadsNorOtherClipsChangeTheResult() throws {
    let test = Self.cases[4]
    func results() throws -> [String: [Float]] {
      try run(test, .bfloat16) { x, scale, shift, convolution, residual in
        try x.groupNormSiLUConv(
          groups: 4, scale: scale, shift: shift, convolution: convolution, residual: residual)
      }.mapValues { try $0.floats() }
    }
    let before = threadCount
    defer { try? setThreadCount(before) }
    let all = try [1, 2, 3].map { threads in
      try setThreadCount(threads)
      return try results()
    }
    #expect(all[0] == all[1] && all[0] == all[2])

    let output = try #require(all[0]["output"])
    let operands = try Operands(test, .bfloat16)
    let clip = try withoutGradient {
      func last(_ x: Tensor) throws -> Tensor { try x.narrow(dimension: 0, start: 4, length: 1) }
      return try last(operands.x).groupNormSiLUConv(
        groups: 4, scale: last(operands.scale), shift: last(operands.shift),
        convolution: operands.convolution, residual: last(operands.residual))
    }
    #expect(try clip.floats() == Array(output.suffix(clip.count)))
  }

  private struct Operands {
    let x, scale, shift, residual: Tensor
    let convolution: Conv2d

    init(_ test: Case, _ dtype: DType) throws {
      let (inputs, outputs) = (test.shape[1], test.outputs)
      // Rounded first, so that both types start from the same numbers.
      func image(_ shape: [Int], seed: UInt64) throws -> Tensor {
        try normal(shape, seed: seed).to(.bfloat16).to(dtype).requiringGrad()
      }
      x = try image(test.shape, seed: 1)
      residual = try image([test.shape[0], outputs] + test.shape.suffix(2), seed: 2)
      scale = try (normal([test.rows, inputs], seed: 3) * 0.2 + 1).detach().requiringGrad()
      shift = try (normal([test.rows, inputs], seed: 4) * 0.2).detach().requiringGrad()
      let store = ParameterStore(seed: 5)
      convolution = try Conv2d(store.root, in: inputs, out: outputs, kernel: 3)
    }
  }

  /// The result and all gradients by name.
  private func run(
    _ test: Case, _ dtype: DType,
    _ operation: (Tensor, Tensor, Tensor, Conv2d, Tensor) throws -> Tensor
  ) throws -> [String: Tensor] {
    let operands = try Operands(test, dtype)
    let result = try operation(
      operands.x, operands.scale, operands.shift, operands.convolution, operands.residual)
    #expect(result.dtype == dtype)
    try (result.to(.float32) * normal(result.shape, seed: 6)).sum().backward()
    let gradients = [
      "x": operands.x.gradient, "scale": operands.scale.gradient,
      "shift": operands.shift.gradient, "residual": operands.residual.gradient,
      "weight": operands.convolution.weight.gradient,
      "bias": operands.convolution.bias?.gradient,
    ].compactMapValues { $0 }
    return gradients.merging(["output": result]) { first, _ in first }
  }
}
