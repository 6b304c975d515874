import Foundation
import Glibc

/// Whole files: under a name there is all of a file, or what was there before.
enum AtomicFile {
  /// Writes beside `path` and renames; a failure leaves nothing new behind.
  ///
  /// - Throws: `SpectroError.exists` for a name in use, unless `overwrite`; `.unwritable`.
  static func write(_ data: Data, to path: String, overwrite: Bool) throws {
    func failure() -> SpectroError {
      .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    if !overwrite, access(path, F_OK) == 0 { throw SpectroError.exists(path: path) }
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    let temporary = "\(folder).spectrogram-\(suffix).tmp"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw failure() }
    defer {
      close(file)
      unlink(temporary)  // After a rename there is none.
    }
    try data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Glibc.write(
          file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0 && errno == EINTR { continue }
        guard written >= 0 else { throw failure() }
        rest = rest.dropFirst(written)
      }
    }
    // A full disk or quota may show only here.
    guard fsync(file) == 0 else { throw failure() }
    // A link fails where there is a file by now; not every file system has links.
    if !overwrite, link(temporary, path) == 0 { return }
    if !overwrite, errno == EEXIST { throw SpectroError.exists(path: path) }
    guard rename(temporary, path) == 0 else { throw failure() }
  }

  /// - Throws: `SpectroError.unreadable`.
  static func read(_ path: String) throws -> Data {
    func failure() -> SpectroError {
      .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure() }
    defer { close(file) }
    var data = Data()
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { chunk.deallocate() }
    while case let count = Glibc.read(file, chunk.baseAddress, chunk.count), count != 0 {
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      data.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
    return data
  }
}
