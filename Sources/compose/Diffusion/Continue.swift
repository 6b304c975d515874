import ArgumentParser
import Audio
import MusicDiffusion
import Terminal

struct Continue: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "continue",
    abstract: DiffusionCommand.continue.abstract,
    discussion: """
      Your sound stays as it is, sample for sample, at its own rate and on its own channels; what \
      follows is drawn by what its last seconds are. Without --label nothing is said of one: the sound \
      tells. A file of any length takes no more memory than its end and what is new.

      Examples:
        compose continue sketch.wav --seconds 20
        compose continue sketch.wav --seconds 20 --label organ --seed 7 --output longer.flac
        compose continue loop.wav --model my-loops-model --steps 40
      """)

  @Argument(help: "File of sound to go on from.")
  var file: String

  @Option(name: .shortAndLong, parsing: .unconditional, help: "How long to go on, in seconds.")
  var seconds = 10.0

  @Option(
    name: .shortAndLong,
    help:
      "File to write. Default: the file's name + -continued, in the current folder, in a format that keeps its samples."
  )
  var output: String?

  @OptionGroup var editing: EditingOptions
  @OptionGroup var steps: StepsOptions

  func validate() throws {
    guard seconds.isFinite, seconds > 0, seconds <= Generator.maximumSecondsInMemory else {
      throw ValidationError(
        "--seconds must be more than 0 and at most \(Int(Generator.maximumSecondsInMemory)).")
    }
  }

  func run() throws {
    let reader = try AudioReader(file)
    let kept = try KeptSound(of: reader, output: output, suffix: "-continued", editing)
    var options = editing.options
    steps.set(&options)
    let generator = try editing.generator(options)
    let seed = editing.chosenSeed()
    let progress = DrawingProgress()
    let rate = reader.sampleRate
    let new = max(1, Int((seconds * Double(rate)).rounded()))
    let described = options.described(label: options.label).map { "\($0), " }.joined()
    let dataset = generator.model.configuration.history.dataset
    let (end, count) = try end(of: reader, seconds: generator.contextSeconds)
    let continuation = try generator.continuation(
      of: end, seconds: seconds, seed: seed, options: options
    ) { progress.update($0) }
    // Nothing is written before all is there, so that whoever ends the work leaves nothing.
    let writer = try AudioWriter(
      kept.path, sampleRate: rate, channelCount: reader.channelCount, encoding: kept.encoding,
      sampleCount: count + new,
      metadata: reader.metadata.edited(
        "continued, \(described)seed \(seed), a model of \(dataset)"),
      overwrite: editing.overwrite)
    let again = try AudioReader(file)
    var copied = 0
    while let block = try again.read(upTo: 1 << 16) {
      try writer.write(block)
      copied += block.sampleCount
    }
    guard copied == count else {
      throw AudioError.truncated(path: file, found: copied, promised: count)
    }
    try writer.write(continuation)
    let total = try writer.finish().sampleCount
    progress.finish()
    Terminal.result(
      "\(kept.path): "
        + String(
          format:
            "%.1f s, of which %.1f s from %.2f s on are new, at %d Hz, %@seed %llu, in %.1f s",
          Double(total) / Double(rate), Double(new) / Double(rate),
          Double(total - new) / Double(rate), rate, described, seed, progress.seconds))
  }

  /// The last seconds of a sound, and the length of it all, samples.
  private func end(
    of reader: AudioReader, seconds: Double
  ) throws -> (end: AudioBuffer, count: Int) {
    let limit = Int((seconds * Double(reader.sampleRate)).rounded(.up)) + 1
    var end = [[Float]](repeating: [], count: reader.channelCount)
    var count = 0
    while let block = try reader.read(upTo: 1 << 16) {
      for channel in end.indices {
        end[channel] += block.channels[channel]
        end[channel].removeFirst(max(0, end[channel].count - limit))
      }
      count += block.sampleCount
    }
    guard count > 0 else { throw AudioError.empty(path: file) }
    return (AudioBuffer(channels: end, sampleRate: reader.sampleRate), count)
  }
}
