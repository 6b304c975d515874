/// What a file, a setting or the machine made impossible. The description is one line.
public enum SpectroError: Error, Equatable, CustomStringConvertible {
  /// A setting that no spectrogram can have, such as a hop longer than the window.
  case invalidSettings(String)
  /// A spectrogram that does not belong to its settings, or whose values cannot be used.
  case invalidSpectrogram(String)
  /// A file that cannot be opened, read or understood.
  case unreadable(path: String, reason: String)
  /// A name in use that the caller did not allow to replace.
  case exists(path: String)
  /// A file that cannot be written; nothing is left under its name.
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .invalidSettings(let reason): "spectrogram settings: \(reason)"
    case .invalidSpectrogram(let reason): "spectrogram: \(reason)"
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .exists(let path):
      "cannot write \(path): it exists already; choose another name or allow overwriting"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    }
  }
}
