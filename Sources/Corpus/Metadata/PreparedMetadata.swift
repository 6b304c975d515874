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

  /// Writes what is said about the clips of a set, in two passes over them.
  ///
  /// - Throws: ``CorpusError``.
  static func write(
    _ metadata: FolderMetadata, key: String, to set: PreparedSet, check: () throws -> Void
  ) throws {
    let (folder, clips) = (set.folder, 0..<set.clipCount)
    var maker = TokenizerMaker()
    var captionBytes = 0
    for clip in clips {
      if clip % 1024 == 0 { try check() }
      guard let caption = try metadata.entry(of: set.path(of: clip)).caption else { continue }
      captionBytes += caption.utf8.count
      maker.add(caption)
    }
    let header = Header(
      version: version, key: key, clips: clips.count, captionBytes: captionBytes,
      summary: metadata.summary, tokenizer: captionBytes > 0 ? maker.finish() : nil)
    var file = try CheckedFileWriter(
      folder.appendingPathComponent(fileName), magic: magic, header: header)
    do {
      var (ends, numbers): ([UInt64], [Float]) = ([], [])
      ends.reserveCapacity(clips.count)
      for clip in clips {
        if clip % 1024 == 0 { try check() }
        let entry = try metadata.entry(of: set.path(of: clip))
        let caption = entry.caption ?? ""
        try file.append(caption.utf8)
        ends.append((ends.last ?? 0) + UInt64(caption.utf8.count))
        numbers += entry.numbers
      }
      guard Int(ends.last ?? 0) == captionBytes else {
        throw CorpusError.cannotWrite(
          folder.appendingPathComponent(fileName).path,
          reason: "the captions changed while they were read")
      }
      try file.pad()
      try file.append(ends)
      try file.pad()
      try file.append(numbers)
      try file.pad()
      try file.finish()
    } catch {
      file.cancel()
      throw error
    }
  }
}
