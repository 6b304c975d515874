import Audio
import Corpus
import Foundation
import MusicDiffusion
import Terminal

/// The folder's files as a network sees them, prepared if they are not yet; tells what is skipped.
func loadDataset(
  _ dataset: String, _ representation: Representation, heldOut: Double, interruption: Interruption
) throws -> Dataset {
  let url = URL(fileURLWithPath: dataset, isDirectory: true)
  let data =
    try PreparedSet.isPrepared(url)
    ? Dataset(prepared: url, representation: representation, heldOut: heldOut)
    : prepare(dataset, representation, heldOut: heldOut, interruption: interruption)
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

/// That the model will not lie among what it is trained on.
func checkLiesOutside(_ data: String, _ folder: URL) throws {
  var isFolder: ObjCBool = true
  if FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder),
    !isFolder.boolValue
  {
    throw CommandError.notAFolder(folder.relativePath)
  }
  func parts(_ url: URL) -> [String] {
    url.standardizedFileURL.resolvingSymlinksInPath().pathComponents
  }
  if parts(folder).starts(with: parts(URL(fileURLWithPath: data, isDirectory: true))) {
    throw CommandError.insideData(folder.relativePath)
  }
}

private func prepare(
  _ dataset: String, _ representation: Representation, heldOut: Double, interruption: Interruption
) throws -> Dataset {
  let folder = try AudioFolder(dataset)
  return try withProgress { line in
    try Dataset(folder: folder, representation: representation, heldOut: heldOut) {
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
  try writeAtomically(Data(lines.utf8), to: folder.appendingPathComponent("skipped.txt"))
}

private func withProgress<R>(_ body: (SharedProgressLine) throws -> R) rethrows -> R {
  let line = SharedProgressLine()
  defer { line.finish() }
  return try body(line)
}
