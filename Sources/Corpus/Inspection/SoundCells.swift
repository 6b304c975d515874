/// Which short sounds are worth comparing: those that fall into one cell of space, in any of several
/// partitions of it by random directions (Datar et al. 2004, "Locality-Sensitive Hashing Scheme Based on
/// p-Stable Distributions").
enum SoundCells {
  private static let partitions = 8
  /// Directions that make a partition; one more orders a cell.
  private static let directions = 8
  /// Decibels along a direction; an encoder moves a sound by about 0.3.
  private static let width: Float = 6
  /// Each is compared with so many that come next in its cell, whatever lies there.
  private static let neighbours = 8

  private struct Place {
    var cell: [Int16]
    var order: Float
    var number: Int
  }

  /// - Parameter sounds: numbers, in rising order, and decibels of bands of each.
  /// - Returns: pairs of numbers, the lower one first, none twice; at most `partitions * neighbours` of a
  ///   sound.
  static func pairs(_ sounds: [(number: Int, bands: [Float])]) -> [(Int, Int)] {
    guard let bandCount = sounds.first?.bands.count else { return [] }
    // The same in every run.
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func random() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    let scale = 1 / Float(bandCount).squareRoot()
    var found: Set<[Int]> = []
    for _ in 0..<partitions {
      let signs = (0...directions).map { _ in
        (0..<bandCount).map { _ in random() >> 63 == 0 ? scale : -scale }
      }
      let shifts = (0...directions).map { _ in Float(random() >> 40) / Float(1 << 24) }
      var places = sounds.map { sound in
        let along = zip(signs, shifts).map { signs, shift in
          zip(signs, sound.bands).reduce(0) { $0 + $1.0 * $1.1 } / width + shift
        }
        return Place(
          cell: along.dropLast().map { Int16($0.rounded(.down)) }, order: along[directions],
          number: sound.number)
      }
      places.sort { first, second in
        if first.cell != second.cell { return first.cell.lexicographicallyPrecedes(second.cell) }
        return (first.order, first.number) < (second.order, second.number)
      }
      for (index, place) in places.enumerated() {
        for other in places.dropFirst(index + 1).prefix(neighbours) {
          guard other.cell == place.cell else { break }
          found.insert([min(place.number, other.number), max(place.number, other.number)])
        }
      }
    }
    return found.map { ($0[0], $0[1]) }.sorted { $0 < $1 }
  }
}
