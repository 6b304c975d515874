import Foundation
import Spectro
import Testing

@Suite struct GriffinLimTests {
  struct Golden: Decodable {
    struct Case: Decodable, Sendable {
      var signal: String
      var momentum: Double
      var convergence: [Double]
    }
    var fftSize, hopLength, iterations: Int
    var cases: [Case]
  }

  /// Reference: scripts/goldens/spectro.py, librosa's spectral convergence for ten seeds. From
  /// random phases ours is the same algorithm, so its mean over seeds is near theirs; from
  /// integrated phases it is better than their best.
  @Test func convergesLikeLibrosaAndBetter() throws {
    let golden: Golden = try loadGolden("griffin-lim")
    let stft = STFT(fftSize: golden.fftSize, hopLength: golden.hopLength)
    for reference in golden.cases {
      let samples = try Signals.named(reference.signal)
      let wanted = stft.magnitudes(of: samples)
      let algorithm = GriffinLim(
        stft, iterations: golden.iterations, momentum: reference.momentum)
      func convergence(_ start: GriffinLim.Start, seed: UInt64) -> Double {
        let signal = algorithm.audio(
          from: wanted, start: start, seed: seed, sampleCount: samples.count)
        return stft.spectralConvergence(of: signal, to: wanted)
      }
      let theirs = reference.convergence
      let mean = theirs.reduce(0, +) / Double(theirs.count)
      let random = (0..<3).map { convergence(.random, seed: $0) }.reduce(0, +) / 3
      #expect(random < mean * 1.1, "\(reference.signal), momentum \(reference.momentum)")
      let integrated = convergence(.phaseGradient, seed: 0)
      #expect(integrated < theirs.min()!, "\(reference.signal), momentum \(reference.momentum)")
    }
  }

  /// Phases from gradients alone, without an iteration, beat random ones with eight.
  @Test(arguments: ["chords", "voice"]) func integratedPhasesAreNearTheTrueOnes(_ name: String)
    throws
  {
    let stft = STFT(fftSize: 512, hopLength: 128)
    let samples = try Signals.named(name)
    let wanted = stft.magnitudes(of: samples)
    let integrated = GriffinLim(stft, iterations: 0)
      .audio(from: wanted, start: .phaseGradient, sampleCount: samples.count)
    let random = GriffinLim(stft, iterations: 8)
      .audio(from: wanted, start: .random, sampleCount: samples.count)
    #expect(
      stft.spectralConvergence(of: integrated, to: wanted)
        < stft.spectralConvergence(of: random, to: wanted))
  }

  /// Sines that turn a whole number of times in a hop keep their phase over all of a segment; sums
  /// of all the turns in a `Float` would lose 0.4 to 1.5 rad.
  @Test(arguments: [100, 400, 1000]) func integratedPhasesDoNotDrift(bin: Int) {
    let stft = STFT(fftSize: 2048, hopLength: 512)
    let samples = (0..<511 * 512).map { Float(sin(2 * .pi * Double(bin * $0 % 2048) / 2048)) }
    let audio = GriffinLim(stft, iterations: 0).audio(from: stft.magnitudes(of: samples))
    let spectrum = stft.forward(audio)
    let phases = [8, 200, 400, 500].map { frame in
      let i = 2 * (frame * spectrum.bins + bin)
      return atan2(spectrum.values[i + 1], spectrum.values[i])
    }
    for phase in phases {
      #expect(abs((phase - phases[0]).remainder(dividingBy: 2 * .pi)) < 0.001)
    }
  }

  @Test(arguments: [GriffinLim.Start.random, .phaseGradient])
  func dependsOnSeedAndNotOnThreads(_ start: GriffinLim.Start) {
    let wanted = STFT(fftSize: 128, hopLength: 32).magnitudes(of: Signals.bursts)
    func audio(threads: Int, seed: UInt64) -> [Float] {
      let stft = STFT(fftSize: 128, hopLength: 32, threads: threads)
      return GriffinLim(stft, iterations: 3).audio(from: wanted, start: start, seed: seed)
    }
    let signal = audio(threads: 1, seed: 7)
    #expect(signal == audio(threads: 2, seed: 7))
    #expect(signal == audio(threads: 5, seed: 7))
    #expect(signal != audio(threads: 1, seed: 8))
  }

  @Test func silenceStaysSilent() {
    let stft = STFT(fftSize: 128, hopLength: 32)
    let silence = Spectrogram(values: [Float](repeating: 0, count: 10 * 65), frames: 10, bins: 65)
    let signal = GriffinLim(stft, iterations: 4).audio(from: silence)
    #expect(signal == [Float](repeating: 0, count: 9 * 32))
  }

  @Test func anyNumberOfFrames() {
    let stft = STFT(fftSize: 64, hopLength: 16)
    for frames in [0, 1, 2, 31, 32, 33, 600] {
      let magnitudes = Spectrogram(
        values: [Float](repeating: 1, count: frames * 33), frames: frames, bins: 33)
      let algorithm = GriffinLim(stft, iterations: 1)
      #expect(algorithm.audio(from: magnitudes).count == max(0, frames - 1) * 16)
      let longer = algorithm.audio(from: magnitudes, sampleCount: 10000)
      #expect(longer.count == 10000 && longer.allSatisfy { $0.isFinite })
    }
  }

  @Test func convergenceOfTheSignalItselfIsZero() {
    let stft = STFT(fftSize: 128, hopLength: 32)
    let wanted = stft.magnitudes(of: Signals.chords)
    #expect(stft.spectralConvergence(of: Signals.chords, to: wanted) == 0)
    let silence = [Float](repeating: 0, count: Signals.sampleCount)
    #expect(stft.spectralConvergence(of: silence, to: wanted) == 1)
  }
}
