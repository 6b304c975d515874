extension AudioMetadata {
  /// The texts as an ID3v2.4 tag in UTF-8, to stand before the frames of an MP3: libsndfile would
  /// write UTF-8 and call it Latin 1. Empty when there is no text.
  ///
  /// Section 3 of the ID3v2.4.0 structure, 4.2 and 4.10 of its native frames: a frame is its name,
  /// its size, flags, and a text after a byte for UTF-8; a comment's text comes after its language and
  /// an empty description.
  var id3Tag: [UInt8] {
    let frames = [
      ("TIT2", title), ("TPE1", artist), ("TALB", album), ("TDRC", date), ("TCON", genre),
      ("TRCK", trackNumber), ("TCOP", copyright), ("TSSE", software),
    ].flatMap { name, text in frame(name, text, after: [3]) }
    let all = frames + frame("COMM", comment, after: [3] + "XXX\0".utf8)
    return all.isEmpty ? [] : Array("ID3".utf8) + [4, 0, 0] + synchsafe(all.count) + all
  }

  private func frame(_ name: String, _ text: String?, after prefix: [UInt8]) -> [UInt8] {
    guard let text, !text.isEmpty else { return [] }
    let body = prefix + text.utf8
    return Array(name.utf8) + synchsafe(body.count) + [0, 0] + body
  }

  /// A size in four bytes of seven bits.
  private func synchsafe(_ size: Int) -> [UInt8] {
    [21, 14, 7, 0].map { UInt8(size >> $0 & 0x7F) }
  }
}
