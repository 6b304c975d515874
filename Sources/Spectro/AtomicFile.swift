import Foundation
import Glibc

/// Whole files: under a name there is all of a file, or what was there before.
///
/// Bytes go to a file of another name beside it, which `commit` renames, and which goes where it is
/// never called.
final class AtomicFile {
  private let path: String
  private let overwrite: Bool
  private let temporary: String
  private let file: Int32
  /// Bytes not yet given to the system.
  private var pending: [UInt8] = []

  private static let bufferSize = 1 << 18

  /// - Throws: `SpectroError.exists` for a name in use, unless `overwrite`; `.unwritable`.
  init(_ path: String, overwrite: Bool) throws {
    if !overwrite, access(path, F_OK) == 0 { throw SpectroError.exists(path: path) }
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    temporary = "\(folder).spectrogram-\(suffix).tmp"
    file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else {
      throw SpectroError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    (self.path, self.overwrite) = (path, overwrite)
  }

  deinit {
    close(file)
    unlink(temporary)  // After a rename there is none.
  }

  private var failure: SpectroError {
    .unwritable(path: path, reason: String(cString: strerror(errno)))
  }

  /// Writes behind what is there.
  func append(_ bytes: some Sequence<UInt8>) throws {
    pending.append(contentsOf: bytes)
    if pending.count >= Self.bufferSize { try flush() }
  }

  /// Replaces the first bytes.
  func replaceStart(with bytes: some Sequence<UInt8>) throws {
    try flush()
    guard lseek(file, 0, SEEK_SET) == 0 else { throw failure }
    pending.append(contentsOf: bytes)
    try flush()
    guard lseek(file, 0, SEEK_END) >= 0 else { throw failure }
  }

  private func flush() throws {
    try pending.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Glibc.write(
          file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0 && errno == EINTR { continue }
        guard written >= 0 else { throw failure }
        rest = rest.dropFirst(written)
      }
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// Gives the file its name.
  ///
  /// - Throws: `SpectroError.exists` for a name in use by now; `.unwritable`.
  func commit() throws {
    try flush()
    // A full disk or quota may show only here.
    guard fsync(file) == 0 else { throw failure }
    // A link fails where there is a file by now; not every file system has links.
    if !overwrite, link(temporary, path) == 0 { return }
    if !overwrite, errno == EEXIST { throw SpectroError.exists(path: path) }
    guard rename(temporary, path) == 0 else { throw failure }
  }

  /// - Throws: `SpectroError.exists` for a name in use, unless `overwrite`; `.unwritable`.
  static func write(_ data: Data, to path: String, overwrite: Bool) throws {
    let file = try AtomicFile(path, overwrite: overwrite)
    try file.append(data)
    try file.commit()
  }

  /// - Throws: `SpectroError.unreadable`.
  static func read(_ path: String) throws -> Data {
    let file = try InputFile(path)
    var data = Data()
    while let bytes = try file.read(upTo: 1 << 20) { data.append(contentsOf: bytes) }
    return data
  }
}

/// A file that is read in parts.
final class InputFile {
  let path: String
  private let file: Int32

  /// - Throws: `SpectroError.unreadable`.
  init(_ path: String) throws {
    file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      throw SpectroError.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    self.path = path
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT != S_IFCHR else {
      throw SpectroError.unreadable(path: path, reason: "neither a regular file nor a pipe")
    }
  }

  deinit { close(file) }

  /// The next bytes, at least one; nil at the end.
  func read(upTo count: Int) throws -> [UInt8]? {
    let bytes = try fill(count) { Glibc.read(file, $0.baseAddress, $0.count) }
    return bytes.isEmpty ? nil : bytes
  }

  /// All `count` bytes from `offset` on, or as many as there are; `read` goes on where it was.
  func read(_ count: Int, at offset: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try fill(count - bytes.count) {
        pread(file, $0.baseAddress, $0.count, offset + bytes.count)
      }
      if more.isEmpty { break }
      bytes += more
    }
    return bytes
  }

  private func fill(_ count: Int, _ read: (UnsafeMutableBufferPointer<UInt8>) -> Int) throws
    -> [UInt8]
  {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      repeat {
        let got = read(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        if got >= 0 {
          filled = got
          return
        }
      } while errno == EINTR
      throw SpectroError.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// Bytes; nil where only reading tells.
  var size: Int? {
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }
}
