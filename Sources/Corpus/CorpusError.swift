/// What can go wrong between a folder of audio and a prepared set, each in one line that says what
/// to do.
public enum CorpusError: Error, Equatable, CustomStringConvertible {
  case noneReadable(String, count: Int, first: Skipped)
  /// The prepared set is not what was written.
  case damaged(String, reason: String)
  /// The folder holds something else, or the set of another source.
  case occupied(String, reason: String)
  case notPrepared(String)
  /// The set was prepared at another rate or with other channels than are wanted.
  case otherFormat(String, found: SoundFormat, wanted: SoundFormat)
  /// A table of metadata that cannot be read.
  case metadata(String, line: Int, reason: String)
  /// Metadata that a later version of compose has prepared.
  case newerMetadata(String)
  case cannotWrite(String, reason: String)

  public var description: String {
    switch self {
    case .noneReadable(let path, let count, let first):
      "none of the \(count) audio files in \(path) can be read, the first, \(first.path), because: "
        + first.reason
    case .damaged(let path, let reason):
      "the prepared data in \(path) is damaged: \(reason); delete that folder and try again"
    case .occupied(let path, let reason):
      "cannot prepare into \(path): \(reason); choose another folder"
    case .notPrepared(let path):
      "\(path) holds no whole prepared set: run compose dataset prepare again, which goes on where "
        + "it stopped"
    case .otherFormat(let path, let found, let wanted):
      "\(path) was prepared as \(found), and this preset wants \(wanted): prepare it again with "
        + "that --preset"
    case .metadata(let path, let line, let reason):
      "cannot read \(path), line \(line): \(reason)"
    case .newerMetadata(let path):
      "the captions and numbers in \(path) were prepared by a later version of compose: use that one, "
        + "or delete \(PreparedMetadata.fileName) there and prepare again"
    case .cannotWrite(let path, let reason):
      "cannot write \(path): \(reason)"
    }
  }
}

/// A file that is not used, and why.
public struct Skipped: Codable, Sendable, Equatable {
  public var path: String
  public var reason: String
  /// Whether a preset that fills up short clips would take it.
  public var isTooShort = false

  public init(path: String, reason: String, isTooShort: Bool = false) {
    (self.path, self.reason, self.isTooShort) = (path, reason, isTooShort)
  }
}

/// What the sound of a prepared set is.
public struct SoundFormat: Codable, Sendable, Equatable, CustomStringConvertible {
  /// In Hz.
  public var sampleRate: Int
  /// 1, the mean of all channels, or 2, left and right.
  public var channels: Int

  public init(sampleRate: Int, channels: Int) {
    (self.sampleRate, self.channels) = (sampleRate, channels)
  }

  public var description: String { "\(sampleRate) Hz \(channels == 1 ? "mono" : "stereo")" }
}
