import Foundation
import Spectro
import Testing

@Suite struct AnimatedPNGTests {
  private let frames = (0..<3).map { number in
    var canvas = Canvas(
      width: 40, height: 30, background: Color(red: UInt8(80 * number), green: 10, blue: 200))
    canvas.fill(x: 5 * number, y: 3, width: 12, height: 9, Color(red: 255, green: 1, blue: 2))
    canvas.draw("\(number)", x: 30, y: 20, anchor: .middle, color: Color(red: 9, green: 9, blue: 9))
    return AnimatedPNG.Frame(canvas, seconds: number == 2 ? 1.5 : 0.25)
  }

  private struct Chunk {
    var type: String
    var body: Data
  }

  private func number(_ bytes: Data) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

  /// By the PNG specification, with checksums bit by bit.
  private func chunks(_ file: Data) throws -> [Chunk] {
    #expect(Array(file.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    var (chunks, rest) = ([Chunk](), Data(file.dropFirst(8)))
    while !rest.isEmpty {
      let length = number(rest.prefix(4))
      try #require(rest.count >= length + 12)
      let checked = Data(rest.dropFirst(4).prefix(length + 4))
      var crc: UInt32 = ~0
      for byte in checked {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
      }
      #expect(number(rest.dropFirst(8 + length).prefix(4)) == Int(~crc))
      chunks.append(
        Chunk(
          type: String(decoding: checked.prefix(4), as: UTF8.self),
          body: Data(checked.dropFirst(4))))
      rest = Data(rest.dropFirst(12 + length))
    }
    return chunks
  }

  @Test func chunksAreInOrder() throws {
    let chunks = try chunks(AnimatedPNG.encode(frames))
    #expect(chunks.first?.type == "IHDR" && chunks.last?.type == "IEND")
    let control = try #require(chunks.first { $0.type == "acTL" })
    #expect(Array(control.body) == [0, 0, 0, 3, 0, 0, 0, 0])
    let types = chunks.map(\.type)
    #expect(try #require(types.firstIndex(of: "acTL")) < #require(types.firstIndex(of: "IDAT")))
    let numbered = chunks.filter { $0.type == "fcTL" || $0.type == "fdAT" }
    #expect(numbered.map { number($0.body.prefix(4)) } == Array(numbered.indices))
    let controls = chunks.filter { $0.type == "fcTL" }.map(\.body)
    #expect(controls.map(\.count) == [26, 26, 26])
    // Width, height, no offset; milliseconds; the frame stays and replaces.
    #expect(
      controls.map { Array($0.dropFirst(4).prefix(16)) }
        == Array(repeating: [0, 0, 0, 40, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0], count: 3))
    #expect(controls.map { number($0.dropFirst(20).prefix(2)) } == [250, 250, 1500])
    #expect(controls.map { Array($0.suffix(4)) } == Array(repeating: [3, 232, 0, 0], count: 3))
  }

  /// Each frame's data, as a picture of its own, is what the frame alone is: libpng's stream, which
  /// `PNGTests` reads back.
  @Test func framesAreTheirPictures() throws {
    let chunks = try chunks(AnimatedPNG.encode(frames))
    var streams: [Data] = []
    for chunk in chunks {
      switch chunk.type {
      case "fcTL": streams.append(Data())
      case "IDAT": streams[streams.count - 1] += chunk.body
      case "fdAT": streams[streams.count - 1] += chunk.body.dropFirst(4)
      default: break
      }
    }
    try #require(streams.count == 3)
    for (stream, frame) in zip(streams, frames) {
      let alone = try self.chunks(frame.canvas.png()).filter { $0.type == "IDAT" }
      #expect(stream == alone.reduce(Data()) { $0 + $1.body })
    }
    #expect(streams[0] != streams[1])
  }
}
