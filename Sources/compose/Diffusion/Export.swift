public import ArgumentParser
import Foundation
public import MusicDiffusion
import Terminal

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: DiffusionCommand.export.abstract,
    discussion: """
      The folder that compose train leaves holds checkpoints, samples and logs, hundreds of megabytes. \
      This writes what compose generate needs to a new folder: the configuration, the weights, and the \
      guide and the autoencoder where there are any, byte for byte. With --weights int8 the weights of \
      model and guide (an autoencoder's stay as they are) are rounded to half of their size: what they draw \
      is another rounding of the same music, and to a recipe they are another model.

      Examples:
        compose export my-loops-model --output to-share
        compose export my-loops-model --weights int8 --output to-share
      """)

  @Argument(help: "Folder of a model.")
  var model: String

  @Option(name: .shortAndLong, help: "Folder for the copy, which can draw but not be resumed.")
  var output: String

  @Option(help: "How the files are to hold the weights. Default: as they do.")
  var weights: WeightFormat?

  func run() throws {
    let copy = try Model.export(model, to: output, weights: weights)
    Terminal.result(
      String(
        format: "%@: %.1f MB, weights in %@", output, try Double(size(of: output)) / 1e6,
        copy.weightFormat.rawValue))
  }

  /// Bytes of all files.
  private func size(of folder: String) throws -> Int {
    let root = URL(fileURLWithPath: folder)
    return try FileManager.default.subpathsOfDirectory(atPath: folder).compactMap {
      try root.appendingPathComponent($0).resourceValues(forKeys: [.fileSizeKey]).fileSize
    }.reduce(0, +)
  }
}

extension WeightFormat: ExpressibleByArgument {}
