package import Torch

/// The maximum mean discrepancy (Gretton et al. 2012, JMLR 13) with the sum of five rational quadratic kernels
/// and a linear one, as Bińkowski et al. 2018 advise it for critics (arXiv:1801.01401, section 4).
package enum KernelDistance {
  static let alphas = [0.2, 0.5, 1, 2, 5]

  /// k(x, y) = Σ (1 + |x − y|² / 2α)^−α + x · y.
  ///
  /// - Parameters:
  ///   - x: `[m, numbers]`; `y`, `[n, numbers]`.
  /// - Returns: `[m, n]`.
  package static func kernel(_ x: Tensor, _ y: Tensor) throws -> Tensor {
    let product = try x.matmul(y.transpose(0, 1))
    let squares = try x.square().sum(dimensions: [1], keep: true)
    let others = try y.square().sum(dimensions: [1], keep: true).transpose(0, 1)
    let distance = try (squares + others - product * 2).relu()
    return try alphas.reduce(product) { sum, alpha in
      try sum + (distance / (2 * alpha) + 1).power(-alpha)
    }
  }

  /// The unbiased estimate of the squared discrepancy, which may be below 0 (Gretton et al., equation 3).
  ///
  /// - Parameters:
  ///   - x: `[m, numbers]`, two rows at least; `y`, `[n, numbers]`.
  /// - Returns: a scalar.
  package static func squared(_ x: Tensor, _ y: Tensor) throws -> Tensor {
    precondition(x.shape[0] > 1 && y.shape[0] > 1, "a row is compared with other rows")
    func within(_ x: Tensor) throws -> Tensor {
      let count = Double(x.shape[0])
      // A row with itself: 1 of each rational quadratic kernel, and its square.
      let own = try x.square().sum() + Double(alphas.count) * count
      return try (kernel(x, x).sum() - own) / (count * (count - 1))
    }
    return try within(x) + within(y) - kernel(x, y).mean() * 2
  }
}
