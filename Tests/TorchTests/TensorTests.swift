import Foundation
import Testing
import Torch

@Suite struct TensorTests {
  @Test func holdsWhatItWasGiven() throws {
    let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(x.shape == [2, 3] && x.count == 6 && x.dtype == .float32 && x.device == .cpu)
    #expect(try x.transpose(0, 1).floats() == [1, 4, 2, 5, 3, 6])
    #expect(try x.sum().item() == 21)
    #expect(try Tensor([1, -2] as [Int64], shape: [2]).integers() == [1, -2])
    #expect(try Tensor([127, -128] as [Int8], shape: [2]).floats() == [127, -128])
    #expect(try Tensor.full([2], 0.5).floats() == [0.5, 0.5])
    #expect(try Tensor.zeros([0, 3]).floats() == [])
    #expect(try Tensor([] as [Float], shape: [0]).sum().item() == 0)
  }

  @Test(arguments: [DType.float16, .bfloat16, .float64, .int64, .uint8])
  func convertsBetweenTypes(_ dtype: DType) throws {
    let values: [Float] = [0, 1, 2, 100]
    let x = try Tensor(values, shape: [2, 2]).to(dtype)
    #expect(x.dtype == dtype)
    #expect(try x.floats() == values)
    #expect(try (x + x).floats() == [0, 2, 4, 200])
    #expect(try x.withBytes { $0.count } == 4 * dtype.size)
  }

  @Test func halfPrecisionRounds() throws {
    let x = try Tensor([1 + 0x1p-9, 65520] as [Float], shape: [2])
    #expect(try x.to(.bfloat16).floats() == [1, 65536])
    #expect(try x.to(.float16).floats() == [1 + 0x1p-9, .infinity])
  }

  @Test func tellsFiniteFromNot() throws {
    #expect(try Tensor([1, -3e38] as [Float], shape: [2]).allFinite())
    #expect(try !Tensor([1, .nan] as [Float], shape: [2]).allFinite())
    #expect(try !Tensor([1, -.infinity] as [Float], shape: [2]).allFinite())
  }

  @Test func errorsNameTheOperationAndTheShapes() throws {
    let x = try Tensor.zeros([1, 3, 8, 8])
    let weight = try Tensor.zeros([4, 5, 3, 3])
    let error = #expect(throws: TorchError.self) { try x.conv2d(weight) }
    let line = try #require(error).description
    #expect(line.hasPrefix("conv2d [1, 3, 8, 8], [4, 5, 3, 3]: Given groups=1"))
    #expect(!line.contains("\n"))
    #expect(throws: TorchError.self) { try x.reshape([7]) }
    #expect(throws: TorchError.self) { try x + Tensor.zeros([2, 8, 8]) }
    #expect(throws: TorchError.self) { try Tensor([1] as [Float], shape: [2]) }
    #expect(throws: TorchError.self) { try Tensor([1] as [Float], shape: [Int.max, 4]) }
    #expect(throws: TorchError.self) { try x.item() }
    #expect(throws: TorchError.self) { try x.backward() }
  }

  @Test func tooLargeIsOutOfMemory() throws {
    let error = #expect(throws: TorchError.self) { try Tensor.zeros([1 << 52]) }
    guard case .outOfMemory = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func missingDeviceIsAnError() throws {
    #expect(throws: TorchError.self) { try Tensor.zeros([1], device: .cuda(100)) }
  }

  @Test func devicesHaveNames() {
    #expect(Device("cpu") == .cpu && Device("cuda") == .cuda(0) && Device("cuda:3") == .cuda(3))
    #expect(Device("gpu") == nil && Device("cuda:") == nil && Device("cuda:-1") == nil)
    #expect(Device.cuda(3).description == "cuda:3")
  }

  @Test func gradientsAddUpUntilDropped() throws {
    let x = try Tensor([3] as [Float], shape: [1]).requiringGrad()
    #expect(x.requiresGrad && x.gradient == nil)
    try x.square().sum().backward()
    try x.square().sum().backward()
    #expect(try x.gradient?.item() == 12)
    x.zeroGradient()
    #expect(x.gradient == nil)
    #expect(try withoutGradient { try x.square().requiresGrad } == false)
    #expect(try x.square().requiresGrad)
    #expect(try !x.square().detach().requiresGrad)
  }

  @Test func dropoutKeepsTheExpectation() throws {
    var generator = RandomGenerator(seed: 5)
    let x = try Tensor.ones([100, 100])
    let dropped = try x.dropout(probability: 0.25, generator: &generator)
    #expect(Set(try dropped.floats()) == [0, 4.0 / 3])
    #expect(abs(try dropped.mean().item() - 1) < 0.02)
    #expect(throws: TorchError.self) { try x.dropout(probability: 1, generator: &generator) }
  }

  /// Each thread has its own gradient mode and its own last error.
  @Test func threadsDoNotMeet() async throws {
    let x = try normal([32, 32], seed: 1).requiringGrad()
    let expected = try x.matmul(x).detach().floats()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<8 {
        group.addTask {
          for _ in 0..<20 {
            if worker.isMultiple(of: 2) {
              #expect(try withoutGradient { try x.matmul(x).requiresGrad } == false)
            } else {
              #expect(try x.matmul(x).requiresGrad)
            }
            let bad = try Tensor.zeros([worker + 100])
            let error = #expect(throws: TorchError.self) { try x.matmul(bad) }
            #expect(error?.description.contains("[\(worker + 100)]") == true)
            #expect(try x.matmul(x).detach().floats() == expected)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func threadCountIsASetting() throws {
    let before = threadCount
    defer { try? setThreadCount(before) }
    try setThreadCount(1)
    #expect(threadCount == 1)
    #expect(throws: TorchError.self) { try setThreadCount(0) }
  }
}
