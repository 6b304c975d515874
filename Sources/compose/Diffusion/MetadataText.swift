import Corpus
import MusicDiffusion

/// What training takes from a folder's metadata, and what it cannot, for people.
enum MetadataText {
  static func trained(_ data: Dataset) -> [String] {
    guard let summary = data.source.metadataSummary else { return [] }
    var lines: [String] = []
    let numbers = data.conditioning?.numbers ?? []
    if !numbers.isEmpty {
      lines.append("numbers: \(numbers.map(\.description).joined(separator: ", "))")
    }
    if summary.captions > 0 { lines.append("captions: of \(summary.captions) files") }
    let constant = summary.numbers.map(\.name).filter { name in
      !numbers.contains { $0.name == name }
    }
    if !constant.isEmpty {
      lines.append(
        "(not learned, being the same in all files to train on: \(constant.joined(separator: ", ")))"
      )
    }
    for column in summary.ignoredColumns {
      lines.append("(column \(column.name) is not used: \(column.reason))")
    }
    func note(_ examples: MetadataSummary.Examples, _ text: String) {
      guard let first = examples.names.first else { return }
      lines.append("(\(text): \(examples.count), as \(first))")
    }
    note(summary.rowsWithoutFile, "rows of metadata.csv that name no file that is there")
    note(summary.filesWithRows, "files with more than one row, of which the last one counts")
    note(summary.unreadableTexts, "text files that are not UTF-8 and are not read")
    note(
      summary.longCaptions,
      "captions of more than \(TextTokenizer.defaultLength) words, of which the first are read")
    return lines
  }
}
