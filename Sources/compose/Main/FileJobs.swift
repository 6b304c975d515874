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
    let stems = bases.map { NSString(string: $0).deletingPathExtension }
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

  /// Makes the files, one or as many at once as there are processors. Of many, one that fails is
  /// named and does not keep the others from being made; one that is there already stays.
  ///
  /// - Parameters:
  ///   - what: of what there are many, as "spectrograms".
  ///   - make: makes a file with a number of threads and returns the line that tells of it.
  /// - Throws: what `make` throws for a single file; `CommandError.filesFailed`, `.interrupted`.
  func run(
    _ what: String, overwrite: Bool,
    _ make: @Sendable (_ job: Job, _ threads: Int, _ check: () throws -> Void) throws -> String
  ) throws {
    let interruption = Interruption()
    let check = { @Sendable in if interruption.isRequested { throw CommandError.interrupted } }
    let processors = ProcessInfo.processInfo.activeProcessorCount
    if isSingle {
      let job = jobs[0]
      guard overwrite || !FileManager.default.fileExists(atPath: job.output) else {
        throw CommandError.exists(job.output)
      }
      return Terminal.result(try make(job, processors, check))
    }

    let tally = Mutex(Tally())
    let line = SharedProgressLine()
    let start = ContinuousClock.now
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
            _ = try make(job, 1, check)
            tally.withLock { $0.made += 1 }
          }
        } catch CommandError.interrupted {
          return
        } catch {
          tally.withLock { $0.failed += 1 }
          Terminal.clearLine()
          let reason = "\(error)"
          Terminal.note(
            reason.contains(job.input) ? "skipped: \(reason)" : "skipped: \(job.input): \(reason)")
        }
        let (done, made) = tally.withLock { ($0.made + $0.present + $0.failed, $0.made) }
        let elapsed = start.duration(to: .now) / .seconds(1)
        let left = elapsed / Double(max(made, 1)) * Double(jobs.count - done)
        line.update("\(done) of \(jobs.count) \(what), \(duration(left)) left")
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

private func isFolder(_ path: String) -> Bool {
  var isFolder: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}

private func path(_ folder: String, _ name: String) -> String {
  folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
}
