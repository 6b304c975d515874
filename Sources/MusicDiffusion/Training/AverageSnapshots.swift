package import Foundation
import Torch

/// Averaged weights as they were at some steps of a run, from which an average of another length can
/// be made afterwards; see ``PostHocAverage``.
///
/// A file for each step in `training/snapshots`, both averages in float16. At most ``limit`` are kept,
/// over all of the run: for each one beyond that, the one goes whose neighbours are nearest to each
/// other. So of checkpoints at regular distances the first and the last are there, and no two
/// neighbours are more than twice as far apart as others.
package struct AverageSnapshots {
  package static let limit = 24

  package let folder: URL

  package init(modelFolder: URL) {
    folder = modelFolder.appendingPathComponent("training/snapshots", isDirectory: true)
  }

  /// Steps and their files, in order.
  package func files() -> [(step: Int, url: URL)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".safetensors"),
        let step = Int(name.dropFirst(5).dropLast(12))
      else { return nil }
      return (step: step, url: folder.appendingPathComponent(name))
    }.sorted { $0.step < $1.step }
  }

  /// Adds a step, or writes it again.
  package func write(_ averages: [AveragedWeights], step: Int) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var tensors: [(name: String, tensor: Tensor)] = []
    for (index, average) in averages.enumerated() {
      for (name, tensor) in average.parameters.named {
        tensors.append((name: "\(index).\(name)", tensor: try tensor.detach().to(.float16)))
      }
    }
    let name = String(format: "step-%08d.safetensors", step)
    try SafeTensors.write(
      tensors,
      metadata: [
        "step": "\(step)", "widths": averages.map { "\($0.width)" }.joined(separator: " "),
      ],
      sealed: true, to: folder.appendingPathComponent(name).path)
    var kept = files()
    while let surplus = Self.surplus(kept.map(\.step)) {
      try FileManager.default.removeItem(at: kept.remove(at: surplus).url)
    }
  }

  /// Which of the steps, in order, is to go; nil while there are not too many. It follows from the
  /// steps alone, and there is one for each that is written: a run that is killed between writing and
  /// removing goes on to the same steps.
  package static func surplus(_ steps: [Int]) -> Int? {
    guard steps.count > limit else { return nil }
    return (1..<steps.count - 1).min {
      steps[$0 + 1] - steps[$0 - 1] < steps[$1 + 1] - steps[$1 - 1]
    }
  }

  /// Removes what is of later steps, as a run that goes on from an earlier one would write it again.
  package func removeAll(after step: Int) {
    for file in files() where file.step > step { try? FileManager.default.removeItem(at: file.url) }
  }

  /// The widths that a file says it has averages of.
  static func widths(_ metadata: [String: String]) -> [Double] {
    (metadata["widths"] ?? "").split(separator: " ").compactMap { Double($0) }
  }
}
