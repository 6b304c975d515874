import Glibc

extension PendingFile {
  /// Mends what libsndfile writes: gives all pages of an OGG file of one stream the serial number 0
  /// in place of a random one, so that the same samples make the same file, and takes the last
  /// `padding` samples off the stream's length.
  ///
  /// RFC 3533, section 6: in a page, flags are at byte 5 (4 marks the stream's end), the number of
  /// samples up to the page's end at byte 6, the serial number at 14, the checksum at 22.
  func mendOggPages(padding: Int) throws {
    var position = seek(0, SEEK_SET)
    while true {
      var page = bytes(at: position, count: 27)
      guard page.count == 27 else { break }
      page += bytes(at: position + 27, count: Int(page[26]))
      page += bytes(at: position + page.count, count: page[27...].reduce(0) { $0 + Int($1) })
      if page[5] & 4 != 0 {
        let length = page[6..<14].reversed().reduce(0) { $0 << 8 | UInt64($1) } - UInt64(padding)
        page.replaceSubrange(
          6..<14, with: (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) })
      }
      page.replaceSubrange(14..<18, with: repeatElement(0, count: 4))
      page.replaceSubrange(22..<26, with: repeatElement(0, count: 4))
      let sum = oggChecksum(page)
      page.replaceSubrange(
        22..<26, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) })
      _ = seek(position, SEEK_SET)
      _ = write(page, page.count)
      position += page.count
    }
    if let error { throw error }
  }

  private func bytes(at position: Int, count: Int) -> [UInt8] {
    _ = seek(position, SEEK_SET)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = count > 0 ? read(buffer.baseAddress!, count) : 0
    }
  }
}

/// CRC-32 of RFC 3533: polynomial 0x04C11DB7, most significant bit first, start and end at 0.
private func oggChecksum(_ bytes: [UInt8]) -> UInt32 {
  bytes.reduce(0) { sum, byte in sum << 8 ^ oggChecksumTable[Int(UInt8(sum >> 24) ^ byte)] }
}

private let oggChecksumTable: [UInt32] = (0..<256).map { (byte: UInt32) in
  (0..<8).reduce(byte << 24) { sum, _ in sum << 1 ^ (sum >> 31 == 1 ? 0x04C1_1DB7 : 0) }
}
