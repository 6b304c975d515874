import Foundation

/// Figures in rows and columns, for people.
package struct FigureTable: Sendable {
  package var title: String
  package var columns: [String]
  package var rows: [(name: String, cells: [String])]
  /// Below the table.
  package var notes: [String] = []
}

extension EvaluationReport {
  private static let sets: [(set: ComparedSet, name: String)] = [
    (.real, "floor"), (.inverted, "inverted"), (.generated, "GENERATED"), (.shuffled, "shuffled"),
    (.noise, "noise"),
  ]
  private static let notes = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]

  /// All figures but the copies, as tables without those for which there was too little.
  package var tables: [FigureTable] {
    [distanceTable, audioDistanceTable, fidelityTable, traitTable, pitchClassTable]
      .compactMap(\.self)
  }

  private var distanceTable: FigureTable? {
    guard !comparisons.isEmpty else { return nil }
    var table = FigureTable(
      title:
        "distance to real music, \(windowsCompared) windows against as many, ± over \(draws) draws",
      columns: Self.sets.map(\.name) + ["way closed"], rows: [])
    for comparison in comparisons {
      let kinds = [("Fréchet", comparison.frechet), ("kernel", comparison.kernel)]
      for (name, distances) in kinds {
        let cells = Self.sets.map { distances?.to[$0.set].map(text) ?? "too few" }
        let way = distances?.wayClosed.map { String(format: "%.0f %%", 100 * $0) } ?? "-"
        table.rows.append(("\(comparison.name), \(name)", cells + [way]))
      }
    }
    let sizes = comparisons.map { comparison in
      "\(comparison.name) \(comparison.features)"
        + (comparison.components.map { " (Fréchet: \($0) components)" } ?? "")
    }
    table.notes = ["features of a window: \(sizes.joined(separator: ", "))"]
    return table
  }

  private var audioDistanceTable: FigureTable? {
    guard let audioDistance, let generated = audioDistance.generated else { return nil }
    let (all, half) = (audioDistance.realPatches, audioDistance.halfPatches)
    return FigureTable(
      title: "Fréchet audio distance, VGGish, of patches of 0.96 s",
      columns: ["distance", "patches"],
      rows: [
        (
          "GENERATED to real",
          [
            String(format: "%.2f", generated), "\(audioDistance.generatedPatches) to \(all)",
          ]
        ),
        (
          "halves of real", [audioDistance.halves.map(text) ?? "too few", "\(half) to \(half)"]
        ),
      ],
      notes: ["of fewer patches the distance comes out larger"])
  }

  private var fidelityTable: FigureTable? {
    guard !comparisons.isEmpty else { return nil }
    let figures: [(String, KeyPath<Fidelity, Double>)] = [
      ("precision", \.precision), ("recall", \.recall), ("density", \.density),
      ("coverage", \.coverage),
    ]
    return FigureTable(
      title: "fidelity (precision, density) and diversity (recall, coverage), "
        + "\(SetComparison.neighbours) neighbours in \(windowsCompared) windows",
      columns: Self.sets.map(\.name),
      rows: comparisons.flatMap { comparison in
        figures.map { name, value in
          (
            "\(comparison.name), \(name)",
            Self.sets.map { column in
              comparison.fidelity[column.set].map {
                String(format: "%.2f", $0[keyPath: value])
              } ?? "too few"
            }
          )
        }
      })
  }

  private var traitTable: FigureTable? {
    guard !music.traits.isEmpty else { return nil }
    return FigureTable(
      title: "musical statistics, mean ± deviation over \(real.windows) real and "
        + "\(generated.windows) generated windows",
      columns: ["real", "GENERATED", "difference", "halves of real"],
      rows: music.traits.map { trait in
        func gap(_ value: Double) -> String {
          trait.relativeDifference != nil
            ? String(format: "%.1f %%", 100 * value / abs(trait.real.mean))
            : String(format: "%.1f", value)
        }
        return (
          trait.unit.isEmpty ? trait.name : "\(trait.name), \(trait.unit)",
          [
            text(trait.real), text(trait.generated),
            (trait.difference > 0 ? "+" : "") + gap(trait.difference),
            trait.betweenHalves.map { "±" + gap($0) } ?? "too few",
          ]
        )
      })
  }

  private var pitchClassTable: FigureTable? {
    guard let classes = music.pitchClasses else { return nil }
    func percent(_ part: Double) -> String { String(format: "%.0f %%", 100 * part) }
    return FigureTable(
      title: "pitch classes", columns: Self.notes,
      rows: [
        ("real", classes.real.map(percent)), ("GENERATED", classes.generated.map(percent)),
      ],
      notes: [
        "in common \(percent(classes.overlap))"
          + (classes.overlapOfHalves.map { "; halves of real \(percent($0))" } ?? "")
      ])
  }
}

extension MemorisationAudit {
  /// What was found, in a few lines.
  package var summary: [String] {
    var lines: [String] = []
    for (name, nearness) in [("real", real), ("GENERATED", generated)] {
      guard let nearness else { continue }
      lines.append(
        String(
          format: "%@: %d excerpts, similarity %.3f in the middle, %.3f the nearest, %d above 0.95",
          name, nearness.excerpts, nearness.median, nearness.nearest, nearness.veryNear))
    }
    if let threshold, let nearer {
      lines.append(
        String(
          format: "nearer than the nearest 1 %% of real (%.3f): %d of %d", threshold, nearer,
          matches.count))
    }
    return lines
  }
}

/// "1.23 ± 0.04", with digits enough for small numbers.
private func text(_ figure: Figure) -> String {
  let size = abs(figure.mean)
  if size >= 1e5 { return String(format: "%.1e", figure.mean) }
  let digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3
  return String(format: "%.\(digits)f ± %.\(digits)f", figure.mean, figure.deviation)
}
