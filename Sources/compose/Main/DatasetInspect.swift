import ArgumentParser
import Audio
import Corpus
import Foundation
import Spectro
import Terminal

struct DatasetInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Decodes a folder of audio and tells what is in it, what is wrong, and what to do.",
    discussion: """
      Lengths, rates, channels, labels, what metadata.csv says, loudness, silence, clipping, DC, bandwidth, files that cannot \
      be read, and files that are there twice: the same samples, or the same sound in another \
      encoding, louder, or cut a little otherwise. Nothing is changed.

      Examples:
        compose dataset inspect ~/Music/my-loops
        compose dataset inspect kicks --preset oneshots --json > kicks.json
      """)

  @Argument(help: "Folder of audio files; sub-folders are labels.")
  var dataset: String

  @Option(
    help:
      "\(SpectrogramPreset.allCases.map(\.rawValue).joined(separator: ", ")). Default: the one that fits."
  )
  var preset: SpectrogramPreset?

  @Flag(help: "All that was found, of every file, as JSON.")
  var json = false

  @Flag(help: "Names every file that something was found in, not a few of each kind.")
  var all = false

  func run() throws {
    let folder = try AudioFolder(dataset)
    let interruption = Interruption()
    let line = SharedProgressLine()
    defer { line.finish() }
    let start = ContinuousClock.now
    let inspection = try Inspection(of: folder, preset: preset) { done, all in
      let spent = start.duration(to: .now) / .seconds(1)
      let left = duration(spent / Double(done) * Double(all - done))
      line.update("examining: \(done) of \(all) files, \(left) left")
    } check: {
      if interruption.isRequested { throw CommandError.interrupted }
    }
    line.finish()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Terminal.document(String(decoding: try encoder.encode(inspection), as: UTF8.self))
    } else {
      InspectionText(inspection, namesAll: all).lines.forEach(Terminal.result)
    }
  }
}

/// What an inspection found, for people.
struct InspectionText {
  private let inspection: Inspection
  private let namesAll: Bool
  private(set) var lines: [String] = []

  /// Files named of each kind, unless all are.
  private static let few = 3

  init(_ inspection: Inspection, namesAll: Bool) {
    self.inspection = inspection
    self.namesAll = namesAll
    summarize()
    listLabels()
    lines += MetadataText.inspected(inspection)
    listFindings()
    advise()
  }

  private mutating func row(_ name: String, _ text: String) {
    lines.append("  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + text)
  }

  private mutating func summarize() {
    let files = inspection.files
    lines.append("\(inspection.name): \(plural(files.count, "file")), \(hours(inspection.seconds))")
    guard !files.isEmpty else { return }
    lines.append("")
    let rates = counts(files.map { "\($0.sampleRate) Hz" })
    let dual = files.count(where: \.isDualMono)
    let channels = counts(
      files.map {
        $0.channels == 1 ? "mono" : $0.channels == 2 ? "stereo" : "\($0.channels) channels"
      })
    row("rates", rates)
    row("channels", channels + (dual > 0 ? " (\(dual) with the same on both sides)" : ""))
    let lengths = files.map(\.seconds).sorted()
    row(
      "lengths",
      "\(seconds(lengths[0])) to \(seconds(lengths[lengths.count - 1])), half of them up to "
        + seconds(lengths[lengths.count / 2]))
    if let loudness = inspection.loudness {
      row(
        "loudness",
        String(
          format: "%.1f LUFS in the middle, nine of ten from %.1f to %.1f", loudness.median,
          loudness.low, loudness.high))
    }
    let tops = files.filter { !$0.isSilent }.map(\.bandwidth).sorted()
    if !tops.isEmpty {
      row(
        "bandwidth",
        String(
          format: "up to %.1f kHz in the middle, from %.1f to %.1f", tops[tops.count / 2] / 1000,
          tops[0] / 1000, tops[tops.count - 1] / 1000))
    }
  }

  private mutating func listLabels() {
    let labels = inspection.labels
    guard labels.contains(where: { !$0.name.isEmpty }) else { return }
    lines += ["", "labels"]
    let names = labels.map { $0.name.isEmpty ? "(none)" : $0.name }
    let width = min(32, names.map(\.count).max()!)
    let most = labels.map(\.seconds).max()!
    let shown = namesAll ? labels.count : 24
    for (label, name) in zip(labels, names).prefix(shown) {
      let bar = String(
        repeating: "█", count: max(1, Int((24 * label.seconds / max(most, 0.001)).rounded())))
      let columns =
        String(format: "%6d  ", label.files)
        + leftPadded(label.seconds < 60 ? seconds(label.seconds) : hours(label.seconds), to: 12)
      lines.append(
        "  \(name.padding(toLength: width, withPad: " ", startingAt: 0))\(columns)  \(bar)")
    }
    if labels.count > shown { lines.append("  and \(labels.count - shown) more") }
  }

  private mutating func listFindings() {
    let found = lines.count
    lines += ["", "found"]
    list("cannot be read", inspection.unreadable.map { "\($0.path): \($0.reason)" })
    list("the same samples", inspection.duplicates.map { $0.joined(separator: " = ") })
    list("sound alike", inspection.nearDuplicates.map { $0.joined(separator: " ~ ") })
    list("silent", inspection.silent.map(\.path))
    list(
      "mostly silent",
      inspection.mostlySilent.map {
        String(format: "%@: %.1f of %.1f s", $0.path, $0.silence, $0.seconds)
      })
    list(
      "clipped",
      inspection.clipped.map { "\($0.path): at \(plural($0.clippings, "place"))" })
    list(
      "DC offset",
      inspection.withOffset.map { String(format: "%@: %.1f %%", $0.path, 100 * $0.offset) })
    list(
      "narrow",
      inspection.narrow.map { file in
        let end = min(file.wall ?? .infinity, Double(file.sampleRate) / 2)
        return String(format: "%@: ends at %.1f kHz", file.path, end / 1000)
      })
    list(
      "too short",
      inspection.tooShort.map { "\($0.path): \(seconds($0.seconds))" })
    if let metadata = inspection.metadata {
      list("row without file", metadata.rowsWithoutFile)
      list("file without row", metadata.filesWithoutRow)
      list("several rows", metadata.filesWithRows)
      list("not UTF-8", metadata.unreadableTexts)
      list("long caption", metadata.longCaptions)
    }
    list(
      "far in loudness",
      inspection.loudnessOutliers.map {
        String(format: "%@: %.1f LUFS", $0.path, $0.loudness ?? 0)
      })
    if lines.count == found + 2 { lines.append("  nothing wrong") }
  }

  private mutating func list(_ title: String, _ examples: MetadataSummary.Examples) {
    list(title, examples.names, count: examples.count)
  }

  /// - Parameter count: of all, where only some are given.
  private mutating func list(_ title: String, _ items: [String], count: Int? = nil) {
    guard !items.isEmpty else { return }
    let count = count ?? items.count
    lines.append(
      "  " + title.padding(toLength: 18, withPad: " ", startingAt: 0)
        + leftPadded("\(count)", to: 5) + "  " + items[0])
    let indent = String(repeating: " ", count: 27)
    let shown = namesAll ? items.count : Self.few
    for item in items.dropFirst().prefix(shown - 1) { lines.append(indent + item) }
    let named = min(shown, items.count)
    if count > named { lines.append(indent + "and \(count - named) more") }
  }

  private mutating func advise() {
    lines += ["", "advice"]
    for (number, text) in inspection.advice.enumerated() {
      let wrapped = wrap(text, width: 92)
      lines.append(String(format: "  %2d. %@", number + 1, wrapped[0]))
      lines += wrapped.dropFirst().map { "      " + $0 }
    }
  }
}

/// "44100 Hz 12, 48000 Hz 3", the most frequent first.
private func counts(_ values: [String]) -> String {
  Dictionary(grouping: values) { $0 }.map { (name: $0, count: $1.count) }
    .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    .map { "\($0.name) \($0.count)" }.joined(separator: ", ")
}

private func seconds(_ value: Double) -> String {
  value < 60 ? String(format: "%.2f s", value) : duration(value)
}

private func plural(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}

private func leftPadded(_ text: String, to width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

private func wrap(_ text: String, width: Int) -> [String] {
  var lines = [""]
  for word in text.split(separator: " ") {
    if lines[lines.count - 1].count + word.count + 1 > width, !lines[lines.count - 1].isEmpty {
      lines.append(String(word))
    } else {
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
  }
  return lines
}
