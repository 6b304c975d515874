import Foundation
import Spectro
import Testing

@Suite struct PNGTests {
  static let settings = SpectrogramSettings(
    sampleRate: Signals.sampleRate, fftSize: 512, hopLength: 128, melBins: 64, maxFrequency: 3900)

  static func logMel() throws -> Spectrogram {
    try MelSpectrogram(settings).logMel(of: Signals.voice)
  }

  /// The width, the height and the bits per channel in a PNG's header.
  static func header(_ path: String) throws -> (width: Int, height: Int, bits: Int) {
    let data = try bytes(of: path)
    func integer(_ start: Int) -> Int { data[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    return (integer(16), integer(20), Int(data[24]))
  }

  /// In 80 dB, a shade is 0.08 dB; neighbours that share an 8-bit colour cost a few of them.
  @Test(arguments: ColorMap.allCases, [true, false])
  func picturesGiveTheValuesBack(_ colorMap: ColorMap, axes: Bool) throws {
    let folder = try TemporaryFolder()
    let logMel = try Self.logMel()
    try logMel.writePNG(
      to: folder("a.png"), settings: Self.settings, style: .picture(colorMap, axes: axes))
    let (read, settings) = try Spectrogram.readPNG(from: folder("a.png"))
    #expect(settings == Self.settings)
    #expect((read.frames, read.bins) == (logMel.frames, logMel.bins))
    let darkest = logMel.values.max()! - 80 / Float(settings.decibelsPerNeper)
    let visible = logMel.values.map { max($0, darkest) }
    #expect(distance(read.values, visible) * Float(settings.decibelsPerNeper) < 0.3)
  }

  @Test func dataIsFine() throws {
    let folder = try TemporaryFolder()
    let logMel = try Self.logMel()
    try logMel.writePNG(to: folder("a.png"), settings: Self.settings, style: .data)
    let (read, settings) = try Spectrogram.readPNG(from: folder("a.png"))
    #expect(settings == Self.settings)
    let step = (logMel.values.max()! - logMel.values.min()!) / 65535
    #expect(distance(read.values, logMel.values) < 0.51 * step + 1e-5)
    let (width, height, bits) = try Self.header(folder("a.png"))
    #expect((width, height, bits) == (logMel.frames, 64, 16))
  }

  /// Frequency goes up and time to the right. Reference: scripts/goldens/spectro.py.
  @Test func pointsTheRightWay() throws {
    let (spectrogram, settings) = try Spectrogram.readPNG(from: goldenPath("picture.png"))
    #expect(
      settings == SpectrogramSettings(sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 3))
    let levels: [Float] = [0, 20000, 40000, 65535, 30000, 50000]
    #expect(distance(spectrogram.values, levels.map { $0 - 65535 }) < 0.01)
  }

  @Test func sizesSuitPeople() throws {
    let folder = try TemporaryFolder()
    for (frames, width) in [(1, 16), (45, 720), (300, 900), (5000, 5000)] {
      let spectrogram = Spectrogram(
        values: (0..<frames * 64).map { Float($0 % 7) }, frames: frames, bins: 64)
      try spectrogram.writePNG(
        to: folder("plain.png"), settings: Self.settings, style: .picture(axes: false),
        overwrite: true)
      let plain = try Self.header(folder("plain.png"))
      #expect((plain.width, plain.height) == (width, 512))
      try spectrogram.writePNG(to: folder("axes.png"), settings: Self.settings, overwrite: true)
      let axes = try Self.header(folder("axes.png"))
      #expect(axes.width > width && axes.height > 512 && axes.bits == 8)
    }
  }

  @Test func silenceAndWorseCanBeDrawn() throws {
    let folder = try TemporaryFolder()
    for value in [Float(-25), .nan, .infinity, -.infinity] {
      let spectrogram = Spectrogram(
        values: [Float](repeating: value, count: 4 * 64), frames: 4, bins: 64)
      for style in [PictureStyle.picture(), .data] {
        try spectrogram.writePNG(
          to: folder("a.png"), settings: Self.settings, style: style, overwrite: true)
        let (read, _) = try Spectrogram.readPNG(from: folder("a.png"))
        #expect(read.values.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test func replacesOnlyWhenTold() throws {
    let folder = try TemporaryFolder()
    let (path, logMel) = (folder("a.png"), try Self.logMel())
    try write("mine".utf8, to: path)
    #expect(throws: SpectroError.exists(path: path)) {
      try logMel.writePNG(to: path, settings: Self.settings)
    }
    #expect(try bytes(of: path) == Array("mine".utf8))
    try logMel.writePNG(to: path, settings: Self.settings, overwrite: true)
    #expect(try Spectrogram.readPNG(from: path).spectrogram.frames == logMel.frames)
    #expect(try folder.contents == ["a.png"])
  }

  @Test func refusesWhatCannotBeDrawn() throws {
    let folder = try TemporaryFolder()
    let none = Spectrogram(values: [], frames: 0, bins: 64)
    let other = Spectrogram(values: [0, 0], frames: 1, bins: 2)
    for spectrogram in [none, other] {
      #expect(throws: SpectroError.self) {
        try spectrogram.writePNG(to: folder("a.png"), settings: Self.settings)
      }
    }
    #expect(try folder.contents.isEmpty)
  }

  /// Whatever is cut or damaged, the answer is a spectrogram or an error of ours.
  @Test func survivesDamage() throws {
    let folder = try TemporaryFolder()
    let spectrogram = Spectrogram(
      values: (0..<2 * 64).map { Float($0) }, frames: 2, bins: 64)
    try spectrogram.writePNG(to: folder("a.png"), settings: Self.settings, style: .data)
    let whole = try bytes(of: folder("a.png"))
    var damaged = (0..<whole.count).map { Array(whole[..<$0]) }
    for position in whole.indices {
      var one = whole
      one[position] ^= 0x15
      damaged.append(one)
    }
    for data in damaged {
      try write(data, to: folder("b.png"))
      do {
        _ = try Spectrogram.readPNG(from: folder("b.png"))
      } catch {
        #expect(error is SpectroError)
      }
    }
  }

  /// The text of a picture is anyone's to write.
  @Test(arguments: ["left", "top", "frames", "bins", "frameWidth", "binHeight"], [-1, Int.max])
  func refusesAbsurdLayouts(_ key: String, _ value: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder("a.png")
    try Self.logMel().writePNG(to: path, settings: Self.settings, style: .data)
    var data = try bytes(of: path)
    let start = try #require(
      data.indices.first { data[$0...].starts(with: "tEXtSpectrogram".utf8) })
    let length = data[start - 4..<start].reduce(0) { $0 << 8 | Int($1) }
    let chunk = start..<start + 4 + length
    var text = String(decoding: data[chunk], as: UTF8.self)
    let number = try #require(text.firstRange(of: try Regex("\"\(key)\":[0-9]+")))
    text.replaceSubrange(number, with: "\"\(key)\":\(value)")
    let changed = Array(text.utf8)
    func big(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(number >> (24 - 8 * $0) & 255) } }
    data.replaceSubrange(
      start - 4..<chunk.upperBound + 4,
      with: big(changed.count - 4) + changed + big(Int(checksum(changed))))
    try write(data, to: path)
    let error = #expect(throws: SpectroError.self) { try Spectrogram.readPNG(from: path) }
    #expect("\(try #require(error))".contains("not the size that its spectrogram had"))
  }

  /// CRC-32 of a PNG's chunk.
  private func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }

  @Test func refusesPicturesOfOtherPrograms() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.png")
    try Self.logMel().writePNG(to: path, settings: Self.settings, style: .data)
    // Rename the chunk that holds the text, as if it were another program's.
    let data = try bytes(of: path)
    let text = try #require(data.indices.first { data[$0...].starts(with: "tEXtSpectrogram".utf8) })
    let length = data[text - 4..<text].reduce(0) { $0 << 8 | Int($1) }
    let without = Array(data[..<(text - 4)] + data[(text + 8 + length)...])
    try write(without, to: path)
    let error = #expect(throws: SpectroError.self) { try Spectrogram.readPNG(from: path) }
    #expect("\(try #require(error))".contains("does not say what spectrogram it shows"))
  }
}
