import Foundation
package import Torch

/// Numbers to one vector per clip: the value itself and Fourier features of it, or a learned vector
/// where it is unknown, for each number; the sum of all.
package struct NumberEmbedding: Sendable {
  /// In cycles per deviation of the training data: periods from half the data to a deviation.
  private static let frequencies = (0..<6).map { pow(2, Double($0) - 5) }
  /// Of one number.
  static let featureCount = 2 + 2 * frequencies.count

  let weights: Linear
  private let count: Int

  package init(_ path: ParameterPath, count: Int, width: Int) throws {
    self.count = count
    // About as strong as a label's vector: half of a number's features' squares are 1 in the mean.
    weights = try Linear(
      path, in: count * Self.featureCount, out: width, bias: false,
      initializer: .normal(standardDeviation: pow(Double(Self.featureCount) / 2, -0.5)))
  }

  /// - Parameter numbers: those of each clip; empty where all are unknown.
  /// - Returns: `[batch, width]`.
  package func callAsFunction(_ numbers: [[Double?]], device: Device) throws -> Tensor {
    let features = numbers.flatMap { numbers in
      (0..<count).flatMap { Self.features(of: $0 < numbers.count ? numbers[$0] : nil) }
    }
    return try weights(
      Tensor(features, shape: [numbers.count, count * Self.featureCount], device: device))
  }

  /// The first is 1 for what is unknown, of which all others are 0.
  static func features(of number: Double?) -> [Float] {
    guard let number else { return [1] + [Float](repeating: 0, count: featureCount - 1) }
    let angles = frequencies.map { 2 * Double.pi * $0 * number }
    return [0, Float(number)] + angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
  }
}
