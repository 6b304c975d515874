import Foundation

/// The frames of a spectrogram of any length in a number of columns that stays within a limit: one
/// frame a column as long as they fit, then the mean energies of twice as many, and so on.
struct FrameColumns {
  let limit: Int
  /// Log-mel values of a frame, of all channels.
  let rowLength: Int
  private(set) var framesPerColumn = 1
  /// `[columns, rowLength]`.
  private(set) var values: [Float] = []
  private(set) var frames = 0
  /// Sums of energies, of the column that is not full yet.
  private var sums: [Float] = []
  private var summed = 0

  var count: Int { values.count / rowLength }

  /// - Parameter limit: even.
  init(limit: Int, rowLength: Int) {
    precondition(limit > 1 && limit % 2 == 0 && rowLength > 0)
    (self.limit, self.rowLength) = (limit, rowLength)
  }

  /// - Parameter rows: `[frames, rowLength]`.
  mutating func append(_ rows: [Float]) {
    for start in stride(from: 0, to: rows.count, by: rowLength) {
      let row = rows[start..<start + rowLength]
      frames += 1
      if count == limit { halve() }
      if framesPerColumn == 1 {
        values += row
        continue
      }
      if summed == 0 { sums = [Float](repeating: 0, count: rowLength) }
      for (i, value) in zip(sums.indices, row) { sums[i] += exp(value) }
      summed += 1
      if summed == framesPerColumn { push() }
    }
  }

  /// Takes the last column as it is, and makes of all at most `columns`. No frame can follow.
  mutating func finish(columns: Int) {
    push()
    while count > columns && count > 1 { halve() }
  }

  private mutating func push() {
    guard summed > 0 else { return }
    values += sums.map { log($0 / Float(summed)) }
    summed = 0
  }

  /// Columns in pairs; an odd one at the end stays as it is.
  private mutating func halve() {
    let pairs = count / 2
    for pair in 0..<pairs {
      for i in 0..<rowLength {
        let (a, b) = (values[2 * pair * rowLength + i], values[(2 * pair + 1) * rowLength + i])
        values[pair * rowLength + i] = log((exp(a) + exp(b)) / 2)
      }
    }
    let odd = count % 2 == 1 ? Array(values.suffix(rowLength)) : []
    values.removeLast(values.count - pairs * rowLength)
    values += odd
    framesPerColumn *= 2
  }
}
