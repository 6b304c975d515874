/// The eigenvalues and eigenvectors of a real symmetric matrix, by Jacobi's rotations (Golub and Van
/// Loan, Matrix Computations, section 8.5), which is exact enough for small eigenvalues too.
package struct SymmetricEigen {
  /// In falling order.
  package private(set) var values: [Double]
  /// Row-major `[size, size]`: each row is the eigenvector of one value, of length 1.
  package private(set) var vectors: [Double]

  /// Sweeps over all pairs; eight are rarely needed.
  private static let limit = 60

  /// - Parameter matrix: row-major `[size, size]`, symmetric.
  package init(_ matrix: [Double], size: Int) {
    precondition(matrix.count == size * size, "a square matrix")
    var a = matrix
    var v = [Double](repeating: 0, count: size * size)
    for i in 0..<size { v[i * size + i] = 1 }
    let scale = a.reduce(0) { $0 + $1 * $1 }
    a.withUnsafeMutableBufferPointer { a in
      v.withUnsafeMutableBufferPointer { v in
        for _ in 0..<Self.limit {
          var rest = 0.0
          for p in 0..<size {
            for q in p + 1..<max(p + 1, size) { rest += a[p * size + q] * a[p * size + q] }
          }
          if rest <= 1e-30 * scale { break }
          for p in 0..<size {
            for q in p + 1..<max(p + 1, size) { Self.rotate(a, v, p, q, size) }
          }
        }
      }
    }
    let order = (0..<size).sorted { a[$0 * size + $0] > a[$1 * size + $1] }
    values = order.map { a[$0 * size + $0] }
    vectors = order.flatMap { v[$0 * size..<($0 + 1) * size] }
  }

  /// Makes one element off the diagonal 0.
  private static func rotate(
    _ a: UnsafeMutableBufferPointer<Double>, _ v: UnsafeMutableBufferPointer<Double>,
    _ p: Int, _ q: Int, _ size: Int
  ) {
    let element = a[p * size + q]
    if element == 0 { return }
    let theta = (a[q * size + q] - a[p * size + p]) / (2 * element)
    let t = (theta >= 0 ? 1 : -1) / (abs(theta) + (theta * theta + 1).squareRoot())
    let c = 1 / (t * t + 1).squareRoot()
    let s = t * c
    for k in 0..<size {
      let (x, y) = (a[p * size + k], a[q * size + k])
      (a[p * size + k], a[q * size + k]) = (c * x - s * y, s * x + c * y)
    }
    for k in 0..<size {
      let (x, y) = (a[k * size + p], a[k * size + q])
      (a[k * size + p], a[k * size + q]) = (c * x - s * y, s * x + c * y)
      let (u, w) = (v[p * size + k], v[q * size + k])
      (v[p * size + k], v[q * size + k]) = (c * u - s * w, s * u + c * w)
    }
  }

  /// The matrix with the square roots of the eigenvalues in their place, those below 0 counting as 0.
  package var squareRoot: [Double] {
    let size = values.count
    var root = [Double](repeating: 0, count: size * size)
    for (k, value) in values.enumerated() where value > 0 {
      let factor = value.squareRoot()
      for i in 0..<size {
        let x = factor * vectors[k * size + i]
        for j in 0..<size { root[i * size + j] += x * vectors[k * size + j] }
      }
    }
    return root
  }
}
