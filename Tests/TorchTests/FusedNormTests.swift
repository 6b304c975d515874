import Testing
import Torch

/// The fused kernel against the same formula made of separate operations, which OperationTests
/// holds to PyTorch.
@Suite struct FusedNormTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let shape: [Int]
    let groups: Int
    let rows: Int
    let silu: Bool
    var testDescription: String { "\(shape), \(groups) groups, \(rows) rows, SiLU \(silu)" }
  }

  static let cases = [
    Case(shape: [2, 32, 24, 25], groups: 4, rows: 2, silu: true),
    Case(shape: [3, 24, 5, 7], groups: 8, rows: 1, silu: true),
    Case(shape: [1, 6, 33, 40], groups: 1, rows: 1, silu: false),
    Case(shape: [2, 5, 1, 1], groups: 1, rows: 2, silu: true),
  ]

  @Test(arguments: cases, [DType.float32, .bfloat16])
  func matchesSeparateOperations(_ test: Case, _ dtype: DType) throws {
    let weights = try normal(test.shape, seed: 4)
    let fused = try run(test, dtype, weights) { x, scale, shift in
      try x.groupNormSiLU(groups: test.groups, scale: scale, shift: shift, silu: test.silu)
    }
    let separate = try run(test, .float32, weights) { x, scale, shift in
      let columns = [-1, test.shape[1], 1, 1]
      let scaled = try x.groupNorm(groups: test.groups) * scale.reshape(columns)
      let shifted = try scaled + shift.reshape(columns)
      return try test.silu ? shifted.silu() : shifted
    }
    for (result, expected) in zip(fused, separate) {
      let tolerance = (dtype == .float32 ? 1e-5 : 2e-2) * max(1, try expected.abs().max().item())
      #expect(try Double(difference(result, expected)) < tolerance)
    }
  }

  @Test(
    arguments: [[2, 64, 12, 25], [3, 24, 5, 7], [1, 5, 1, 1], [2, 96, 31, 40]],
    [DType.float32, .bfloat16])
  func channelNormMatchesSeparateOperations(_ shape: [Int], _ dtype: DType) throws {
    let weights = try normal(shape, seed: 4)
    func run(_ dtype: DType, _ operation: (Tensor, Tensor) throws -> Tensor) throws -> [Tensor] {
      let x = try (normal(shape, seed: 1) * 2 + 1).to(.bfloat16).to(dtype).requiringGrad()
      let weight = try normal([1, shape[1], 1, 1], seed: 2).requiringGrad()
      let result = try operation(x, weight)
      #expect(result.dtype == dtype && result.shape == shape)
      try (result.to(.float32) * weights).sum().backward()
      return try [result, #require(x.gradient), #require(weight.gradient)]
    }
    let fused = try run(dtype) { try $0.channelNormSiLU(weight: $1, epsilon: 0.01) }
    let separate = try run(.float32) { x, weight in
      let power = try x.square().mean(dimensions: [1], keep: true) + 0.01
      return try (x * power.sqrt().reciprocal() * weight).silu()
    }
    for (result, expected) in zip(fused, separate) {
      let tolerance = (dtype == .float32 ? 1e-5 : 2e-2) * max(1, try expected.abs().max().item())
      #expect(try Double(difference(result, expected)) < tolerance)
    }
  }

  @Test func aPlacesChannelNormDependsOnNoOther() throws {
    let x = try normal([2, 24, 6, 700], seed: 1)
    let weight = try normal([24], seed: 2)
    let whole = try x.channelNormSiLU(weight: weight).narrow(dimension: 3, start: 500, length: 100)
    let part = try x.narrow(dimension: 3, start: 500, length: 100).channelNormSiLU(weight: weight)
    #expect(try whole.floats() == part.floats())
  }

  @Test func neitherThreadsNorLayoutChangeAChannelNorm() throws {
    let shape = [2, 24, 33, 50]
    let weights = try normal(shape, seed: 4)
    let before = threadCount
    defer { try? setThreadCount(before) }
    let results = try [(1, false), (2, false), (3, true)].map { threads, isChannelsLast in
      try setThreadCount(threads)
      let x = try normal(shape, seed: 1).requiringGrad()
      let weight = try normal([24], seed: 2).requiringGrad()
      let y = try (isChannelsLast ? x.channelsLast() : x).channelNormSiLU(weight: weight)
      try (y * weights).sum().backward()
      return try [y, #require(x.gradient), #require(weight.gradient)].map { try $0.floats() }
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  @Test func threadsDoNotChangeTheResult() throws {
    let test = Self.cases[0]
    let weights = try normal(test.shape, seed: 4)
    let before = threadCount
    defer { try? setThreadCount(before) }
    let results = try [1, 2, 3].map { threads in
      try setThreadCount(threads)
      return try run(test, .float32, weights) { x, scale, shift in
        try x.groupNormSiLU(groups: test.groups, scale: scale, shift: shift)
      }.map { try $0.floats() }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  /// The result and the gradients of x, scale and shift.
  private func run(
    _ test: Case, _ dtype: DType, _ weights: Tensor,
    _ operation: (Tensor, Tensor, Tensor) throws -> Tensor
  ) throws -> [Tensor] {
    // Rounded first, so that both types start from the same numbers.
    let x = try (normal(test.shape, seed: 1) * 2 + 1).to(.bfloat16).to(dtype).requiringGrad()
    let scale = try normal([test.rows, test.shape[1]], seed: 2).requiringGrad()
    let shift = try normal([test.rows, test.shape[1]], seed: 3).requiringGrad()
    let result = try operation(x, scale, shift)
    #expect(result.dtype == dtype)
    try (result.to(.float32) * weights).sum().backward()
    return try [result, #require(x.gradient), #require(scale.gradient), #require(shift.gradient)]
  }
}
