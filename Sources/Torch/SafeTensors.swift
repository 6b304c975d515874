import Checksums
import Foundation

/// Named tensors in a file, in the format of the Python package `safetensors`
/// (https://huggingface.co/docs/safetensors): the size of a header as 8 bytes, little-endian; the
/// header, JSON padded with spaces to a multiple of 8; then the elements of all tensors without
/// gaps. Nothing in such a file is ever executed.
///
/// A sealed file has its CRC-32C in the metadata, as `crc32c`, and beside it the size of its elements,
/// as `bytes`, so that no damage can make it look like one that is not sealed.
public enum SafeTensors {
  /// Reads every tensor of a file, each copied once out of a memory map.
  ///
  /// - Throws: `TorchError.file`, with the path, if the file cannot be read, is not sound, or is
  ///   sealed and not what was written.
  public static func read(
    _ path: String
  ) throws -> (tensors: [String: Tensor], metadata: [String: String]) {
    try withMappedFile(path) { file in
      let (header, data) = try parse(file, path)
      try checkSeal(header, file, path)
      var tensors: [String: Tensor] = [:]
      for entry in header.entries {
        let bytes = UnsafeRawBufferPointer(rebasing: data[entry.offsets])
        tensors[entry.name] = try Tensor(bytes: bytes, dtype: entry.dtype, shape: entry.shape)
      }
      return (tensors, header.metadata)
    }
  }

  /// Reads what a file says beside its tensors, without them and without checking the seal.
  ///
  /// - Throws: `TorchError.file`.
  public static func metadata(of path: String) throws -> [String: String] {
    try withMappedFile(path) { try parse($0, path).0.metadata }
  }

  /// Writes tensors to a file beside `path` that takes its place once it is whole and on disk.
  ///
  /// Laid out as the Python package does it: the widest types first, then by name.
  ///
  /// - Parameter sealed: whether a checksum goes into the metadata.
  /// - Throws: `TorchError.file` if a name occurs twice or the file cannot be written; whatever
  ///   was at `path` is then untouched.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:],
    sealed: Bool = false, to path: String
  ) throws {
    let ordered = tensors.sorted {
      let (first, second) = ($0.tensor.dtype.fileOrder, $1.tensor.dtype.fileOrder)
      return first == second ? $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) : first < second
    }
    var header = SafeTensorsHeader(entries: [], metadata: metadata)
    var end = 0
    for (name, tensor) in ordered {
      let start = end
      end += tensor.count * tensor.dtype.size
      header.entries.append(
        .init(name: name, dtype: tensor.dtype, shape: tensor.shape, offsets: start..<end))
    }
    do {
      try header.validate(dataSize: end)
    } catch let error as SafeTensorsHeader.Invalid {
      throw TorchError.file(path, reason: "cannot be written: " + error.reason)
    }
    if sealed {
      header.metadata["bytes"] = "\(end)"
      header.metadata["crc32c"] = CRC32C.placeholder
    }
    var start = try header.encoded()
    if sealed { try seal(&start, before: ordered.map(\.tensor)) }
    try writeReplacing(path) { file in
      try file.write(start)
      for (_, tensor) in ordered { try tensor.withBytes { try file.write($0) } }
    }
  }

  /// What stands before the checksum's digits in a header that was written here.
  private static let sealMark = "\"crc32c\":\""

  /// Puts the file's checksum into the encoded header.
  private static func seal(_ header: inout [UInt8], before tensors: [Tensor]) throws {
    var checksum = CRC32C()
    let place = header.withUnsafeBytes {
      checksum.add($0, mark: sealMark, digits: CRC32C.placeholder)
    }
    guard let place else { preconditionFailure("a sealed header has a place for its checksum") }
    for tensor in tensors { try tensor.withBytes { checksum.add($0) } }
    let digits = Array(checksum.hexadecimal.utf8)
    header.replaceSubrange(place..<place + digits.count, with: digits)
  }

  private static func checkSeal(
    _ header: SafeTensorsHeader, _ file: UnsafeRawBufferPointer, _ path: String
  ) throws {
    let (digits, bytes) = (header.metadata["crc32c"], header.metadata["bytes"])
    if digits == nil && bytes == nil { return }
    var checksum = CRC32C()
    guard let digits, bytes != nil, checksum.add(file, mark: sealMark, digits: digits) != nil,
      checksum.hexadecimal == digits
    else {
      throw TorchError.file(
        path, reason: "it does not match its checksum, so it is not what was written")
    }
  }

  private static func parse(
    _ file: UnsafeRawBufferPointer, _ path: String
  ) throws -> (SafeTensorsHeader, UnsafeRawBufferPointer) {
    do {
      guard file.count >= 8 else { throw SafeTensorsHeader.Invalid("it has no header") }
      let size = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
      guard size <= SafeTensorsHeader.maximumSize, size <= file.count - 8 else {
        throw SafeTensorsHeader.Invalid("its header would be \(size) bytes long")
      }
      let start = 8 + Int(size)
      let header = try SafeTensorsHeader(
        decoding: UnsafeRawBufferPointer(rebasing: file[8..<start]))
      try header.validate(dataSize: file.count - start)
      return (header, UnsafeRawBufferPointer(rebasing: file[start...]))
    } catch let error as SafeTensorsHeader.Invalid {
      throw TorchError.file(path, reason: "not a sound safetensors file: " + error.reason)
    }
  }
}

// MARK: - Files

/// Calls `body` with the bytes of a file.
private func withMappedFile<R>(
  _ path: String, _ body: (UnsafeRawBufferPointer) throws -> R
) throws -> R {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw TorchError.file(path, reason: systemError()) }
  defer { close(file) }
  var status = stat()
  guard fstat(file, &status) == 0 else { throw TorchError.file(path, reason: systemError()) }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw TorchError.file(path, reason: "not a regular file")
  }
  let size = Int(status.st_size)
  if size == 0 { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
  guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED
  else { throw TorchError.file(path, reason: systemError()) }
  defer { munmap(address, size) }
  return try body(UnsafeRawBufferPointer(start: address, count: size))
}

/// A file being written, under a temporary name.
private struct OutputFile {
  let descriptor: Int32
  let path: String

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Foundation.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw TorchError.file(path, reason: systemError()) }
      rest = rest.dropFirst(written)
    }
  }

  func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }
}

/// Lets `body` write a new file, which then replaces the one at `path` in a single step; if
/// anything fails the new file is removed.
private func writeReplacing(_ path: String, _ body: (OutputFile) throws -> Void) throws {
  let temporary = "\(path).\(getpid()).tmp"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw TorchError.file(path, reason: systemError()) }
  do {
    defer { close(descriptor) }
    try body(OutputFile(descriptor: descriptor, path: path))
    guard fsync(descriptor) == 0 else { throw TorchError.file(path, reason: systemError()) }
    guard rename(temporary, path) == 0 else { throw TorchError.file(path, reason: systemError()) }
  } catch {
    unlink(temporary)
    throw error
  }
}

private func systemError() -> String { String(cString: strerror(errno)) }
