import Evaluation
import Foundation
import Terminal

/// An evaluation in a terminal.
struct EvaluationText {
  private(set) var lines: [String] = []
  private let report: EvaluationReport

  private static let columns: [(set: ComparedSet, name: String)] = [
    (.real, "floor"), (.inverted, "inverted"), (.generated, "GENERATED"), (.shuffled, "shuffled"),
    (.noise, "noise"),
  ]
  /// Copies that are named.
  private static let few = 5

  init(_ report: EvaluationReport) {
    self.report = report
    summarize()
    listDistances()
    listFidelity()
    listMusic()
    listCopies()
    if !report.notes.isEmpty {
      lines += ["", "notes"]
      lines += report.notes.map { "  \($0)" }
    }
  }

  private mutating func summarize() {
    for (name, set) in [("real", report.real), ("generated", report.generated)] {
      lines.append(
        padded(name, 11) + "\(set.path): \(plural(set.files, "file")), \(duration(set.seconds)), "
          + plural(set.windows, "window"))
      for skipped in set.skipped.prefix(Self.few) {
        lines.append("           skipped \(skipped.path): \(skipped.reason)")
      }
      if set.skipped.count > Self.few {
        lines.append("           and \(set.skipped.count - Self.few) more, in --json")
      }
    }
    lines.append(
      String(
        format: "%@windows of %g s at %d Hz, mono; %d of each set, %d draws",
        padded("compared", 11),
        report.windowSeconds, report.sampleRate, report.windowsCompared, report.draws))
  }

  private mutating func listDistances() {
    guard report.comparisons.contains(where: { $0.kernel != nil }) else { return }
    lines += ["", "distance to real music, ± from draw to draw"]
    lines.append(
      padded("", 22) + Self.columns.map { leftPadded($0.name, 15) }.joined()
        + leftPadded("way closed", 12))
    for comparison in report.comparisons {
      list("\(comparison.name), Fréchet", comparison.frechet)
      list("\(comparison.name), kernel", comparison.kernel)
    }
    let sizes = report.comparisons.map { comparison in
      "\(comparison.name) \(comparison.features)"
        + (comparison.components.map { " (Fréchet: \($0) components)" } ?? "")
    }
    lines.append("  features: \(sizes.joined(separator: ", "))")
  }

  private mutating func list(_ name: String, _ distances: Distances?) {
    guard let distances else {
      lines.append("  " + padded(name, 20) + "too few windows")
      return
    }
    let cells = Self.columns.map { column in
      leftPadded(distances.to[column.set].map(text) ?? "", 15)
    }
    let way = distances.wayClosed.map { String(format: "%.0f %%", 100 * $0) } ?? "-"
    lines.append("  " + padded(name, 20) + cells.joined() + leftPadded(way, 12))
  }

  private mutating func listFidelity() {
    guard report.comparisons.contains(where: { $0.fidelity != nil }) else { return }
    lines += ["", "fidelity and diversity, \(report.windowsCompared) windows against as many"]
    lines.append(padded("", 22) + Self.columns.map { leftPadded($0.name, 15) }.joined())
    let rows: [(String, KeyPath<Fidelity, Double>)] = [
      ("precision", \.precision), ("recall", \.recall), ("density", \.density),
      ("coverage", \.coverage),
    ]
    for comparison in report.comparisons {
      for (name, value) in rows {
        let cells = Self.columns.map { column in
          leftPadded(
            comparison.fidelity?[column.set].map { String(format: "%.2f", $0[keyPath: value]) }
              ?? "",
            15)
        }
        lines.append("  " + padded("\(comparison.name), \(name)", 20) + cells.joined())
      }
    }
  }

  private mutating func listMusic() {
    lines += ["", "musical statistics, mean ± deviation over windows"]
    lines.append(
      padded("", 26) + leftPadded("real", 18) + leftPadded("GENERATED", 18)
        + leftPadded("difference", 14) + leftPadded("between halves of real", 26))
    for trait in report.music.traits {
      let unit = trait.unit.isEmpty ? "" : " \(trait.unit)"
      func gap(_ value: Double) -> String {
        trait.isRatio && trait.real.mean != 0
          ? String(format: "%.1f %%", 100 * value / abs(trait.real.mean))
          : String(format: "%.1f%@", value, unit == " LUFS" ? " LU" : unit)
      }
      let difference = gap(trait.difference)
      lines.append(
        "  " + padded(trait.name + unit, 24) + leftPadded(text(trait.real), 18)
          + leftPadded(text(trait.generated), 18)
          + leftPadded(trait.difference > 0 ? "+" + difference : difference, 14)
          + leftPadded(trait.betweenHalves.map(gap) ?? "too few", 26))
    }
    if let classes = report.music.pitchClasses {
      lines.append(
        String(
          format: "  pitch classes in common with real %.0f %%%@", 100 * classes.overlap,
          classes.overlapOfHalves.map { String(format: ", halves of real %.0f %%", 100 * $0) } ?? ""
        ))
      let names = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
      lines.append(padded("", 14) + names.map { leftPadded($0, 6) }.joined())
      for (name, profile) in [("real", classes.real), ("generated", classes.generated)] {
        lines.append(
          "    " + padded(name, 10)
            + profile.map { leftPadded(String(format: "%.0f %%", 100 * $0), 6) }.joined())
      }
    }
  }

  private mutating func listCopies() {
    guard let audit = report.memorisation else { return }
    lines += [
      "",
      String(
        format: "copies: the nearest training passages of %.1f s, in %@ of %@",
        audit.passageSeconds,
        plural(audit.trainingFiles, "file"), duration(audit.trainingSeconds)),
    ]
    for (name, nearness) in [("real", audit.real), ("generated", audit.generated)] {
      guard let nearness else { continue }
      lines.append(
        "  " + padded(name, 10)
          + String(
            format: "%@, similarity %.3f in the middle, %.3f the nearest, %d above 0.95",
            plural(nearness.excerpts, "excerpt"), nearness.median, nearness.nearest,
            nearness.veryNear))
    }
    if let threshold = audit.threshold, let nearer = audit.nearer {
      lines.append(
        String(
          format: "  nearer than the nearest 1 %% of real (%.3f): %d of %d", threshold, nearer,
          audit.matches.count))
    }
    for match in audit.matches.prefix(Self.few) {
      lines.append(
        String(
          format: "  %.3f  %@ at %.1f s ~ %@ at %.1f s", match.similarity, match.file, match.time,
          match.trainingFile, match.trainingTime))
    }
  }
}

/// "1.23 ± 0.04", with digits enough for small numbers.
private func text(_ figure: Figure) -> String {
  let size = abs(figure.mean)
  if size >= 1e5 { return String(format: "%.1e", figure.mean) }
  let digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 0.1 ? 2 : 4
  return String(format: "%.\(digits)f ± %.\(digits)f", figure.mean, figure.deviation)
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
