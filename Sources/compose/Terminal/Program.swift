public import ArgumentParser
import Audio
import Foundation
import Spectro

public let programVersion = "0.1.0"

/// Parses the arguments as `root` and runs the command they name; an error ends in one line and an
/// exit code of sysexits.h.
///
/// - Parameters:
///   - arguments: the process's, without its name, when nil.
///   - exitCode: of errors that only this program knows; nil for others.
public func runProgram<Root: ParsableCommand>(
  _ root: Root.Type, arguments: [String]? = nil, exitCode: (any Error) -> Int32? = { _ in nil }
) {
  do {
    var command = try root.parseAsRoot(arguments)
    try command.run()
  } catch {
    let code =
      switch error {
      case CommandError.interrupted, CommandError.stopped, CommandError.packStopped,
        CommandError.generationStopped:
        128 + SIGINT
      case is AudioError, is SpectroError, is CommandError: EX_DATAERR
      default: exitCode(error) ?? root.exitCode(for: error).rawValue
      }
    // Asked-for help and versions are no failures.
    if code == EXIT_SUCCESS { root.exit(withError: error) }
    Terminal.clearLine()
    Terminal.note("compose: \(code == EX_USAGE ? usage(error, of: root) : "\(error)")")
    exit(code)
  }
}

/// ArgumentParser's message, and where the options are explained.
private func usage<Root: ParsableCommand>(_ error: any Error, of root: Root.Type) -> String {
  var (command, candidates) = ("", root.configuration.subcommands)
  for word in CommandLine.arguments.dropFirst() {
    guard let named = candidates.first(where: { $0.configuration.commandName == word }) else {
      break
    }
    command += " " + word
    candidates = named.configuration.subcommands
  }
  // A choice among many comes as a list of lines.
  let lines = root.message(for: error).split(separator: "\n")
    .map { $0.trimmingCharacters(in: .whitespaces) }
  let choices = lines.dropFirst().map { $0.hasPrefix("- ") ? String($0.dropFirst(2)) : $0 }
  let message = ([lines.first] + [choices.joined(separator: ", ")]).compactMap(\.self)
    .filter { !$0.isEmpty }.joined(separator: " ")
  return "\(message)\(message.hasSuffix(".") ? "" : ".") See compose\(command) --help."
}
