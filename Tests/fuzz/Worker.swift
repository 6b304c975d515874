import Foundation
import Fuzzing

/// The process that reads: every `step`-th file from `first` on, until the count or the time is full.
struct Worker {
  private let options: Fuzz
  private let subjects: [Subject]
  private let folder: URL
  private let progress: Progress

  init(_ options: Fuzz, _ subjects: [Subject], folder: String) throws {
    (self.options, self.subjects) = (options, subjects)
    self.folder = URL(fileURLWithPath: folder, isDirectory: true)
    progress = try Progress(in: self.folder, subjects: subjects.count)
  }

  func run() throws {
    // What is loaded once, libtorch above all, does not count for the first file; and a seed that
    // is refused would test nothing.
    for subject in subjects {
      for seed in subject.seeds {
        let path = try write(seed, for: subject)
        let trial = Trial(subject, path: path, isAlone: true)
        guard trial.isAccepted else {
          throw Unusable(
            "a seed of \(subject.name) is refused: \(trial.defect ?? reason(subject, path))")
        }
      }
    }
    var number = options.first
    while options.deadline.map({ Date().timeIntervalSince1970 < $0 }) ?? (number < options.count) {
      let kind = number % subjects.count
      let subject = subjects[kind]
      let path = try write(subject.file(number, seed: options.seed), for: subject)
      progress.begin(number)
      alarm(options.timeout)
      let trial = Trial(subject, path: path, isAlone: true)
      alarm(0)
      progress.add(trial, kind: kind)
      if let defect = trial.defect { try report(defect, subject, number, path) }
      number += options.step
    }
    progress.begin(-1)
  }

  private func reason(_ subject: Subject, _ path: String) -> String {
    do {
      try subject.read(path)
      return "no reason"
    } catch {
      return "\(error)"
    }
  }

  private func write(_ file: [UInt8], for subject: Subject) throws -> String {
    let path = folder.appendingPathComponent(subject.fileName).path
    try Data(file).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func report(_ defect: String, _ subject: Subject, _ number: Int, _ path: String) throws {
    let finding = Finding(subject: subject, seed: options.seed, number: number)
    try finding.save(path, reason: defect, in: options.findings)
    progress.addDefect()
  }
}

/// Seeds that the readers do not take.
struct Unusable: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A file that shows a defect.
struct Finding {
  let name: String

  init(subject: Subject, seed: UInt64, number: Int) {
    name = "\(subject.name)-\(seed)-\(number)"
  }

  /// Keeps the file and why, and says how to see it again.
  func save(_ path: String, reason: String, in folder: String) throws {
    let folder = URL(fileURLWithPath: folder, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let copy = folder.appendingPathComponent(name)
    try Data(contentsOf: URL(fileURLWithPath: path)).write(to: copy)
    try Data((reason + "\n").utf8).write(to: copy.appendingPathExtension("txt"))
    let line = reason.split(separator: "\n").first { $0.contains("ERROR") || $0.contains("atal") }
    print("fuzz: \(line ?? reason.prefix(200))\n      scripts/fuzz --replay \(copy.relativePath)")
  }
}

/// Counts that outlive the process that made them: a file in memory that its successor goes on
/// with and that the parent reads.
final class Progress {
  /// The current file's number, defects, and five counts a kind.
  private let counts: UnsafeMutablePointer<Int>
  private let size: Int

  struct Totals {
    var files = 0
    var accepted = 0
    var nanoseconds = 0
    /// The slowest file's nanoseconds, and the most memory one took, bytes.
    var slowest = 0
    var growth = 0
  }

  init(in folder: URL, subjects: Int) throws {
    size = (2 + 5 * subjects) * MemoryLayout<Int>.size
    let file = open(
      folder.appendingPathComponent("progress").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(file) }
    guard file >= 0, ftruncate(file, size) == 0,
      let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      address != MAP_FAILED
    else { throw Unusable("cannot write in \(folder.path): \(String(cString: strerror(errno)))") }
    counts = address.assumingMemoryBound(to: Int.self)
  }

  deinit { munmap(counts, size) }

  var current: Int { counts[0] }
  var defects: Int { counts[1] }

  func begin(_ number: Int) { counts[0] = number }
  func addDefect() { counts[1] += 1 }

  func add(_ trial: Trial, kind: Int) {
    let slot = counts + 2 + 5 * kind
    let nanoseconds = Int(trial.seconds * 1e9)
    slot[0] += 1
    slot[1] += trial.isAccepted ? 1 : 0
    slot[2] += nanoseconds
    slot[3] = max(slot[3], nanoseconds)
    slot[4] = max(slot[4], trial.growth)
  }

  /// A file that ended its reader's process.
  func addCrash(kind: Int) {
    counts[2 + 5 * kind] += 1
    counts[1] += 1
  }

  func totals(kind: Int) -> Totals {
    let slot = counts + 2 + 5 * kind
    return Totals(
      files: slot[0], accepted: slot[1], nanoseconds: slot[2], slowest: slot[3], growth: slot[4])
  }
}
