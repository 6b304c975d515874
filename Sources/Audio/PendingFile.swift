import CSndfile
import Glibc

/// A file under a temporary name beside its final one: `commit` puts it in place, otherwise it goes.
final class PendingFile {
  let path: String
  private let target: String
  private let temporary: String
  private let overwrite: Bool
  private let descriptor: Int32
  private var renamed = false
  /// Where libsndfile's file begins, after what has been written before it.
  var origin = 0
  /// The first failure of the system, which libsndfile may not pass on.
  private(set) var error: AudioError?

  init(_ path: String, overwrite: Bool) throws {
    self.path = path
    self.overwrite = overwrite
    var status = stat()
    if stat(path, &status) == 0 {
      guard overwrite else { throw AudioError.exists(path: path) }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw AudioError.unwritable(path: path, reason: "it is not a regular file")
      }
      guard let resolved = realpath(path, nil) else { throw systemError(path) }
      defer { free(resolved) }
      target = String(cString: resolved)
    } else if errno == ELOOP {
      throw systemError(path)
    } else {
      target = path
    }
    let slash = target.lastIndex(of: "/").map(target.index(after:)) ?? target.startIndex
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    temporary = "\(target[..<slash]).compose-\(suffix).tmp"
    descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw systemError(path) }
  }

  deinit {
    close(descriptor)
    if !renamed { unlink(temporary) }
  }

  /// Puts the file, safely on the disk, under its final name.
  func commit() throws {
    guard fsync(descriptor) == 0 else { throw systemError(path) }
    // A link fails where there is a file by now; not every file system has links.
    if !overwrite, link(temporary, target) == 0 { return }
    if !overwrite, errno == EEXIST { throw AudioError.exists(path: path) }
    guard rename(temporary, target) == 0 else { throw systemError(path) }
    renamed = true
  }

  func read(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    transfer(count) { Glibc.read(descriptor, buffer + $0, count - $0) }
  }

  func write(_ buffer: UnsafeRawPointer, _ count: Int) -> Int {
    transfer(count) { Glibc.write(descriptor, buffer + $0, count - $0) }
  }

  func seek(_ offset: Int, _ whence: Int32) -> Int { lseek(descriptor, offset, whence) }

  /// Repeats a partial read or write until all is done, nothing more comes or it fails.
  private func transfer(_ count: Int, _ step: (Int) -> Int) -> Int {
    var done = 0
    while done < count {
      let moved = step(done)
      if moved < 0, errno == EINTR { continue }
      if moved < 0 { error = error ?? systemError(path) }
      if moved <= 0 { break }
      done += moved
    }
    return done
  }

  /// For `sf_open_virtual`, with an unretained `PendingFile` as the user data.
  static var callbacks: SF_VIRTUAL_IO {
    SF_VIRTUAL_IO(
      get_filelen: { user in
        let file = PendingFile.from(user)
        let position = file.seek(0, SEEK_CUR)
        defer { _ = file.seek(position, SEEK_SET) }
        return Int64(file.seek(0, SEEK_END) - file.origin)
      },
      seek: { offset, whence, user in
        let file = PendingFile.from(user)
        let start = whence == SEEK_SET ? file.origin : 0
        return Int64(file.seek(start + Int(offset), whence) - file.origin)
      },
      read: { buffer, count, user in Int64(PendingFile.from(user).read(buffer!, Int(count))) },
      write: { buffer, count, user in Int64(PendingFile.from(user).write(buffer!, Int(count))) },
      tell: { user in
        let file = PendingFile.from(user)
        return Int64(file.seek(0, SEEK_CUR) - file.origin)
      })
  }

  private static func from(_ user: UnsafeMutableRawPointer?) -> PendingFile {
    Unmanaged<PendingFile>.fromOpaque(user!).takeUnretainedValue()
  }
}

private func systemError(_ path: String) -> AudioError {
  .unwritable(path: path, reason: systemReason())
}
