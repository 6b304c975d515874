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
    subcommands: [Train.self, Generate.self, SpectrogramCommand.self, Info.self])

  /// Parses and runs; an error ends in one line and an exit code of sysexits.h.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      let code = code(of: error)
      // Asked-for help and versions are no failures.
      if code == EXIT_SUCCESS { exit(withError: error) }
      Terminal.clearLine()
      Terminal.note("compose: \(code == EX_USAGE ? usage(error) : "\(error)")")
      Foundation.exit(code)
    }
  }

  private static func code(of error: any Error) -> Int32 {
    switch error {
    case is AudioError, is SpectroError, is ModelError, is CommandError: EX_DATAERR
    case TorchError.outOfMemory: EX_OSERR
    case is TorchError: EX_SOFTWARE
    default: exitCode(for: error).rawValue
    }
  }

  /// ArgumentParser's message, and where the options are explained.
  private static func usage(_ error: any Error) -> String {
    let named = CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("-") }
    let commands = configuration.subcommands.compactMap { $0.configuration.commandName }
    let command = named.first.flatMap { commands.contains($0) ? " " + $0 : nil } ?? ""
    let message = message(for: error)
    return "\(message)\(message.hasSuffix(".") ? "" : ".") See compose\(command) --help."
  }
}

/// What only the command line can get wrong.
enum CommandError: Error, CustomStringConvertible {
  case exists(String)
  case unsupportedOutput(String, choices: String)
  case noShippedModel(String)
  case unknownSettings(String)
  case uselessOptions(String, because: String)
  case cannotWrite(String, reason: String)
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
    case .uselessOptions(let options, let reason):
      "\(reason): leave out \(options)"
    case .cannotWrite(let path, let reason):
      "cannot write to \(path): \(reason)"
    case .unknownSettings(let path):
      "\(path) does not say what made it: give --sample-rate, and --fft-size and --hop-length if they "
        + "are not 2048 and 512"
    case .noCUDA:
      "this machine or this build has no CUDA: use --device cpu, or build with LIBTORCH set to a "
        + "CUDA build of torch"
    }
  }
}
