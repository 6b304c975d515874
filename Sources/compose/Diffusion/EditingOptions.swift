import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal
import Torch

/// What the commands share that draw on a sound that is there.
struct EditingOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Folder of a model. Default: the one that ships in samples/.")
  var model: String?

  @Option(parsing: .unconditional, help: "Decides what is drawn. Default: drawn, and printed.")
  var seed: UInt64?

  @OptionGroup var description: DescriptionOptions
  @OptionGroup var guidance: GuidanceOptions

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  @OptionGroup var compute: ComputeOptions

  /// That a file can be written, before any work is done for it.
  func checkOutput(_ path: String) throws {
    guard AudioEncoding(path: path) != nil else {
      throw CommandError.unsupportedOutput(
        path, choices: ".wav, .flac, .ogg, .mp3, .aiff or .opus")
    }
    if !overwrite, FileManager.default.fileExists(atPath: path) { throw CommandError.exists(path) }
    try makeFolder(of: path)
  }

  /// Loads the model, and says what it has hardly learned of what is asked for.
  func generator(_ options: Generator.Options) throws -> Generator {
    let (device, precision) = try compute.resolved()
    let model = try Model(contentsOf: self.model ?? ShippedModel.path(), device: device)
    try DescriptionOptions.warn(about: options, model)
    return try guidance.generator(model, device, precision)
  }

  /// What is drawn, without how its steps are taken.
  var options: Generator.Options {
    var options = Generator.Options()
    description.set(&options)
    guidance.set(&options)
    return options
  }

  func chosenSeed() -> UInt64 { seed ?? UInt64.random(in: 0..<1_000_000) }
}

/// The way from noise to sound, where a command leaves it to the user.
struct StepsOptions: ParsableArguments {
  @Option(
    parsing: .unconditional, help: SamplingOptions.stepsHelp)
  var steps: Int?

  @OptionGroup var sampling: SamplingOptions

  func validate() throws {
    guard steps.map({ (1...10_000).contains($0) }) ?? true else {
      throw ValidationError("--steps must be 1 to 10000.")
    }
  }

  func set(_ options: inout Generator.Options) {
    options.steps = steps
    sampling.set(&options)
  }
}

/// The progress of one piece of work, with the time that is left.
struct DrawingProgress {
  private let line = ProgressLine()
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now

  func update(_ progress: Generator.Progress, prefix: String = "") {
    let part = Double(progress.evaluations) / Double(progress.totalEvaluations)
    let isDrawn = progress.evaluations == progress.totalEvaluations
    line.update(
      isDrawn
        ? prefix + "turning the spectrogram into sound"
        : prefix
          + String(
            format: "drawing  %2.0f %%  %@ left", part * 100, duration(seconds / part - seconds)),
      force: isDrawn)
  }

  func finish() { line.finish() }

  /// Since the beginning.
  var seconds: Double { start.duration(to: clock.now) / .seconds(1) }
}

/// How the file that an edited sound goes to keeps that sound.
struct KeptSound {
  let path: String
  let encoding: AudioEncoding

  /// - Parameters:
  ///   - output: where to write; nil for a name beside the current folder's: the input's with a suffix,
  ///     in its own format if that has no losses, else as WAV.
  /// - Throws: as ``EditingOptions/checkOutput(_:)``.
  init(of reader: AudioReader, output: String?, suffix: String, _ editing: EditingOptions) throws {
    let bits = reader.integerBits
    let input = URL(fileURLWithPath: reader.path)
    let own = AudioEncoding(path: reader.path, keeping: bits).map { $0.keeps(bits: bits) } ?? false
    let path =
      output
      ?? input.deletingPathExtension().lastPathComponent + suffix + "."
      + (own ? input.pathExtension : "wav")
    try editing.checkOutput(path)
    guard let encoding = AudioEncoding(path: path, keeping: bits) else {
      throw CommandError.unsupportedOutput(
        path, choices: ".wav, .flac, .ogg, .mp3, .aiff or .opus")
    }
    (self.path, self.encoding) = (path, encoding)
    if !encoding.keeps(bits: bits) {
      Terminal.note(
        "\(path): its format cannot hold the samples of \(reader.path) as they are; .wav can")
    }
  }
}

extension AudioMetadata {
  /// With how the sound was edited, behind what the file says already.
  func edited(_ comment: String) -> AudioMetadata {
    var metadata = self
    metadata.software = "compose \(programVersion)"
    let all = [self.comment, comment].compactMap(\.self).joined(separator: "; ")
    metadata.comment = all.utf8.count <= Self.maximumTextLength ? all : self.comment
    return metadata
  }
}
