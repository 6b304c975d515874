package import Torch

/// Normalised log-mel of a piece of which a part stands and the rest is to be drawn.
package struct PartialPiece {
  package let channels, bins, columns: Int
  /// `[channels, bins, columns]`.
  package private(set) var values: [Float]
  /// 1 where the values stand and 0 where they are open; between, the part of all steps of a sampler over
  /// which they stand, from the first on. `[bins, columns]`.
  package private(set) var mask: [Float]

  /// - Parameters:
  ///   - values: `[channels, bins, columns]`.
  ///   - columns: in time.
  package init(_ values: [Float], channels: Int, bins: Int, columns: Int) {
    precondition(values.count == channels * bins * columns)
    (self.values, self.channels, self.bins, self.columns) = (values, channels, bins, columns)
    mask = [Float](repeating: 1, count: bins * columns)
  }

  /// A piece of which nothing stands.
  package init(channels: Int, bins: Int, columns: Int) {
    (self.channels, self.bins, self.columns) = (channels, bins, columns)
    values = [Float](repeating: 0, count: channels * bins * columns)
    mask = [Float](repeating: 0, count: bins * columns)
  }

  /// Opens a part, which is to be drawn.
  package mutating func open(bins: Range<Int>, columns range: Range<Int>) {
    for bin in bins { for column in range { mask[bin * columns + column] = 0 } }
  }

  /// What stands in some columns, 0 elsewhere, `[1, channels, bins, width]`, and where,
  /// `[1, 1, bins, width]`.
  package func standing(in range: Range<Int>, on device: Device) throws -> (
    known: Tensor, mask: Tensor
  ) {
    let width = range.count
    let rows = (0..<bins).map { $0 * columns + range.lowerBound }
    let standing = rows.flatMap { mask[$0..<$0 + width] }
    var known: [Float] = []
    known.reserveCapacity(channels * standing.count)
    for channel in 0..<channels {
      for (bin, row) in rows.enumerated() {
        let source = channel * bins * columns + row
        for column in 0..<width {
          known.append(standing[bin * width + column] > 0 ? values[source + column] : 0)
        }
      }
    }
    return (
      try Tensor(known, shape: [1, channels, bins, width], device: device),
      try Tensor(standing, shape: [1, 1, bins, width], device: device)
    )
  }

  /// Takes what did not stand for good of some columns from a drawn section, `[channels, bins, width]`; it
  /// stands then.
  package mutating func take(_ kept: Range<Int>, of drawn: [Float], over range: Range<Int>) {
    take(kept, of: drawn, over: range) { _ in 1 }
  }

  /// The same; it stands for a while then, the longer the earlier.
  package mutating func take(
    passing: Range<Int>, of drawn: [Float], over range: Range<Int>
  ) {
    take(passing, of: drawn, over: range) {
      Float(passing.upperBound - $0) / Float(passing.count + 1)
    }
  }

  private mutating func take(
    _ taken: Range<Int>, of drawn: [Float], over range: Range<Int>, standing: (Int) -> Float
  ) {
    let width = range.count
    for bin in 0..<bins {
      for column in taken where mask[bin * columns + column] < 1 {
        for channel in 0..<channels {
          let row = channel * bins + bin
          values[row * columns + column] = drawn[row * width + column - range.lowerBound]
        }
        mask[bin * columns + column] = standing(column)
      }
    }
  }

  /// Begins as another piece of as many channels and bins ends.
  package mutating func begin(with end: Range<Int>, of other: PartialPiece) {
    for bin in 0..<bins {
      for (column, source) in end.enumerated() {
        mask[bin * columns + column] = other.mask[bin * other.columns + source]
        for channel in 0..<channels {
          let row = channel * bins + bin
          values[row * columns + column] = other.values[row * other.columns + source]
        }
      }
    }
  }

  /// For each channel `[bins, columns]`.
  package var planes: [[Float]] { planes(0..<columns) }

  /// Some columns, for each channel `[bins, range]`.
  package func planes(_ range: Range<Int>) -> [[Float]] {
    (0..<channels).map { channel in
      (0..<bins).flatMap { bin in
        let row = (channel * bins + bin) * columns
        return values[row + range.lowerBound..<row + range.upperBound]
      }
    }
  }
}
