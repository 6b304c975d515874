import Foundation

/// Results go to standard output; progress and errors to standard error.
public enum Terminal {
  public static let isInteractive = isatty(STDERR_FILENO) == 1

  /// A line to standard output, at once: in a file it stands in order with the progress.
  public static func result(_ line: String) {
    write(visible(line) + "\n", to: .standardOutput)
  }

  /// A text of many lines, for programs, to standard output.
  public static func document(_ text: String) { write(text + "\n", to: .standardOutput) }

  /// A line to standard error.
  public static func note(_ line: String) { write(visible(line) + "\n", to: .standardError) }

  /// A line on a terminal, until the next thing is written there; in a file, nothing.
  public static func progress(_ text: String) {
    if isInteractive { write("\r\u{1B}[K\(visible(text))", to: .standardError) }
  }

  public static func clearLine() {
    if isInteractive { write("\r\u{1B}[K", to: .standardError) }
  }

  /// The text in one line, in which control characters, as a file's name may have them, show as `\n`
  /// or `\u{1B}` instead of steering the terminal, and so do those that turn the direction of writing.
  static func visible(_ text: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
      let properties = scalar.properties
      switch properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: line += scalar.escaped(asASCII: true)
      case .format where properties.isBidiControl: line += scalar.escaped(asASCII: true)
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  /// A terminal that was closed must not end what is to be saved yet: what cannot be written is not.
  static func write(_ text: String, to file: FileHandle) {
    try? file.write(contentsOf: Data(text.utf8))
  }
}

/// A progress line that replaces itself on a terminal; in a file, a line now and then.
public final class ProgressLine {
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant?
  private let interval: Duration

  /// - Parameter quietInterval: seconds between two lines where standard error is not a terminal.
  public init(quietInterval: Double = 10) {
    interval = .seconds(Terminal.isInteractive ? 0.1 : quietInterval)
  }

  public func update(_ text: @autoclosure () -> String, force: Bool = false) {
    let now = clock.now
    if let last, !force, last.duration(to: now) < interval { return }
    last = now
    if Terminal.isInteractive {
      Terminal.write("\r\u{1B}[K\(Terminal.visible(text()))", to: .standardError)
    } else {
      Terminal.note(text())
    }
  }

  public func finish() { Terminal.clearLine() }
}

/// Progress that may be reported from any thread, one at a time.
public final class SharedProgressLine: @unchecked Sendable {
  private let lock = NSLock()
  private let line = ProgressLine()
  private let start: ContinuousClock.Instant

  /// - Parameter delay: seconds before the first update shows, for what may be done sooner.
  public init(delay: Double = 0) { start = .now + .seconds(delay) }

  public func update(_ text: String) {
    if ContinuousClock.now < start { return }
    lock.withLock { line.update(text) }
  }

  /// A line to standard output, above the progress.
  public func result(_ text: String) {
    lock.withLock {
      line.finish()
      Terminal.result(text)
    }
  }

  /// A line to standard error, above the progress.
  public func note(_ text: String) {
    lock.withLock {
      line.finish()
      Terminal.note(text)
    }
  }

  public func finish() { lock.withLock { line.finish() } }
}

/// Makes the folder that a file goes to, before any work is done for the file.
///
/// - Throws: `CommandError.cannotWrite`, with the system's reason.
public func makeFolder(of file: String) throws {
  let folder = parentFolder(of: file)
  let code = createFolder(folder)
  guard code == 0, access(folder, W_OK | X_OK) == 0 else {
    let reason = String(cString: strerror(code == 0 ? errno : code))
    throw CommandError.cannotWrite(folder, reason: reason)
  }
}

/// The folder that a file or folder lies in, by its path; `.` for a name alone.
public func parentFolder(of path: String) -> String {
  var path = path[...]
  while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
  guard let slash = path.lastIndex(of: "/") else { return "." }
  var parent = path[..<slash]
  while parent.hasSuffix("/") { parent = parent.dropLast() }
  return parent.isEmpty ? "/" : String(parent)
}

/// Makes a folder and those that it lies in.
///
/// - Returns: the system's error, 0 for none.
private func createFolder(_ path: String) -> Int32 {
  if mkdir(path, 0o777) == 0 { return 0 }
  let code = errno
  if code == EEXIST {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue ? 0 : ENOTDIR
  }
  let parent = parentFolder(of: path)
  guard code == ENOENT, parent != ".", parent != path else { return code }
  let failure = createFolder(parent)
  if failure != 0 { return failure }
  return mkdir(path, 0o777) == 0 || errno == EEXIST ? 0 : errno
}

/// 75 → "1m15s"; 7300 → "2h01m".
public func duration(_ seconds: Double) -> String {
  guard seconds.isFinite else { return "unknown" }
  let total = Int(seconds.rounded())
  if total < 60 { return "\(total)s" }
  if total < 3600 { return String(format: "%dm%02ds", total / 60, total % 60) }
  return String(format: "%dh%02dm", total / 3600, total % 3600 / 60)
}
