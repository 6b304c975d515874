import Audio
import Corpus
import Foundation
import MusicDiffusion
import Terminal

/// The folder's files as a preset sees them, prepared if they are not yet; tells what is skipped.
func loadDataset(_ dataset: String, _ preset: Preset, heldOut: Double) throws -> Dataset {
  let url = URL(fileURLWithPath: dataset, isDirectory: true)
  let data =
    try PreparedSet.isPrepared(url)
    ? Dataset(prepared: url, representation: preset.representation, heldOut: heldOut)
    : prepare(dataset, preset, heldOut: heldOut)
  for skipped in data.skipped.prefix(10) {
    Terminal.note("skipped \(skipped.path): \(skipped.reason)")
  }
  if data.skippedCount > 10 {
    Terminal.note(
      "skipped \(data.skippedCount - 10) more, listed in skipped.txt in the model's folder")
  }
  if data.skipped.contains(where: \.isTooShort) {
    Terminal.note("(--preset oneshots takes short clips too, and fills them up with silence)")
  }
  return data
}

private func prepare(_ dataset: String, _ preset: Preset, heldOut: Double) throws -> Dataset {
  let folder = try AudioFolder(dataset)
  let interruption = Interruption(message: "stopping; Ctrl-C again ends at once")
  return try withProgress { line in
    try Dataset(folder: folder, representation: preset.representation, heldOut: heldOut) {
      done, all in
      line.update("reading audio: \(done) of \(all) files")
    } check: {
      if interruption.isRequested { throw CommandError.interrupted }
    }
  }
}

/// Writes the names of what could not be used, and why, into the model's folder.
func listSkipped(_ data: Dataset, in folder: URL) throws {
  let more = data.skippedCount - data.skipped.count
  let lines =
    data.skipped.map { "\($0.path): \($0.reason)\n" }.joined()
    + (more > 0 ? "and \(more) more that are too short\n" : "")
  let file = folder.appendingPathComponent("skipped.txt")
  do {
    try Data(lines.utf8).write(to: file, options: .atomic)
  } catch {
    throw ModelError.cannotWrite(file.relativePath, reason: error.localizedDescription)
  }
}

private func withProgress<R>(_ body: (SharedProgressLine) throws -> R) rethrows -> R {
  let line = SharedProgressLine()
  defer { line.finish() }
  return try body(line)
}
