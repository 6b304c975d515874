import Foundation

/// The rows of a table in memory, one after another: RFC 4180, and what spreadsheets make of it.
///
/// Cells are separated by commas, semicolons or tabs, whichever the first row has most of; rows end
/// with LF, CRLF or CR. Cells in quotes may hold separators, ends of rows and, doubled, quotes. A byte
/// order mark and rows without any text are passed over.
struct CSVRows {
  struct Row: Equatable {
    /// Where it begins, in bytes.
    var offset: Int
    /// The line of the file that it begins in, counted from 1.
    var line: Int
    /// Without the spaces around them.
    var cells: [String]
  }

  /// What is wrong, and where.
  struct Problem: Error, Equatable {
    var line: Int
    var reason: String
  }

  private let bytes: UnsafeRawBufferPointer
  let separator: UInt8
  private(set) var offset = 0
  private var line = 1

  private static let (quote, lineFeed, carriageReturn): (UInt8, UInt8, UInt8) = (0x22, 0x0A, 0x0D)
  private static let (space, tab): (UInt8, UInt8) = (0x20, 0x09)
  private static let longestCell = 1 << 20

  /// - Parameter bytes: UTF-8, which must stay as long as this is used.
  /// - Throws: ``Problem`` for UTF-16.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    self.bytes = bytes
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw Problem(line: 1, reason: "it is UTF-16: save it as UTF-8")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    separator = Self.separator(of: bytes[offset...])
  }

  /// Of the first row.
  private static func separator(of bytes: Slice<UnsafeRawBufferPointer>) -> UInt8 {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for byte in bytes {
      if byte == quote { isQuoted.toggle() }
      if isQuoted { continue }
      if byte == lineFeed || byte == carriageReturn { break }
      counts[byte, default: 0] += 1
    }
    let candidates = Array(",;\t".utf8)
    return candidates.max { counts[$0, default: 0] < counts[$1, default: 0] } ?? candidates[0]
  }

  /// The row that begins at an offset that ``next()`` gave before.
  func row(at offset: Int) throws -> Row {
    var rows = self
    rows.offset = offset
    guard let row = try rows.next() else { throw Problem(line: line, reason: "it has changed") }
    return row
  }

  /// Nil at the end.
  mutating func next() throws -> Row? {
    while offset < bytes.count {
      var row = Row(offset: offset, line: line, cells: [])
      while try !readCell(into: &row) {}
      if row.cells.contains(where: { !$0.isEmpty }) { return row }
    }
    return nil
  }

  /// - Returns: whether it was the row's last.
  private mutating func readCell(into row: inout Row) throws -> Bool {
    var cell: [UInt8] = []
    var isQuoted = false
    let start = line
    while offset < bytes.count, bytes[offset] == Self.space || isBlankTab(bytes[offset]) {
      offset += 1
    }
    if offset < bytes.count, bytes[offset] == Self.quote {
      isQuoted = true
      offset += 1
      try readQuoted(into: &cell, from: start)
    }
    // What follows a closing quote is taken as it stands.
    var end = bytes.count
    let first = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == separator || byte == Self.lineFeed || byte == Self.carriageReturn {
        end = offset
        break
      }
      offset += 1
    }
    cell += bytes[first..<end]
    guard cell.count <= Self.longestCell else {
      throw Problem(line: start, reason: "a cell is longer than 1 MiB")
    }
    guard !cell.contains(0), let text = String(validating: cell, as: UTF8.self) else {
      throw Problem(line: start, reason: "it is not UTF-8: save it as UTF-8")
    }
    row.cells.append(
      isQuoted && first == end ? text : text.trimmingCharacters(in: .whitespaces))
    return endCell()
  }

  private func isBlankTab(_ byte: UInt8) -> Bool { byte == Self.tab && separator != Self.tab }

  /// Up to and with the closing quote.
  private mutating func readQuoted(into cell: inout [UInt8], from start: Int) throws {
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == Self.quote {
        guard offset < bytes.count, bytes[offset] == Self.quote else { return }
        offset += 1
      } else if byte == Self.lineFeed
        || (byte == Self.carriageReturn
          && !(offset < bytes.count && bytes[offset] == Self.lineFeed))
      {
        line += 1
      }
      cell.append(byte)
      if cell.count > Self.longestCell { break }
    }
    throw Problem(line: start, reason: "a quote is opened and not closed")
  }

  /// Passes the separator or the end of the row.
  private mutating func endCell() -> Bool {
    guard offset < bytes.count else { return true }
    let byte = bytes[offset]
    offset += 1
    if byte == separator { return false }
    if byte == Self.carriageReturn, offset < bytes.count, bytes[offset] == Self.lineFeed {
      offset += 1
    }
    line += 1
    return true
  }
}
