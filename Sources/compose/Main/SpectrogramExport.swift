public import ArgumentParser
import Audio
import Foundation
public import Spectro
import Terminal

/// `compose spectrogram export`.
struct SpectrogramExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Sound to pictures (.png), arrays (.npy) or tables (.csv).",
    discussion: """
      A file remembers its settings, the length of the sound and what its file said of it (title, \
      tempo, loop points), so that `compose spectrogram import` needs none. Of several \
      channels the mean is taken, or with --stereo two: mid, (left + right) / 2, and side, \
      (left - right) / 2.

      .png  a picture with axes, a column a frame; of more than 32768 frames, the means of several, \
      which cannot be imported. With --data one pixel a value in 16 bits of grey, nearly lossless.
      .npy  float32 [mel bins, frames], or [2, mel bins, frames], of ln mel power, any length.
      .csv  a line a frame: seconds, then dB of mel power, by the frequencies in the header.

      Examples:
        compose spectrogram export loop.wav
        compose spectrogram export concert.flac --from 60 --to 90 --waveform --stereo
        compose spectrogram export loop.wav --output loop.npy --preset draft
        compose spectrogram export my-loops --output spectrograms --format npy --loop
      """)

  @Argument(help: "Audio files, and folders of them.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: "A file, or a folder for many files. Default: beside the sound, named as it is.")
  var output: String?

  @Option(help: "png, npy or csv, where --output does not tell. Default: png.")
  var format: SpectrogramFormat?

  @OptionGroup var settings: SpectrogramOptions

  @Option(parsing: .unconditional, help: "Seconds to leave out at the beginning.")
  var from: Double?

  @Option(parsing: .unconditional, help: "Seconds at which to end.")
  var to: Double?

  @Flag(help: "Mid and side instead of the mean of all channels.")
  var stereo = false

  @Option(
    help: "\(ColorMap.allCases.map(\.rawValue).joined(separator: ", ")). Default: magma.")
  var colorMap: ColorMap?

  @Flag(
    help: """
      The sound is a loop, whose end meets its start: `import` makes a loop of it again. At most ten \
      minutes.
      """)
  var loop = false

  @Flag(help: "The outline of the sound above the picture, a lane for each channel.")
  var waveform = false

  @Option(
    parsing: .unconditional,
    help: "Columns of a picture at most; then it may not be fit for import.")
  var width: Int?

  @Flag(help: "A picture without axes.")
  var plain = false

  @Flag(help: "A picture of 16 bits of grey, one pixel a value: for programs, and nearly lossless.")
  var data = false

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  func validate() throws {
    guard !inputs.isEmpty else { throw ValidationError("Name an audio file or a folder.") }
    guard from ?? 0 >= 0, from ?? 0 < to ?? .infinity, (from ?? 0).isFinite else {
      throw ValidationError("--from must be 0 or more, and less than --to.")
    }
    guard from ?? 0 <= 1e9 else {
      throw ValidationError("--from must be at most 1000000000 seconds.")
    }
    guard width ?? 2 >= 2 else { throw ValidationError("--width must be 2 or more.") }
    guard !data || !(plain || waveform || colorMap != nil || width != nil) else {
      throw ValidationError(
        "--data has no axes and no colours: leave out --plain, --waveform, --color-map and --width."
      )
    }
    guard !(plain && waveform) else {
      throw ValidationError("--plain leaves no room for --waveform.")
    }
  }

  func run() throws {
    let jobs = try FileJobs(
      inputs, output: output, format: (format ?? .png).rawValue,
      isFormat: { SpectrogramFormat(path: $0) != nil },
      search: audioFiles)
    for job in jobs.jobs.prefix(1) {
      guard let format = SpectrogramFormat(path: job.output) else {
        throw CommandError.unsupportedOutput(job.output, choices: ".png, .npy or .csv")
      }
      if let asked = self.format, asked != format {
        throw CommandError.uselessOptions(
          "--format", because: "the name \(job.output) tells the format")
      }
      if format != .png, colorMap != nil || plain || data || waveform || width != nil {
        throw CommandError.uselessOptions(
          "--color-map, --waveform, --width, --plain and --data",
          because: "\(job.output) is no picture")
      }
    }
    let export = self
    try jobs.run("spectrograms", overwrite: overwrite) { job, worker in
      try export.make(job, worker)
    }
  }

  private var channelCount: Int { stereo ? 2 : settings.preset?.channelCount ?? 1 }

  private func make(_ job: FileJobs.Job, _ worker: FileJobs.Worker) throws -> String {
    let reader = try AudioReader(job.input)
    let settings = settings.settings(sampleRate: reader.sampleRate)
    try settings.validate()
    let rate = Double(reader.sampleRate)
    let first = Int((from ?? 0) * rate)
    if let count = reader.sampleCount, first > 0, first >= count {
      throw CommandError.beyondEnd(job.input, duration: Double(count) / rate)
    }
    if first > 0 { try reader.seek(to: first) }
    let wanted = to.map { Int(min($0 * rate, 1e15)) - first }
    let part = Part(
      reader: reader, first: first,
      count: reader.sampleCount.map { min($0 - first, wanted ?? .max) },
      limit: wanted ?? .max, settings: settings)
    let (writer, frames, samples) =
      try loop ? writeLoop(part, job, worker) : writeBlocks(part, job, worker)
    try worker.advance(to: nil)
    try writer.finish()

    var words =
      "\(job.output): \(frames) frame\(frames == 1 ? "" : "s") of \(settings.melBins) mel bins, "
      + String(format: "%.2f s at %d Hz", Double(samples) / rate, settings.sampleRate)
    if let count = (writer as? PNGWriter)?.framesPerColumn, count > 1 {
      words +=
        "; \(count) frames a column, too coarse to import: use .npy, --data, or --from and --to"
    }
    return words
  }

  /// What is wanted of a file, which stands at its beginning.
  private struct Part {
    let reader: AudioReader
    let first: Int
    /// Samples, if that is known before they are read, and at most.
    let count: Int?
    let limit: Int
    let settings: SpectrogramSettings

    /// - Parameter sampleCount: at the settings' rate.
    func origin(sampleCount: Int?, isLoop: Bool) -> SpectrogramOrigin {
      var metadata = reader.metadata
      if first > 0 || limit < .max || reader.sampleRate != settings.sampleRate {
        // They count samples that are not those of the spectrogram.
        (metadata.loops, metadata.markers) = ([], [])
      }
      return SpectrogramOrigin(sampleCount: sampleCount, isLoop: isLoop, metadata: metadata.json)
    }
  }

  /// In blocks: hours of sound take no more memory than minutes.
  private func writeBlocks(
    _ part: Part, _ job: FileJobs.Job, _ worker: FileJobs.Worker
  ) throws -> (writer: any SpectrogramWriter, frames: Int, samples: Int) {
    let (reader, settings) = (part.reader, part.settings)
    let mel = try MelSpectrogram(settings, threads: worker.threads)
    var streams = [MelStream](repeating: MelStream(mel), count: channelCount)
    // Fewer channels are resampled in less time; an outline shows all.
    let kept = waveform ? .channels(reader.channelCount) : layout
    let resampler =
      reader.sampleRate == settings.sampleRate
      ? nil
      : try Resampler(
        from: reader.sampleRate, to: settings.sampleRate, channelCount: kept.channelCount)
    let count = part.count.map { resampler?.outputCount(of: $0) ?? $0 }
    let writer = try writer(job, settings, part.origin(sampleCount: count, isLoop: false))
    var (samples, frames) = (0, 0)

    func write(_ spectrograms: [Spectrogram]) throws {
      if spectrograms[0].frames > 0 { try writer.append(spectrograms) }
      frames += spectrograms[0].frames
    }
    func append(_ channels: [[Float]]) throws {
      if waveform { (writer as? PNGWriter)?.appendWaveform(channels) }
      let block = AudioBuffer(channels: channels, sampleRate: settings.sampleRate)
      let parts = waveform ? block.arranged(as: layout).channels : channels
      try write(streams.indices.map { streams[$0].append(parts[$0]) })
    }
    while samples < part.limit,
      let block = try reader.read(upTo: min(part.limit - samples, 1 << 18))
    {
      samples += block.sampleCount
      try worker.advance(to: part.count.map { Double(samples) / Double($0) })
      let channels = block.arranged(as: kept).channels
      try append(try resampler?.process(channels) ?? channels)
    }
    guard samples > 0 else { throw AudioError.empty(path: job.input) }
    if let resampler { try append(resampler.finish()) }
    try write(streams.map { $0.finish() })
    return (writer, frames, samples)
  }

  /// As a whole: the first frame needs the end, and the last the beginning.
  private func writeLoop(
    _ part: Part, _ job: FileJobs.Job, _ worker: FileJobs.Worker
  ) throws -> (writer: any SpectrogramWriter, frames: Int, samples: Int) {
    let (reader, settings) = (part.reader, part.settings)
    let kept = waveform ? .channels(reader.channelCount) : layout
    let longest = Int(Self.longestLoop * Double(reader.sampleRate))
    var channels = [[Float]](repeating: [], count: kept.channelCount)
    while channels[0].count < part.limit,
      let block = try reader.read(upTo: min(part.limit - channels[0].count, 1 << 18))
    {
      try worker.advance(to: nil)
      for (i, samples) in block.arranged(as: kept).channels.enumerated() { channels[i] += samples }
      guard channels[0].count <= longest else {
        throw CommandError.loopTooLong(job.input, seconds: Self.longestLoop)
      }
    }
    let samples = channels[0].count
    guard samples > 0 else { throw AudioError.empty(path: job.input) }
    let ratio = Double(settings.sampleRate) / Double(reader.sampleRate)
    let count = max(1, Int((Double(samples) * ratio).rounded()))
    let frames = loopFrames(count, hopLength: settings.hopLength)
    channels = channels.map { resampledLoop($0, to: frames * settings.hopLength) }
    let writer = try writer(job, settings, part.origin(sampleCount: count, isLoop: true))
    if waveform { (writer as? PNGWriter)?.appendWaveform(channels) }
    let mel = try MelSpectrogram(settings, boundary: .circular, threads: worker.threads)
    let sound = AudioBuffer(channels: channels, sampleRate: settings.sampleRate)
    let parts = waveform ? sound.arranged(as: layout).channels : channels
    try writer.append(parts.map(mel.logMel(of:)))
    return (writer, frames, samples)
  }

  /// Seconds: it takes memory by its length.
  private static let longestLoop = 600.0

  private var layout: ChannelLayout { channelCount == 2 ? .midSide : .mono }

  private func writer(
    _ job: FileJobs.Job, _ settings: SpectrogramSettings, _ origin: SpectrogramOrigin
  ) throws -> any SpectrogramWriter {
    switch SpectrogramFormat(path: job.output) {
    case .npy:
      return try NPYWriter(
        job.output, bins: settings.melBins, channelCount: channelCount, settings: settings,
        origin: origin, overwrite: overwrite)
    case .csv:
      return try CSVWriter(
        job.output, settings: settings, channelCount: channelCount, origin: origin,
        overwrite: overwrite)
    case .png, nil:
      return try PNGWriter(
        job.output, settings: settings,
        style: data ? .data : .picture(colorMap ?? .magma, axes: !plain),
        channelCount: channelCount, title: URL(fileURLWithPath: job.input).lastPathComponent,
        start: from ?? 0, maximumColumns: width, origin: origin, overwrite: overwrite)
    }
  }
}

extension ColorMap: ExpressibleByArgument {}
extension SpectrogramFormat: ExpressibleByArgument {}
