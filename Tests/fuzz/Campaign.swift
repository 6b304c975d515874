import Foundation
import Fuzzing

/// The parent: keeps workers going, takes note of how they end, and adds up.
struct Campaign {
  private let options: Fuzz
  private let subjects: [Subject]
  private let folder: URL

  init(_ options: Fuzz, _ subjects: [Subject]) {
    (self.options, self.subjects) = (options, subjects)
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("fuzz-" + UUID().uuidString, isDirectory: true)
  }

  /// Returns the number of defects found.
  func run() throws -> Int {
    defer { try? FileManager.default.removeItem(at: folder) }
    let start = Date()
    let deadline = options.minutes.map { start.timeIntervalSince1970 + 60 * $0 }
    let errors = Errors()
    DispatchQueue.concurrentPerform(iterations: options.jobs) { job in
      do {
        try run(job: job, until: deadline)
      } catch {
        errors.append(error)
      }
    }
    if let error = errors.first { throw error }
    return try summarize(seconds: Date().timeIntervalSince(start))
  }

  /// One worker after another, each going on behind the file at which the last one ended.
  private func run(job: Int, until deadline: Double?) throws {
    let home = folder.appendingPathComponent("\(job)", isDirectory: true)
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    let progress = try Progress(in: home, subjects: subjects.count)
    var first = job
    while true {
      progress.begin(-1)
      let output = home.appendingPathComponent("output")
      let process = try worker(first: first, until: deadline, home: home, output: output)
      process.waitUntilExit()
      let number = progress.current
      if number < 0 {
        if process.terminationStatus == 0 { return }
        throw Unusable(String(decoding: try Data(contentsOf: output), as: UTF8.self))
      }
      let subject = subjects[number % subjects.count]
      let printed = String(decoding: try Data(contentsOf: output), as: UTF8.self)
      let reason =
        process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGALRM
        ? "a hang: longer than \(options.timeout) s"
        : "a crash, status \(process.terminationStatus)"
      try Finding(subject: subject, seed: options.seed, number: number).save(
        home.appendingPathComponent(subject.fileName).path, reason: reason + "\n" + printed,
        in: options.findings)
      progress.addCrash(kind: number % subjects.count)
      first = number + options.jobs
    }
  }

  private func worker(
    first: Int, until deadline: Double?, home: URL, output: URL
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [
      "--count", "\(options.count)", "--seed", "\(options.seed)", "--timeout", "\(options.timeout)",
      "--findings", options.findings, "--only", subjects.map(\.name).joined(separator: ","),
      "--work-folder", home.path, "--first", "\(first)", "--step", "\(options.jobs)",
    ]
    if let deadline { process.arguments? += ["--deadline", "\(deadline)"] }
    try Data().write(to: output)
    process.standardError = try FileHandle(forWritingTo: output)
    try process.run()
    return process
  }

  /// Prints a table of what was read; returns the number of defects.
  private func summarize(seconds: Double) throws -> Int {
    let all = try (0..<options.jobs).map { job in
      try Progress(
        in: folder.appendingPathComponent("\(job)", isDirectory: true), subjects: subjects.count)
    }
    func row(_ cells: String...) {
      let widths = [12, 9, 9, 12, 12, 11]
      print(
        zip(cells, widths).enumerated().map { index, cell in
          let space = String(repeating: " ", count: max(1, cell.1 - cell.0.count))
          return index == 0 ? cell.0 + space : space + cell.0
        }.joined())
    }
    row("kind", "files", "accepted", "mean, ms", "slowest, s", "memory, MB")
    var files = 0
    for (kind, subject) in subjects.enumerated() {
      let totals = all.map { $0.totals(kind: kind) }
      let count = totals.reduce(0) { $0 + $1.files }
      files += count
      row(
        subject.name, "\(count)", "\(totals.reduce(0) { $0 + $1.accepted })",
        String(
          format: "%.2f",
          Double(totals.reduce(0) { $0 + $1.nanoseconds }) / 1e6 / Double(max(1, count))),
        String(format: "%.2f", Double(totals.map(\.slowest).max() ?? 0) / 1e9),
        "\((totals.map(\.growth).max() ?? 0) >> 20)")
    }
    let defects = all.reduce(0) { $0 + $1.defects }
    print("\(files) files in \(Int(seconds)) s with seed \(options.seed): \(defects) defects")
    return defects
  }
}

/// Errors of several threads.
private final class Errors: @unchecked Sendable {
  private let lock = NSLock()
  private var errors: [any Error] = []

  func append(_ error: any Error) { lock.withLock { errors.append(error) } }
  var first: (any Error)? { lock.withLock { errors.first } }
}
