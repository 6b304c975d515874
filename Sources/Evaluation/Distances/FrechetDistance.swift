/// The Fréchet distance of two sets of features, each taken for a normal distribution: Heusel et al.
/// 2017 (arXiv:1706.08500), equation 6,
/// `|m - w|² + Tr(C + D - 2 (C D)^½)` with the means m, w and the covariances C, D.
///
/// The trace of `(C D)^½` is that of `(C^½ D C^½)^½`, of a symmetric matrix. Both need two rows at
/// least, and for a distance that means something several times as many rows as columns: estimated
/// from few, it is too large.
public func frechetDistance(_ a: FeatureMatrix, _ b: FeatureMatrix) -> Double {
  precondition(a.columns == b.columns, "features of one kind")
  let size = a.columns
  let shift = zip(a.means, b.means).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let (c, d) = (a.covariance, b.covariance)
  let root = SymmetricEigen(c, size: size).squareRoot
  var product = multiply(multiply(root, d, size), root, size)
  // Rounding leaves it a little askew.
  for i in 0..<size {
    for j in i + 1..<max(i + 1, size) {
      let mean = (product[i * size + j] + product[j * size + i]) / 2
      (product[i * size + j], product[j * size + i]) = (mean, mean)
    }
  }
  let overlap = SymmetricEigen(product, size: size).values.reduce(0) {
    $0 + max(0, $1).squareRoot()
  }
  let traces = (0..<size).reduce(0) { $0 + c[$1 * size + $1] + d[$1 * size + $1] }
  return shift + traces - 2 * overlap
}

/// Of square matrices, row-major.
private func multiply(_ a: [Double], _ b: [Double], _ size: Int) -> [Double] {
  var product = [Double](repeating: 0, count: size * size)
  for i in 0..<size {
    for k in 0..<size {
      let factor = a[i * size + k]
      for j in 0..<size { product[i * size + j] += factor * b[k * size + j] }
    }
  }
  return product
}
