import Foundation
import Torch

/// An average of the weights of another length than those that training kept, out of snapshots of
/// these: Karras et al. 2024 (arXiv:2312.02696), section 3.2 and appendix C.
///
/// A power-function average with exponent γ after t steps weighs the weights of time τ by its profile
/// p(τ) = (γ + 1) τ^γ / t^(γ + 1). The combination of the snapshots' profiles that is nearest to the
/// wanted profile, in least squares, is the combination of the snapshots.
public enum PostHocAverage {
  /// Those that the snapshots of a run's two averages, 0.05 and 0.10 wide, can be made into.
  public static let widths = 0.03...0.2

  /// How an average weighs time from 0 to `step`.
  package struct Profile: Equatable {
    package var gamma: Double
    package var step: Double

    package init(width: Double, step: Int) {
      (gamma, self.step) = (AveragedWeights.gamma(width: width), Double(step))
    }

    /// The integral of both profiles' product (equation 127 there, with ratios in place of powers that
    /// overflow).
    package static func * (a: Profile, b: Profile) -> Double {
      let end = min(a.step, b.step)
      return (a.gamma + 1) * (b.gamma + 1) / (a.gamma + b.gamma + 1)
        * pow(end / a.step, a.gamma + 1) * pow(end / b.step, b.gamma + 1) / end
    }
  }

  /// - Returns: a coefficient for each profile, and the norm of what they miss of the target, relative
  ///   to the target's.
  package static func coefficients(
    of profiles: [Profile], for target: Profile
  ) -> (values: [Double], error: Double) {
    let products = profiles.map { row in profiles.map { row * $0 } }
    let wanted = profiles.map { $0 * target }
    let values = solve(products, wanted)
    // |target − Σ x p|² = target² − 2 xᵀb + xᵀA x
    var square = target * target
    for (row, value) in values.enumerated() {
      square -= 2 * value * wanted[row]
      for (column, other) in values.enumerated() {
        square += value * other * products[row][column]
      }
    }
    return (values, (max(0, square) / (target * target)).squareRoot())
  }

  /// Solves a symmetric positive definite system by Cholesky's decomposition.
  private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    let count = right.count
    var lower = matrix
    var x = right
    for row in 0..<count {
      for column in 0...row {
        var sum = matrix[row][column]
        for k in 0..<column { sum -= lower[row][k] * lower[column][k] }
        // Rounding may leave a profile that is nearly a combination of others without a rest.
        lower[row][column] =
          row == column
          ? max(sum, matrix[row][row] * 1e-15).squareRoot() : sum / lower[column][column]
      }
      for k in 0..<row { x[row] -= lower[row][k] * x[k] }
      x[row] /= lower[row][row]
    }
    for row in (0..<count).reversed() {
      for k in row + 1..<count { x[row] -= lower[k][row] * x[k] }
      x[row] /= lower[row][row]
    }
    return x
  }
}

extension Model {
  /// The model of a training run's folder with averaged weights of another length.
  ///
  /// - Parameters:
  ///   - width: of the average, relative to the run up to `step`; one of ``PostHocAverage/widths``.
  ///   - step: of a snapshot, the model being what the run had made by then; nil for the last.
  /// - Returns: the model, and how much of the wanted average the snapshots miss, 0 to 1.
  /// - Throws: ``ModelError/invalidArgument(_:)``, ``ModelError/noSnapshots(_:)``, ``ModelError/averageOutOfReach(width:error:)``,
  ///   ``ModelError/damagedModel(_:reason:)``.
  public static func averaged(
    _ folder: String, width: Double, step: Int? = nil
  ) throws -> (model: Model, step: Int, error: Double) {
    let widths = PostHocAverage.widths
    guard widths.contains(width) else {
      throw ModelError.invalidArgument(
        "the width of an average must be \(widths.lowerBound) to \(widths.upperBound)")
    }
    var configuration = try readConfiguration(in: folder)
    let kept = AverageSnapshots(modelFolder: URL(fileURLWithPath: folder, isDirectory: true))
      .files()
    guard let newest = kept.last?.step, newest > 0 else { throw ModelError.noSnapshots(folder) }
    let last = step ?? newest
    let files = kept.filter { $0.step <= last }
    guard files.last?.step == last else {
      throw ModelError.invalidArgument(
        "\(folder) has no snapshot of step \(last), but of "
          + kept.map { String($0.step) }.joined(separator: ", "))
    }
    do {
      var profiles: [PostHocAverage.Profile] = []
      var counts: [Int] = []
      for file in files {
        let widths = AverageSnapshots.widths(try SafeTensors.metadata(of: file.url.path))
        counts.append(widths.count)
        profiles += widths.map { PostHocAverage.Profile(width: $0, step: file.step) }
      }
      let (coefficients, error) = PostHocAverage.coefficients(
        of: profiles, for: PostHocAverage.Profile(width: width, step: last))
      guard error <= 0.1 else { throw ModelError.averageOutOfReach(width: width, error: error) }
      var sums: [String: Tensor] = [:]
      var position = 0
      for (file, count) in zip(files, counts) {
        let tensors = try SafeTensors.read(file.url.path).tensors
        for index in 0..<count {
          for (name, tensor) in tensors.below("\(index).") {
            let part = try tensor.to(.float32) * coefficients[position]
            sums[name] = try sums[name].map { try $0 + part } ?? part
          }
          position += 1
        }
      }
      let parameters = ParameterStore(loading: sums)
      let network = try UNet(parameters.root, configuration: configuration.network)
      try parameters.finishLoading()
      configuration.history.steps = last
      let coder = try configuration.code.map { _ in try AutoencoderModel(contentsOf: folder) }
      return (
        Model(
          configuration: configuration, network: network, parameters: parameters, coder: coder),
        last, error
      )
    } catch let error as TorchError {
      if case .outOfMemory = error { throw error }
      throw ModelError.damagedModel(folder, reason: "\(error)")
    }
  }
}
