import Foundation

extension PreparedSet {
  /// Writes what is said about the clips, in two passes over them; the set is to be opened anew then.
  /// What is kept in memory is the numbers, and a place for each caption.
  ///
  /// - Parameters:
  ///   - key: of what the source is.
  ///   - metadata: of a clip, with as many numbers as the summary has; asked for twice.
  ///   - check: called now and then; what it throws ends the work.
  /// - Throws: ``CorpusError/cannotWrite(_:reason:)``.
  public func writeMetadata(
    _ summary: MetadataSummary, key: String, of metadata: (_ clip: Int) throws -> ClipMetadata,
    check: () throws -> Void = {}
  ) throws {
    var maker = TokenizerMaker()
    var captionBytes = 0
    for clip in 0..<clipCount {
      if clip % 1024 == 0 { try check() }
      guard let caption = try metadata(clip).caption else { continue }
      captionBytes += caption.utf8.count
      maker.add(caption)
    }
    let header = PreparedMetadata.Header(
      version: PreparedMetadata.version, key: key, clips: clipCount, captionBytes: captionBytes,
      summary: summary, tokenizer: captionBytes > 0 ? maker.finish() : nil)
    let url = folder.appendingPathComponent(PreparedMetadata.fileName)
    var file = try CheckedFileWriter(url, magic: PreparedMetadata.magic, header: header)
    do {
      var (ends, numbers): ([UInt64], [Float]) = ([], [])
      ends.reserveCapacity(clipCount)
      for clip in 0..<clipCount {
        if clip % 1024 == 0 { try check() }
        let said = try metadata(clip)
        let caption = said.caption ?? ""
        try file.append(caption.utf8)
        ends.append((ends.last ?? 0) + UInt64(caption.utf8.count))
        numbers += said.numbers
      }
      guard Int(ends.last ?? 0) == captionBytes else {
        throw CorpusError.cannotWrite(
          url.path, reason: "the captions changed while they were read; try again")
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
