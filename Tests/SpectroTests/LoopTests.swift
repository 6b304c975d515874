import Foundation
import Spectro
import Testing

/// Loops of any length: resampled to whole hops and back, and what files keep of them.
@Suite struct LoopTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A sum of sinusoids that go around is the same sum at another number of samples, to the edge.
  @Test(arguments: [(1000, 1024), (1024, 1000), (997, 512), (84, 85)])
  func resamplingKeepsThePeriodicSignal(_ from: Int, to: Int) {
    func signal(_ count: Int) -> [Float] {
      (0..<count).map { i in
        let turn = 2 * .pi * Double(i) / Double(count)
        return Float(0.3 + cos(3 * turn + 1) + 0.5 * sin(20 * turn))
      }
    }
    #expect(distance(resampledLoop(signal(from), to: to), signal(to)) < 1e-6)
  }

  @Test func resamplingDropsWhatFewerSamplesCannotHold() {
    let fast = (0..<1000).map { Float(cos(2 * .pi * 300 * Double($0) / 1000)) }
    #expect(resampledLoop(fast, to: 500).allSatisfy { abs($0) < 1e-5 })
  }

  @Test func aLoopHasWholeHops() {
    #expect(loopFrames(84000, hopLength: 512) == 164)
    #expect(loopFrames(10, hopLength: 512) == 1)
    let loop = SpectrogramOrigin(sampleCount: 84000, isLoop: true)
    #expect(loop.sampleCount(frames: 164, hopLength: 512) == 84000)
    #expect(loop.sampleCount(frames: 163, hopLength: 512) == nil)
    let sound = SpectrogramOrigin(sampleCount: 84000)
    #expect(sound.sampleCount(frames: 165, hopLength: 512) == 84000)
    #expect(sound.sampleCount(frames: 164, hopLength: 512) == nil)
    for isLoop in [false, true] {
      let absurd = SpectrogramOrigin(sampleCount: .max, isLoop: isLoop)
      #expect(absurd.sampleCount(frames: 164, hopLength: 1) == nil)
    }
  }

  @Test(arguments: ["png", "npy", "csv"]) func filesKeepWhatTheSoundWas(_ format: String) throws {
    let settings = SpectrogramSettings(fftSize: 256, hopLength: 64, melBins: 16)
    let samples = Signals.noise(1000)
    let logMel = try MelSpectrogram(settings).logMel(of: samples)
    let origin = SpectrogramOrigin(
      sampleCount: 1000, isLoop: true, metadata: #"{"title":"a \"b\" {c}, ü"}"#)
    let path = folder("a.\(format)")
    let writer: any SpectrogramWriter =
      switch format {
      case "png": try PNGWriter(path, settings: settings, origin: origin)
      case "npy": try NPYWriter(path, bins: 16, settings: settings, origin: origin)
      default: try CSVWriter(path, settings: settings, origin: origin)
      }
    try writer.append([logMel])
    try writer.finish()
    let reader = try #require(SpectrogramFormat(path: path)).reader(path)
    #expect(reader.origin == origin)
    #expect(reader.settings == settings)
  }
}
