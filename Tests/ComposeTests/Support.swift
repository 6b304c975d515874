import Audio
import Foundation
import Testing

/// What a run of the program left behind.
struct Outcome {
  var status: Int32
  /// What it wrote to standard output.
  var output: String
  /// What it wrote to standard error.
  var errors: String

  /// The last line of `errors`, which is the message where a run fails.
  var message: String { errors.split(separator: "\n").last.map(String.init) ?? "" }
}

/// A run of the program that is still going on.
final class Run {
  /// The program that was built with these tests.
  static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("compose")

  private let process = Process()
  private let folder: URL

  /// - Parameters:
  ///   - arguments: after the program's name.
  ///   - current: the current folder of the run.
  ///   - fileSizeLimit: in blocks of 512 bytes; a file that would grow beyond fails as on a full disk.
  ///   - memoryLimit: of address space, KiB.
  ///   - program: the program to run.
  ///   - environment: added to this process's.
  init(
    _ arguments: [String], in current: URL, cache: URL, fileSizeLimit: Int? = nil,
    memoryLimit: Int? = nil,
    program: URL = Run.program, environment added: [String: String] = [:]
  ) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if fileSizeLimit != nil || memoryLimit != nil {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      let limits = [("f", fileSizeLimit), ("v", memoryLimit)].compactMap { flag, limit in
        limit.map { "ulimit -\(flag) \($0); " }
      }
      let script = "trap '' XFSZ; \(limits.joined())exec \"$@\""
      process.arguments = ["-c", script, "sh", program.path] + arguments
    } else {
      process.executableURL = program
      process.arguments = arguments
    }
    process.currentDirectoryURL = current
    var environment = ProcessInfo.processInfo.environment
    environment["XDG_CACHE_HOME"] = cache.path
    environment.merge(added) { $1 }
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try handle("output")
    process.standardError = try handle("errors")
    try withDefaultSignals { try process.run() }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  var processIdentifier: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }
  var output: String { text("output") }
  var errors: String { text("errors") }

  /// Bytes that it has in memory now.
  var residentMemory: Double {
    let path = "/proc/\(process.processIdentifier)/statm"
    let fields = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: " ")
    return fields.count > 1 ? (Double(fields[1]) ?? 0) * Double(getpagesize()) : 0
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Returns once `condition` holds or the run has ended.
  func wait(until condition: () -> Bool) {
    while isRunning && !condition() { usleep(500) }
  }

  func outcome() -> Outcome {
    process.waitUntilExit()
    let killed = process.terminationReason == .uncaughtSignal
    return Outcome(
      status: killed ? -process.terminationStatus : process.terminationStatus, output: output,
      errors: errors)
  }

  private func handle(_ name: String) throws -> FileHandle {
    let file = folder.appendingPathComponent(name)
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }

  private func text(_ name: String) -> String {
    (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
  }
}

/// Starts a program as a shell does. The threads of tests have signals blocked, and tests that run in the
/// background ignore some: both would be the program's, too.
private func withDefaultSignals(_ start: () throws -> Void) rethrows {
  var (none, before) = (sigset_t(), sigset_t())
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, &before)
  defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
  let handlers = [SIGINT, SIGTERM, SIGHUP].map { (number: $0, handler: signal($0, SIG_DFL)) }
  defer { for (number, handler) in handlers { signal(number, handler) } }
  try start()
}

/// A folder of tones under two labels, and a model that has been trained on them for two steps.
struct Workshop {
  /// Of the suite that a test is in.
  @TaskLocal static var current: Workshop?

  let folder: URL
  /// How the training ended.
  let training: Outcome

  var data: URL { folder / "data" }
  var model: URL { folder / "model" }
  var cache: URL { folder / "cache" }

  init(_ folder: URL) throws {
    self.folder = folder
    for (name, frequency) in [("low/a", 220.0), ("low/b", 330), ("high/c", 1400)] {
      try (folder / "data").write(tone(seconds: 4, frequency: frequency), to: name + ".wav")
    }
    let run = try Run(
      [
        "train", "data", "--output", "model", "--preset", "draft", "--steps", "2",
        "--batch-size", "2", "--threads", "1", "--precision", "float32",
      ], in: folder, cache: folder / "cache")
    training = run.outcome()
  }
}

/// Gives a suite one workshop for all its tests.
struct WorkshopTrait: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let folder =
      FileManager.default.temporaryDirectory.resolvingSymlinksInPath() / UUID().uuidString
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await Workshop.$current.withValue(Workshop(folder)) { try await function() }
  }
}

extension Trait where Self == WorkshopTrait {
  static var workshop: WorkshopTrait { WorkshopTrait() }
}

/// Runs of the program, one after another: each takes the cores it gets.
@Suite(.serialized, .workshop) enum CommandLineTests {}

/// A test's own empty folder, and the workshop of its suite.
struct Bench {
  let workshop: Workshop
  let folder: URL

  /// Calls `body` with a bench whose folder is then removed.
  static func with(_ body: (Bench) throws -> Void) throws {
    let workshop = try #require(Workshop.current)
    let folder =
      FileManager.default.temporaryDirectory.resolvingSymlinksInPath() / UUID().uuidString
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(Bench(workshop: workshop, folder: folder))
  }

  /// Runs the program in this folder.
  func compose(
    _ arguments: String..., fileSizeLimit: Int? = nil, memoryLimit: Int? = nil
  ) throws -> Outcome {
    try Run(
      arguments, in: folder, cache: workshop.cache, fileSizeLimit: fileSizeLimit,
      memoryLimit: memoryLimit
    ).outcome()
  }

  /// Generates with the workshop's model, in few steps.
  func generate(_ arguments: String..., fileSizeLimit: Int? = nil) throws -> Outcome {
    try Run(
      ["generate", "--model", workshop.model.path, "--steps", "3", "--threads", "1"] + arguments,
      in: folder, cache: workshop.cache, fileSizeLimit: fileSizeLimit
    ).outcome()
  }

  /// The run failed with this status and, as its only line on standard error, this message; nothing
  /// else is in the folder than was there.
  func expect(
    _ outcome: Outcome, failsWith status: Int32 = EX_DATAERR, _ message: String,
    leaving names: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(outcome.status == status, sourceLocation: sourceLocation)
    #expect(outcome.errors == "compose: \(message)\n", sourceLocation: sourceLocation)
    #expect(try contents(folder) == names, sourceLocation: sourceLocation)
  }
}

/// A tone with a little vibrato at 22.05 kHz.
func tone(seconds: Double, frequency: Double = 440) -> AudioBuffer {
  let samples = (0..<Int(seconds * 22050)).map { index in
    let time = Double(index) / 22050
    return Float(0.5 * sin(2 * Double.pi * frequency * time + 3 * sin(30 * time)))
  }
  return AudioBuffer(channels: [samples], sampleRate: 22050)
}

/// The energy of a sound by that of its difference from another, in decibels.
func signalToNoise(_ sound: [Float], _ other: [Float]) -> Float {
  func energy(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 } }
  return 10 * log10(energy(sound) / max(energy(zip(sound, other).map { $0 - $1 }), 1e-12))
}

/// Threads that may be asked for.
let mostThreads = max(16, 2 * ProcessInfo.processInfo.processorCount)

/// The names in a folder, hidden ones too, in order.
func contents(_ folder: URL) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
}

extension URL {
  /// A file or folder below this folder.
  static func / (folder: URL, name: String) -> URL { folder.appendingPathComponent(name) }

  /// Writes a file below this folder, making the folders that it lies in.
  func write(_ audio: AudioBuffer, to name: String) throws {
    try makeParent(of: name)
    try audio.write(to: (self / name).path)
  }

  func write(_ text: String, to name: String) throws {
    try makeParent(of: name)
    try Data(text.utf8).write(to: self / name)
  }

  private func makeParent(of name: String) throws {
    try FileManager.default.createDirectory(
      at: (self / name).deletingLastPathComponent(), withIntermediateDirectories: true)
  }
}
