import Foundation
import Fuzzing
import Testing

/// A little of what `scripts/fuzz` does for as long as anyone likes. A crash ends the run of tests.
/// One after another: readers of models write to one folder.
@Suite(.serialized) struct FuzzTests {
  private static let subjects = Result { try Subject.all() }

  @Test func seedsAreSound() throws {
    for subject in try Self.subjects.get() {
      for (number, seed) in subject.seeds.enumerated() {
        let trial = try read(seed, with: subject)
        #expect(trial.isAccepted, "seed \(number) of \(subject.name)")
        #expect(trial.defect == nil, "seed \(number) of \(subject.name)")
      }
    }
  }

  @Test func damagedFilesAreReadOrRefused() throws {
    for subject in try Self.subjects.get() {
      for number in 0..<25 {
        let trial = try read(subject.file(number, seed: 0), with: subject)
        #expect(trial.defect == nil, "file \(number) of \(subject.name)")
      }
    }
  }

  /// Every file that a reader has failed on, named after its kind.
  @Test func filesThatOnceBroke() throws {
    let corpus = try #require(Bundle.module.url(forResource: "Corpus", withExtension: nil))
    let files = try FileManager.default.contentsOfDirectory(
      at: corpus, includingPropertiesForKeys: nil)
    for file in files {
      let kind = file.lastPathComponent.prefix { $0 != "-" }
      let subject = try #require(
        Self.subjects.get().first { $0.name == kind }, "no reader for \(file.lastPathComponent)")
      let trial = try read([UInt8](Data(contentsOf: file)), with: subject)
      #expect(trial.defect == nil, "\(file.lastPathComponent)")
    }
  }

  @Test func theSameSeedDamagesAlike() throws {
    for subject in try Self.subjects.get() {
      #expect(subject.file(7, seed: 1) == subject.file(7, seed: 1))
      let files = Set((0..<20).map { subject.file($0, seed: 1) })
      #expect(files.count > 15)
    }
  }

  private func read(_ file: [UInt8], with subject: Subject) throws -> Trial {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("fuzz-test-" + UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent(subject.fileName)
    try Data(file).write(to: path)
    return Trial(subject, path: path.path, isAlone: false)
  }
}
