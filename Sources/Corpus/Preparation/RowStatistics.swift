import Spectro

/// Sums over the frames of log-mel spectrograms, for each row: a mel bin of a channel.
public struct RowStatistics: Codable, Sendable, Equatable {
  public private(set) var frames = 0
  private var sums: [Double]
  private var squares: [Double]

  /// - Parameter rows: channels times mel bins.
  init(rows: Int) {
    sums = Array(repeating: 0, count: rows)
    squares = sums
  }

  public var mean: [Double] { sums.map { $0 / Double(max(1, frames)) } }

  public var standardDeviation: [Double] {
    zip(squares, mean).map { max(0, $0 / Double(max(1, frames)) - $1 * $1).squareRoot() }
  }

  func isValid(rows: Int) -> Bool {
    sums.count == rows && squares.count == rows && frames >= 0
      && (sums + squares).allSatisfy(\.isFinite)
  }

  /// - Parameter planes: one spectrogram per channel, of the same number of frames.
  mutating func add(_ planes: [Spectrogram]) {
    frames += planes[0].frames
    for (number, plane) in planes.enumerated() {
      let first = number * plane.bins
      for frame in 0..<plane.frames {
        for bin in 0..<plane.bins {
          let value = Double(plane.values[frame * plane.bins + bin])
          sums[first + bin] += value
          squares[first + bin] += value * value
        }
      }
    }
  }

  mutating func add(_ other: RowStatistics) {
    frames += other.frames
    for row in sums.indices {
      sums[row] += other.sums[row]
      squares[row] += other.squares[row]
    }
  }
}
