import Audio
import Foundation
import MusicDiffusion
import Terminal
import Torch

extension Generate {
  /// Makes a piece again from its recipe.
  func remake(from path: String) throws {
    var recipe = try Recipe(contentsOf: path)
    let output = givenOutput ?? recipe.file?.name ?? "music.wav"
    guard var encoding = AudioEncoding(path: output) else {
      throw CommandError.unsupportedOutput(
        output, choices: ".wav, .flac, .ogg, .mp3, .aiff or .opus")
    }
    // As many bits as then, in a file of the same kind.
    if let file = recipe.file, AudioEncoding(path: file.name) == encoding {
      encoding = file.encoding
    }
    let taken = recipes.paths(for: [output]).first {
      FileManager.default.fileExists(atPath: $0)
    }
    if !overwrite, let taken { throw CommandError.exists(taken) }
    try makeFolder(of: output)
    if compute.device != "auto" { recipe.device = compute.device }
    if recipe.device != "cpu", !Device.cudaIsAvailable {
      throw CommandError.recipeNeedsCUDA(path, device: recipe.device)
    }
    let threads = compute.threads ?? min(recipe.threads, ComputeOptions.mostThreads)
    if compute.threads == nil, threads < recipe.threads {
      Terminal.note(
        "\(path) was made by \(recipe.threads) threads, too many for this machine: \(threads) make it now"
      )
    }
    try setThreadCount(threads)
    if recipe.loop != nil { LoopOptions.warn(output: output) }
    let generator = try recipe.generator(
      model: self.model ?? recipe.model.folder ?? ShippedModel.path(), guide: guidance.guide)
    let (progress, interruption) = (DrawingProgress(), Interruption())
    func update(_ now: Generator.Progress) throws {
      progress.update(now)
      if interruption.isRequested { throw CommandError.stopped }
    }
    let piece =
      recipe.trim == nil && recipe.gain == nil
      ? try DrawnPiece.draw(
        recipe.form, seeds: [recipe.seed], by: generator,
        generator.options(of: recipe), onProgress: update
      )[0]
      : try .whole(generator.generate(recipe, onProgress: update))
    let target = recipe.file?.normalize.flatMap(NormalizationTarget.init)
    let sound = try piece.write(
      to: output, encoding: encoding, normalizedTo: target, metadata: recipe.metadata,
      overwrite: overwrite)
    progress.finish()
    let written = try Recipe.File(output, encoding: encoding, normalize: target?.description)
    if let file = recipe.file, file.encoding == encoding {
      Terminal.note(
        written.crc32c == file.crc32c
          ? "\(output): byte for byte as it was"
          : "\(output): not the same bytes as then, made by \(recipe.program): other versions, machines and "
            + "numbers of threads round otherwise, and settings changed by hand make another piece")
    }
    if recipes.recipe {
      var again = recipe
      (again.program, again.threads) = ("compose \(programVersion)", threadCount)
      try again.write(of: output, encoding: encoding, normalizedTo: target)
    }
    Terminal.result(
      "\(output): "
        + String(
          format: "%.1f s at %d Hz, seed %llu, %@, in %.1f s", sound.duration, sound.sampleRate,
          recipe.seed, sound.loudness.description, progress.seconds))
  }
}
