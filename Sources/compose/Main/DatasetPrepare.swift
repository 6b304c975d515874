import ArgumentParser
import Audio
import Corpus
import Foundation
import Spectro
import Terminal

struct DatasetPrepare: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract:
      "Decodes a folder of audio once, into a folder that compose train starts from at once.",
    discussion: """
      compose train does this by itself, in the user's cache; a folder of one's own can be moved to \
      another machine. Captions and numbers of metadata.csv go with it; when only these have changed, \
      preparing again reads them alone. A preparation that was stopped or killed goes on where it was; for a folder \
      that is whole, the checksums of its sound are compared. It holds 16-bit samples at the preset's \
      rate, 2 bytes a sample and channel: 160 MB for an hour of standard and draft, 320 MB of oneshots, \
      640 MB of studio.

      Examples:
        compose dataset prepare ~/Music/my-loops my-loops.set
        compose train my-loops.set
      """)

  @Argument(help: "Folder of audio files; sub-folders are labels.")
  var dataset: String

  @Argument(help: "Folder to make.")
  var output: String

  @Option(
    help:
      "\(SpectrogramPreset.allCases.map(\.rawValue).joined(separator: ", ")); decides the rate and the channels."
  )
  var preset = SpectrogramPreset.standard

  func run() throws {
    let folder = try AudioFolder(dataset)
    let home = URL(fileURLWithPath: output, isDirectory: true)
    let interruption = Interruption()
    let check = { @Sendable in if interruption.isRequested { throw CommandError.interrupted } }
    let line = SharedProgressLine()
    defer { line.finish() }
    let start = ContinuousClock.now
    let preparation = try Preparation(
      folder: folder, channels: preset.channelCount, settings: preset.settings, output: home)
    let (set, wasWhole) = try preparation.run(
      progress: { done, all in
        line.update("reading audio: \(done) of \(all) files")
      }, check: check)
    if wasWhole {
      try set.verify { done, all in line.update("comparing checksums: \(done) of \(all) shards") }
    }
    line.finish()
    let skipped = try set.skipped()
    for file in skipped.prefix(10) { Terminal.note("skipped \(file.path): \(file.reason)") }
    if skipped.count > 10 { Terminal.note("skipped \(skipped.count - 10) more") }
    let spent = start.duration(to: .now) / .seconds(1)
    Terminal.result(
      "\(output): \(set.clipCount) files, \(hours(set.seconds)), \(set.format), \(skipped.count) "
        + "skipped, "
        + (wasWhole
          ? "prepared before, checksums are right"
          : String(format: "in %.1f s (%.0f times real time)", spent, set.seconds / spent)))
    Terminal.result("train: compose train \(output)")
  }
}

/// 1234.5 → "20.6 minutes"; 12345 → "3.43 hours".
func hours(_ seconds: Double) -> String {
  seconds < 3600
    ? String(format: "%.1f minutes", seconds / 60) : String(format: "%.2f hours", seconds / 3600)
}
