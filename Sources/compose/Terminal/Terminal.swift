import Foundation

/// Results go to standard output; progress and errors to standard error.
public enum Terminal {
  public static let isInteractive = isatty(STDERR_FILENO) == 1

  /// A line to standard output, at once: in a file it stands in order with the progress.
  public static func result(_ text: String) { write(text + "\n", to: .standardOutput) }

  /// A line to standard error.
  public static func note(_ text: String) { write(text + "\n", to: .standardError) }

  public static func clearLine() {
    if isInteractive { write("\r\u{1B}[K", to: .standardError) }
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
      Terminal.write("\r\u{1B}[K\(text())", to: .standardError)
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
public func makeFolder(of file: String) throws {
  let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
  do {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  } catch {
    throw CommandError.cannotWrite(folder.path, reason: error.localizedDescription)
  }
  guard FileManager.default.isWritableFile(atPath: folder.path) else {
    throw CommandError.cannotWrite(folder.path, reason: "permission denied")
  }
}

/// 75 → "1m15s"; 7300 → "2h01m".
public func duration(_ seconds: Double) -> String {
  guard seconds.isFinite else { return "unknown" }
  let total = Int(seconds.rounded())
  if total < 60 { return "\(total)s" }
  if total < 3600 { return String(format: "%dm%02ds", total / 60, total % 60) }
  return String(format: "%dh%02dm", total / 3600, total % 3600 / 60)
}
