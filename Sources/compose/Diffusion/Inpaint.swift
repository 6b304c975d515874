import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal

struct Inpaint: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inpaint",
    abstract: DiffusionCommand.inpaint.abstract,
    discussion: """
      Outside of the spans your sound stays as it is, sample for sample, at its own rate and on its own \
      channels; within them it is drawn anew to fit what stands around. With --band only those \
      frequencies are drawn anew, in the spans or, without any, in the whole file, and what lies outside \
      of the band stays. Without --label nothing is said of one: the sound tells. The file is held in \
      memory.

      Examples:
        compose inpaint take.wav --from 3.2 --to 5.0
        compose inpaint take.wav --span 3.2-5.0 --span 12-13.5 --seed 7 --output mended.wav
        compose inpaint take.wav --band 200-2000 --from 3 --to 6
        compose inpaint take.wav --band 60-200 --band 4000-11025
      """)

  @Argument(help: "File of sound to draw parts of anew.")
  var file: String

  @Option(
    parsing: .unconditional, help: "Where the part begins, in seconds. Default: the beginning.")
  var from: Double?

  @Option(parsing: .unconditional, help: "Where the part ends, in seconds. Default: the end.")
  var to: Double?

  @Option(
    name: .customLong("span"),
    help: ArgumentHelp(
      "A part, in seconds, as 3.2-5.0; may be repeated.", valueName: "from-to"),
    transform: NumberSpan.init(reading:))
  var spans: [NumberSpan] = []

  @Option(
    name: .customLong("band"),
    help: ArgumentHelp(
      "Draw these frequencies alone, in Hz, as 200-2000; may be repeated.", valueName: "low-high"),
    transform: NumberSpan.init(reading:))
  var bands: [NumberSpan] = []

  @Option(
    name: .shortAndLong,
    help:
      "File to write. Default: the file's name + -inpainted, in the current folder, in a format that keeps its samples."
  )
  var output: String?

  @OptionGroup var editing: EditingOptions
  @OptionGroup var steps: StepsOptions

  func validate() throws {
    guard from != nil || to != nil || !spans.isEmpty || !bands.isEmpty else {
      throw ValidationError("Say what to draw anew: --from and --to, --span, or --band.")
    }
    if let from, let to, !(0 <= from && from < to) {
      throw ValidationError("--from must be 0 or more, and less than --to.")
    }
    guard from.map({ $0 >= 0 && $0.isFinite }) ?? true, to.map({ $0 > 0 && $0.isFinite }) ?? true
    else { throw ValidationError("--from and --to are seconds from the beginning.") }
  }

  func run() throws {
    let reader = try AudioReader(file)
    let kept = try KeptSound(of: reader, output: output, suffix: "-inpainted", editing)
    let sound = try AudioBuffer(contentsOf: file)
    var parts = spans.map(\.range)
    if from != nil || to != nil {
      let (first, last) = (from ?? 0, to ?? sound.duration)
      guard first < last else { throw CommandError.beyondEnd(file, duration: sound.duration) }
      parts.append(first..<last)
    }
    var options = editing.options
    steps.set(&options)
    let generator = try editing.generator(options)
    let seed = editing.chosenSeed()
    let progress = DrawingProgress()
    let edited = try generator.inpainting(
      sound, spans: parts, bands: bands.map { $0.range.lowerBound...$0.range.upperBound },
      seed: seed,
      options: options
    ) { progress.update($0) }
    progress.finish()
    let described = options.described(label: options.label).map { "\($0), " }.joined()
    let dataset = generator.model.configuration.history.dataset
    let places =
      parts.map { NumberSpan(range: $0).description + " s" }
      + bands.map { $0.description + " Hz" }
    let what = "\(places.joined(separator: ", ")) drawn anew"
    try edited.write(
      to: kept.path, encoding: kept.encoding,
      metadata: reader.metadata.edited("\(what), \(described)seed \(seed), a model of \(dataset)"),
      overwrite: editing.overwrite)
    Terminal.result(
      "\(kept.path): "
        + String(
          format: "%.1f s at %d Hz, %@, %@seed %llu, in %.1f s", edited.duration,
          edited.sampleRate, what, described, seed, progress.seconds))
  }
}

/// `LOW-HIGH`, of numbers that are 0 or more.
struct NumberSpan: CustomStringConvertible {
  let range: Range<Double>

  init(range: Range<Double>) { self.range = range }

  /// - Throws: a `ValidationError` that says the form.
  init(reading argument: String) throws {
    let bounds = argument.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
    guard bounds.count == 2, let low = bounds[0], let high = bounds[1], 0 <= low, high.isFinite
    else {
      throw ValidationError("'\(argument)' is not of the form LOW-HIGH, as 3.2-5.0.")
    }
    guard low < high else {
      throw ValidationError("'\(argument)' must end after it begins: the lower number comes first.")
    }
    range = low..<high
  }

  var description: String {
    [range.lowerBound, range.upperBound].map { NamedNumber.text(($0 * 1000).rounded() / 1000) }
      .joined(separator: "-")
  }
}
