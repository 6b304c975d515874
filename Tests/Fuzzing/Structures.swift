/// What the fuzzer knows of each format: enough to damage it where it hurts.
extension Structure {
  /// RIFF, and with other orders and sizes of numbers AIFF (IFF), CAF and Wave64: parts of a name, a
  /// size and bytes.
  static func chunked(first: Int, size: Int = 4, isBigEndian: Bool = false, evenly: Bool = true)
    -> Structure
  {
    @Sendable func parts(_ file: [UInt8]) -> [Range<Int>] {
      walk(file, from: first) { start in
        let length = file.number(in: start + 4..<start + 4 + size, isBigEndian: isBigEndian)
        let padded = length &+ (evenly ? length & 1 : 0)
        return Int(clamping: padded &+ UInt64(4 + size))
      }
    }
    return Structure(
      fields: { file in
        let numbers = parts(file).flatMap { part -> [Range<Int>] in
          let start = part.lowerBound + 4
          return [start..<start + size] + pairs(part, from: 4 + size, to: 40)
        }
        return (numbers + [4..<8]).filter { $0.upperBound <= file.count }
      }, chunks: parts)
  }

  /// Headers of 16-, 32- and 64-bit numbers without chunks, as of AU and Wave64.
  static let plainHeader = Structure(fields: { file in
    [2, 4, 8].flatMap { width in
      stride(from: 0, to: Swift.min(128, file.count - width), by: width).map { $0..<$0 + width }
    }
  })

  /// RFC 9639: blocks of metadata, of a type, a size in three bytes, and bytes. The first holds
  /// the sizes of blocks and frames, the rate, channels, bits and length.
  static let flac = Structure(
    fields: { file in
      let sizes = flacBlocks(file).map { $0.lowerBound + 1..<$0.lowerBound + 4 }
      let frame = flacBlocks(file).last?.upperBound ?? 0
      let frameHeader: [Range<Int>] = (0..<8).map { frame + $0..<frame + $0 + 1 }
      let info: [Range<Int>] = [
        8..<10, 10..<12, 12..<15, 15..<18, 18..<21, 20..<22, 21..<26, 22..<26,
      ]
      return (sizes + info + frameHeader).filter { $0.upperBound <= file.count }
    }, chunks: flacBlocks)

  private static func flacBlocks(_ file: [UInt8]) -> [Range<Int>] {
    var isLast = false
    return walk(file, from: 4) { start in
      if isLast { return nil }
      isLast = file[start] & 0x80 != 0
      return 4 + Int(file.number(in: start + 1..<start + 4, isBigEndian: true))
    }
  }

  /// RFC 3533: pages with a checksum. The first packets, at the start of pages, hold rate and
  /// channels.
  static let ogg = Structure(
    fields: { file in
      oggPages(file).flatMap { page -> [Range<Int>] in
        let places = [(4, 1), (5, 1), (6, 8), (14, 4), (18, 4), (26, 1)]
        let header: [Range<Int>] = places.map { place, width in
          page.lowerBound + place..<page.lowerBound + place + width
        }
        return header + pairs(page, from: 27, to: 70)
      }.filter { $0.upperBound <= file.count }
    }, chunks: oggPages,
    repair: { file in
      var file = file
      for page in oggPages(file) {
        file.set(0, in: page.lowerBound + 22..<page.lowerBound + 26, isBigEndian: false)
        let sum = oggChecksum(file[page])
        file.set(UInt64(sum), in: page.lowerBound + 22..<page.lowerBound + 26, isBigEndian: false)
      }
      return file
    })

  private static func oggPages(_ file: [UInt8]) -> [Range<Int>] {
    walk(file, from: 0) { start in
      guard start + 27 <= file.count, file[start...].starts(with: Array("OggS".utf8)) else {
        return nil
      }
      let segments = start + 27..<Swift.min(file.count, start + 27 + Int(file[start + 26]))
      return 27 + segments.count + file[segments].reduce(0) { $0 + Int($1) }
    }
  }

  /// CRC-32, polynomial 0x04C11DB7, most significant bit first, start and end at 0.
  private static func oggChecksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte) << 24) { sum, _ in
        sum << 1 ^ (sum >> 31 == 1 ? 0x04C1_1DB7 : 0)
      }
    }
  }

  /// Frames begin with eleven set bits; their four bytes give layer, bit rate, sample rate and
  /// channels (ISO 11172-3, 2.4.1.3).
  static let mp3 = Structure(
    fields: { file in
      let tags: [Range<Int>] = (0..<48).map { $0 * 4..<$0 * 4 + 4 }
      let headers = mp3Frames(file).flatMap { frame -> [Range<Int>] in
        (1..<5).map { frame.lowerBound + $0..<frame.lowerBound + $0 + 1 }
      }
      return (tags + headers).filter { $0.upperBound <= file.count }
    }, chunks: mp3Frames)

  private static func mp3Frames(_ file: [UInt8]) -> [Range<Int>] {
    let starts = file.indices.dropLast().filter { file[$0] == 0xFF && file[$0 + 1] & 0xE0 == 0xE0 }
    return zip(starts, starts.dropFirst() + [file.count]).map { $0..<$1 }
  }

  /// PNG specification, section 5: size, type, bytes and checksum. The first chunk holds the size,
  /// depth and kind of the picture; ours that says what it shows is text.
  static let png = Structure(
    fields: { file in
      let header = [16..<20, 20..<24, 24..<25, 25..<26, 26..<27, 27..<28, 28..<29]
      let sizes: [Range<Int>] = pngChunks(file).map { $0.lowerBound..<$0.lowerBound + 4 }
      return (header + sizes).filter { $0.upperBound <= file.count }
    }, chunks: pngChunks,
    text: { file in
      let chunk = pngChunks(file).first {
        file[$0].dropFirst(4).starts(with: Array("tEXt".utf8)) && $0.count > 24
      }
      guard let chunk, let json = file[chunk].firstIndex(of: UInt8(ascii: "{")),
        json < chunk.upperBound - 4
      else { return nil }
      let start = chunk.lowerBound
      return Text(
        range: json..<chunk.upperBound - 4,
        size: (start..<start + 4, isBigEndian: true, extra: json - start - 8))
    },
    repair: { file in
      var file = file
      for chunk in pngChunks(file) where chunk.count >= 12 {
        let sum = pngChecksum(file[chunk.lowerBound + 4..<chunk.upperBound - 4])
        file.set(
          UInt64(sum), in: chunk.upperBound - 4..<chunk.upperBound, isBigEndian: true)
      }
      return file
    })

  private static func pngChunks(_ file: [UInt8]) -> [Range<Int>] {
    walk(file, from: 8) { start in
      guard start + 12 <= file.count else { return nil }
      return 12 + Int(file.number(in: start..<start + 4, isBigEndian: true))
    }
  }

  /// CRC-32 as in the PNG specification, appendix D.
  private static func pngChecksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in
        sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0)
      }
    }
  }

  /// A version, the size of the header in two bytes, and the header, a Python dictionary.
  static let npy = Structure(
    fields: { file in file.count < 12 ? [] : [6..<7, 7..<8, 8..<10, 8..<12] },
    text: { file in
      guard file.count > 10 else { return nil }
      let end = 10 + Int(file.number(in: 8..<10, isBigEndian: false))
      return Text(
        range: 10..<Swift.min(file.count, end), size: (8..<10, isBigEndian: false, extra: 0))
    })

  /// The size of the header in eight bytes, and the header, JSON.
  static let safetensors = Structure(
    fields: { file in file.count < 8 ? [] : [0..<8] },
    text: { file in
      guard file.count > 8 else { return nil }
      let size = Int(clamping: file.number(in: 0..<8, isBigEndian: false))
      let range = 8..<8 + Swift.min(file.count - 8, size)
      return Text(range: range, size: (0..<8, isBigEndian: false, extra: 0))
    })

  /// A prepared set's index: JSON behind 24 bytes, then columns in one block, and its checksum.
  static let preparedIndex = Structure(
    fields: { file in
      guard let header = preparedHeader(file) else { return [] }
      // The length of the header, and numbers of the columns.
      let columns = stride(from: header.upperBound, to: file.count - 8, by: 8)
      return [8..<16] + columns.map { $0..<$0 + 8 }
    },
    text: { file in
      preparedHeader(file).map { Text(range: $0, size: (8..<16, isBigEndian: false, extra: 0)) }
    },
    repair: { file in
      guard let header = preparedHeader(file), header.upperBound + 4 < file.count else {
        return file
      }
      var file = file
      func set(_ position: Int, _ value: UInt32) {
        for byte in 0..<4 { file[position + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
      }
      set(file.count - 4, crc32C(file[header.upperBound..<file.count - 4]))
      set(20, crc32C(file[(file.count - 4)...]))
      set(16, crc32C(file[header]))
      return file
    })

  private static func preparedHeader(_ file: [UInt8]) -> Range<Int>? {
    guard file.count > 24 else { return nil }
    let length = Int(clamping: file.number(in: 8..<16, isBigEndian: false))
    return length <= file.count - 24 ? 24..<24 + length : nil
  }

  private static func crc32C(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in
        sum >> 1 ^ (sum & 1 == 1 ? 0x82F6_3B78 : 0)
      }
    }
  }

  /// All of it is text.
  static let wholeText = Structure(text: { Text(range: 0..<$0.count, size: nil) })

  // MARK: Walking

  /// Parts one after another, of the sizes that `length` gives, to the end or until it gives none.
  private static func walk(
    _ file: [UInt8], from first: Int, length: (Int) -> Int?
  ) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = first
    while start + 8 <= file.count, parts.count < 1000, let length = length(start) {
      let end = length < file.count - start ? start + length : file.count
      guard end > start else { break }
      parts.append(start..<end)
      start = end
    }
    return parts
  }

  /// The numbers of two and of four bytes of a part's first bytes.
  private static func pairs(_ part: Range<Int>, from first: Int, to last: Int) -> [Range<Int>] {
    let start = part.lowerBound + first
    let end = Swift.min(part.upperBound, part.lowerBound + last)
    return [2, 4].flatMap { width in
      stride(from: start, to: Swift.max(start, end - width + 1), by: width).map { $0..<$0 + width }
    }
  }
}
