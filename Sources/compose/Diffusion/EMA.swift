import ArgumentParser
import Foundation
import MusicDiffusion
import Terminal

struct EMA: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ema",
    abstract: DiffusionCommand.ema.abstract,
    discussion: """
      A model is an average of the weights over the last part of its training. How long that part \
      should be is known only afterwards: compose train keeps snapshots of two averages, 0.05 and \
      0.10 of the run wide, and others are made of these (Karras et al. 2024, arXiv:2312.02696). \
      Short ones suit short runs; listen to a few.

      With --step the model is what the run had made by an earlier checkpoint: a weaker one, as \
      compose generate --guide takes it.

      Examples:
        compose ema my-loops-model --width 0.08 --output my-loops-008
        compose ema my-loops-model --width 0.1 --step 500 --output my-loops-early
      """)

  @Argument(help: "Folder of a model that compose train has made.")
  var model: String

  @Option(
    parsing: .unconditional,
    help:
      "Standard deviation of the average's weights over time, relative to the run; \(PostHocAverage.widths.lowerBound) to \(PostHocAverage.widths.upperBound)."
  )
  var width: Double

  @Option(parsing: .unconditional, help: "A checkpoint of the run. Default: the last.")
  var step: Int?

  @Option(name: .shortAndLong, help: "Folder for the new model, which can draw but not be resumed.")
  var output: String

  func run() throws {
    guard !FileManager.default.fileExists(atPath: output) else {
      throw ModelError.outputExists(output)
    }
    let (model, step, error) = try Model.averaged(model, width: width, step: step)
    try makeFolder(of: output)
    try model.save(to: output)
    Terminal.result(
      String(
        format: "%@: width %g at step %d, to within %.2g %% of such an average", output, width,
        step,
        max(100 * error, 0.01)))
  }
}
