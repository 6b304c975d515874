import Foundation
import Spectro
import Testing

@Suite struct NPYTests {
  /// `[bins, frames]` = [[1.5, -2], [0.25, 1024], [-0.125, 3]] in NumPy's eyes.
  static let spectrogram = Spectrogram(
    values: [1.5, 0.25, -0.125, -2, 1024, 3], frames: 2, bins: 3)

  /// Reference: scripts/goldens/spectro.py.
  @Test(arguments: ["c", "fortran"], ["f2", "f4", "f8"])
  func readsWhatNumPySaved(_ order: String, _ type: String) throws {
    let (read, settings) = try Spectrogram.readNPY(
      from: goldenPath("array-\(order)-\(type).npy"))
    #expect(read == Self.spectrogram)
    #expect(settings == nil)
  }

  @Test func writesWhatNumPyWouldSave() throws {
    let folder = try TemporaryFolder()
    try Self.spectrogram.writeNPY(to: folder("a.npy"))
    #expect(try bytes(of: folder("a.npy")) == bytes(of: goldenPath("array-fortran-f4.npy")))
  }

  @Test func returnsBitsAndSettings() throws {
    let folder = try TemporaryFolder()
    let patterns: [UInt32] = [
      0, 0x8000_0000, 1, 0x7F80_0000, 0x7FC0_0001, 0xC0A0_0000, 0x3F80_0001, 0x7F7F_FFFF,
    ]
    let spectrogram = Spectrogram(
      values: patterns.map { Float(bitPattern: $0) }, frames: 4, bins: 2)
    let settings = SpectrogramSettings(melBins: 2, maxFrequency: 8000.5, melScale: .htk)
    try spectrogram.writeNPY(to: folder("a.npy"), settings: settings)
    let (read, found) = try Spectrogram.readNPY(from: folder("a.npy"))
    #expect(read.values.map(\.bitPattern) == patterns)
    #expect((read.frames, read.bins) == (4, 2))
    #expect(found == settings)
    // The values start where memory maps may, at a multiple of 64 bytes.
    #expect(try bytes(of: folder("a.npy")).count % 64 == 4 * 2 * 4 % 64)
  }

  @Test func emptyInTime() throws {
    let folder = try TemporaryFolder()
    let empty = Spectrogram(values: [], frames: 0, bins: 3)
    try empty.writeNPY(to: folder("a.npy"))
    #expect(try Spectrogram.readNPY(from: folder("a.npy")).spectrogram == empty)
  }

  /// Reference: scripts/goldens/spectro.py, `[[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]]`.
  @Test func midAndSideAreTheFirstDimension() throws {
    let folder = try TemporaryFolder()
    let mid = Spectrogram(values: [0, 2, 4, 1, 3, 5], frames: 2, bins: 3)
    let side = Spectrogram(values: [6, 8, 10, 7, 9, 11], frames: 2, bins: 3)
    let writer = try NPYWriter(folder("a.npy"), bins: 3, channelCount: 2)
    try writer.append([mid, side])
    try writer.finish()
    #expect(
      try bytes(of: folder("a.npy")) == bytes(of: goldenPath("array-stereo-fortran-f4.npy")))
    for order in ["c", "fortran"] {
      let reader = try NPYReader(goldenPath("array-stereo-\(order)-f4.npy"))
      #expect((reader.channelCount, reader.bins, reader.frames) == (2, 3, 2))
      #expect(try reader.read(upTo: 5) == [mid, side])
    }
    #expect(throws: SpectroError.self) { try Spectrogram.readNPY(from: folder("a.npy")) }
  }

  /// Whatever the blocks, the file is that of the whole, and so is what is read of it.
  @Test(arguments: [1, 3, 100, 1000])
  func blocksMakeTheWhole(_ size: Int) throws {
    let folder = try TemporaryFolder()
    let whole = Spectrogram(values: (0..<1234 * 5).map(Float.init), frames: 1234, bins: 5)
    let settings = SpectrogramSettings(melBins: 5)
    try whole.writeNPY(to: folder("whole.npy"), settings: settings)
    let writer = try NPYWriter(folder("blocks.npy"), bins: 5, settings: settings)
    for start in stride(from: 0, to: 1234, by: size) {
      let count = min(size, 1234 - start)
      let values = Array(whole.values[start * 5..<(start + count) * 5])
      try writer.append([Spectrogram(values: values, frames: count, bins: 5)])
    }
    #expect(!FileManager.default.fileExists(atPath: folder("blocks.npy")))
    try writer.finish()
    #expect(try bytes(of: folder("blocks.npy")) == bytes(of: folder("whole.npy")))

    let reader = try NPYReader(folder("blocks.npy"))
    #expect(reader.settings == settings)
    var values: [Float] = []
    while let block = try reader.read(upTo: size) { values += block[0].values }
    #expect(values == whole.values)
  }

  @Test func aWriterLetGoLeavesNothing() throws {
    let folder = try TemporaryFolder()
    do {
      let writer = try NPYWriter(folder("a.npy"), bins: 3)
      try writer.append([Self.spectrogram])
      #expect(throws: SpectroError.self) {
        try writer.append([Spectrogram(values: [0, 0], frames: 1, bins: 2)])
      }
    }
    #expect(try folder.contents.isEmpty)
  }

  @Test func readersNameTheFrameThatIsNoNumber() throws {
    let folder = try TemporaryFolder()
    var broken = Spectrogram(values: [Float](repeating: 0, count: 30), frames: 10, bins: 3)
    broken[7, 1] = .nan
    try broken.writeNPY(to: folder("a.npy"))
    let reader = try NPYReader(folder("a.npy"))
    _ = try reader.read(upTo: 5)
    #expect(
      throws: SpectroError.unreadable(
        path: folder("a.npy"), reason: "frame 7 holds a value that is not a number or infinite")
    ) { try reader.read(upTo: 5) }
  }

  @Test func hoursDoNotTakeMemory() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let writer = try NPYWriter(folder("a.npy"), bins: 128)
      let block = Spectrogram(
        values: [Float](repeating: 0.5, count: 128 * 1000), frames: 1000, bins: 128)
      try writer.append([block])
      let before = try peakMemory()
      for _ in 0..<100 { try writer.append([block]) }
      try writer.finish()
      let reader = try NPYReader(folder("a.npy"))
      var frames = 0
      while let block = try reader.read(upTo: 1000) { frames += block[0].frames }
      #expect(frames == 101_000)
      #expect(try peakMemory() - before < 8 << 20)
    }
  }

  @Test func refusesWhatIsNoSpectrogram() throws {
    let folder = try TemporaryFolder()
    func expectFailure(_ path: String, _ reason: String) {
      #expect(throws: SpectroError.unreadable(path: path, reason: reason)) {
        try Spectrogram.readNPY(from: path)
      }
    }
    expectFailure(folder("none.npy"), "No such file or directory")
    expectFailure(
      try goldenPath("array-integers.npy"),
      "the array holds '<i4', a spectrogram holds <f2, <f4 or <f8")
    expectFailure(
      try goldenPath("array-vector.npy"),
      "the array has the shape (6,), a spectrogram has [bins, frames], or [2, bins, frames] of mid "
        + "and side")

    let whole = try bytes(of: goldenPath("array-c-f4.npy"))
    for count in 0..<whole.count {
      try write(whole[..<count], to: folder("cut.npy"))
      #expect(throws: SpectroError.self) { try Spectrogram.readNPY(from: folder("cut.npy")) }
    }
  }

  /// Whatever single byte is damaged, the answer is an array or an error.
  @Test func survivesDamage() throws {
    let folder = try TemporaryFolder()
    try Self.spectrogram.writeNPY(to: folder("a.npy"), settings: SpectrogramSettings(melBins: 3))
    let whole = try bytes(of: folder("a.npy"))
    for position in whole.indices {
      for byte: UInt8 in [0, 0x39, 0xFF] {
        var damaged = whole
        damaged[position] = byte
        try write(damaged, to: folder("b.npy"))
        do {
          _ = try Spectrogram.readNPY(from: folder("b.npy"))
        } catch {
          #expect(error is SpectroError)
        }
      }
    }
  }

  @Test func replacesOnlyWhenTold() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.npy")
    try Self.spectrogram.writeNPY(to: path)
    let before = try bytes(of: path)
    let other = Spectrogram(values: [1], frames: 1, bins: 1)
    #expect(throws: SpectroError.exists(path: path)) { try other.writeNPY(to: path) }
    #expect(try bytes(of: path) == before)
    try other.writeNPY(to: path, overwrite: true)
    #expect(try Spectrogram.readNPY(from: path).spectrogram == other)
    #expect(try folder.contents == ["a.npy"])
  }

  @Test func failureLeavesNothing() throws {
    let folder = try TemporaryFolder()
    let path = folder("missing/a.npy")
    #expect(throws: SpectroError.unwritable(path: path, reason: "No such file or directory")) {
      try Self.spectrogram.writeNPY(to: path)
    }
    #expect(try folder.contents.isEmpty)
  }
}
