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
      guide and the autoencoder where there are any. With --weights int8 the weights take half the room \
      again; what they draw is another rounding of the same music.

      Examples:
        compose export my-loops-model --output to-share
        compose export my-loops-model --weights int8 --output to-share
      """)

  @Argument(help: "Folder of a model.")
  var model: String

  @Option(name: .shortAndLong, help: "Folder for the copy, which can draw but not be resumed.")
  var output: String

  @Option(help: "How the files hold the weights.")
  var weights = WeightFormat.float16

  func run() throws {
    guard !FileManager.default.fileExists(atPath: output) else {
      throw ModelError.modelExists(output, canResume: false)
    }
    let model = try Model(contentsOf: model)
    try makeFolder(of: output)
    try model.export(to: output, weights: weights)
    Terminal.result(
      String(
        format: "%@: %.1f MB, weights in %@", output, try Double(size(of: output)) / 1e6,
        weights.rawValue))
  }

  private func size(of folder: String) throws -> Int {
    try FileManager.default.subpathsOfDirectory(atPath: folder).reduce(0) { sum, name in
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
      guard attributes[.type] as? FileAttributeType == .typeRegular else { return sum }
      return sum + (attributes[.size] as? Int ?? 0)
    }
  }
}

extension WeightFormat: ExpressibleByArgument {}
