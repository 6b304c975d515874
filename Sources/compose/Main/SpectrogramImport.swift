import ArgumentParser
import Audio
import Foundation
import Spectro
import Terminal

/// `compose spectrogram import`.
struct SpectrogramImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Pictures, arrays or tables of spectrograms to sound, by Griffin-Lim.",
    discussion: """
      Reads what `compose spectrogram export` wrote, also after painting on it. An array from \
      elsewhere, `[mel bins, frames]` of ln mel power, or a table that lost its first line, needs \
      --sample-rate and the other settings that made it, or --preset.

      Examples:
        compose spectrogram import loop.png --output again.wav
        compose spectrogram import mine.npy --sample-rate 22050 --output mine.wav
        compose spectrogram import spectrograms --output sounds --format flac
      """)

  @Argument(help: ".png, .npy and .csv files, and folders of them.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: "Audio file to write, its extension decides the format; or a folder for many.")
  var output: String

  @Option(help: "wav, flac, ogg, mp3, aiff or opus, for files in a folder. Default: wav.")
  var format = "wav"

  @Option(parsing: .unconditional, help: "Passes of Griffin-Lim: more is slower and closer.")
  var iterations = 32

  @OptionGroup var settings: SpectrogramOptions

  @OptionGroup var loudness: LoudnessOptions

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  func validate() throws {
    guard !inputs.isEmpty else { throw ValidationError("Name a spectrogram file or a folder.") }
    guard (0...10_000).contains(iterations) else {
      throw ValidationError("--iterations must be 0 to 10000.")
    }
    guard AudioEncoding(path: "a.\(format)") != nil else {
      throw ValidationError("--format must be wav, flac, ogg, mp3, aiff or opus.")
    }
  }

  func run() throws {
    let jobs = try FileJobs(
      inputs, output: output, format: format, isFormat: { AudioEncoding(path: $0) != nil },
      search: spectrogramFiles)
    for job in jobs.jobs.prefix(1) where AudioEncoding(path: job.output) == nil {
      throw CommandError.unsupportedOutput(
        job.output, choices: ".wav, .flac, .ogg, .mp3, .aiff or .opus")
    }
    let command = self
    try jobs.run("sounds", overwrite: overwrite) { job, worker in
      try command.make(job, worker)
    }
  }

  /// In blocks: an hour takes no more memory than a few minutes. Loops alone are made as a whole.
  private func make(_ job: FileJobs.Job, _ worker: FileJobs.Worker) throws -> String {
    guard let format = SpectrogramFormat(path: job.input) else {
      throw CommandError.unsupportedInput(job.input, choices: ".png, .npy or .csv")
    }
    let reader = try format.reader(job.input)
    let settings = try settings(of: reader, file: job.input)
    let (frames, hop) = (reader.frames, settings.hopLength)
    let isLoop = reader.origin?.isLoop ?? false
    let count = reader.origin?.sampleCount(frames: frames, hopLength: hop)
    let sampleCount = count ?? (isLoop ? frames : max(0, frames - 1)) * hop
    guard sampleCount > 0 else {
      throw SpectroError.unreadable(path: job.input, reason: "one frame is too short for a sound")
    }
    var metadata = AudioMetadata(json: reader.origin?.metadata)
    if isLoop, metadata.loops.isEmpty { metadata.loops = [.init(start: 0, end: sampleCount)] }
    let inverter = try MelInverter(
      settings, boundary: isLoop ? .circular : .reflection, threads: worker.threads)
    let written = try writeUnclipped(
      to: job.output, sampleRate: settings.sampleRate, channelCount: reader.channelCount,
      sampleCount: sampleCount, normalizedTo: loudness.target, metadata: metadata,
      overwrite: overwrite
    ) { write in
      var made = 0
      try inverter.audio(
        frames: frames, channels: reader.channelCount, iterations: iterations,
        sampleCount: isLoop ? nil : sampleCount
      ) { frames in
        try worker.advance(to: Double(made) / Double(sampleCount))
        guard let block = try reader.read(upTo: frames.count) else {
          throw SpectroError.unreadable(path: job.input, reason: "it ended while it was read")
        }
        return block
      } write: { samples in
        let samples = isLoop ? samples.map { resampledLoop($0, to: sampleCount) } : samples
        made += samples[0].count
        try worker.advance(to: Double(made) / Double(sampleCount))
        try write(
          samples.count == 1
            ? AudioBuffer(channels: samples, sampleRate: settings.sampleRate)
            : AudioBuffer(mid: samples[0], side: samples[1], sampleRate: settings.sampleRate))
      }
    }
    return "\(job.output): "
      + String(format: "%.2f s at %d Hz, ", written.duration, written.sampleRate)
      + written.loudness.description
  }

  /// The file's own, or else those given.
  private func settings(
    of reader: any SpectrogramReader, file: String
  ) throws -> SpectrogramSettings {
    if let kept = reader.settings {
      try settings.requireNone(for: file)
      return kept
    }
    guard let sampleRate = settings.sampleRate ?? settings.preset?.settings.sampleRate else {
      throw CommandError.unknownSettings(file)
    }
    var given = settings.settings(sampleRate: sampleRate)
    given.melBins = reader.bins
    return given
  }

  /// The spectrogram files in a folder and its sub-folders, relative to it, in order.
  private func spectrogramFiles(in folder: String) throws -> [String] {
    let root = URL(fileURLWithPath: folder, isDirectory: true).resolvingSymlinksInPath()
    let walk = FileManager.default.enumerator(
      at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
    var files: [String] = []
    while let url = walk?.nextObject() as? URL {
      if SpectrogramFormat(path: url.path) != nil, !url.hasDirectoryPath {
        files.append(String(url.path.dropFirst(root.path.count + 1)))
      }
    }
    guard !files.isEmpty else { throw CommandError.noSpectrograms(folder) }
    return files.sorted()
  }
}
