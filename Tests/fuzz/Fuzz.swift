import ArgumentParser
import Foundation
import Fuzzing

/// Reads damaged files in processes of their own, so that a crash or a hang is one finding more and
/// not the end.
@main
struct Fuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scripts/fuzz",
    abstract: "Damages files and gives them to every reader of the package.",
    discussion: """
      A reader may take a file or refuse it with one of the package's errors. A crash, a hang, \
      memory out of proportion, an error of another kind, a file left open or nonsense that was \
      taken for sound is a finding: the file and what was printed go to the folder of findings and \
      the exit status is 1. The same seed makes the same files.
      """)

  @Option(help: "Files to read, of all kinds together.")
  var count = 20_000
  @Option(help: "Go on for this long, whatever the count.")
  var minutes: Double?
  @Option(help: "Decides the damage.")
  var seed: UInt64 = 1
  @Option(help: "Kinds of files, such as wav,png; all of them by default.")
  var only: String?
  @Option(help: "Processes at a time.")
  var jobs = ProcessInfo.processInfo.activeProcessorCount
  @Option(help: "Seconds that one file may take.")
  var timeout: UInt32 = 20
  @Option(help: "The folder for files that show a defect.")
  var findings = "fuzz-findings"
  @Option(help: "Read this one file; its name begins with its kind, or --only gives it.")
  var replay: String?

  @Option(help: .hidden) var workFolder: String?
  @Option(help: .hidden) var first = 0
  @Option(help: .hidden) var step = 1
  @Option(help: .hidden) var deadline: Double?

  func validate() throws {
    guard count > 0, jobs > 0, timeout > 0, minutes ?? 1 > 0 else {
      throw ValidationError("--count, --minutes, --jobs and --timeout must be greater than 0.")
    }
  }

  func run() throws {
    let subjects = try subjects()
    if let replay {
      try self.replay(replay, subjects)
    } else if let workFolder {
      try Worker(self, subjects, folder: workFolder).run()
    } else {
      let found = try Campaign(self, subjects).run()
      if found > 0 { throw ExitCode(1) }
    }
  }

  private func subjects() throws -> [Subject] {
    let all = try Subject.all()
    guard let only else { return all }
    return try only.split(separator: ",").map { name in
      guard let subject = all.first(where: { $0.name == name }) else {
        let known = all.map(\.name).joined(separator: ", ")
        throw ValidationError("--only knows \(known), not \(name).")
      }
      return subject
    }
  }

  private func replay(_ path: String, _ subjects: [Subject]) throws {
    let name = URL(fileURLWithPath: path).lastPathComponent
    let kind =
      subjects.count == 1 ? subjects[0].name : String(name.prefix { $0.isLetter || $0.isNumber })
    guard let subject = subjects.first(where: { $0.name == kind }) else {
      throw ValidationError("Say with --only what kind of file \(path) is.")
    }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("fuzz-" + UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(subject.fileName)
    try FileManager.default.copyItem(atPath: path, toPath: file.path)
    alarm(timeout)
    let trial = Trial(subject, path: file.path, isAlone: true)
    if let defect = trial.defect {
      print("\(path): \(defect)")
      throw ExitCode(1)
    }
    do {
      try subject.read(file.path)
      print("\(path): accepted")
    } catch {
      print("\(path): \(error)")
    }
  }
}
