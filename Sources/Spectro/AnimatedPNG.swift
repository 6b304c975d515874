package import Foundation

extension Canvas {
  /// The picture as a PNG file.
  ///
  /// - Throws: `SpectroError.unwritable` for what libpng cannot encode.
  package func png() throws -> Data {
    do {
      return try PNGFile.encode(.color(pixels), width: width, height: height, text: nil)
    } catch let error as PNGFile.Failure {
      throw SpectroError.unwritable(path: "the picture", reason: error.reason)
    }
  }
}

/// PNG pictures that move: the chunks acTL, fcTL and fdAT of the PNG specification's third edition
/// (w3.org/TR/png-3, section 11.3.6), which libpng lacks, around the data that it makes. A program
/// that knows no animation shows the first frame.
package enum AnimatedPNG {
  package struct Frame {
    package var canvas: Canvas
    package var seconds: Double

    package init(_ canvas: Canvas, seconds: Double) {
      (self.canvas, self.seconds) = (canvas, seconds)
    }
  }

  /// - Parameter frames: at least one; all of one size. They are shown again and again.
  /// - Throws: `SpectroError.unwritable` for what libpng cannot encode.
  package static func encode(_ frames: [Frame]) throws -> Data {
    let (width, height) = (frames[0].canvas.width, frames[0].canvas.height)
    precondition(
      frames.allSatisfy { $0.canvas.width == width && $0.canvas.height == height },
      "the frames of an animation have one size")
    var (file, sequence) = (Data(PNGFile.signature), 0)
    func numbered(_ type: String, _ body: Data) -> Data {
      defer { sequence += 1 }
      return PNGFile.chunk(type, bigEndian(UInt32(sequence)) + body)
    }
    for (number, frame) in frames.enumerated() {
      let picture = try frame.canvas.png()
      var hasControl = false
      PNGFile.forEachChunk(of: picture) { type, range in
        let body = picture[range.lowerBound + 8..<range.upperBound - 4]
        if type == "IDAT" {
          if !hasControl { file += numbered("fcTL", control(width, height, frame.seconds)) }
          hasControl = true
          file += number == 0 ? picture[range] : numbered("fdAT", body)
        } else if number == 0, type != "IEND" {
          file += picture[range]
          if type == "IHDR" {
            // The number of frames, and of rounds: 0 for no end.
            file += PNGFile.chunk("acTL", bigEndian(UInt32(frames.count)) + bigEndian(UInt32(0)))
          }
        }
        return true
      }
    }
    return file + PNGFile.chunk("IEND", Data())
  }

  /// Width, height, place, delay in milliseconds as a fraction, and that a frame stays until the next
  /// replaces it.
  private static func control(_ width: Int, _ height: Int, _ seconds: Double) -> Data {
    let delay = UInt16(clamping: Int((seconds * 1000).rounded()))
    return bigEndian(UInt32(width)) + bigEndian(UInt32(height))
      + bigEndian(UInt64(0))
      + bigEndian(delay) + bigEndian(UInt16(1000)) + Data([0, 0])
  }

  private static func bigEndian(_ value: some FixedWidthInteger) -> Data {
    withUnsafeBytes(of: value.bigEndian) { Data($0) }
  }
}
