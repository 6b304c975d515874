import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Spectro
import Torch

@main
struct Compose: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turns a folder of your own audio into a generator of new music.",
    discussion: """
      Train on a folder of WAV, FLAC, OGG, MP3, AIFF or Opus files; its sub-folders become labels:
        compose train my-loops

      Then generate:
        compose generate --model my-loops-model --seconds 30
      """,
    version: "0.1.0",
    subcommands: [Train.self, Generate.self, Info.self])

  /// Parses and runs; an error ends in one line and an exit code of sysexits.h.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard let code = exitCode(ofFailure: error) else { exit(withError: error) }
      Terminal.clearLine()
      Terminal.note("compose: \(error)")
      Foundation.exit(code)
    }
  }

  /// Nil for what ArgumentParser reports itself: usage errors, `--help`, `--version`.
  private static func exitCode(ofFailure error: any Error) -> Int32? {
    switch error {
    case is AudioError, is SpectroError, is ModelError: 65  // EX_DATAERR
    case TorchError.outOfMemory: 71  // EX_OSERR
    case is TorchError: 70  // EX_SOFTWARE
    case is CommandError: 65
    case let cocoa as CocoaError:
      cocoa.code.rawValue == 0 ? nil : 74  // EX_IOERR
    default: nil
    }
  }
}

/// What only the command line can get wrong.
enum CommandError: Error, CustomStringConvertible {
  case exists(String)
  case unsupportedOutput(String, choices: String)
  case noShippedModel(String)
  case noCUDA

  var description: String {
    switch self {
    case .exists(let path):
      "\(path) exists already: add --overwrite, or choose another --output"
    case .unsupportedOutput(let path, let choices):
      "cannot tell the format from the name \(path): end it in \(choices)"
    case .noShippedModel(let path):
      "the model that ships with compose is not at \(path): run from the project's folder, or name "
        + "a model with --model"
    case .noCUDA:
      "this machine or this build has no CUDA: use --device cpu, or build with LIBTORCH set to a "
        + "CUDA build of torch"
    }
  }
}
