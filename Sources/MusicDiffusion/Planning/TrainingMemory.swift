import Foundation

/// The most memory that training takes, by a rule: what a process with libtorch has anyway, the
/// parameters with all that is kept beside them, and for each window of a batch what the way back
/// through the network needs. `Docs/training.md` has it beside measured figures.
public struct TrainingMemory: Sendable, Equatable {
  /// Whatever the network and the batch.
  public var fixed: Double
  /// For each window of a batch.
  public var perClip: Double

  public func bytes(batchSize: Int) -> Double { fixed + Double(batchSize) * perClip }

  /// - Parameters:
  ///   - parameterCount: values in all parameters.
  ///   - frames: of a window.
  ///   - valueBytes: of a value that the network computes with: 2 in bfloat16, 4 in float32.
  public init(
    _ network: UNetConfiguration, parameterCount: Int, frames: Int, valueBytes: Int,
    hasDropout: Bool = false
  ) {
    let values = Self.activations(network, frames: frames, hasDropout: hasDropout)
    let window = Double(4 * network.channels * network.melBins * frames)
    // Signal, noise, known part and mask.
    let clip = 3 * window + window / Double(network.channels)
    // Weights, gradients, two moments, two averages, and the weights as they are computed with.
    let parameters = Double(parameterCount) * Double(6 * 4 + valueBytes)
    fixed = Self.process + parameters + Double(Self.heldOutClips) * clip
    perClip =
      Double(valueBytes) * values + Double(Self.batchesInMemory) * clip
      + Self.windowsOfLoss * window
  }

  /// A process with libtorch that has computed something.
  private static let process = 240e6
  private static let heldOutClips = 32
  /// Those that are made ahead, the one that is learned from, and one being made.
  private static let batchesInMemory = 6
  /// The noisy window, the network's input and output, target and error, and gradients of these.
  private static let windowsOfLoss = 16.0

  /// Values that are kept for the way back, of one window.
  static func activations(_ network: UNetConfiguration, frames: Int, hasDropout: Bool) -> Double {
    let (rows, columns) = (network.melBins / network.patchBins, frames / network.patchFrames)
    // What the kernels of the filter of details give, before and after they are weighted, and their sum.
    let patches = Double(network.channels * network.melBins * frames)
    var sum = network.detailKernels.map { Double(2 * $0 + 1) * patches } ?? 0
    for (level, width) in network.widths.enumerated() {
      let area = Double((rows >> level) * (columns >> level))
      let map = area * Double(width)
      let blocks = Double(2 * network.blocks[level])
      // What goes into both norms and both convolutions of a block, and what it gives.
      sum += blocks * (hasDropout ? 6 : 5) * map
      if level == network.widths.count - 1 {
        // Norm, queries, keys and values, these turned, what they give; and each position's share of
        // each other, for each head.
        sum += blocks * (10 * map + 3 * Double(width / network.headWidth) * area * area)
      } else {
        // What came from below, enlarged, beside the skip.
        sum += 4 * map
      }
    }
    return sum
  }
}

/// Bytes as people read them: "0.9 GiB", "31 MiB".
public func formatted(bytes: Double) -> String {
  bytes >= Double(1 << 30)
    ? String(format: "%.1f GiB", bytes / Double(1 << 30))
    : String(format: "%.0f MiB", max(1, bytes / Double(1 << 20)))
}
