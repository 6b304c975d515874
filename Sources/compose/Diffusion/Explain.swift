import ArgumentParser
import Audio
import Corpus
import Foundation
import MusicDiffusion
import Terminal
import Torch

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: DiffusionCommand.explain.abstract,
    discussion: """
      Writes a page, explain.html, and the pictures in it: the way from noise to music as an animation \
      and a strip, and which noise level decides which part of the spectrogram, and how well the model \
      sees music through noise: as the log of its training has it, or with --data measured on your audio.

      Examples:
        compose explain my-loops-model --seed 7
        compose explain my-loops-model --label kick --data my-loops --output kick-explained
      """)

  @Argument(help: "Folder of a model.")
  var model: String

  @Option(parsing: .unconditional, help: "Decides the noise to start from, as in compose generate.")
  var seed: UInt64 = 7

  @OptionGroup var description: DescriptionOptions

  @Option(
    help:
      "Folder of audio, or what compose dataset prepare made of it, to measure the loss on noise level by noise level."
  )
  var data: String?

  @Option(parsing: .unconditional, help: "Windows of --data to measure on.")
  var clips = 16

  @Option(
    name: .shortAndLong, help: "Folder to write to. Default: the model's name + -explained.")
  var output: String?

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  @Option(
    parsing: .unconditional,
    help: "Denoising steps. Default: the model's, mostly \(SamplingDefaults().steps).")
  var steps: Int?

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    guard (1...4096).contains(clips) else { throw ValidationError("--clips must be 1 to 4096.") }
    guard steps.map({ (2...1000).contains($0) }) ?? true else {
      throw ValidationError("--steps must be 2 to 1000.")
    }
  }

  func run() throws {
    let (device, precision) = try compute.resolved()
    let model = try Model(contentsOf: model, device: device)
    let name = URL(fileURLWithPath: self.model, isDirectory: true).standardizedFileURL
      .lastPathComponent
    let folder = URL(fileURLWithPath: output ?? name + "-explained", isDirectory: true)
    let taken = Explanation.fileNames.map { folder.appendingPathComponent($0) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
    if !overwrite, let taken { throw CommandError.exists(taken.relativePath) }
    let generator = Generator(model: model, device: device, precision: precision)
    var options = Generator.Options()
    description.set(&options)
    options.steps = steps
    try DescriptionOptions.warn(about: options, model)
    let line = ProgressLine()
    let path = try DenoisingPath(of: generator, seed: seed, options: options) { progress in
      line.update("drawing: \(progress.evaluations) of \(progress.totalEvaluations)")
    }
    let losses = try losses(generator, line)
    line.finish()
    let files = try Explanation(
      name: name, path: path, losses: losses, areLogged: data == nil
    ).write(to: folder)
    for (step, share) in zip(path.steps, path.decidedShares) {
      Terminal.result(
        String(
          format: "σ %8.3f   %4.1f %% decided   mean change %5.2f dB", step.sigma, share * 100,
          step.meanChange))
    }
    for loss in losses {
      Terminal.result(
        String(
          format: "σ %8.3f   loss %.4f   error %.3f of the data's deviation", loss.sigma, loss.loss,
          loss.error))
    }
    Terminal.result("\(folder.relativePath): \(files.joined(separator: ", "))")
  }

  /// Measured on the files of --data that the model's own training held out, or what its log says.
  private func losses(_ generator: Generator, _ line: ProgressLine) throws -> [NoiseLevelLoss] {
    let folder = URL(fileURLWithPath: model, isDirectory: true)
    let configuration = generator.model.configuration
    guard let data else { return try NoiseLevelLoss.logged(in: folder, of: configuration) }
    let representation = configuration.representation
    let url = URL(fileURLWithPath: data, isDirectory: true)
    // Without the run's checkpoint, the part that train holds out unless told otherwise.
    let heldOut = try TrainingState.configuration(in: folder).map { $0.heldOut ?? 0 } ?? 0.05
    let dataset =
      try PreparedSet.isPrepared(url)
      ? Dataset(prepared: url, representation: representation, heldOut: heldOut)
      : Dataset(folder: AudioFolder(data), representation: representation, heldOut: heldOut)
    let sigmas = Explanation.sigmas
    return try NoiseLevelLoss.measure(generator, at: sigmas, on: dataset, clips: clips, seed: seed)
    { line.update("measuring: \($0) of \(sigmas.count)") }
  }
}
