import Corpus

/// Mean, deviation and range of the numbers of a set's clips, each as often as it is drawn (West 1979,
/// "Updating mean and variance estimates").
struct NumberStatistics {
  private let names: [String]
  private var sums: [(weight: Double, mean: Double, square: Double)]
  private var ranges: [ClosedRange<Double>?]

  init(_ set: PreparedSet) {
    names = set.metadataSummary?.numbers.map(\.name) ?? []
    sums = names.map { _ in (0, 0, 0) }
    ranges = names.map { _ in nil }
  }

  /// - Parameter numbers: of one clip, NaN where unknown.
  mutating func add(_ numbers: ArraySlice<Float>, weight: Int) {
    for (column, number) in numbers.enumerated() where !number.isNaN {
      let (value, weight) = (Double(number), Double(weight))
      let difference = value - sums[column].mean
      sums[column].weight += weight
      sums[column].mean += difference * weight / sums[column].weight
      sums[column].square += weight * difference * (value - sums[column].mean)
      let range = ranges[column] ?? value...value
      ranges[column] = min(range.lowerBound, value)...max(range.upperBound, value)
    }
  }

  /// Those that differ from clip to clip; of the others nothing can be learned.
  var numbers: [Conditioning.Number] {
    names.indices.compactMap { column in
      guard let range = ranges[column], range.lowerBound < range.upperBound else { return nil }
      return Conditioning.Number(
        name: names[column], mean: sums[column].mean,
        standardDeviation: (sums[column].square / sums[column].weight).squareRoot(),
        minimum: range.lowerBound, maximum: range.upperBound)
    }
  }
}
