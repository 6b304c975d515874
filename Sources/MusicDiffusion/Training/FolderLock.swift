import Foundation
import Glibc

/// Keeps other processes from training in the same folder, as long as it lives. The system takes the
/// lock from a process that is killed, and nothing stays behind.
final class FolderLock: Sendable {
  private let file: Int32

  /// - Throws: ``ModelError/inUse(_:)`` where another trainer has the folder.
  init(_ folder: URL) throws {
    file = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else {
      throw ModelError.cannotWrite(folder.path, reason: String(cString: strerror(errno)))
    }
    guard flock(file, LOCK_EX | LOCK_NB) != 0 else { return }
    // Some network file systems cannot lock folders: training goes on without.
    guard errno == EWOULDBLOCK else { return }
    throw ModelError.inUse(folder.deletingLastPathComponent().path)
  }

  deinit { close(file) }
}
