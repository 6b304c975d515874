import Glibc

/// Bytes of sound that a file's headers promise and that the file holds, where those are fewer:
/// libsndfile makes do with what is there without a word.
struct Truncation {
  let promisedBytes, foundBytes: Int

  /// The length promised, to within a few samples, of a file in which `found` samples are left;
  /// nil for a promise beyond all counting.
  func promisedSamples(found: Int) -> Int? {
    guard foundBytes > 0 else { return nil }
    return Int(exactly: (Double(found) * Double(promisedBytes) / Double(foundBytes)).rounded())
  }

  /// Looks into WAV, RF64, AIFF, CAF and AU files. Of FLAC and MP3 libsndfile itself tells the length
  /// promised, and of an OGG file that has lost its end that its length is unknown.
  init?(path: String) {
    guard let file = FileBytes(path), let sound = Truncation.findSound(in: file) else { return nil }
    promisedBytes = sound.size
    foundBytes = max(0, file.count - sound.start)
    if foundBytes >= promisedBytes { return nil }
  }

  /// Where the sound begins and its size in bytes; nil when a program that could not go back to the
  /// header has left the size open, as all ones or 0.
  private static func findSound(in file: FileBytes) -> (start: Int, size: Int)? {
    switch file.text(at: 0) {
    case "RIFF", "RF64": findChunk("data", in: file, bigEndian: false)
    case "RIFX": findChunk("data", in: file, bigEndian: true)
    case "FORM": findChunk("SSND", in: file, bigEndian: true)
    case "caff": findCAFChunk(in: file)
    case ".snd":
      if let start = file.integer(at: 4, bytes: 4), let size = file.integer(at: 8, bytes: 4),
        size != 0, size != 0xFFFF_FFFF
      {
        (start, size)
      } else {
        nil
      }
    default: nil
    }
  }

  private static func findChunk(
    _ wanted: String, in file: FileBytes, bigEndian: Bool
  ) -> (start: Int, size: Int)? {
    var position = 12
    var size64: Int?
    while let name = file.text(at: position),
      let size = file.integer(at: position + 4, bytes: 4, bigEndian: bigEndian)
    {
      let start = position + 8
      if name == "ds64" { size64 = file.integer(at: start + 8, bytes: 8, bigEndian: false) }
      if name == wanted {
        let size = size == 0xFFFF_FFFF ? size64 ?? 0 : size
        return size == 0 ? nil : (start, size)
      }
      position = start + size + size % 2
    }
    return nil
  }

  private static func findCAFChunk(in file: FileBytes) -> (start: Int, size: Int)? {
    var position = 8
    while let name = file.text(at: position),
      let size = file.integer(at: position + 4, bytes: 8)  // nil when negative, which is open
    {
      if name == "data" { return (position + 12, size) }
      let (end, overflow) = (position + 12).addingReportingOverflow(size)
      if overflow { break }
      position = end
    }
    return nil
  }
}

/// A few bytes here and there of a file that is not read as a whole.
private final class FileBytes {
  let count: Int
  private let descriptor: Int32

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // waits for no pipe
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

  func integer(at position: Int, bytes count: Int, bigEndian: Bool = true) -> Int? {
    bytes(at: position, count: count).flatMap { bytes in
      let value = (bigEndian ? bytes : bytes.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int(exactly: value)
    }
  }
}
