package import Torch

/// How many clips a network is given at once when it draws.
///
/// A GPU's libraries choose by the size of a batch how they sum up, so that a clip would come out otherwise beside
/// others than alone. There a batch always has the same number of clips, whatever is left of it empty ones: a clip is
/// the same whatever is drawn beside it, and since small batches leave a GPU idle, that costs little.
package struct ClipsAtOnce {
  /// At most. More make a processor no faster, and take memory.
  package let count: Int
  /// Whether there are always as many.
  private let isFixed: Bool

  /// - Parameter values: of a clip. A function of the model alone, not of the machine.
  package init(ofValues values: Int, on device: Device) {
    let most = 1 << 21
    isFixed = device != .cpu
    count = isFixed ? [32, 16, 8].first { $0 * values <= most } ?? 4 : 8
  }

  /// For tests.
  package init(always count: Int) { (self.count, isFixed) = (count, true) }

  /// The results of a function of batches, `[clips, ...]`, for any number of clips.
  ///
  /// - Parameter body: gets `x` and the condition of as many clips as there always are.
  package func map(
    _ x: Tensor, _ condition: Condition, _ body: (Tensor, Condition) throws -> Tensor
  ) throws -> Tensor {
    let clips = x.shape[0]
    guard isFixed, clips != count else { return try body(x, condition) }
    let results = try stride(from: 0, to: clips, by: count).map { first in
      let batch = first..<min(first + count, clips)
      return try body(filled(x, batch), filled(condition, batch))
        .narrow(dimension: 0, start: 0, length: batch.count)
    }
    return results.count == 1 ? results[0] : try .concatenate(results, dimension: 0)
  }

  /// Some of the clips, then zeros.
  private func filled(_ x: Tensor, _ batch: Range<Int>) throws -> Tensor {
    let clips = try x.narrow(dimension: 0, start: batch.lowerBound, length: batch.count)
    guard batch.count < count else { return clips }
    let empty = [count - batch.count] + x.shape.dropFirst()
    return try .concatenate([clips, .zeros(empty, device: x.device)], dimension: 0)
  }

  private func filled(_ condition: Condition, _ batch: Range<Int>) throws -> Condition {
    let descriptions = Array(condition.descriptions[batch])
    let last = descriptions[batch.count - 1]
    return Condition(
      descriptions + repeatElement(last, count: count - batch.count),
      known: try filled(condition.known, batch), mask: try filled(condition.mask, batch),
      augmentation: try condition.augmentation.map { try filled($0, batch) })
  }
}
