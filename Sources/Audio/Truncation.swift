import Glibc

/// How a file that ends too early shows it in its own bytes, where libsndfile silently makes do.
struct Truncation {
  /// Bytes of sound that the headers promise and those that are there; nil where only the end
  /// mark is missing, which tells no length.
  private let bytes: (promised: Int, found: Int)?

  /// The length promised, in samples, of a file in which `found` samples are left.
  func promisedSamples(found: Int) -> Int? {
    guard let bytes, bytes.found > 0 else { return nil }
    return Int((Double(found) * Double(bytes.promised) / Double(bytes.found)).rounded())
  }

  /// Looks into WAV, RF64, AIFF, OGG and MP3 files; nil when the file is whole or of another kind.
  static func find(in path: String) -> Truncation? {
    guard let file = FileBytes(path) else { return nil }
    switch file.text(at: 0) {
    case "RIFF", "RIFX", "RF64", "FORM": return inChunks(of: file)
    case "OggS": return file.lastOggPageEndsStream ? nil : Truncation(bytes: nil)
    default: return inXingFrame(of: file)
    }
  }

  /// The chunk that holds the sound must end within the file.
  private static func inChunks(of file: FileBytes) -> Truncation? {
    let bigEndian = file.text(at: 0) == "FORM" || file.text(at: 0) == "RIFX"
    var position = 12
    var size64: Int?
    while let name = file.text(at: position),
      let size32 = file.integer(at: position + 4, bytes: 4, bigEndian: bigEndian)
    {
      let start = position + 8
      switch name {
      case "ds64":
        size64 = file.integer(at: start + 8, bytes: 8, bigEndian: false)
      case "data", "SSND":
        // A program that could not go back to its header leaves a size of all ones or none.
        let unknown = size32 == 0xFFFF_FFFF || size32 == 0
        let promised = size32 == 0xFFFF_FFFF ? size64 : size32
        guard let promised, !unknown || size64 != nil else { return nil }
        let found = file.count - start
        return found < promised ? Truncation(bytes: (promised, found)) : nil
      default: break
      }
      position = start + size32 + size32 % 2
    }
    return nil
  }

  /// LAME and most other encoders note the count of bytes in a first frame of their own.
  private static func inXingFrame(of file: FileBytes) -> Truncation? {
    var start = 0
    if file.text(at: 0)?.hasPrefix("ID3") == true, let tag = file.bytes(at: 6, count: 4) {
      start = 10 + tag.reduce(0) { $0 << 7 | Int($1 & 0x7F) }
    }
    guard let header = file.bytes(at: start, count: 64), header[0] == 0xFF, header[1] >= 0xE0
    else { return nil }
    for offset in [4 + 32, 4 + 17, 4 + 9] where file.isXing(at: start + offset) {
      let flags = header[offset + 7]
      guard flags & 2 != 0 else { return nil }
      let position = start + offset + 8 + (flags & 1 != 0 ? 4 : 0)
      guard let promised = file.integer(at: position, bytes: 4, bigEndian: true) else { return nil }
      let found = file.count - start
      return found < promised ? Truncation(bytes: (promised, found)) : nil
    }
    return nil
  }
}

/// A few bytes here and there of a file that is not read as a whole.
private final class FileBytes {
  let count: Int
  private let descriptor: Int32

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    count = Int(lseek(descriptor, 0, SEEK_END))
    if descriptor < 0 || count < 0 { return nil }
  }

  deinit { close(descriptor) }

  func bytes(at position: Int, count: Int) -> [UInt8]? {
    guard position >= 0 else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = max(0, pread(descriptor, buffer.baseAddress!, count, position))
    }
    return bytes.count == count ? bytes : nil
  }

  func text(at position: Int) -> String? {
    bytes(at: position, count: 4).map { String(decoding: $0, as: UTF8.self) }
  }

  func integer(at position: Int, bytes count: Int, bigEndian: Bool) -> Int? {
    bytes(at: position, count: count).flatMap { bytes in
      let value = (bigEndian ? bytes : bytes.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int(exactly: value)
    }
  }

  func isXing(at position: Int) -> Bool { ["Xing", "Info"].contains(text(at: position)) }

  /// Whether the file's last whole page of OGG carries the mark of the stream's end (RFC 3533)
  /// and nothing is missing of it.
  var lastOggPageEndsStream: Bool {
    let tail = max(0, count - 65_536)  // a page is at most 65,307 bytes
    guard let bytes = bytes(at: tail, count: count - tail) else { return false }
    for start in stride(from: bytes.count - 27, through: 0, by: -1)
    where bytes[start...].starts(with: "OggS".utf8) {
      let segments = bytes[(start + 27)...].prefix(Int(bytes[start + 26]))
      let end = start + 27 + segments.count + segments.reduce(0) { $0 + Int($1) }
      return bytes[start + 5] & 4 != 0 && segments.count == bytes[start + 26] && end <= bytes.count
    }
    return false
  }
}
