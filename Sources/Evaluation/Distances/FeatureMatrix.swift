import CSpectro

/// Rows of features, one for each window of sound.
public struct FeatureMatrix: Sendable, Equatable {
  /// Row-major `[rows, columns]`.
  public private(set) var values: [Float]
  public let columns: Int

  public init(columns: Int) {
    precondition(columns > 0, "a window has at least one feature")
    (values, self.columns) = ([], columns)
  }

  /// - Parameter values: row-major `[rows, columns]`.
  public init(values: [Float], columns: Int) {
    precondition(columns > 0 && values.count % columns == 0, "rows are whole")
    (self.values, self.columns) = (values, columns)
  }

  public var rows: Int { values.count / columns }

  public mutating func append(_ row: [Float]) {
    precondition(row.count == columns, "a row has one value a column")
    values += row
  }

  package mutating func append(contentsOf other: FeatureMatrix) {
    precondition(other.columns == columns, "rows of one length")
    values += other.values
  }

  public subscript(row: Int, column: Int) -> Float { values[row * columns + column] }

  /// Some rows, in the order named.
  public func rows(_ chosen: [Int]) -> FeatureMatrix {
    var matrix = FeatureMatrix(columns: columns)
    matrix.values.reserveCapacity(chosen.count * columns)
    for row in chosen { matrix.values += values[row * columns..<(row + 1) * columns] }
    return matrix
  }

  /// The mean of each column; there must be rows.
  public var means: [Double] {
    precondition(rows > 0, "a mean is of something")
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns { sums[column] += Double(self[row, column]) }
    }
    return sums.map { $0 / Double(rows) }
  }

  /// Row-major `[columns, columns]`, with one degree of freedom less than rows, of which there must be
  /// two.
  public var covariance: [Double] {
    precondition(rows > 1, "a covariance is of two rows at least")
    let means = means
    var sums = [Double](repeating: 0, count: columns * columns)
    var centred = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns { centred[column] = Double(self[row, column]) - means[column] }
      for i in 0..<columns {
        let factor = centred[i]
        for j in i..<columns { sums[i * columns + j] += factor * centred[j] }
      }
    }
    for i in 0..<columns {
      for j in i..<columns {
        sums[i * columns + j] /= Double(rows - 1)
        sums[j * columns + i] = sums[i * columns + j]
      }
    }
    return sums
  }

  /// The products of all rows with all of another's, `[rows, other.rows]`.
  package func products(with other: FeatureMatrix) -> [Float] {
    precondition(columns == other.columns, "rows of one length")
    return [Float](unsafeUninitializedCapacity: rows * other.rows) { output, count in
      if rows > 0, other.rows > 0 {
        sp_row_products(
          values, columns, rows, other.values, columns, other.rows, columns,
          output.baseAddress.unsafelyUnwrapped)
      }
      count = rows * other.rows
    }
  }

  /// The products of all rows with what begins at `count` places of an array, `[rows, count]`.
  ///
  /// - Parameters:
  ///   - start: the first place.
  ///   - step: from one place to the next.
  package func slidingProducts(over values: [Float], from start: Int, step: Int, count: Int)
    -> [Float]
  {
    precondition(start + (count - 1) * step + columns <= values.count, "places within the array")
    return [Float](unsafeUninitializedCapacity: rows * count) { output, written in
      values.withUnsafeBufferPointer { values in
        sp_row_products(
          self.values, columns, rows, values.baseAddress.unsafelyUnwrapped + start, step, count,
          columns, output.baseAddress.unsafelyUnwrapped)
      }
      written = rows * count
    }
  }

  /// Squared Euclidean distances of all rows to all of another's, `[rows, other.rows]`.
  package func squaredDistances(to other: FeatureMatrix) -> [Float] {
    let (own, others) = (squaredNorms, other.squaredNorms)
    var distances = products(with: other)
    for i in 0..<rows {
      for j in 0..<other.rows {
        let index = i * other.rows + j
        distances[index] = max(0, own[i] + others[j] - 2 * distances[index])
      }
    }
    return distances
  }

  private var squaredNorms: [Float] {
    (0..<rows).map { row in
      values[row * columns..<(row + 1) * columns].reduce(0) { $0 + $1 * $1 }
    }
  }
}
