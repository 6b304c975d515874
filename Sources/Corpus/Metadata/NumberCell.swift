import Foundation

/// What a cell of a column of numbers says.
enum NumberCell: Equatable {
  case number(Double)
  case unknown
  /// Neither.
  case text

  private static let unknowns: Set<String> = [
    "", "-", "?", "na", "n/a", "#n/a", "nan", "null", "none", "unknown",
  ]

  /// - Parameter decimalComma: whether `1,5` is a number, as where semicolons separate cells.
  init(_ cell: String, decimalComma: Bool) {
    if Self.unknowns.contains(cell.lowercased()) {
      self = .unknown
      return
    }
    var text = cell
    if decimalComma, !text.contains(".") { text = text.replacing(",", with: ".") }
    // Not the words and the hexadecimal digits that Double takes too.
    let isPlain = text.utf8.allSatisfy {
      (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0)
    }
    guard isPlain, let value = Double(text), value.isFinite, Float(value).isFinite else {
      self = .text
      return
    }
    self = .number(value)
  }
}
