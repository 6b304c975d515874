import Testing
import Torch

/// An operation and a name, under which Goldens/operations.safetensors has inputs and results.
struct OperationCase: Sendable, CustomTestStringConvertible {
  let name: String
  let apply: @Sendable ([Tensor]) throws -> Tensor

  init(_ name: String, _ apply: @escaping @Sendable ([Tensor]) throws -> Tensor) {
    self.name = name
    self.apply = apply
  }

  var testDescription: String { name }

  static let all: [OperationCase] = elementwise + shapes + reductions + network

  static let elementwise: [OperationCase] = [
    .init("add") { try $0[0] + $0[1] },
    .init("subtract") { try $0[0] - $0[1] },
    .init("multiply") { try $0[0] * $0[1] },
    .init("divide") { try $0[0] / $0[1] },
    .init("maximum") { try $0[0].maximum($0[1]) },
    .init("minimum") { try $0[0].minimum($0[1]) },
    .init("scalarRight") { x in
      let shifted = try (x[0] + 2) * 3
      return try (shifted - 0.5) / 7
    },
    .init("scalarLeft") { x in
      let difference = try 0.5 - 7 / x[0]
      return try 2 + 3 * difference
    },
    .init("power") { try $0[0].power(2.5) },
    .init("clamp") { try $0[0].clamp(min: -0.5, max: 0.7) },
    .init("negate") { try -$0[0] },
    .init("abs") { try $0[0].abs() },
    .init("exp") { try $0[0].exp() },
    .init("log") { try $0[0].log() },
    .init("sqrt") { try $0[0].sqrt() },
    .init("square") { try $0[0].square() },
    .init("reciprocal") { try $0[0].reciprocal() },
    .init("sin") { try $0[0].sin() },
    .init("cos") { try $0[0].cos() },
    .init("tanh") { try $0[0].tanh() },
    .init("sigmoid") { try $0[0].sigmoid() },
    .init("silu") { try $0[0].silu() },
    .init("gelu") { try $0[0].gelu() },
    .init("relu") { try $0[0].relu() },
  ]

  static let shapes: [OperationCase] = [
    .init("reshape") { try $0[0].reshape([4, -1]) },
    .init("expand") { try $0[0].expand([3, -1, 4]) },
    .init("permute") { try $0[0].permute([2, 0, 1]) },
    .init("transpose") { try $0[0].transpose(0, -1) },
    .init("unsqueeze") { try $0[0].unsqueeze(1) },
    .init("squeeze") { try $0[0].squeeze(1) },
    .init("narrow") { try $0[0].narrow(dimension: 1, start: 2, length: 3) },
    .init("indexSelect") { try $0[0].indexSelect(dimension: 1, indices: $0[1]) },
    .init("flip") { try $0[0].flip(dimension: 1) },
    .init("roll") { try $0[0].roll(shift: 3, dimension: 1) },
    .init("concatenate") { try .concatenate($0, dimension: 1) },
    .init("stack") { try .stack($0, dimension: 1) },
  ]

  static let reductions: [OperationCase] = [
    .init("sum") { try $0[0].sum() },
    .init("mean") { try $0[0].mean() },
    .init("sumDimensions") { try $0[0].sum(dimensions: [0, 2]) },
    .init("meanDimensions") { try $0[0].mean(dimensions: [1, 2], keep: true) },
    .init("max") { try $0[0].max() },
    .init("min") { try $0[0].min() },
  ]

  static let network: [OperationCase] = [
    .init("matmul") { try $0[0].matmul($0[1]) },
    .init("linear") { try $0[0].linear($0[1], $0[2]) },
    .init("conv2d") { try $0[0].conv2d($0[1], $0[2], padding: 1) },
    .init("conv2dStrided") { try $0[0].conv2d($0[1], stride: 2, groups: 2) },
    .init("padZeros") { try $0[0].padded2d(bottom: 2, left: 3, right: 1) },
    .init("padCircular") { try $0[0].padded2d(bottom: 2, left: 3, right: 1, mode: .circular) },
    .init("padReflect") { try $0[0].padded2d(bottom: 2, left: 3, right: 1, mode: .reflect) },
    .init("groupNorm") {
      try $0[0].groupNorm(groups: 2, weight: $0[1], bias: $0[2], epsilon: 1e-6)
    },
    .init("layerNorm") { try $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-6) },
    .init("softmax") { try $0[0].softmax(dimension: 1) },
    .init("attention") { try .scaledDotProductAttention($0[0], $0[1], $0[2]) },
    .init("upsampleNearest2x") { try $0[0].upsampleNearest2x() },
    .init("averagePool2x") { try $0[0].averagePool2x() },
    .init("embedding") { try $0[0].embedding($0[1]) },
  ]
}

@Suite struct OperationTests {
  /// Reference: scripts/goldens/torch_operations.py. Values are up to about 10.
  @Test(arguments: OperationCase.all)
  func matchesPyTorch(_ operation: OperationCase) throws {
    try compare(operation, on: .cpu, tolerance: 5e-6)
  }

  /// Reference: as above.
  @Test(.enabled(if: Device.cudaIsAvailable), arguments: OperationCase.all)
  func matchesPyTorchOnCUDA(_ operation: OperationCase) throws {
    // cuDNN convolves in TF32 by default: 10 bits of mantissa.
    try compare(
      operation, on: .cuda(0), tolerance: operation.name.hasPrefix("conv2d") ? 2e-2 : 2e-5)
  }

  @Test func everyReferenceIsUsed() throws {
    let names = try loadGolden("operations").keys.compactMap { $0.split(separator: "/").first }
    #expect(Set(names.map(String.init)) == Set(OperationCase.all.map(\.name)))
  }

  /// In float64: the derivative along a random direction is the gradient's part in it.
  @Test(arguments: OperationCase.all)
  func gradientIsTheDerivative(_ operation: OperationCase) throws {
    let golden = try Golden(operation.name, device: .cpu)
    let inputs = try golden.inputs.map { x in
      try x.dtype == .float32 ? x.to(.float64).requiringGrad() : x
    }
    let weights = try golden.weights.to(.float64)
    func loss(_ inputs: [Tensor]) throws -> Tensor { try (operation.apply(inputs) * weights).sum() }
    try loss(inputs).backward()

    let directions = try inputs.enumerated().map { i, x in
      try x.dtype == .float64 ? normal(x.shape, seed: UInt64(i)).to(.float64) : x
    }
    let h = 1e-6
    func moved(_ step: Double) throws -> Double {
      try withoutGradient {
        try loss(
          zip(inputs, directions).map { x, direction in
            try x.dtype == .float64 ? x + direction * step : x
          }
        ).item()
      }
    }
    let derivative = try (moved(h) - moved(-h)) / (2 * h)
    let expected = try zip(inputs, directions).reduce(0) { sum, pair in
      guard let gradient = pair.0.gradient else { return sum }
      return try sum + (gradient * pair.1).sum().item()
    }
    #expect(abs(derivative - expected) < 1e-6 * max(1, abs(expected)))
  }

  /// bf16 keeps 8 bits: one rounding in the input and one in the output.
  @Test(arguments: ["conv2d", "linear", "matmul", "groupNorm", "silu", "attention", "add"])
  func bfloat16IsCloseToFloat32(_ name: String) throws {
    let operation = try #require(OperationCase.all.first { $0.name == name })
    let golden = try Golden(name, device: .cpu)
    let result = try operation.apply(golden.inputs.map { try $0.to(.bfloat16) })
    #expect(result.dtype == .bfloat16)
    let scale = try golden.out.abs().max().item()
    #expect(try Double(difference(result, golden.out)) < 0.02 * scale)
  }

  @Test func channelsLastStaysAndChangesNoResult() throws {
    let operation = try #require(OperationCase.all.first { $0.name == "conv2d" })
    let golden = try Golden("conv2d", device: .cpu)
    var inputs = golden.inputs
    inputs[0] = try inputs[0].channelsLast()
    #expect(inputs[0].isChannelsLast)
    let result = try operation.apply(inputs)
    #expect(result.isChannelsLast)
    #expect(try difference(result, golden.out) < 5e-6)
  }

  private func compare(_ operation: OperationCase, on device: Device, tolerance: Float) throws {
    let golden = try Golden(operation.name, device: device)
    let inputs = try golden.inputs.map { try $0.dtype == .float32 ? $0.requiringGrad() : $0 }
    let result = try operation.apply(inputs)
    #expect(result.device == device)
    #expect(try difference(result, golden.out) < tolerance)
    try (result * golden.weights).sum().backward()
    for (input, expected) in zip(inputs, golden.gradients) {
      guard let expected else { continue }
      #expect(try difference(#require(input.gradient), expected) < tolerance)
    }
  }

  private struct Golden {
    var inputs: [Tensor] = []
    var gradients: [Tensor?] = []
    let out, weights: Tensor

    init(_ name: String, device: Device) throws {
      let tensors = try loadGolden("operations").mapValues { try $0.to(device) }
      out = try #require(tensors["\(name)/out"])
      weights = try #require(tensors["\(name)/weights"])
      while let input = tensors["\(name)/in/\(inputs.count)"] {
        gradients.append(tensors["\(name)/grad/\(inputs.count)"])
        inputs.append(input)
      }
    }
  }

  /// Of x³ · y: 3 x² y and x³, and of the first 6 x y and 3 x². Nothing is left in the leaves.
  @Test func gradientsHaveGradients() throws {
    let x = try Tensor([2] as [Float], shape: [1]).requiringGrad()
    let y = try Tensor([5] as [Float], shape: [1]).requiringGrad()
    let value = try (x * x * x * y).sum()
    let first = try value.gradients(of: [x, y], recorded: true)
    #expect(try first.map { try $0.item() } == [60, 8])
    #expect(try first[0].sum().gradients(of: [x, y]).map { try $0.item() } == [60, 12])
    #expect(x.gradient == nil && y.gradient == nil)
    // What has no history has no gradient, and says so.
    let plain = try value.gradients(of: [x])[0]
    #expect(throws: TorchError.self) { try plain.sum().gradients(of: [x]) }
    #expect(throws: TorchError.self) { try x.sum().gradients(of: [y]) }
    try value.backward()
    #expect(try x.gradient?.item() == 60)
  }
}
