import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal
import Torch

/// How pieces were made, and pieces made again.
struct RecipeOptions: ParsableArguments {
  @Flag(
    help:
      "Write beside each file how it was made, as a .json of the same name that --from makes it again from."
  )
  var recipe = false

  @Option(
    help: ArgumentHelp(
      "Make a piece again from the recipe beside it, byte for byte on the same machine. Takes only --output, --overwrite, --model, --guide, --device, --threads and --recipe with it.",
      valueName: "recipe"))
  var from: String?

  /// What may stand beside --from, which says all else.
  private static let companions: Set<String> = [
    "--from", "--output", "-o", "--overwrite", "--model", "-m", "--guide", "--device", "--threads",
    "--recipe", "-h", "--help",
  ]

  func validate() throws {
    guard from != nil else { return }
    // Defaults are no contradiction, so that what was given counts, not what holds.
    let given = CommandLine.arguments.dropFirst(2).filter { $0.hasPrefix("-") && Double($0) == nil }
      .map { String($0.prefix { $0 != "=" }) }
    if let option = given.first(where: { !Self.companions.contains($0) }) {
      throw ValidationError("--from and \(option) exclude each other: the recipe says it.")
    }
  }

  /// Where the recipe of a file goes.
  static func path(for file: String) -> String {
    String(file.dropLast(URL(fileURLWithPath: file).pathExtension.count)) + "json"
  }

  /// The files that are written, for all of which there must be room.
  func paths(for files: [String]) -> [String] {
    recipe ? files + files.map(Self.path) : files
  }
}

/// The models of a run, as recipes have them.
struct RecipeSources {
  let model: Recipe.Source
  let guide: Recipe.Source?

  /// - Parameter model: as it was named; nil for the one that ships.
  init(model: String?, guide: String?) throws {
    self.model = try Recipe.Source(contentsOf: model ?? ShippedModel.path(), name: model)
    self.guide = try guide.map { try Recipe.Source(contentsOf: $0, name: $0) }
  }

  func recipe(
    by generator: Generator, _ form: Generator.Form,
    tempo: (beatsPerMinute: Double?, beatsPerBar: Int?), seed: UInt64, _ options: Generator.Options
  ) throws -> Recipe {
    try generator.recipe(
      form, tempo: tempo, seed: seed, options: options, program: "compose \(programVersion)",
      model: model, guide: guide)
  }
}

extension Recipe {
  /// Writes the recipe of a file that has been written.
  ///
  /// - Parameter path: nil for beside it.
  func write(
    of file: String, encoding: AudioEncoding, normalizedTo target: NormalizationTarget?,
    to path: String? = nil
  ) throws {
    var recipe = self
    recipe.file = try File(file, encoding: encoding, normalize: target?.description)
    try recipe.write(to: path ?? RecipeOptions.path(for: file))
  }

  /// What a file of the piece says about it.
  var metadata: AudioMetadata {
    var options = Generator.Options()
    (options.prompt, options.numbers) = (prompt, numbers)
    var metadata = AudioMetadata(
      of: options.described(label: label), seed: seed, dataset: model.dataset)
    if let loop { metadata.mark(loop) }
    return metadata
  }
}

extension AudioMetadata {
  /// - Parameter described: what the piece is to be.
  init(of described: [String], seed: UInt64, dataset: String) {
    self.init()
    software = "compose \(programVersion)"
    comment = described.map { "\($0), " }.joined() + "seed \(seed), a model of \(dataset)"
  }

  /// Loop points, tempo and meter.
  mutating func mark(_ loop: Recipe.Loop) {
    loops = [Loop(start: 0, end: loop.sampleCount)]
    beatsPerMinute = loop.beatsPerMinute
    if beatsPerMinute != nil { beatsPerBar = loop.beatsPerBar }
  }
}
