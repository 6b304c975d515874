import ArgumentParser
import Audio
import Evaluation
import Foundation
import Terminal

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract:
      "Judges generated music: how near to real music it is, how varied, and what is copied.",
    discussion: """
      REAL-DIR holds music that the model was not trained on, GENERATED-DIR what it made. All is cut into \
      windows of 3 s and compared in features that need no download; Docs/evaluation.md has the formulas.

      Beside every distance stand the points that say what it means: other files of the real set (the \
      floor: no model does better), real music that went through a spectrogram and back, real music in \
      the wrong order (pieces of a quarter of a second, shuffled), and noise. "Way closed" is how far the \
      generated music has come from the wrong order (0 %) to the floor (100 %).

      Precision and density fall where music sounds unlike any real music; recall and coverage where a \
      model makes little of what there is.

      With --train, each generated excerpt of 6 s is looked for in the training set, at every time. The \
      nearest 1 % of real excerpts, looked for in the same way, say how near is no copy.

      64 clips of 6 s and as many minutes of held-out music make a start; figures for which there is too \
      little say so.

      Examples:
        compose generate --model my-loops-model --count 64 --seconds 6 --output generated/clip.wav
        compose evaluate held-out generated
        compose evaluate held-out generated --train my-loops --json figures.json --html figures.html
      """)

  @Argument(
    help: ArgumentHelp("Folder of real music, kept out of the training.", valueName: "real-dir"))
  var real: String

  @Argument(help: ArgumentHelp("Folder of generated music.", valueName: "generated-dir"))
  var generated: String

  @Option(
    help: ArgumentHelp(
      "Folder that the model was trained on, to look for copies.", valueName: "dir"))
  var train: String?

  @Option(help: ArgumentHelp("Writes all figures to a file.", valueName: "file"))
  var json: String?

  @Option(
    help: ArgumentHelp(
      "Writes a page with figures, pictures and sounds, which opens from disk.", valueName: "file"))
  var html: String?

  @Option(
    help: ArgumentHelp(
      """
      Weights of VGGish, a .safetensors file of torchvggish's tensors, to measure the Fréchet audio \
      distance as well.
      """, valueName: "file"))
  var vggish: String?

  @Option(parsing: .unconditional, help: "Seconds of a window; shorter files count whole.")
  var window = 3.0

  @Option(
    parsing: .unconditional,
    help: """
      Hz at which all is compared. Default: the highest that both folders have, up to 44100; with \
      22050, nothing above 11 kHz counts.
      """)
  var sampleRate: Int?

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  func validate() throws {
    guard window >= 0.5, window <= 60 else { throw ValidationError("--window must be 0.5 to 60.") }
    if let json, let html, URL(fileURLWithPath: json).path == URL(fileURLWithPath: html).path {
      throw ValidationError("--json and --html must name two files.")
    }
    guard sampleRate.map({ (8000...192_000).contains($0) }) ?? true else {
      throw ValidationError("--sample-rate must be 8000 to 192000.")
    }
  }

  func run() throws {
    for file in [json, html].compactMap(\.self) {
      if !overwrite, FileManager.default.fileExists(atPath: file) {
        throw CommandError.exists(file)
      }
      try makeFolder(of: file)
    }
    let (real, generated) = (try AudioFolder(real), try AudioFolder(generated))
    let training = try train.map { try AudioFolder($0) }
    let network = try vggish.map { try VGGish(contentsOf: $0) }
    let interruption = Interruption()
    let line = SharedProgressLine()
    defer { line.finish() }
    let clock = StageClock()
    let report = try EvaluationReport(
      real: real, generated: generated, training: training, windowSeconds: window,
      sampleRate: sampleRate, vggish: network
    ) { stage, done, all in
      line.update(clock.text(stage, done, all))
    } check: {
      if interruption.isRequested { throw CommandError.stopped }
    }
    line.finish()
    EvaluationText(report).lines.forEach(Terminal.result)
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try write(encoder.encode(report), to: json)
    }
    if let html {
      line.update("pictures and sounds")
      let page = try EvaluationPage(
        report, real: real, generated: generated, training: training)
      try write(Data(page.html().utf8), to: html)
    }
  }

  private func write(_ data: Data, to path: String) throws {
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CommandError.cannotWrite(path, reason: error.localizedDescription)
    }
    Terminal.clearLine()
    Terminal.note("wrote \(path)")
  }
}

/// What is being done, and how long it will still take.
private final class StageClock: @unchecked Sendable {
  private let lock = NSLock()
  private var stage: EvaluationReport.Stage?
  private var start = ContinuousClock.now

  func text(_ stage: EvaluationReport.Stage, _ done: Int, _ all: Int) -> String {
    lock.withLock {
      // The stages' calls come one at a time, and their first with one file done.
      if stage != self.stage { (self.stage, start) = (stage, self.stage == nil ? start : .now) }
      let what =
        switch stage {
        case .real: "real music"
        case .generated: "generated music"
        case .comparing: "comparing sets"
        case .patches: "Fréchet audio distance"
        case .training: "looking for copies"
        }
      if stage == .comparing { return what }
      let spent = start.duration(to: .now) / .seconds(1)
      let left =
        done > 0 && spent > 1 ? ", \(duration(spent / Double(done) * Double(all - done))) left" : ""
      let unit = stage == .patches ? "parts" : "files"
      return "\(what): \(done) of \(all) \(unit)\(left)"
    }
  }
}
