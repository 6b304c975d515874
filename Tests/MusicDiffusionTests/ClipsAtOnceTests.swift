import MusicDiffusion
import Testing
import Torch

/// A GPU's batches are always equally large; what is asked of it does not show that.
@Suite struct ClipsAtOnceTests {
  @Test(arguments: [1, 3, 4, 5, 8, 9])
  func batchesAreFilledUp(_ clips: Int) throws {
    let shape = [clips, 2, 3, 5]
    let (x, known) = (try normal(shape, seed: 1), try normal(shape, seed: 2))
    let mask = try normal([clips, 1, 3, 5], seed: 3)
    let labels = (0..<clips).map { Description(label: $0) }
    let condition = Condition(labels, known: known, mask: mask)
    func body(_ x: Tensor, _ condition: Condition) throws -> Tensor {
      try (x + condition.known * condition.mask)
        * Tensor(condition.labels.map { Float($0 + 1) }, shape: [x.shape[0], 1, 1, 1])
    }
    var batches: [Int] = []
    let result = try ClipsAtOnce(always: 4).map(x, condition) { x, condition in
      batches.append(x.shape[0])
      return try body(x, condition)
    }
    #expect(try difference(result, body(x, condition)) == 0)
    #expect(batches == [Int](repeating: 4, count: (clips + 3) / 4))
  }

  /// On a GPU by the values of a clip alone; a processor takes what comes.
  @Test func numberFollowsFromTheModel() throws {
    let counts = [12_288, 49_152, 196_608, 10_000_000].map {
      ClipsAtOnce(ofValues: $0, on: .cuda(0)).count
    }
    #expect(counts == [32, 32, 8, 4])
    #expect(ClipsAtOnce(ofValues: 49_152, on: .cpu).count == 8)
    let x = try normal([3, 1, 2, 2], seed: 1)
    let condition = try Condition(labels: [0, 0, 0], shape: x.shape, device: .cpu)
    _ = try ClipsAtOnce(ofValues: 4, on: .cpu).map(x, condition) { x, _ in
      #expect(x.shape[0] == 3)
      return x
    }
  }
}
