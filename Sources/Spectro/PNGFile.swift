import CPNG
package import Foundation

/// PNG pictures in memory: libpng's pixels, and one text chunk of our own.
///
/// libpng's simplified interface reports errors without `longjmp`, which Swift cannot take, but
/// knows no text; a chunk is a length, a type, bytes and a checksum (PNG specification, section 5).
package enum PNGFile {
  /// What the picture's pixels are.
  package enum Pixels {
    /// `[height, width]`, 8 bits a channel.
    case color([Color])
    /// `[height, width]`, 16 bits.
    case grey([UInt16])
  }

  struct Failure: Error {
    let reason: String
  }

  /// The keyword of the text chunk.
  private static let keyword = "Spectrogram"
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// - Parameter text: ASCII that `text(in:)` gives back; no chunk for it when nil.
  static func encode(_ pixels: Pixels, width: Int, height: Int, text: String?) throws -> Data {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    let picture =
      switch pixels {
      case .color(let colors):
        try encode(colors, &image, format: PNG_FORMAT_FLAG_COLOR, bytesPerPixel: 3)
      case .grey(let levels):
        try encode(levels, &image, format: PNG_FORMAT_FLAG_LINEAR, bytesPerPixel: 2)
      }
    guard let text else { return picture }
    // The text goes right behind the header, whose chunk is the first and always of one size.
    let headerEnd = signature.count + 12 + 13
    let body = Data(keyword.utf8) + [0] + Data(text.utf8)
    return picture.prefix(headerEnd) + chunk("tEXt", body) + picture.dropFirst(headerEnd)
  }

  private static func encode<Pixel>(
    _ pixels: [Pixel], _ image: inout png_image, format: UInt32, bytesPerPixel: Int
  ) throws -> Data {
    image.format = format
    let raw = Int(image.height) * (Int(image.width) * bytesPerPixel + 1)
    // What zlib needs for data that it cannot compress, and room for the other chunks.
    var size = png_alloc_size_t(raw + raw / 1000 + 4096)
    var data = Data(count: Int(size))
    let done = data.withUnsafeMutableBytes { output in
      pixels.withUnsafeBytes { input in
        png_image_write_to_memory(&image, output.baseAddress, &size, 0, input.baseAddress, 0, nil)
      }
    }
    guard done != 0 else { throw failure(of: image) }
    return data.prefix(Int(size))
  }

  /// The pixels, 16 bits where the file has 16 bits of grey, as they stand in the file: no colour
  /// is corrected. Transparency shows black.
  package static func decode(_ data: Data) throws -> (pixels: Pixels, width: Int, height: Int) {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    return try withoutColorSpace(data).withUnsafeBytes { input in
      guard png_image_begin_read_from_memory(&image, input.baseAddress, input.count) != 0 else {
        throw failure(of: image)
      }
      defer { png_image_free(&image) }
      let (width, height) = (Int(image.width), Int(image.height))
      guard width * height <= maximumPixels else {
        throw Failure(reason: "the picture is too large")
      }
      // Deflate shrinks to no less than a 1032nd, so that a few bytes cannot hold what their header
      // promises: byte 24 is the bits of a pixel's channel.
      guard width * height * Int(input[24]) / 8 <= 1032 * input.count else {
        throw Failure(reason: "the picture is cut short")
      }
      let format = image.format
      if format & PNG_FORMAT_FLAG_LINEAR != 0 && format & PNG_FORMAT_FLAG_COLOR == 0 {
        let black = UInt16(0)
        return (
          .grey(try decode(&image, PNG_FORMAT_FLAG_LINEAR, filledWith: black)), width, height
        )
      }
      image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      let black = Color(red: 0, green: 0, blue: 0)
      return (.color(try decode(&image, PNG_FORMAT_FLAG_COLOR, filledWith: black)), width, height)
    }
  }

  /// Of a picture that is written or read.
  static let maximumPixels = 1 << 27

  /// Pixels are numbers here: what an editor says of their colours must not change them. Whole
  /// chunks only: for one that claims 2 GB libpng asks for as much before it looks for them.
  private static func withoutColorSpace(_ data: Data) -> Data {
    let unwanted = ["gAMA", "cHRM", "sRGB", "iCCP", "cICP"]
    var kept = data.prefix(signature.count)
    forEachChunk(of: data) { type, range in
      if !unwanted.contains(type) { kept.append(data[range]) }
      return true
    }
    return kept
  }

  private static func decode<Pixel>(
    _ image: inout png_image, _ format: UInt32, filledWith pixel: Pixel
  ) throws -> [Pixel] {
    image.format = format
    var pixels = [Pixel](repeating: pixel, count: Int(image.width) * Int(image.height))
    var background = png_color()
    let done = pixels.withUnsafeMutableBytes {
      png_image_finish_read(&image, &background, $0.baseAddress, 0, nil)
    }
    guard done != 0 else { throw failure(of: image) }
    return pixels
  }

  /// The text that `encode` was given, if the picture still has it: in the chunk that `encode`
  /// writes, or in one of international text, which some editors write instead.
  static func text(in data: Data) -> String? {
    var text: String?
    forEachChunk(of: data) { type, range in
      let body = data[range.lowerBound + 8..<range.upperBound - 4]
      guard type == "tEXt" || type == "iTXt", body.starts(with: Data(keyword.utf8) + [0]) else {
        return true
      }
      var rest = body.dropFirst(keyword.utf8.count + 1)
      if type == "iTXt" {
        // Whether it is compressed, how, a language and the keyword in it (section 11.3.4.5).
        guard rest.first == 0 else { return true }
        rest = rest.dropFirst(2)
        for _ in 0..<2 { rest = rest.drop { $0 != 0 }.dropFirst() }
      }
      text = String(decoding: rest, as: UTF8.self)
      return false
    }
    return text
  }

  /// Calls `body` with the type of each whole chunk and its range, length and checksum included,
  /// until it returns false.
  static func forEachChunk(
    of data: Data, _ body: (_ type: String, _ range: Range<Int>) -> Bool
  ) {
    var start = data.startIndex + signature.count
    while start + 12 <= data.endIndex {
      let length = data[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      guard start + 12 + length <= data.endIndex else { return }
      let range = start..<start + 12 + length
      guard body(String(decoding: data[start + 4..<start + 8], as: UTF8.self), range) else {
        return
      }
      start = range.upperBound
    }
  }

  static func chunk(_ type: String, _ body: Data) -> Data {
    func bigEndian(_ value: UInt32) -> Data { withUnsafeBytes(of: value.bigEndian) { Data($0) } }
    let checked = Data(type.utf8) + body
    return bigEndian(UInt32(body.count)) + checked + bigEndian(checksum(checked))
  }

  /// CRC-32 as in the PNG specification, appendix D.
  private static func checksum(_ data: Data) -> UInt32 {
    var sum = UInt32.max
    for byte in data {
      sum ^= UInt32(byte)
      for _ in 0..<8 {
        let isOdd = sum & 1 == 1
        sum >>= 1
        if isOdd { sum ^= 0xEDB8_8320 }
      }
    }
    return ~sum
  }

  private static func failure(of image: png_image) -> Failure {
    Failure(
      reason: withUnsafeBytes(of: image.message) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      })
  }
}
