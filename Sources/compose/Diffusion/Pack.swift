import ArgumentParser
import Audio
import Evaluation
import Foundation
import MusicDiffusion
import Terminal
import Torch

struct Pack: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: DiffusionCommand.pack.abstract,
    discussion: """
      Sounds are made until there are enough that are not silent and not nearly the same as one that is \
      there; silence before the onset and what has fallen by 60 dB is cut off, and all are made equally \
      loud. Of each label the best are kept, and numbered best first: kick-001.wav. With --loop they are \
      loops, of which nothing is cut off: organ-120bpm-001.wav, with tempo and loop points. manifest.json tells \
      what is there, index.html shows and plays it, and recipes/kick-001.json makes kick-001.wav again. \
      Ctrl-C makes a pack of what is there.

      What is best is a matter of figures, not of taste: a sharp attack, a fall into silence, clear tones. \
      Loops go by a regular pulse and clear tones. With --like it is what comes nearest to sounds of yours.

      Examples:
        compose pack --model drums-model --count 64 --output drums
        compose pack --model drums-model --label kick --count 20 --like my-kicks --output kicks
        compose pack --label flute:0.6,organ:0.4 --seconds 2 --count 8 --output pipes
        compose pack --loop --bpm 96 --bars 2 --count 20 --output loops
        compose generate --from drums/recipes/kick-001.json --output kick.flac
      """)

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: "How many sounds, spread evenly over the labels.")
  var count = 64

  @Option(name: .shortAndLong, help: "Folder to make; it must not exist, or be empty.")
  var output: String

  @Option(name: .shortAndLong, help: "Folder of a model. Default: the one that ships in samples/.")
  var model: String?

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help:
      "Length to draw before silence is cut off, in seconds, or auto for the model's window. Of loops, in place of --bars. Default: auto."
  )
  var seconds: PackLength?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Sounds to choose from that are distinct and not silent. Default: a quarter more than --count.",
      valueName: "count"))
  var candidates: Int?

  @Option(
    help: ArgumentHelp(
      "Folder of sounds of yours: what is most like them comes first.", valueName: "dir"))
  var like: String?

  @Option(
    parsing: .unconditional,
    help: "Seed of the first sound; each takes the next. Default: drawn, and printed.")
  var seed: UInt64?

  @Option(
    parsing: .unconditional, help: SamplingOptions.stepsHelp)
  var steps: Int?

  @OptionGroup var looping: LoopOptions
  @OptionGroup var description: DescriptionOptions
  @OptionGroup var guidance: GuidanceOptions
  @OptionGroup var sampling: SamplingOptions
  @OptionGroup var loudness: LoudnessOptions

  @OptionGroup var compute: ComputeOptions

  static let most = 10_000

  func validate() throws {
    guard (1...Self.most).contains(count) else {
      throw ValidationError("--count must be 1 to \(Self.most).")
    }
    guard candidates.map({ (count...4 * Self.most).contains($0) }) ?? true else {
      throw ValidationError("--candidates must be --count to \(4 * Self.most).")
    }
    guard steps.map({ (1...10_000).contains($0) }) ?? true else {
      throw ValidationError("--steps must be 1 to 10000.")
    }
    guard seconds?.seconds.map({ $0 > 0 && $0 <= 60 }) ?? true else {
      throw ValidationError("--seconds must be more than 0 and at most 60, or auto.")
    }
    guard !looping.loop || seconds.map({ $0.seconds != nil }) ?? true else {
      throw ValidationError("--loop and --seconds auto exclude each other.")
    }
    _ = try looping.form(seconds: seconds?.seconds, sampleRate: 1)
  }

  func run() throws {
    let interruption = Interruption()
    let folder = try PackFolder(output)
    let (device, precision) = try compute.resolved()
    let model = try Model(contentsOf: self.model ?? ShippedModel.path(), device: device)
    let generator = try guidance.generator(model, device, precision)
    var options = Generator.Options()
    description.set(&options)
    options.steps = steps
    guidance.set(&options)
    sampling.set(&options)
    looping.set(&options, seconds: seconds?.seconds, for: model)
    try DescriptionOptions.warn(about: options, model)
    let representation = model.configuration.representation
    let rate = representation.sampleRate
    let form = try looping.form(
      seconds: seconds?.seconds ?? (looping.loop ? nil : representation.windowSeconds),
      sampleRate: rate)
    let collection = try like.map { try SoundCollection(AudioFolder($0), sampleRate: rate) }
    let first = seed ?? UInt64.random(in: 0..<1_000_000)
    let maker = PackMaker(
      generator: generator, sources: try RecipeSources(model: self.model, guide: guidance.guide),
      form: form, tempo: looping.meter(seconds: seconds?.seconds), options: options,
      firstSeed: first, count: count,
      candidates: candidates ?? count + (count + 3) / 4, loudness: loudness.target,
      like: like.map { URL(fileURLWithPath: $0).lastPathComponent })
    let clock = ContinuousClock.now
    let pack = try maker.make(
      in: folder,
      judge: PackJudge(
        sampleRate: rate, collection: collection,
        loops: looping.loop
          ? PackJudge.Loops(beatsPerMinute: looping.meter(seconds: seconds?.seconds).beatsPerMinute)
          : nil),
      isStopped: { interruption.isRequested })
    if pack.manifest.sounds.isEmpty {
      throw interruption.isRequested
        ? CommandError.stopped : CommandError.emptyPack(because: pack.why)
    }
    try folder.commit()
    Terminal.result(
      String(
        format: "%@: %d sounds of %d made from seed %llu on, matched to %@, in %@", output,
        pack.manifest.sounds.count, pack.manifest.made, first, pack.manifest.matchedTo,
        duration(clock.duration(to: .now) / .seconds(1))))
    if pack.manifest.sounds.count < count {
      throw interruption.isRequested
        ? CommandError.packStopped(pack.manifest.sounds.count, of: count)
        : CommandError.packTooSmall(pack.manifest.sounds.count, of: count, because: pack.why)
    }
  }
}

/// `auto` or seconds.
enum PackLength: ExpressibleByArgument, CustomStringConvertible {
  case auto
  case fixed(Double)

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
      return
    }
    guard let seconds = Double(argument) else { return nil }
    self = .fixed(seconds)
  }

  var seconds: Double? { if case .fixed(let seconds) = self { seconds } else { nil } }
  var description: String { seconds.map { "\($0)" } ?? "auto" }
}
