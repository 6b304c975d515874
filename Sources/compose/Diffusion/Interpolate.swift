import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal

struct Interpolate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interpolate",
    abstract: DiffusionCommand.interpolate.abstract,
    discussion: """
      The model finds the noise that it would make each of the two sounds from, and makes sounds from \
      what lies between. The first and the last file are the two sounds as the model gives them back: \
      near to them, at its own rate and on its channels. The longer sound is cut to the shorter one. \
      --label and the like are said of all files, the two ends too; --guidance is 1 by default, since \
      guidance leads the way back elsewhere.

      Examples:
        compose interpolate kick.wav snare.wav --model drums-model --steps 7
        compose interpolate a.flac b.flac --steps 3 --denoising-steps 40 --output between/ab.wav
      """)

  @Argument(help: "File of sound to begin with.")
  var first: String

  @Argument(help: "File of sound to end with.")
  var last: String

  @Option(parsing: .unconditional, help: "How many files to write, the two ends among them.")
  var steps = 7

  @Option(
    parsing: .unconditional,
    help:
      "Steps from noise to each sound, and back: more bring the ends nearer. Default: 32."
  )
  var denoisingSteps: Int?

  @Option(
    name: .shortAndLong,
    help:
      "Files to write, numbered before the extension. Default: the names of the two + .wav, in the current folder."
  )
  var output: String?

  @OptionGroup var editing: EditingOptions
  @OptionGroup var loudness: LoudnessOptions

  func validate() throws {
    guard (2...1000).contains(steps) else { throw ValidationError("--steps must be 2 to 1000.") }
    guard denoisingSteps.map({ (2...10_000).contains($0) }) ?? true else {
      throw ValidationError("--denoising-steps must be 2 to 10000.")
    }
  }

  func run() throws {
    let output = output ?? "\(stem(first))-to-\(stem(last)).wav"
    let paths = (1...steps).map { numbered(output, $0) }
    for path in paths { try editing.checkOutput(path) }
    let sounds = try [first, last].map { try AudioBuffer(contentsOf: $0) }
    var options = editing.options
    options.steps = denoisingSteps ?? 32
    let generator = try editing.generator(options)
    let seed = editing.chosenSeed()
    let progress = DrawingProgress()
    let described = options.described(label: options.label).map { "\($0), " }.joined()
    func write(_ number: Int, _ piece: AudioBuffer) throws {
      let percent = String(format: "%.0f %% of the way", 100 * Double(number) / Double(steps - 1))
      var metadata = AudioMetadata()
      metadata.software = "compose \(programVersion)"
      metadata.comment =
        "\(stem(first)) to \(stem(last)), \(percent), \(described)seed \(seed), "
        + "a model of \(generator.model.configuration.history.dataset)"
      progress.finish()
      let level = try piece.writeUnclipped(
        to: paths[number], normalizedTo: loudness.target, metadata: metadata,
        overwrite: editing.overwrite)
      Terminal.result(
        "\(paths[number]): "
          + String(
            format: "%.1f s at %d Hz, %@, %@seed %llu, %@", piece.duration, piece.sampleRate,
            percent, described, seed, level.loudness.description))
    }
    try generator.interpolation(
      from: sounds[0], to: sounds[1], count: steps, seed: seed, options: options,
      onProgress: { progress.update($0) }, onPiece: write)
  }

  /// With a number before the extension.
  private func numbered(_ path: String, _ number: Int) -> String {
    let digits = String(steps).count - String(number).count
    let url = URL(fileURLWithPath: path)
    guard !url.pathExtension.isEmpty else { return path }
    return String(path.dropLast(url.pathExtension.count + 1))
      + "-\(String(repeating: "0", count: digits))\(number).\(url.pathExtension)"
  }
}
