import Corpus
import Foundation

/// What is said about the files of a folder, for people.
enum MetadataText {
  static func inspected(_ inspection: Inspection) -> [String] {
    guard let metadata = inspection.metadata else { return [] }
    func row(_ name: String, _ text: String) -> String {
      "  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + text
    }
    var lines = ["", "metadata"]
    if let rows = metadata.rows { lines.append(row("table", "\(rows) rows in metadata.csv")) }
    for number in metadata.numbers {
      lines.append(
        row(
          "number",
          number.name
            + String(
              format: " from %g to %g, known of %d", number.minimum, number.maximum, number.known)
            + (number.known == 1 ? " file" : " files")))
    }
    if metadata.captions > 0 {
      let files = "\(metadata.captions) file\(metadata.captions == 1 ? "" : "s")"
      let texts =
        metadata.captionFiles > 0
        ? ", \(metadata.captionFiles) of them in a text file beside it" : ""
      lines.append(row("captions", "of \(files)\(texts)"))
    }
    for column in metadata.ignoredColumns {
      lines.append(row("not used", "\(column.name): \(column.reason)"))
    }
    return lines
  }
}
