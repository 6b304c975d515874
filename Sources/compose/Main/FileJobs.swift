import Audio
import Dispatch
import Foundation
import Spectro
import Synchronization
import Terminal

/// Files to make of files: what to read, and what to write.
struct FileJobs {
  struct Job: Equatable {
    var input: String
    var output: String
  }

  let jobs: [Job]
  /// Whether it is one file that was named as such.
  let isSingle: Bool

  /// Finds the files and names what to make of them: the same names with another extension, in the
  /// same folders or, below `output`, in folders of the same names. Where two would get one name,
  /// they keep their extensions too.
  ///
  /// - Parameters:
  ///   - inputs: files and folders, which are searched with all their sub-folders.
  ///   - output: a folder; nil for beside the inputs. Of one file it may be the name of the file.
  ///   - format: the extension of the files to make, unless `output` names one.
  ///   - isFormat: whether a name ends like a file to make.
  ///   - search: the files in a folder, relative to it.
  init(
    _ inputs: [String], output: String?, format: String, isFormat: (String) -> Bool,
    search: (String) throws -> [String]
  ) throws {
    if inputs.count == 1, !isFolder(inputs[0]), let output,
      isFormat(output) || !(isFolder(output) || output.hasSuffix("/"))
    {
      jobs = [Job(input: inputs[0], output: output)]
      isSingle = true
      return
    }
    if let output, isFormat(output) {
      throw CommandError.oneOutputForMany(output)
    }
    var files: [(input: String, name: String)] = []
    for input in inputs {
      if isFolder(input) {
        let url = URL(fileURLWithPath: input)
        let prefix = inputs.count > 1 ? url.lastPathComponent + "/" : ""
        files += try search(input).map { (path(input, $0), prefix + $0) }
      } else {
        files.append((input, URL(fileURLWithPath: input).lastPathComponent))
      }
    }
    let bases = files.map { output == nil ? $0.input : path(output ?? "", $0.name) }
    let stems = bases.map(withoutExtension)
    let uses = Dictionary(stems.map { ($0, 1) }, uniquingKeysWith: +)
    var taken: Set<String> = []
    jobs = zip(files, zip(bases, stems)).map { file, names in
      let stem = uses[names.1, default: 1] > 1 ? names.0 : names.1
      var (name, number) = ("\(stem).\(format)", 1)
      while !taken.insert(name).inserted {
        number += 1
        name = "\(stem)-\(number).\(format)"
      }
      return Job(input: file.input, output: name)
    }
    isSingle = inputs.count == 1 && !isFolder(inputs[0])
  }

  /// What making a file may use, and whom it tells.
  struct Worker {
    let threads: Int
    fileprivate let tell: (Double) throws -> Void

    /// To be called now and then.
    ///
    /// - Parameter share: of the work that is done, as far as that is known.
    /// - Throws: `CommandError.interrupted`.
    func advance(to share: Double?) throws { try tell(share ?? 0) }
  }

  /// Makes the files, one or as many at once as there are processors. Of many, one that fails is
  /// named and does not keep the others from being made; one that is there already stays.
  ///
  /// - Parameters:
  ///   - what: of what there are many, as "spectrograms".
  ///   - make: makes a file and returns the line that tells of it.
  /// - Throws: what `make` throws for a single file; `CommandError.filesFailed`, `.interrupted`.
  func run(
    _ what: String, overwrite: Bool,
    _ make: @Sendable (_ job: Job, _ worker: Worker) throws -> String
  ) throws {
    let interruption = Interruption()
    let check = { @Sendable in if interruption.isRequested { throw CommandError.interrupted } }
    let processors = ProcessInfo.processInfo.activeProcessorCount
    let line = SharedProgressLine(delay: 2)
    let start = ContinuousClock.now
    let timeLeft = { @Sendable (share: Double) in
      duration(start.duration(to: .now) / .seconds(1) * (1 / max(share, 1e-6) - 1))
    }
    if isSingle {
      let job = jobs[0]
      guard overwrite || !FileManager.default.fileExists(atPath: job.output) else {
        throw CommandError.exists(job.output)
      }
      try makeFolder(of: job.output)
      let worker = Worker(threads: processors) { share in
        try check()
        if share > 0, share < 1 {
          line.update("\(job.output): \(Int(100 * share)) %, \(timeLeft(share)) left")
        }
      }
      defer { line.finish() }
      return line.result(try make(job, worker))
    }

    let tally = Mutex(Tally())
    let next = Atomic(0)
    let jobs = jobs
    DispatchQueue.concurrentPerform(iterations: min(processors, jobs.count)) { _ in
      while case let index = next.wrappingAdd(1, ordering: .relaxed).oldValue, index < jobs.count,
        !interruption.isRequested
      {
        let job = jobs[index]
        do {
          if !overwrite, FileManager.default.fileExists(atPath: job.output) {
            tally.withLock { $0.present += 1 }
          } else {
            try makeFolder(of: job.output)
            line.result(try make(job, Worker(threads: 1) { _ in try check() }))
            tally.withLock { $0.made += 1 }
          }
        } catch CommandError.interrupted {
          return
        } catch {
          tally.withLock { $0.failed += 1 }
          let reason = "\(error)"
          line.note(
            reason.contains(job.input) ? "skipped: \(reason)" : "skipped: \(job.input): \(reason)")
        }
        let (done, present) = tally.withLock { ($0.made + $0.present + $0.failed, $0.present) }
        // Those that were there already took no time.
        let left = timeLeft(Double(done - present) / Double(max(1, jobs.count - present)))
        line.update("\(done) of \(jobs.count) \(what), \(left) left")
      }
    }
    line.finish()
    let outcome = tally.withLock { $0 }
    var words = ["\(outcome.made) \(what)"]
    if outcome.present > 0 {
      words.append("\(outcome.present) were there already (--overwrite replaces them)")
    }
    if outcome.failed > 0 { words.append("\(outcome.failed) skipped") }
    Terminal.result(words.joined(separator: ", "))
    try check()
    if outcome.failed > 0 {
      throw CommandError.filesFailed(outcome.failed, of: jobs.count)
    }
  }

  private struct Tally {
    var (made, present, failed) = (0, 0, 0)
  }
}

/// The audio files in a folder and its sub-folders, relative to it; tells of sub-folders that cannot be
/// looked into.
func audioFiles(in path: String) throws -> [String] {
  let folder = try AudioFolder(path)
  for name in folder.unreadable {
    Terminal.note("skipped: \(folder.path)/\(name): the system refuses to list this folder")
  }
  return folder.files.map(\.path)
}

private func isFolder(_ path: String) -> Bool {
  var isFolder: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}

private func path(_ folder: String, _ name: String) -> String {
  folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
}

/// A path without what follows the last point of its name, unless the name begins with that.
private func withoutExtension(_ path: String) -> String {
  let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
  guard let point = name.lastIndex(of: "."), point != name.startIndex else { return path }
  return String(path[..<point])
}
