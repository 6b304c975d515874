/// How well a set of features lies where a reference lies, and how much of it it covers, told from
/// nearest neighbours.
///
/// Every row has a ball that reaches to its kth nearest neighbour in its own set.
public struct Fidelity: Codable, Sendable, Equatable {
  /// The part of the set that lies in some ball of the reference: Kynkäänniemi et al. 2019
  /// (arXiv:1904.06991), equation 2.
  public var precision: Double
  /// The part of the reference that lies in some ball of the set (the same).
  public var recall: Double
  /// Balls of the reference that a row of the set lies in, on average, divided by k; about 1 for sets
  /// from one distribution: Naeem et al. 2020 (arXiv:2002.09797), equation 3.
  public var density: Double
  /// The part of the reference whose balls hold something of the set: the same, equation 4.
  public var coverage: Double

  /// - Parameters:
  ///   - set: is judged.
  ///   - reference: is real.
  ///   - neighbours: k, fewer than the rows of either.
  public init(of set: FeatureMatrix, reference: FeatureMatrix, neighbours k: Int) {
    precondition(k > 0 && set.rows > k && reference.rows > k, "k neighbours in each set")
    let radii = Self.radii(reference, k)
    let ownRadii = Self.radii(set, k)
    let distances = reference.squaredDistances(to: set)
    var hits = 0
    var (precise, recalled, covered) = (Set<Int>(), 0, 0)
    for i in 0..<reference.rows {
      var (isRecalled, nearest) = (false, Float.infinity)
      for j in 0..<set.rows {
        let distance = distances[i * set.rows + j]
        if distance < radii[i] {
          hits += 1
          precise.insert(j)
        }
        if distance < ownRadii[j] { isRecalled = true }
        nearest = min(nearest, distance)
      }
      if isRecalled { recalled += 1 }
      if nearest < radii[i] { covered += 1 }
    }
    precision = Double(precise.count) / Double(set.rows)
    recall = Double(recalled) / Double(reference.rows)
    density = Double(hits) / Double(k * set.rows)
    coverage = Double(covered) / Double(reference.rows)
  }

  /// Squared distances to the kth nearest other row.
  private static func radii(_ set: FeatureMatrix, _ k: Int) -> [Float] {
    let distances = set.squaredDistances(to: set)
    return (0..<set.rows).map { i in
      var row = Array(distances[i * set.rows..<(i + 1) * set.rows])
      row.remove(at: i)
      return row.sorted()[k - 1]
    }
  }
}
