public import Audio
public import Corpus
import Spectro

/// What a few of a folder's files tell before any is decoded: enough to choose a preset.
public struct DatasetGlance: Sendable, Equatable {
  /// Those that the data can be trained with.
  public var presets: [Preset]
  /// Of the files' lengths.
  public var medianSeconds: Double
  /// The part of the files that is in stereo at 44.1 kHz or more.
  public var stereoShare: Double

  public init(presets: [Preset] = Preset.allCases, medianSeconds: Double, stereoShare: Double) {
    self.presets = presets
    self.medianSeconds = medianSeconds
    self.stereoShare = stereoShare
  }

  /// Files that are looked at, evenly spread over all.
  private static let limit = 200

  /// Reads what the files say of themselves. Those that cannot be read, or do not say, do not count.
  public init(_ folder: AudioFolder) {
    let files = folder.files
    let looked = stride(from: 0, to: files.count, by: max(1, files.count / Self.limit))
    let found = looked.compactMap { try? AudioReader(folder.fullPath(files[$0])) }
    let lengths = found.compactMap { file in
      file.sampleCount.map { Double($0) / Double(file.sampleRate) }
    }.sorted()
    let stereo = found.count { $0.channelCount > 1 && $0.sampleRate >= 44100 }
    self.init(
      medianSeconds: lengths.isEmpty ? .infinity : lengths[lengths.count / 2],
      stereoShare: Double(stereo) / Double(max(1, found.count)))
  }

  /// - Throws: `CorpusError.damaged(_:reason:)`.
  public init(_ set: PreparedSet) throws {
    let looked = stride(
      from: 0, to: set.clipCount, by: max(1, set.clipCount / Self.limit))
    let lengths = try looked.map {
      Double(try set.samples(of: $0)) / Double(set.format.sampleRate)
    }.sorted()
    self.init(
      presets: Preset.allCases.filter {
        let settings = $0.spectrogram
        return set.format
          == SoundFormat(sampleRate: settings.settings.sampleRate, channels: settings.channelCount)
      },
      medianSeconds: lengths.isEmpty ? .infinity : lengths[lengths.count / 2],
      stereoShare: set.format.channels == 2 ? 1 : 0)
  }
}
