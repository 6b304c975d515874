public import Audio
import Foundation
import Glibc

/// What `metadata.csv` in a folder of audio, and text files beside its sounds, say about these.
///
/// The table has a column `file`, `file_name`, `filename` or `path`, with paths from the folder on.
/// Columns of nothing but numbers become numbers; `caption` or `text` becomes a caption, and so does
/// `kick.txt` beside `kick.wav` where the table has none. The table is mapped, and what is kept of it is
/// a place for each file.
public struct FolderMetadata: Sendable {
  public static let fileName = "metadata.csv"

  private struct Column {
    var name: String
    var cell: Int
  }

  public private(set) var summary = MetadataSummary()
  private let folder: AudioFolder
  private let table: MappedFile?
  private var numbers: [Column] = []
  private var captionCell: Int?
  /// For each file, where its row begins; −1 for none.
  private var offsets: [Int]

  static let fileColumns = ["file", "file_name", "filename", "path"]
  static let captionColumns = ["caption", "text"]
  static let numberLimit = 64
  /// Bytes of a caption that are kept.
  static let captionLimit = 8192

  /// Reads what there is.
  ///
  /// - Parameter longestCaption: words that a model reads; longer captions are named.
  /// - Returns: nil where nothing is said about any file.
  /// - Throws: ``CorpusError/metadata(_:line:reason:)`` for a table that cannot be read.
  public init?(of folder: AudioFolder, longestCaption: Int = TextTokenizer.defaultLength) throws {
    self.folder = folder
    offsets = Array(repeating: -1, count: folder.files.count)
    let path = Self.tablePath(folder)
    if FileManager.default.fileExists(atPath: path) {
      do {
        table = try MappedFile(path)
      } catch CorpusError.damaged(_, let reason) {
        throw CorpusError.metadata(path, line: 1, reason: reason)
      }
      try readTable()
    } else {
      table = nil
    }
    try summarize(longestCaption)
    if table == nil && summary.captions == 0 && summary.unreadableTexts.count == 0 { return nil }
  }

  private static func tablePath(_ folder: AudioFolder) -> String { folder.path + "/" + fileName }

  /// The text file beside a sound, from the folder on.
  private static func textName(_ file: AudioFolder.File) -> String {
    let end = file.path.lastIndex(of: ".") ?? file.path.endIndex
    return file.path[..<end] + ".txt"
  }

  /// Of all that could make what is said another: sizes and times. Nil where nothing is said.
  static func key(_ folder: AudioFolder) -> String? {
    var hash = FNV1a()
    var isEmpty = true
    func add(_ path: String, _ name: String) {
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
      isEmpty = false
      let time = "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      hash.add(Array("\(name)|\(status.st_size)|\(time)".utf8))
    }
    add(tablePath(folder), fileName)
    for file in folder.files { add(folder.path + "/" + textName(file), file.path) }
    return isEmpty ? nil : hash.hexadecimal
  }

  // MARK: - The table

  private func rows() throws -> CSVRows? {
    guard let table else { return nil }
    return try CSVRows(table.bytes)
  }

  /// Calls `body`, and tells where the table is wrong.
  private func naming<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let problem as CSVRows.Problem {
      throw CorpusError.metadata(
        Self.tablePath(folder), line: problem.line, reason: problem.reason)
    }
  }

  private mutating func readTable() throws {
    guard var rows = try naming(rows), let header = try naming({ try rows.next() }) else {
      throw CorpusError.metadata(Self.tablePath(folder), line: 1, reason: "it is empty")
    }
    func problem(_ reason: String, line: Int = header.line) -> CorpusError {
      .metadata(Self.tablePath(folder), line: line, reason: reason)
    }
    let names = header.cells.map { $0.lowercased() }
    guard let fileCell = names.firstIndex(where: Self.fileColumns.contains) else {
      throw problem(
        "it has no column file, file_name or path that says which file a row is about; rename the "
          + "table if it is not meant for compose")
    }
    captionCell = names.firstIndex(where: Self.captionColumns.contains)
    for (cell, name) in names.enumerated() where !name.isEmpty {
      if names[..<cell].contains(name) { throw problem("it has two columns \(name)") }
    }
    // Columns without a name are numbers that some programs put before each row.
    var candidates = names.indices.filter {
      $0 != fileCell && $0 != captionCell && !names[$0].isEmpty
    }.map { Column(name: header.cells[$0], cell: $0) }
    var (texts, known): ([Int: String], Set<Int>) = ([:], [])
    let decimalComma = rows.separator != UInt8(ascii: ",")
    var count = 0
    while let row = try naming({ try rows.next() }) {
      guard row.cells.dropFirst(names.count).allSatisfy(\.isEmpty) else {
        throw problem(
          "it has more cells than the first line: put quotes around a text that holds commas",
          line: row.line)
      }
      count += 1
      for column in candidates where column.cell < row.cells.count && texts[column.cell] == nil {
        switch NumberCell(row.cells[column.cell], decimalComma: decimalComma) {
        case .number: known.insert(column.cell)
        case .unknown: break
        case .text:
          texts[column.cell] =
            "line \(row.line) has \"\(row.cells[column.cell].prefix(32))\", which is no number"
        }
      }
      let path = fileCell < row.cells.count ? row.cells[fileCell] : ""
      guard let file = index(of: path) else {
        summary.rowsWithoutFile.add("line \(row.line): \(path.isEmpty ? "no file" : path)")
        continue
      }
      if offsets[file] >= 0 { summary.filesWithRows.add(folder.files[file].path) }
      offsets[file] = row.offset
    }
    for column in candidates where texts[column.cell] != nil || !known.contains(column.cell) {
      summary.ignoredColumns.append(
        .init(name: column.name, reason: texts[column.cell] ?? "it holds no number"))
    }
    candidates.removeAll { texts[$0.cell] != nil || !known.contains($0.cell) }
    guard candidates.count <= Self.numberLimit else {
      throw problem(
        "it has \(candidates.count) columns of numbers, and a model takes \(Self.numberLimit)")
    }
    numbers = candidates
    summary.rows = count
  }

  /// The file that a row is about: a path from the folder on, or from the one it lies in, or a whole one.
  private func index(of path: String) -> Int? {
    var path = path.replacing("\\", with: "/")
    if path.hasPrefix(folder.path + "/") { path.removeFirst(folder.path.count + 1) }
    while path.hasPrefix("./") { path.removeFirst(2) }
    if let index = position(of: path) { return index }
    let name = URL(fileURLWithPath: folder.path).lastPathComponent + "/"
    return path.hasPrefix(name) ? position(of: String(path.dropFirst(name.count))) : nil
  }

  /// By bisection. Strings compare by what they mean, however their accents are composed.
  private func position(of path: String) -> Int? {
    var (low, high) = (0, folder.files.count)
    while low < high {
      let middle = (low + high) / 2
      if folder.files[middle].path < path { low = middle + 1 } else { high = middle }
    }
    return low < folder.files.count && folder.files[low].path == path ? low : nil
  }

  // MARK: - Files

  private mutating func summarize(_ longestCaption: Int) throws {
    var ranges = numbers.map { _ in
      (known: 0, minimum: Double.infinity, maximum: -Double.infinity)
    }
    for (number, file) in folder.files.enumerated() {
      if table != nil, offsets[number] < 0 { summary.filesWithoutRow.add(file.path) }
      var hasText = false
      let entry = try entry(number) { isReadable in
        hasText = isReadable
        if !isReadable { summary.unreadableTexts.add(Self.textName(file)) }
      }
      for (column, value) in entry.numbers.enumerated() where !value.isNaN {
        ranges[column].known += 1
        ranges[column].minimum = min(ranges[column].minimum, Double(value))
        ranges[column].maximum = max(ranges[column].maximum, Double(value))
      }
      guard let caption = entry.caption else { continue }
      summary.captions += 1
      if hasText { summary.captionFiles += 1 }
      if TextTokenizer.words(of: caption, limit: longestCaption + 1).count > longestCaption {
        summary.longCaptions.add(file.path)
      }
    }
    // A column may have numbers in rows without a file alone.
    summary.numbers = zip(numbers, ranges).compactMap { column, range in
      range.known == 0
        ? nil
        : MetadataSummary.Number(
          name: column.name, known: range.known, minimum: range.minimum, maximum: range.maximum)
    }
    for (column, range) in zip(numbers, ranges) where range.known == 0 {
      summary.ignoredColumns.append(
        .init(name: column.name, reason: "it holds no number of a file that is there"))
    }
    numbers = zip(numbers, ranges).filter { $1.known > 0 }.map(\.0)
  }

  /// Of a file of the folder by its path.
  func entry(of path: String) throws -> ClipMetadata {
    try position(of: path).map { try entry($0) } ?? ClipMetadata(numbers: numbers.map { _ in .nan })
  }

  /// - Parameter onText: called where there is a text file that counts, with whether it can be read.
  private func entry(_ file: Int, onText: (_ isReadable: Bool) -> Void = { _ in }) throws
    -> ClipMetadata
  {
    var entry = ClipMetadata(numbers: numbers.map { _ in .nan })
    if offsets[file] >= 0, let rows = try naming(rows) {
      let row = try naming { try rows.row(at: offsets[file]) }
      let decimalComma = rows.separator != UInt8(ascii: ",")
      for (position, column) in numbers.enumerated() where column.cell < row.cells.count {
        if case .number(let value) = NumberCell(
          row.cells[column.cell], decimalComma: decimalComma)
        {
          entry.numbers[position] = Float(value)
        }
      }
      if let captionCell, captionCell < row.cells.count {
        entry.caption = Self.caption(row.cells[captionCell])
      }
    }
    guard entry.caption == nil,
      let bytes = Self.read(folder.path + "/" + Self.textName(folder.files[file]))
    else { return entry }
    // A text that was cut may end within a character.
    let text =
      bytes.count < Self.textLimit
      ? String(validating: bytes, as: UTF8.self) : String(decoding: bytes, as: UTF8.self)
    entry.caption = text.flatMap(Self.caption)
    if text == nil || entry.caption != nil { onText(text != nil) }
    return entry
  }

  private static let textLimit = 1 << 16

  /// At most ``textLimit`` bytes of a file; nil where there is none.
  private static func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return [UInt8](unsafeUninitializedCapacity: textLimit) { buffer, count in
      while count < textLimit {
        let got = Glibc.read(file, buffer.baseAddress! + count, textLimit - count)
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { break }
        count += got
      }
    }
  }

  /// In one line, without what cannot be seen; nil if nothing is left.
  static func caption(_ text: String) -> String? {
    let words = text.split { character in
      character.isWhitespace
        || character.unicodeScalars.allSatisfy {
          $0.properties.generalCategory == .control || $0.value == 0xFEFF
        }
    }
    var caption = words.joined(separator: " ")
    if caption.utf8.count > captionLimit {
      caption = String(caption[..<caption.utf8.index(caption.startIndex, offsetBy: captionLimit)])
    }
    return caption.isEmpty ? nil : caption
  }
}
