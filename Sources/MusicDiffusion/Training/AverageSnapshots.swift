import Foundation
import Torch

/// Averaged weights as they were at some steps of a run, from which an average of another length can
/// be made afterwards; see ``PostHocAverage``.
///
/// A file for each step in `training/snapshots`, both averages in float16. At most ``limit`` are kept,
/// evenly spread over the run: when there are more, every second one goes.
struct AverageSnapshots {
  static let limit = 24

  let folder: URL

  init(modelFolder: URL) {
    folder = modelFolder.appendingPathComponent("training/snapshots", isDirectory: true)
  }

  /// Steps and their files, in order.
  func files() -> [(step: Int, url: URL)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".safetensors"),
        let step = Int(name.dropFirst(5).dropLast(12))
      else { return nil }
      return (step: step, url: folder.appendingPathComponent(name))
    }.sorted { $0.step < $1.step }
  }

  /// Adds a step, or writes it again.
  func write(_ averages: [AveragedWeights], step: Int) throws {
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
    let kept = files()
    guard kept.count > Self.limit else { return }
    for (index, file) in kept.enumerated() where (kept.count - 1 - index) % 2 == 1 {
      try? FileManager.default.removeItem(at: file.url)
    }
  }

  /// Removes what is of later steps, as a run that goes on from an earlier one would write it again.
  func removeAll(after step: Int) {
    for file in files() where file.step > step { try? FileManager.default.removeItem(at: file.url) }
  }

  /// The widths that a file says it has averages of.
  static func widths(_ metadata: [String: String]) -> [Double] {
    (metadata["widths"] ?? "").split(separator: " ").compactMap { Double($0) }
  }
}
