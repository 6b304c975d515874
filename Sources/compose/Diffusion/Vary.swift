import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal

struct Vary: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vary",
    abstract: DiffusionCommand.vary.abstract,
    discussion: """
      Noise is added to the sound's spectrogram and taken away again: the more, the less of the sound is \
      left. --strength 0 only sends it through the spectrogram, 0.2 changes detail, 0.5 keeps the outline, \
      1 is a new piece. All of it is drawn anew, at the model's rate and on its channels. The file is \
      held in memory. A file with loop points around all of it stays a loop, and keeps its tempo; --loop \
      says so of others.

      Examples:
        compose vary loop.wav --strength 0.4
        compose vary kick.wav --model kicks-model --strength 0.3 --seed 7 --output kick-7.wav
        compose vary organ.wav --label piano --strength 0.6 --guidance 3
      """)

  @Argument(help: "File of sound to vary.")
  var file: String

  @Option(parsing: .unconditional, help: "How far to go from the sound, 0 to 1.")
  var strength = 0.4

  @Flag(help: "The file is a loop, whose end leads to its beginning, and is to stay one.")
  var loop = false

  @Option(
    name: .shortAndLong,
    help: "File to write. Default: the file's name + -varied.wav, in the current folder.")
  var output: String?

  @OptionGroup var editing: EditingOptions
  @OptionGroup var steps: StepsOptions
  @OptionGroup var loudness: LoudnessOptions

  func validate() throws {
    guard (0...1).contains(strength) else { throw ValidationError("--strength must be 0 to 1.") }
  }

  func run() throws {
    let path = output ?? stem(file) + "-varied.wav"
    try editing.checkOutput(path)
    let sound = try AudioBuffer(contentsOf: file)
    let original = try AudioReader(file).metadata
    let isLoop =
      loop || original.loops.contains { $0.start == 0 && $0.end == sound.sampleCount }
    var options = editing.options
    steps.set(&options)
    let generator = try editing.generator(options)
    let seed = editing.chosenSeed()
    let progress = DrawingProgress()
    let varied =
      isLoop
      ? try generator.variation(
        ofLoop: sound, strength: strength, seed: seed, options: options
      ) { progress.update($0) }
      : try generator.variation(
        of: sound, strength: strength, seed: seed, options: options
      ) { progress.update($0) }
    progress.finish()
    let described = options.described(label: options.label).map { "\($0), " }.joined()
    let how = "\(described)strength \(NamedNumber.text(strength)), seed \(seed)"
    var metadata = AudioMetadata()
    metadata.software = "compose \(programVersion)"
    metadata.comment =
      "\(stem(file)) varied, \(how), a model of \(generator.model.configuration.history.dataset)"
    if isLoop {
      LoopOptions.warn(output: path)
      metadata.loops = [AudioMetadata.Loop(start: 0, end: varied.sampleCount)]
      (metadata.beatsPerMinute, metadata.beatsPerBar) = (
        original.beatsPerMinute, original.beatsPerBar
      )
    }
    let level = try varied.writeUnclipped(
      to: path, normalizedTo: loudness.target, metadata: metadata, overwrite: editing.overwrite)
    Terminal.result(
      "\(path): "
        + String(
          format: "%.1f s at %d Hz, %@, %@, in %.1f s", varied.duration, varied.sampleRate, how,
          level.loudness.description, progress.seconds))
  }
}

/// A file's name without folder and extension.
func stem(_ path: String) -> String {
  URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
}
