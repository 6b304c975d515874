import Foundation

/// Mean and standard deviation of each row of log-mel over the training data: what takes log-mel, or
/// what its ``ValueTransform`` makes of it, to the network's scale and back. A row is a mel bin of a channel, `[channels · mel bins]`.
public struct Normalization: Codable, Sendable, Equatable {
  public var mean: [Float]
  public var standardDeviation: [Float]
  /// The standard deviation of the normalised data: the sigma_data of EDM.
  public var sigmaData: Float

  public init(mean: [Float], standardDeviation: [Float], sigmaData: Float = 0.5) {
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.sigmaData = sigmaData
  }

  /// Leaves every value as it is.
  ///
  /// - Parameter sigmaData: root mean square of the values, at least 0.1.
  static func unchanged(rows: Int, sigmaData: Float) -> Normalization {
    let deviation = max(sigmaData, 0.1)
    return Normalization(
      mean: [Float](repeating: 0, count: rows),
      standardDeviation: [Float](repeating: deviation, count: rows), sigmaData: deviation)
  }

  /// normalised = log-mel · scale + shift, for each row. A row that hardly ever changes, as above
  /// the band of an MP3, is not blown up to full size.
  package var scale: [Float] { standardDeviation.map { sigmaData / max($0, 0.1) } }
  package var shift: [Float] { zip(mean, scale).map { -$0 * $1 } }

  /// Whether values would come out as these, to a part of their deviation: another processor sums a little
  /// otherwise.
  func isNear(_ other: Normalization, within part: Float = 1e-3) -> Bool {
    guard mean.count == other.mean.count, abs(sigmaData - other.sigmaData) < 1e-3 else {
      return false
    }
    let areScalesNear = zip(scale, other.scale).allSatisfy { abs($0 / $1 - 1) < part }
    let limit = part * sigmaData
    return areScalesNear && zip(shift, other.shift).allSatisfy { abs($0 - $1) < limit }
  }

  func validate(rows: Int) throws {
    guard mean.count == rows, standardDeviation.count == rows, sigmaData > 0, sigmaData.isFinite,
      (mean + standardDeviation).allSatisfy(\.isFinite), standardDeviation.allSatisfy({ $0 >= 0 })
    else {
      throw ModelError.invalidConfiguration(
        "normalization must hold \(rows) finite means and standard deviations and a sigmaData above 0"
      )
    }
  }
}
