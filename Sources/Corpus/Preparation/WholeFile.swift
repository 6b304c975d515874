package import Foundation
import Glibc

/// Writes under a temporary name, to the disk, and renames: what is there under its name is whole.
///
/// The temporary name is hidden and ends in `.tmp`, see ``isTemporary(_:)``; a process that is killed
/// leaves it behind.
///
/// - Throws: ``CorpusError/cannotWrite(_:reason:)``, with the system's reason.
package func writeWhole(_ parts: [Data], to url: URL) throws {
  let temporary = url.deletingLastPathComponent().appendingPathComponent(
    ".\(url.lastPathComponent).\(getpid()).tmp"
  ).path
  func failure() -> CorpusError {
    .cannotWrite(url.path, reason: String(cString: strerror(errno)))
  }
  let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  guard file >= 0 else { throw failure() }
  defer {
    close(file)
    unlink(temporary)  // After a rename there is none.
  }
  for part in parts {
    guard part.withUnsafeBytes({ writeAll($0, to: file) }) else { throw failure() }
  }
  // A full disk may show only here.
  guard fsync(file) == 0, rename(temporary, url.path) == 0 else { throw failure() }
}

/// Writes all bytes to an open file.
///
/// - Returns: false where the system refuses, with its reason in `errno`.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32) -> Bool {
  var rest = bytes[...]
  while !rest.isEmpty {
    let written = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
    if written < 0 && errno == EINTR { continue }
    guard written >= 0 else { return false }
    rest = rest.dropFirst(written)
  }
  return true
}

/// Whether a file's name is one that ``writeWhole(_:to:)`` gives for as long as it writes.
func isTemporary(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".tmp") }
