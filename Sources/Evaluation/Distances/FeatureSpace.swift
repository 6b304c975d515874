/// Where features are compared: each in units of how much it varies in a reference.
struct FeatureSpace {
  private let means: [Double]
  private let scales: [Double]
  /// Row-major `[columns, columns]`, the directions of most variance first.
  private let directions: [Double]

  /// - Parameters:
  ///   - reference: at least two rows.
  ///   - groups: columns of one kind, and so of one unit, that follow each other.
  init(of reference: FeatureMatrix, groups: [Int]) {
    precondition(groups.reduce(0, +) == reference.columns, "groups hold all columns")
    let columns = reference.columns
    let (means, covariance) = (reference.means, reference.covariance)
    let deviations = (0..<columns).map { covariance[$0 * columns + $0].squareRoot() }
    var scales: [Double] = []
    var first = 0
    for count in groups {
      let group = deviations[first..<first + count]
      // What varies less than is usual among its kind is not blown up: nobody would hear it. Where all
      // stand still, as in silence, there is no unit, and none is needed.
      let usual = max(group.sorted()[count / 2], 1e-6)
      scales += group.map { max($0, usual) }
      first += count
    }
    var correlation = covariance
    for i in 0..<columns {
      for j in 0..<columns { correlation[i * columns + j] /= scales[i] * scales[j] }
    }
    (self.means, self.scales) = (means, scales)
    directions = SymmetricEigen(correlation, size: columns).vectors
  }

  /// Each feature less the reference's mean, divided by its deviation.
  func standardized(_ features: FeatureMatrix) -> FeatureMatrix {
    let columns = means.count
    return FeatureMatrix(
      values: features.values.enumerated().map { index, value in
        let column = index % columns
        return Float((Double(value) - means[column]) / scales[column])
      }, columns: columns)
  }

  /// The first principal components of what is standardized.
  ///
  /// - Parameter count: at most as many as there are features.
  func components(_ standardized: FeatureMatrix, count: Int) -> FeatureMatrix {
    let columns = means.count
    let axes = FeatureMatrix(
      values: directions[..<(count * columns)].map(Float.init), columns: columns)
    return FeatureMatrix(values: standardized.products(with: axes), columns: count)
  }
}
