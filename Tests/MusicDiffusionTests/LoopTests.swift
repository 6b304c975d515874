import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct LoopGenerationTests {
  /// As that of `GeneratorTests`, but its sound is a band of a few hundred Hz, in which a step is heard.
  private func generator() throws -> Generator {
    let model = try GeneratorTests.model()
    var configuration = model.configuration
    let mean = (0..<32).map { [3, 4].contains($0 % 16) ? Float(-1) : -22 }
    configuration.normalization = Normalization(
      mean: mean, standardDeviation: [Float](repeating: 0.5, count: 32))
    return Generator(
      model: Model(
        configuration: configuration, network: model.network, parameters: model.parameters))
  }

  @Test(arguments: [512, 777, 2047, 2048, 2049, 5001, 12_345])
  func lengthIsExact(_ samples: Int) throws {
    let audio = try generator().generate(.loop(sampleCount: samples), seeds: [1])[0]
    #expect(audio.sampleCount == samples)
    #expect(audio.channelCount == 2)
    #expect(audio.channels.joined().allSatisfy { $0.isFinite })
    #expect(audio.rms > 1e-4)
  }

  @Test func impossibleLoopsAreErrors() throws {
    let generator = try generator()
    #expect(generator.shortestLoop == 512.0 / 8000)
    for count in [-1, 0, 511, 8000 * 3600 + 1, .max] {
      #expect(throws: ModelError.self) {
        try generator.generate(.loop(sampleCount: count), seeds: [1])
      }
    }
  }

  /// From the last sample to the first the sound goes on as it does elsewhere: neither the bend of the
  /// wave nor the change of the spectrum is beyond what other places have. In pieces that are no loops
  /// both are.
  @Test(arguments: [2500, 7001])
  func endLeadsToTheStart(_ samples: Int) throws {
    let generator = try generator()
    func atJoint(_ form: Generator.Form) throws -> (bend: Float, flux: Float) {
      let pieces = try generator.generate(form, seeds: [1, 2, 3, 4])
      let found = try pieces.map { try joint($0.mono().channels[0]) }
      return (
        found.reduce(0) { $0 + $1.bend } / 4, found.reduce(0) { $0 + $1.flux } / 4
      )
    }
    let loop = try atJoint(.loop(sampleCount: samples))
    #expect(loop.bend < 1)
    #expect(loop.flux < 1.1)
    let piece = try atJoint(.piece(seconds: Double(samples) / 8000))
    #expect(piece.bend > 1.5)
    #expect(piece.flux > 1.5)
  }

  /// A loop that is varied is one at its joint, as long as it was; a little is near to it, all of it is not.
  @Test func variationsOfLoopsAreLoops() throws {
    let generator = try generator()
    let samples = 9001
    let loop = try generator.generate(.loop(sampleCount: samples), seeds: [3])[0]
    func varied(_ strength: Double) throws -> AudioBuffer {
      try generator.variation(ofLoop: loop, strength: strength, seed: 5)
    }
    func distance(_ other: AudioBuffer) throws -> Float {
      let settings = SpectrogramSettings(
        sampleRate: 8000, fftSize: 256, hopLength: 32, melBins: 16, floor: 1e-8)
      let mel = try MelSpectrogram(settings)
      let (a, b) = (
        mel.logMel(of: loop.mono().channels[0]), mel.logMel(of: other.mono().channels[0])
      )
      return zip(a.values, b.values).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(a.values.count)
    }
    let variations = try [0, 0.5, 1].map(varied)
    for variation in variations {
      #expect(variation.sampleCount == samples)
      let joint = try joint(variation.mono().channels[0])
      #expect(joint.bend < 1.2 && joint.flux < 1.2, "\(joint)")
    }
    let distances = try variations.map(distance)
    #expect(distances[0] < distances[1] && distances[1] < distances[2], "\(distances)")
    #expect(throws: ModelError.self) {
      try generator.variation(ofLoop: loop[0..<100], strength: 0.5, seed: 1)
    }
  }

  /// The second difference of the samples and the flux of the log-mel spectrum where a sound played twice
  /// begins again, as parts of the largest elsewhere.
  private func joint(_ samples: [Float]) throws -> (bend: Float, flux: Float) {
    let twice = samples + samples
    func bend(_ t: Int) -> Float { abs(twice[t + 1] - 2 * twice[t] + twice[t - 1]) }
    let count = samples.count
    let elsewhere = (64..<count - 64).map(bend).max() ?? 0
    let bends = max(bend(count - 1), bend(count)) / elsewhere
    let settings = SpectrogramSettings(
      sampleRate: 8000, fftSize: 256, hopLength: 32, melBins: 16, floor: 1e-8)
    let logMel = try MelSpectrogram(settings).logMel(of: twice)
    func flux(_ frame: Int) -> Float {
      (0..<16).reduce(0) { $0 + max(0, logMel[frame, $1] - logMel[frame - 1, $1]) }
    }
    let middle = count / 32
    let others = (8..<middle - 8).map(flux).max() ?? 0
    return (bends, ((middle - 4)...(middle + 4)).map(flux).max()! / others)
  }
}
