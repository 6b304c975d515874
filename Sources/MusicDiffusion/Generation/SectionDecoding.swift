package import Spectro

/// The spectrogram of a piece whose sections are drawn one after the other, in the memory of two: of a code,
/// each column's frames depend on those beside it, and wait for them.
package struct SectionDecoding {
  private let generator: Generator
  /// Columns of the piece.
  private let columns: Int
  /// What each column's frames depend on, on each side.
  private let reach: Int
  /// Drawn columns from `first` on, for each channel and bin.
  private var rows: [[Float]]
  private var first = 0
  /// Columns whose frames were given.
  private var done = 0

  package init(_ generator: Generator, columns: Int) {
    (self.generator, self.columns) = (generator, columns)
    let space = generator.model.configuration.space
    reach = generator.model.coder?.description.network.reach ?? 0
    rows = [[Float]](repeating: [], count: space.channels * space.bins)
  }

  /// - Parameter planes: the columns that come next, for each channel `[bins, columns]`.
  /// - Returns: the log-mel of each channel, of the frames that come next.
  package mutating func next(_ planes: [[Float]]) throws -> [Spectrogram] {
    let space = generator.model.configuration.space
    let width = planes[0].count / space.bins
    for (channel, plane) in planes.enumerated() {
      for bin in 0..<space.bins {
        rows[channel * space.bins + bin] += plane[bin * width..<(bin + 1) * width]
      }
    }
    let end = first + rows[0].count
    let ready = end == columns ? end : max(done, end - reach)
    let seen = (0..<space.channels).map { channel in
      rows[channel * space.bins..<(channel + 1) * space.bins].flatMap(\.self)
    }
    let frames = rows[0].count * space.framesPerColumn
    let whole = try generator.logMel(of: seen, frames: frames)
    let part = (done - first) * space.framesPerColumn..<(ready - first) * space.framesPerColumn
    let result = whole.map { plane in
      Spectrogram(
        values: Array(plane.values[part.lowerBound * plane.bins..<part.upperBound * plane.bins]),
        frames: part.count, bins: plane.bins)
    }
    done = ready
    let kept = max(first, done - reach)
    for row in rows.indices { rows[row].removeFirst(kept - first) }
    first = kept
    return result
  }
}
