/// The kernel distance of two sets of features: the unbiased estimate of the squared maximum mean
/// discrepancy with the kernel `k(x, y) = (x·y / d + 1)³` over d features, as in the kernel inception
/// distance of Bińkowski et al. 2018 (arXiv:1801.01401), section 4.
///
/// Of two sets from one distribution it is 0 in the mean, whatever their sizes, and may be negative.
/// Both need two rows at least.
public func kernelDistance(_ a: FeatureMatrix, _ b: FeatureMatrix) -> Double {
  precondition(a.rows > 1 && b.rows > 1, "two rows at least")
  let (m, n) = (Double(a.rows), Double(b.rows))
  let within = kernelSum(a, a, sparingDiagonal: true) / (m * (m - 1))
  let withinOther = kernelSum(b, b, sparingDiagonal: true) / (n * (n - 1))
  return within + withinOther - 2 * kernelSum(a, b, sparingDiagonal: false) / (m * n)
}

private func kernelSum(
  _ a: FeatureMatrix, _ b: FeatureMatrix, sparingDiagonal: Bool
) -> Double {
  let products = a.products(with: b)
  var sum = 0.0
  for i in 0..<a.rows {
    for j in 0..<b.rows where !(sparingDiagonal && i == j) {
      let base = Double(products[i * b.rows + j]) / Double(a.columns) + 1
      sum += base * base * base
    }
  }
  return sum
}
