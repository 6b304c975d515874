import Evaluation
import Foundation
import Terminal

/// An evaluation in a terminal.
struct EvaluationText {
  private(set) var lines: [String] = []

  /// Files and copies that are named.
  private static let few = 5

  init(_ report: EvaluationReport) {
    for (name, set) in [("real", report.real), ("generated", report.generated)] {
      lines.append(
        padded(name, 11) + "\(set.path): \(plural(set.files, "file")), \(duration(set.seconds)), "
          + plural(set.windows, "window"))
      lines += set.skipped.prefix(Self.few).map { "           skipped \($0.path): \($0.reason)" }
      if set.skipped.count > Self.few {
        lines.append("           and \(set.skipped.count - Self.few) more, in --json")
      }
    }
    lines.append(
      String(
        format: "%@windows of %g s at %d Hz, mono", padded("compared", 11), report.windowSeconds,
        report.sampleRate))
    for table in report.tables { append(table) }
    if let audit = report.memorisation { append(audit) }
    if !report.notes.isEmpty { lines += ["", "notes"] + report.notes.map { "  \($0)" } }
  }

  private mutating func append(_ table: FigureTable) {
    let nameWidth = table.rows.map(\.name.count).max() ?? 0
    let widths = table.columns.indices.map { column in
      max(table.columns[column].count, table.rows.map { $0.cells[column].count }.max() ?? 0) + 2
    }
    func line(_ name: String, _ cells: [String]) -> String {
      "  " + padded(name, nameWidth) + zip(cells, widths).map { leftPadded($0, $1) }.joined()
    }
    lines += ["", table.title, line("", table.columns)]
    lines += table.rows.map { line($0.name, $0.cells) } + table.notes.map { "  \($0)" }
  }

  private mutating func append(_ audit: MemorisationAudit) {
    lines += [
      "",
      String(
        format: "copies: the nearest passages of %.1f s in %@, %@", audit.passageSeconds,
        plural(audit.trainingFiles, "training file"), duration(audit.trainingSeconds)),
    ]
    lines += audit.summary.map { "  \($0)" }
    lines += audit.matches.prefix(Self.few).map {
      String(
        format: "  %.3f  %@ at %.1f s ~ %@ at %.1f s", $0.similarity, $0.file, $0.time,
        $0.trainingFile, $0.trainingTime)
    }
    lines += audit.skipped.prefix(Self.few).map { "  skipped \($0.path): \($0.reason)" }
  }
}

private func plural(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

private func leftPadded(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}
