import ArgumentParser
import Foundation
import Terminal

// What `compose --help` lists of the other program's commands.

struct Train: DiffusionStub {
  static let command = DiffusionCommand.train
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Tune: DiffusionStub {
  static let command = DiffusionCommand.tune
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Generate: DiffusionStub {
  static let command = DiffusionCommand.generate
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Pack: DiffusionStub {
  static let command = DiffusionCommand.pack
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Continue: DiffusionStub {
  static let command = DiffusionCommand.continue
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Inpaint: DiffusionStub {
  static let command = DiffusionCommand.inpaint
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Vary: DiffusionStub {
  static let command = DiffusionCommand.vary
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Interpolate: DiffusionStub {
  static let command = DiffusionCommand.interpolate
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Explain: DiffusionStub {
  static let command = DiffusionCommand.explain
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Info: DiffusionStub {
  static let command = DiffusionCommand.info
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Distill: DiffusionStub {
  static let command = DiffusionCommand.distill
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct EMA: DiffusionStub {
  static let command = DiffusionCommand.ema
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct Export: DiffusionStub {
  static let command = DiffusionCommand.export
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// A command that becomes `compose-diffusion`.
protocol DiffusionStub: ParsableCommand {
  static var command: DiffusionCommand { get }
  var arguments: [String] { get }
}

extension DiffusionStub {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: command.rawValue, abstract: command.abstract, helpNames: [])
  }

  func run() throws { try Self.command.replaceProgram(with: arguments) }
}

extension DiffusionCommand {
  /// Goes on as `compose-diffusion`, which lies beside this program. Returns only by throwing.
  func replaceProgram(with arguments: [String]) throws {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("compose-diffusion").path
    var words: [UnsafeMutablePointer<CChar>?] = ([program, rawValue] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    // By default libgomp's threads spin for milliseconds where one waits for the other, which on a
    // busy machine takes the time that the other needs: 20 to 36 s for a piece that takes 4 s alone,
    // and 12 s with this count, which costs nothing on an idle one.
    setenv("GOMP_SPINCOUNT", "3000", 0)
    execv(program, &words)
    throw CommandError.missingProgram(program)
  }
}
