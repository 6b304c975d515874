import Foundation
import Spectro
import Testing

@Suite struct CSVTests {
  static let settings = SpectrogramSettings(
    sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 3)
  static let spectrogram = Spectrogram(
    values: [-1, -2.5, 0, -20.125, -0.0001, 1], frames: 2, bins: 3)

  private func write(_ channels: [Spectrogram], to path: String) throws {
    let writer = try CSVWriter(path, settings: Self.settings, channelCount: channels.count)
    try writer.append(channels)
    try writer.finish()
  }

  /// Reference: scripts/goldens/spectro.py, which has NumPy read it.
  @Test func writesWhatOthersRead() throws {
    let folder = try TemporaryFolder()
    try write([Self.spectrogram], to: folder("a.csv"))
    let (written, golden) = try (bytes(of: folder("a.csv")), bytes(of: goldenPath("table.csv")))
    #expect(String(decoding: written, as: UTF8.self) == String(decoding: golden, as: UTF8.self))
  }

  /// Half a thousandth of a decibel.
  @Test(arguments: [1, 2], [1, 2, 5])
  func valuesComeBack(channelCount: Int, blockSize: Int) throws {
    let folder = try TemporaryFolder()
    let side = Spectrogram(values: Self.spectrogram.values.reversed(), frames: 2, bins: 3)
    let channels = Array([Self.spectrogram, side].prefix(channelCount))
    try write(channels, to: folder("a.csv"))
    let reader = try CSVReader(folder("a.csv"))
    #expect(reader.settings == Self.settings)
    #expect((reader.channelCount, reader.bins, reader.frames) == (channelCount, 3, 2))
    var values = [[Float]](repeating: [], count: channelCount)
    while let block = try reader.read(upTo: blockSize) {
      for (i, channel) in block.enumerated() { values[i] += channel.values }
    }
    for (found, written) in zip(values, channels) {
      let error = distance(found, written.values) * Float(Self.settings.decibelsPerNeper)
      #expect(error < 0.0006)
    }
  }

  /// Of a spreadsheet that quotes, ends lines as Windows does, or drops the comment.
  @Test(arguments: [
    "\"# {\"\"fftSize\"\":512}\"\r\ntime_s,100,200\r\n0,-10,-20\r\n0.1,-30,-40\r\n",
    "time_s,100,200\n\n0,-10,-20\n0.1,-30,-40", "# notes\ntime_s,100,200\n0,-10,-20\n9,-3e1,-40\n",
  ])
  func readsWhatOthersSaved(_ text: String) throws {
    let folder = try TemporaryFolder()
    let path = folder("a.csv")
    try SpectroTests.write(text.utf8, to: path)
    if text.hasPrefix("\"") {
      // The settings are found, and are not whole.
      #expect(
        throws: SpectroError.unreadable(path: path, reason: "its spectrogram settings are damaged")
      ) { try CSVReader(path) }
      return
    }
    let reader = try CSVReader(path)
    #expect(reader.settings == nil)
    #expect((reader.frames, reader.bins) == (2, 2))
    let scale = Float(10 / log(10.0))
    let read = try #require(try reader.read(upTo: 10))
    #expect(distance(read[0].values, [-10, -20, -30, -40].map { $0 / scale }) < 1e-5)
  }

  @Test(arguments: [
    ("", "not a table of a spectrogram: no line starts with time_s"),
    ("a,b\n1,2\n", "not a table of a spectrogram: no line starts with time_s"),
    ("time_s,1,2\n0,1\n", "line 2: 1 values where the header has 2"),
    ("time_s,1,2\n0,1,2,3\n", "line 2: 3 values where the header has 2"),
    ("time_s,1,2\n0,1,loud\n", "line 2: a cell holds no number: loud"),
    ("time_s,1,2\n0,1,2\n1,nan,2\n", "line 3: a cell holds no number: nan"),
    ("time_s,1,2\n0,1,1e999\n", "line 2: a cell holds no number: 1e999"),
    ("time_s,mid 1,side 1,side 2\n", "1 columns of mid and 2 of side, not as many"),
    ("# {\"melBins\":2}\ntime_s,1,2\n", "its spectrogram settings are damaged"),
  ])
  func refusesWhatIsNoSpectrogram(_ text: String, _ reason: String) throws {
    let folder = try TemporaryFolder()
    try SpectroTests.write(text.utf8, to: folder("a.csv"))
    #expect(throws: SpectroError.unreadable(path: folder("a.csv"), reason: reason)) {
      let reader = try CSVReader(folder("a.csv"))
      while try reader.read(upTo: 10) != nil {}
    }
  }

  @Test func refusesValuesThatCannotBeWritten() throws {
    let folder = try TemporaryFolder()
    for value in [Float.nan, .infinity, -.infinity, 1e30] {
      let broken = Spectrogram(values: [0, value, 0], frames: 1, bins: 3)
      #expect(throws: SpectroError.self) { try write([broken], to: folder("a.csv")) }
    }
    #expect(try folder.contents.isEmpty)
  }

  /// Whatever is cut or damaged, the answer is a spectrogram or an error of ours.
  @Test func survivesDamage() throws {
    let folder = try TemporaryFolder()
    let whole = try bytes(of: goldenPath("table.csv"))
    var damaged = whole.indices.map { Array(whole[..<$0]) }
    for position in whole.indices {
      for byte: UInt8 in [0, 0x2C, 0x0A, 0xFF] {
        var one = whole
        one[position] = byte
        damaged.append(one)
      }
    }
    for data in damaged {
      try SpectroTests.write(data, to: folder("b.csv"))
      do {
        let reader = try CSVReader(folder("b.csv"))
        while try reader.read(upTo: 10) != nil {}
      } catch {
        #expect(error is SpectroError)
      }
    }
  }
}
