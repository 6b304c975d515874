/// How clearly the pitch classes of a passage are those of a key.
package enum Key {
  /// Krumhansl and Kessler 1982 (Psychological Review 89, 334), the ratings of how well each pitch class
  /// fits, the tonic first.
  private static let major = [
    6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88,
  ]
  private static let minor = [
    6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17,
  ]

  /// The largest correlation of pitch classes with the ratings of any of the 24 keys, from -1 to 1; 0
  /// where all classes are alike.
  ///
  /// - Parameter profile: of the twelve pitch classes, C first.
  package static func clarity(of profile: [Double]) -> Double {
    var clarity = -1.0
    for ratings in [major, minor] {
      for tonic in 0..<12 {
        let rotated = (0..<12).map { ratings[($0 - tonic + 12) % 12] }
        guard let value = correlation(profile, rotated) else { return 0 }
        clarity = max(clarity, value)
      }
    }
    return clarity
  }
}

/// Pearson's correlation; nil where either does not vary.
package func correlation(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double? {
  let count = Double(a.count)
  let (meanA, meanB) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
  var (product, squareA, squareB) = (0.0, 0.0, 0.0)
  for (x, y) in zip(a, b) {
    product += (x - meanA) * (y - meanB)
    squareA += (x - meanA) * (x - meanA)
    squareB += (y - meanB) * (y - meanB)
  }
  let norm = (squareA * squareB).squareRoot()
  return norm > 1e-12 ? product / norm : nil
}
