import Spectro
import Testing

@Suite struct MelStreamTests {
  static let settings = SpectrogramSettings(
    sampleRate: Signals.sampleRate, fftSize: 256, hopLength: 64, melBins: 40)

  /// Bit for bit, for signals from nothing through less than half a window to many.
  @Test(arguments: [1, 2, 63, 64, 65, 1000, 20000])
  func framesAreThoseOfTheWhole(blockSize: Int) throws {
    let mel = try MelSpectrogram(Self.settings)
    for sampleCount in [0, 1, 2, 127, 128, 129, 130, 192, 256, 257, 4000, Signals.sampleCount] {
      if sampleCount > 4000 && blockSize < 64 { continue }
      let samples = Array(Signals.voice.prefix(sampleCount))
      var stream = MelStream(mel)
      var values: [Float] = []
      for start in stride(from: 0, to: sampleCount, by: blockSize) {
        let frames = stream.append(Array(samples[start..<min(start + blockSize, sampleCount)]))
        #expect(frames.bins == mel.settings.melBins)
        values += frames.values
      }
      #expect(stream.sampleCount == sampleCount)
      values += stream.finish().values
      #expect(values == mel.logMel(of: samples).values, "\(sampleCount) samples")
    }
  }

  /// As soon as a frame's window is full; the first is half reflection.
  @Test func framesComeWithoutDelay() throws {
    var stream = MelStream(try MelSpectrogram(Self.settings))
    #expect(stream.append([Float](repeating: 0, count: 128)).frames == 0)
    #expect(stream.append([0]).frames == 1)
    #expect(stream.append([Float](repeating: 0, count: 62)).frames == 0)
    #expect(stream.append([0]).frames == 1)
    #expect(stream.append([]).frames == 0)
    #expect(stream.finish().frames == 2)
  }

  @Test func memoryDoesNotGrow() async {
    await #expect(processExitsWith: .success) {
      var stream = MelStream(try MelSpectrogram(Self.settings, threads: 1))
      let block = [Float](repeating: 0.5, count: 10_000)
      _ = stream.append(block)
      let before = try peakMemory()
      var frames = 0
      for _ in 0..<1000 { frames += stream.append(block).frames }
      #expect(frames == 156_250)
      #expect(try peakMemory() - before < 2 << 20)
    }
  }
}
