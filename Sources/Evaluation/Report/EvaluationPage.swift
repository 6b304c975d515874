public import Audio
import Foundation
import Pages
import Spectro

/// An evaluation on one page that opens from disk: figures, pictures and sounds of clips that nobody
/// chose, and the nearest training passages beside what is near to them.
public struct EvaluationPage {
  private let report: EvaluationReport
  private let real, generated: AudioFolder
  private let training: AudioFolder?
  private let analysis: MelSpectrogram

  /// Clips of each set.
  private static let clips = 16
  private static let copies = 6
  private static let clipSeconds = 6.0

  /// - Parameters:
  ///   - report: of these folders.
  ///   - training: where the report has copies to show.
  public init(
    _ report: EvaluationReport, real: AudioFolder, generated: AudioFolder,
    training: AudioFolder? = nil
  ) throws {
    (self.report, self.real, self.generated, self.training) = (report, real, generated, training)
    analysis = try MelSpectrogram(SpectrogramSettings(sampleRate: report.sampleRate))
  }

  /// - Throws: `AudioError` for a sound that cannot be read any more, or not be encoded.
  public func html() throws -> String {
    let sections = try [
      header,
      HTMLPage.section("Generated and real", gallery()),
      report.tables.map { HTMLPage.section(sentence($0.title), table($0)) }.joined(separator: "\n"),
      report.memorisation.map { try HTMLPage.section("Copies", copies(of: $0)) } ?? "",
      report.notes.isEmpty
        ? ""
        : HTMLPage.section(
          "Notes", "<ul>\(report.notes.map { "<li>\(escaped($0))</li>" }.joined())</ul>"),
    ]
    return HTMLPage(title: "Evaluation", body: sections.joined(separator: "\n")).html
  }

  private var header: String {
    func count(_ set: EvaluationReport.SetSummary) -> String {
      String(format: "%d files, %.1f min", set.files, set.seconds / 60)
    }
    var facts: [(String, String)] = [
      (count(report.generated), "generated: \(report.generated.path)"),
      (count(report.real), "real: \(report.real.path)"),
    ]
    for comparison in report.comparisons {
      if let way = (comparison.frechet ?? comparison.kernel)?.wayClosed {
        facts.append(
          (String(format: "%.0f %%", 100 * way), "of the way closed, \(comparison.name)"))
      }
      if let coverage = comparison.fidelity[.generated]?.coverage {
        facts.append((String(format: "%.2f", coverage), "coverage, \(comparison.name)"))
      }
    }
    if let audit = report.memorisation, let nearer = audit.nearer {
      facts.append(("\(nearer) of \(audit.matches.count)", "nearer to training than real music"))
    }
    let boxes = facts.map { "<div><b>\(escaped($0.0))</b><span>\(escaped($0.1))</span></div>" }
    return """
      <header>
      <h1>Generated music beside real music</h1>
      <p class="lead">\(escaped(lead))</p>
      <div class="facts">
      \(boxes.joined(separator: "\n"))
      </div>
      </header>
      """
  }

  private var lead: String {
    String(
      format:
        "Windows of %g s at %d Hz, mono. The floor is real music against other real music: no "
        + "model does better. Inverted is real music through a spectrogram and back, shuffled the same in "
        + "the wrong order; the way is closed from shuffled to the floor.",
      report.windowSeconds, report.sampleRate)
  }

  /// In one row a generated clip, in the next a real one; drawn by lot.
  private func gallery() throws -> String {
    let (made, played) = (try figures(of: generated, seed: 5), try figures(of: real, seed: 6))
    let note = String(
      format:
        "%d clips of each, drawn by lot, %g s from the middle of each file. Time runs to the right, "
        + "frequency up to %.1f kHz; bright is loud.", Self.clips, Self.clipSeconds,
      analysis.settings.topFrequency / 1000)
    return """
      <p class="note">\(note)</p>
      <h3>Generated</h3>
      <div class="gallery">\(made)</div>
      <h3>Real</h3>
      <div class="gallery">\(played)</div>
      """
  }

  private func figures(of folder: AudioFolder, seed: UInt64) throws -> String {
    var generator = SeededGenerator(seed: seed)
    var figures: [String] = []
    for file in folder.files.shuffled(using: &generator) {
      if figures.count == Self.clips { break }
      // What cannot be read has been named by the report.
      guard
        let sound = try? AudioBuffer(middleOf: folder.fullPath(file), seconds: Self.clipSeconds)
      else { continue }
      figures.append(try figure(sound, caption: file.path))
    }
    return figures.joined(separator: "\n")
  }

  private func figure(_ sound: AudioBuffer, caption: String) throws -> String {
    let samples = try sound.mono().resampled(to: report.sampleRate).channels[0]
    let logMel = analysis.logMel(of: samples)
    let picture = Canvas(of: logMel, range: logMel.pictureRange(analysis.settings))
    let player = AudioBuffer(channels: [samples], sampleRate: report.sampleRate)
      .limited(toPeak: 0.99)
    return """
      <figure>\
      \(HTMLPage.image(png: try picture.png(), alternative: "Spectrogram of \(caption)"))\
      \(HTMLPage.player(mp3: try mp3(of: player)))\
      <figcaption>\(escaped(caption))</figcaption></figure>
      """
  }

  private func table(_ table: FigureTable) -> String {
    let head = table.columns.map { "<th>\(escaped($0))</th>" }.joined()
    let rows = table.rows.map { row in
      "<tr><th>\(escaped(row.name))</th>"
        + row.cells.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>"
    }
    let notes = table.notes.map { "<p class=\"note\">\(escaped($0))</p>" }
    return """
      <table class="figures"><tr><th></th>\(head)</tr>
      \(rows.joined(separator: "\n"))
      </table>
      \(notes.joined())
      """
  }

  /// The nearest excerpts, each above what it is near to.
  private func copies(of audit: MemorisationAudit) throws -> String {
    var pairs: [String] = []
    for match in audit.matches.prefix(Self.copies) {
      guard let training else { break }
      let passage = try passage(generated.path + "/" + match.file, at: match.time)
      let origin = try self.passage(
        training.path + "/" + match.trainingFile, at: match.trainingTime)
      let similarity = String(format: "%.3f", match.similarity)
      pairs.append(
        "<div>"
          + (try figure(
            passage,
            caption: String(format: "%@ at %.1f s, similarity ", match.file, match.time)
              + similarity))
          + (try figure(
            origin, caption: String(format: "%@ at %.1f s", match.trainingFile, match.trainingTime)))
          + "</div>")
    }
    return "<ul>\(audit.summary.map { "<li>\(escaped($0))</li>" }.joined())</ul>"
      + "<h3>The nearest, and below each what it is near to</h3>"
      + "<div class=\"gallery\">\(pairs.joined(separator: "\n"))</div>"
  }

  /// As long as what was looked for, or up to the file's end.
  private func passage(_ path: String, at seconds: Double) throws -> AudioBuffer {
    let reader = try AudioReader(path)
    let rate = Double(reader.sampleRate)
    let length = MemorisationAudit.passageSeconds
    let start = max(0, min(Int(seconds * rate), (reader.sampleCount ?? .max) - 1))
    let end = min(start + Int(length * rate), reader.sampleCount ?? .max)
    return try AudioBuffer(contentsOf: path, range: start..<max(end, start + 1))
  }

  private func sentence(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
