public import Torch

/// Leaves values out at random while a network is trained, so that it does not rely on single ones
/// and learns its data by heart less soon (Srivastava et al. 2014, JMLR 15). Those that stay are
/// divided by their probability, so that sums keep their size.
///
/// What is left out follows from the seed and the stream, on any device and in any number of threads.
public struct Dropout: Sendable {
  /// The share of values that is left out, to the next multiple of 2⁻¹⁶.
  public let rate: Double
  private var random: RandomGenerator

  /// - Parameter rate: 0 to less than 1.
  public init(rate: Double, seed: UInt64, stream: UInt64) {
    precondition((0..<1).contains(rate), "something must be left of the values")
    self.rate = rate
    random = RandomGenerator(seed: seed, stream: stream)
  }

  /// - Parameter x: `[batch, channels, height, width]`.
  /// - Returns: shaped as `x`. Each call leaves out other values.
  public mutating func callAsFunction(_ x: Tensor) throws -> Tensor {
    let (batch, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    // Two values from each word, laid out as the network's tensors are: channels last.
    let words = random.nextUInt32s((x.count + 1) / 2)
    let threshold = UInt32((rate * 0x1p16).rounded())
    let kept = Float(1 / (1 - Double(threshold) * 0x1p-16))
    let mask = [Float](unsafeUninitializedCapacity: 2 * words.count) { buffer, initialized in
      for (index, word) in words.enumerated() {
        buffer[2 * index] = word & 0xFFFF < threshold ? 0 : kept
        buffer[2 * index + 1] = word >> 16 < threshold ? 0 : kept
      }
      initialized = x.count
    }
    return try x
      * Tensor(mask, shape: [batch, height, width, channels], device: x.device)
      .permute([0, 3, 1, 2]).to(x.dtype)
  }
}
