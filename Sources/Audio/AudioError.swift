/// What can go wrong with an audio file; `description` is one line naming the file and the reason.
public enum AudioError: Error, Equatable, CustomStringConvertible {
  case notFound(path: String)
  case directory(path: String)
  /// There is no folder of this name.
  case noFolder(path: String)
  /// A file, where a folder of them is meant.
  case notAFolder(path: String)
  /// A folder without files.
  case emptyFolder(path: String)
  /// A folder without audio files.
  case noAudio(path: String)
  /// The system refuses to open or read the file.
  case unreadable(path: String, reason: String)
  /// No format that libsndfile knows.
  case notAudio(path: String)
  /// A known format, in a variant that cannot be decoded, or damaged.
  case unsupported(path: String, reason: String)
  /// The file holds no bytes, or no samples.
  case empty(path: String)
  /// The file ends before the sound that its headers promise. In samples per channel; the
  /// promise is nil where the headers name no length.
  case truncated(path: String, found: Int, promised: Int?)
  /// The file holds samples that are not numbers or infinite.
  case nonFinite(path: String)
  /// The range, in samples, does not lie within the file.
  case outOfRange(path: String, range: Range<Int>, sampleCount: Int)
  case unknownExtension(path: String)
  case exists(path: String)
  /// Writing failed; nothing stands under the file's name that was not there before.
  case unwritable(path: String, reason: String)
  /// No resampling between these rates.
  case resampling(from: Int, to: Int, reason: String)
  /// Loudness has no meaning for so many channels, or at this rate.
  case loudness(channelCount: Int, sampleRate: Int)

  public var description: String {
    switch self {
    case .notFound(let path): "cannot read \(path): there is no such file"
    case .directory(let path): "cannot read \(path): it is a folder, not a file"
    case .noFolder(let path): "there is no folder at \(path)"
    case .notAFolder(let path): "\(path) is a file: name the folder that it lies in"
    case .emptyFolder(let path):
      "\(path) is empty: put audio files into it (WAV, FLAC, OGG, MP3, AIFF, Opus)"
    case .noAudio(let path):
      "no audio files in \(path) or its sub-folders (WAV, FLAC, OGG, MP3, AIFF, Opus)"
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .notAudio(let path): "cannot read \(path): not an audio file of a known format"
    case .unsupported(let path, let reason): "cannot read \(path): \(reason)"
    case .empty(let path): "cannot read \(path): it holds no sound"
    case .truncated(let path, let found, let promised?):
      "cannot read \(path): truncated: \(found) of \(promised) samples are there"
    case .truncated(let path, let found, nil):
      "cannot read \(path): truncated: it ends after \(found) samples"
    case .nonFinite(let path): "cannot read \(path): some samples are infinite or not a number"
    case .outOfRange(let path, let range, let sampleCount):
      "cannot read samples \(range.lowerBound) to \(range.upperBound) of \(path): "
        + "it has \(sampleCount)"
    case .unknownExtension(let path):
      "cannot write \(path): its extension must be one of "
        + AudioEncoding.extensions.joined(separator: ", ")
    case .exists(let path):
      "cannot write \(path): it exists already; choose another name or allow overwriting"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    case .resampling(let from, let to, let reason):
      "cannot resample from \(from) Hz to \(to) Hz: \(reason)"
    case .loudness(let channelCount, let sampleRate):
      "cannot measure the loudness of \(channelCount) channels at \(sampleRate) Hz: at most 64, "
        + "at \(AudioBuffer.sampleRates.lowerBound) to \(AudioBuffer.sampleRates.upperBound) Hz"
    }
  }
}
