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
    for (frames, width) in [(1, 960), (45, 945), (300, 900), (5000, 5000)] {
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

  /// Mid and side, one above the other.
  @Test(arguments: [PictureStyle.picture(.viridis), .picture(axes: false), .data])
  func twoChannelsComeBack(_ style: PictureStyle) throws {
    let folder = try TemporaryFolder()
    let mid = try Self.logMel()
    let side = Spectrogram(values: mid.values.reversed(), frames: mid.frames, bins: mid.bins)
    let writer = try PNGWriter(
      folder("a.png"), settings: Self.settings, style: style, channelCount: 2)
    try writer.append([mid, side])
    try writer.finish()
    let reader = try PNGReader(folder("a.png"))
    #expect((reader.channelCount, reader.bins, reader.frames) == (2, 64, mid.frames))
    #expect(reader.settings == Self.settings)
    let read = try #require(try reader.read(upTo: .max))
    let scale = Float(Self.settings.decibelsPerNeper)
    let darkest = style == .data ? -Float.infinity : mid.values.max()! - 80 / scale
    for (found, written) in zip(read, [mid, side]) {
      let visible = written.values.map { max($0, darkest) }
      #expect(distance(found.values, visible) * scale < (style == .data ? 0.002 : 0.3))
    }
    #expect(try reader.read(upTo: 1) == nil)
    #expect(throws: SpectroError.self) { try Spectrogram.readPNG(from: folder("a.png")) }
  }

  @Test func blocksMakeThePictureOfTheWhole() throws {
    let folder = try TemporaryFolder()
    let logMel = try Self.logMel()
    try logMel.writePNG(to: folder("whole.png"), settings: Self.settings, title: "voice")
    let writer = try PNGWriter(folder("blocks.png"), settings: Self.settings, title: "voice")
    for start in stride(from: 0, to: logMel.frames, by: 7) {
      let frames = start..<min(start + 7, logMel.frames)
      let values = Array(logMel.values[frames.lowerBound * 64..<frames.upperBound * 64])
      try writer.append([Spectrogram(values: values, frames: frames.count, bins: 64)])
    }
    try writer.finish()
    #expect(try bytes(of: folder("blocks.png")) == bytes(of: folder("whole.png")))
  }

  /// A picture that shows less than every frame is a means of them, and is not taken for more.
  @Test func longPicturesAreReducedAndSaySo() throws {
    let folder = try TemporaryFolder()
    let settings = SpectrogramSettings(melBins: 4)
    for (frames, maximum, perColumn, columns) in [
      (1 << 15, nil as Int?, 1, 1 << 15), ((1 << 15) + 1, nil, 16, 2049), (1000, 300, 4, 250),
    ] {
      let writer = try PNGWriter(
        folder("a.png"), settings: settings, style: .picture(axes: false),
        maximumColumns: maximum, overwrite: true)
      for start in stride(from: 0, to: frames, by: 1000) {
        let count = min(1000, frames - start)
        let values = (0..<count * 4).map { Float($0 % 11) }
        try writer.append([Spectrogram(values: values, frames: count, bins: 4)])
      }
      try writer.finish()
      #expect(writer.framesPerColumn == perColumn)
      #expect(try Self.header(folder("a.png")).width == columns * max(960 / columns, 1))
      if perColumn == 1 {
        #expect(try Spectrogram.readPNG(from: folder("a.png")).spectrogram.frames == frames)
      } else {
        let error = #expect(throws: SpectroError.self) {
          try Spectrogram.readPNG(from: folder("a.png"))
        }
        #expect("\(try #require(error))".contains("each column of this picture shows \(perColumn)"))
      }
    }
  }

  /// Another program may name the picture's colours in any of these ways, and write the text in its
  /// own kind of chunk; none of it changes the values.
  @Test(arguments: [PictureStyle.picture(), .data])
  func colorProfilesAndOtherTextChunksAreNoMatter(_ style: PictureStyle) throws {
    let folder = try TemporaryFolder()
    try Self.logMel().writePNG(to: folder("a.png"), settings: Self.settings, style: style)
    let data = try bytes(of: folder("a.png"))
    let start = try #require(data.indices.first { data[$0...].starts(with: "tEXtSpectr".utf8) })
    let length = data[start - 4..<start].reduce(0) { $0 << 8 | Int($1) }
    let text = data[start + 4 + "Spectrogram".utf8.count + 1..<start + 4 + length]
    let header = data[..<33]
    let rest = data[(start + 8 + length)...]
    let international =
      Array("iTXtSpectrogram".utf8) + [0, 0, 0] + Array("en".utf8) + [0] + [0] + text
    let painted =
      header + chunk(Array("gAMA".utf8) + [0, 0, 0x80, 0]) + chunk(international)
      + rest.dropFirst(rest.starts(with: [0, 0, 0, 4] + Array("gAMA".utf8)) ? 16 : 0)
    try write(painted, to: folder("b.png"))
    #expect(
      try Spectrogram.readPNG(from: folder("b.png")).spectrogram
        == Spectrogram.readPNG(from: folder("a.png")).spectrogram)
  }

  private func chunk(_ typeAndBody: [UInt8]) -> [UInt8] {
    func big(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(number >> (24 - 8 * $0) & 255) } }
    return big(typeAndBody.count - 4) + typeAndBody + big(Int(checksum(typeAndBody)))
  }

  /// Reference: scripts/goldens/spectro.py, which paints with Pillow.
  @Test func paintingCounts() throws {
    let (spectrogram, settings) = try Spectrogram.readPNG(from: goldenPath("painted.png"))
    #expect(settings.melBins == 4)
    // Frame 1 and bin 2 was painted white, the loudest of magma, and frame 0 and bin 0 black.
    #expect(spectrogram[1, 2] > -0.5)
    #expect(spectrogram[0, 0] < -9.5)
    #expect(abs(spectrogram[2, 3] + 5) < 0.1)
  }

  /// What 16 bits cost is nothing beside what the inversion does.
  @Test func dataInvertsAsTheSpectrogramItself() throws {
    let folder = try TemporaryFolder()
    let logMel = try Self.logMel()
    try logMel.writePNG(to: folder("a.png"), settings: Self.settings, style: .data)
    let (read, _) = try Spectrogram.readPNG(from: folder("a.png"))
    #expect(
      distance(read.values, logMel.values) * Float(Self.settings.decibelsPerNeper) < 0.001)
    let mel = try MelSpectrogram(Self.settings)
    let wanted = mel.stft.magnitudes(of: Signals.voice)
    let inverter = try MelInverter(Self.settings)
    let convergences = try [logMel, read].map {
      let samples = try inverter.audio(fromLogMel: $0, sampleCount: Signals.voice.count)
      return 20 * log10(mel.stft.spectralConvergence(of: samples, to: wanted))
    }
    #expect(abs(convergences[0] - convergences[1]) < 0.1)
  }

  @Test func waveformsTakeALaneAChannel() throws {
    let folder = try TemporaryFolder()
    let logMel = try Self.logMel()
    var heights: [Int] = []
    for channels in 0...2 {
      let writer = try PNGWriter(
        folder("a.png"), settings: Self.settings, title: "🎵\nłódź.wav", overwrite: true)
      try writer.append([logMel])
      for start in stride(from: 0, to: Signals.voice.count, by: 1000) {
        let block = Array(Signals.voice[start..<min(start + 1000, Signals.voice.count)])
        writer.appendWaveform([[Float]](repeating: block, count: channels))
      }
      try writer.finish()
      heights.append(try Self.header(folder("a.png")).height)
      #expect(try Spectrogram.readPNG(from: folder("a.png")).spectrogram.frames == logMel.frames)
    }
    #expect(heights[1] - heights[0] == heights[2] - heights[1] && heights[1] > heights[0] + 50)
  }

  /// The peak's label beside the outline, "−32.0 dB" or longer, has room: no pixel of it is cut off.
  @Test(arguments: [Float(1), 0.0251, 2.5e-7])
  func labelsOfPeaksFit(_ peak: Float) throws {
    let folder = try TemporaryFolder()
    let writer = try PNGWriter(folder("a.png"), settings: Self.settings)
    try writer.append([try Self.logMel()])
    writer.appendWaveform([(0..<Signals.sampleCount).map { $0 % 2 == 0 ? peak : -peak }])
    try writer.finish()
    let (pixels, width, height) = try PNGFile.decode(Data(bytes(of: folder("a.png"))))
    guard case .color(let colors) = pixels else {
      Issue.record("a picture has colours")
      return
    }
    func column(_ x: Int, _ rows: Range<Int>) -> [Color] { rows.map { colors[$0 * width + x] } }
    let paper = Color(red: 255, green: 255, blue: 255)
    #expect(column(0, 0..<height).allSatisfy { $0 == paper })
    // It is there: where the outline begins, left of it.
    let lane = 36..<56
    let inked = (0..<80).filter { x in column(x, lane).contains { $0 != paper } }
    #expect(inked.count > 25)
  }

  @Test func textOfAnyLengthFits() throws {
    let folder = try TemporaryFolder()
    for title in ["", "a", String(repeating: "long ", count: 2000), "\u{202E}\0\t"] {
      try Self.logMel().writePNG(
        to: folder("a.png"), settings: Self.settings, title: title, overwrite: true)
      _ = try Spectrogram.readPNG(from: folder("a.png"))
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
