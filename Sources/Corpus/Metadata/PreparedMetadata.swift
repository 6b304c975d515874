import Foundation

/// Captions and numbers of a prepared set's clips: a ``CheckedFile`` of the magic "COMPMETA" beside the
/// index, so that they can change without the sound being decoded anew.
///
///     header    JSON: `PreparedMetadata.Header`
///     captions  UTF-8, without separators, filled up to a multiple of 64 bytes
///     ends u64  bytes of all captions up to and with each clip's, filled up likewise
///     numbers   f32, those of a clip together, NaN where unknown
final class PreparedMetadata: Sendable {
  struct Header: Codable, Sendable {
    /// Raised when an older program could not read what a newer one writes.
    var version: Int
    /// Of what the source was when it was read.
    var key: String
    var clips: Int
    var captionBytes: Int
    var summary: MetadataSummary
    /// Made of the captions; nil where there are none.
    var tokenizer: TextTokenizer?
  }

  static let fileName = "metadata.compose"
  static let magic = Array("COMPMETA".utf8)
  static let version = 1

  let header: Header
  private let file: CheckedFile
  private let ends, numbers: Int

  var fingerprint: String { file.fingerprint }

  /// - Throws: ``CorpusError/damaged(_:reason:)``, ``CorpusError/newerMetadata(_:)``.
  init(in folder: URL, clips: Int) throws {
    struct Version: Decodable { var version: Int }
    file = try CheckedFile(
      folder.appendingPathComponent(Self.fileName), magic: Self.magic, name: "metadata")
    guard try file.decodeHeader(Version.self).version <= Self.version else {
      throw CorpusError.newerMetadata(folder.path)
    }
    header = try file.decodeHeader(Header.self)
    let limit = file.body.count
    let numberCount = header.summary.numbers.count
    guard header.clips == clips, (0...limit).contains(header.captionBytes), clips <= limit,
      numberCount <= FolderMetadata.numberLimit,
      header.summary.numbers.allSatisfy({ $0.minimum <= $0.maximum })
    else { throw file.damage("has impossible sizes") }
    ends = file.body.lowerBound + CheckedFile.padded(header.captionBytes)
    numbers = ends + CheckedFile.padded(8 * clips)
    guard numbers + CheckedFile.padded(4 * numberCount * clips) == file.body.upperBound else {
      throw file.damage("is cut short")
    }
  }

  /// Of a clip; nil for none.
  func caption(of clip: Int) throws -> String? {
    let (before, end) = try file.cumulative(ends, clip..<clip + 1)
    guard before <= end[0], end[0] <= UInt64(header.captionBytes) else {
      throw file.damage("has captions that lie elsewhere")
    }
    let start = file.body.lowerBound
    let bytes = try file.bytes(start + Int(before)..<start + Int(end[0]))
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// Of some clips, those of one together; NaN where unknown.
  func numbers(of clips: Range<Int>) throws -> UnsafeBufferPointer<Float> {
    let count = header.summary.numbers.count
    return try file.column(
      numbers, Float.self, clips.lowerBound * count..<clips.upperBound * count)
  }

  /// Gives back the memory of what has been read.
  func drop() { file.drop() }
}
