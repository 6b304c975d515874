import Foundation
import Glibc

/// A file whose bytes are memory: what is read of it is loaded, and can be dropped again.
///
/// Unchecked: the pages are read only and stay until the object goes.
final class MappedFile: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  init(_ path: String) throws {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard file >= 0, fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      let reason = String(cString: strerror(errno))
      if file >= 0 { close(file) }
      throw CorpusError.damaged(
        URL(fileURLWithPath: path).deletingLastPathComponent().path,
        reason: "\(URL(fileURLWithPath: path).lastPathComponent): \(reason)")
    }
    defer { close(file) }
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let start = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0)
    guard start != MAP_FAILED else {
      throw CorpusError.damaged(path, reason: String(cString: strerror(errno)))
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }

  /// Gives the pages back; they are loaded again when they are needed.
  func drop() {
    if let start = bytes.baseAddress {
      madvise(UnsafeMutableRawPointer(mutating: start), bytes.count, MADV_DONTNEED)
    }
  }
}
