import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal
import Torch

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: DiffusionCommand.generate.abstract,
    discussion: """
      Without --model, the model that ships with compose plays. The format follows from the name of \
      --output: .wav, .flac, .ogg, .mp3, .aiff or .opus. The same seed gives the same music.

      Examples:
        compose generate --seconds 30
        compose generate --model kicks-model --seconds 1.5 --count 200 --output kicks/kick.wav
        compose generate --label organ --seed 7 --output organ.flac --normalize "-14 LUFS"
        compose generate --model loops --prompt "dark, slow drums" --negative-prompt "hi-hats"
        compose generate --model loops --set tempo=120 --set brightness=0.2
        compose generate --model drums --guide drums-early --guidance 2
        compose generate --sampler dpm++2m --steps 12            faster, less varied
        compose generate --loop --bpm 96 --bars 2 --count 16 --output loops/organ.wav
        compose generate --model drums --label loop --loop --bpm 120 --groove
        compose generate --label flute:0.7,organ:0.3 --recipe --output duo.wav
        compose generate --from duo.json --output again.wav
      """)

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: "Length of each piece in seconds, at most a day (86400). Default: 10.")
  var seconds: Double?

  @Option(name: .shortAndLong, help: "Folder of a model. Default: the one that ships in samples/.")
  var model: String?

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help:
      "File to write; with --count, numbered before the extension. Default: music.wav; with --from, the name that the recipe has."
  )
  var givenOutput: String?

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: "How many pieces, each from the next seed.")
  var count = 1

  @Option(parsing: .unconditional, help: "Seed of the first piece. Default: drawn, and printed.")
  var seed: UInt64?

  @Option(
    parsing: .unconditional, help: SamplingOptions.stepsHelp)
  var steps: Int?

  @OptionGroup var looping: LoopOptions
  @OptionGroup var description: DescriptionOptions
  @OptionGroup var guidance: GuidanceOptions
  @OptionGroup var sampling: SamplingOptions

  @OptionGroup var loudness: LoudnessOptions

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var recipes: RecipeOptions

  private var output: String { givenOutput ?? "music.wav" }

  func validate() throws {
    guard seconds.map({ $0 > 0 && $0 <= Generator.maximumSeconds }) ?? true else {
      throw ValidationError(
        "--seconds must be more than 0 and at most \(Int(Generator.maximumSeconds)).")
    }
    guard (1...100_000).contains(count) else {
      throw ValidationError("--count must be 1 to 100000.")
    }
    guard steps.map({ (1...10_000).contains($0) }) ?? true else {
      throw ValidationError("--steps must be 1 to 10000.")
    }
    _ = try looping.form(seconds: seconds, sampleRate: 1)
  }

  func run() throws {
    if let from = recipes.from { return try remake(from: from) }
    guard let encoding = AudioEncoding(path: output) else {
      throw CommandError.unsupportedOutput(
        output, choices: ".wav, .flac, .ogg, .mp3, .aiff or .opus")
    }
    let paths = (0..<count).map(path(of:))
    if !overwrite,
      let taken = recipes.paths(for: paths).first(where: FileManager.default.fileExists(atPath:))
    {
      throw CommandError.exists(taken)
    }
    try makeFolder(of: output)
    let (device, precision) = try compute.resolved()
    let model = try Model(contentsOf: self.model ?? ShippedModel.path(), device: device)
    let generator = try guidance.generator(model, device, precision)
    let sources =
      recipes.recipe ? try RecipeSources(model: self.model, guide: guidance.guide) : nil
    let first = seed ?? UInt64.random(in: 0..<1_000_000)
    var options = Generator.Options()
    description.set(&options)
    options.steps = steps
    guidance.set(&options)
    sampling.set(&options)
    looping.set(&options, seconds: seconds, for: model)
    if looping.loop { LoopOptions.warn(output: output) }
    try DescriptionOptions.warn(about: options, model)
    let form = try looping.form(
      seconds: seconds, sampleRate: model.configuration.representation.sampleRate)
    let tempo = looping.meter(seconds: seconds)
    let interruption = Interruption()
    let batch = generator.piecesAtOnce(form)
    for start in stride(from: 0, to: count, by: batch) {
      let numbers = start..<min(start + batch, count)
      let several = numbers.count > 1 ? "\(start + 1)-\(numbers.upperBound)" : "\(start + 1)"
      let prefix = count > 1 ? "\(several)/\(count)  " : ""
      let progress = DrawingProgress()
      let pieces = try DrawnPiece.draw(
        form, seeds: numbers.map { first &+ UInt64($0) }, by: generator, options
      ) {
        progress.update($0, prefix: prefix)
        if interruption.isRequested { throw CommandError.generationStopped(start, of: count) }
      }
      progress.finish()
      let drawing = progress.seconds / Double(numbers.count)
      for (index, piece) in zip(numbers, pieces) {
        let seed = first &+ UInt64(index)
        let path = paths[index]
        let described = options.described(label: generator.label(for: options, seed: seed))
        let writing = DrawingProgress()
        var metadata = AudioMetadata(
          of: described, seed: seed, dataset: model.configuration.history.dataset)
        let loop = Recipe.Loop(
          of: form, beatsPerMinute: tempo.beatsPerMinute, beatsPerBar: tempo.beatsPerBar)
        if let loop { metadata.mark(loop) }
        let written = try piece.write(
          to: path, encoding: encoding, normalizedTo: loudness.target, metadata: metadata,
          overwrite: overwrite)
        progress.finish()
        try sources?.recipe(by: generator, form, tempo: tempo, seed: seed, options)
          .write(of: path, encoding: encoding, normalizedTo: loudness.target)
        let spent = drawing + writing.seconds
        let played = described.map { ", \($0)" }.joined()
        Terminal.result(
          "\(path): "
            + String(
              format: "%.1f s at %d Hz%@, seed %llu, %@, in %.1f s (%.1f times real time)",
              written.duration, written.sampleRate, played, seed, written.loudness.description,
              spent, written.duration / spent))
      }
    }
  }

  /// Numbered before the extension where there are several.
  private func path(of index: Int) -> String {
    guard count > 1 else { return output }
    let url = URL(fileURLWithPath: output)
    let digits = String(count).count
    let number = String(repeating: "0", count: digits - String(index + 1).count) + String(index + 1)
    let suffix = "-\(number).\(url.pathExtension)"
    return String(output.dropLast(url.pathExtension.count + 1)) + suffix
  }
}

/// Where the model that ships with compose lies.
enum ShippedModel {
  /// `samples/chorales-model` in the current folder or beside the build that holds this program.
  static func path() throws -> String {
    let name = "samples/chorales-model"
    let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var folders = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath)]
    var folder = executable.deletingLastPathComponent()
    while folder.path != "/" {
      folders.append(folder)
      folder.deleteLastPathComponent()
    }
    let candidates = folders.map { $0.appendingPathComponent(name).path }
    guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw CommandError.noShippedModel(candidates[0])
    }
    return found
  }
}
