import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct GapPlanTests {
  /// Every frame of the gap is kept of exactly one section, in order, and every section lies in the piece.
  @Test(arguments: [
    (0..<5, 40), (0..<16, 40), (0..<40, 40), (10..<11, 40), (12..<20, 40), (12..<21, 40),
    (10..<90, 100), (10..<100, 100), (0..<90, 100), (3..<7, 10), (3..<10, 10), (99..<100, 100),
    (20..<268, 1000), (20..<267, 1000), (20..<900, 1000), (20..<1000, 1000),
    (0..<1000, 1000), (400..<656, 700),
  ])
  func coversTheGap(_ gap: Range<Int>, _ frames: Int) {
    let plan = GapPlan(gap: gap, frames: frames, window: 16)
    #expect(plan.columns == max(frames, 16))
    #expect(plan.steps.flatMap { Array($0.kept) } == Array(gap))
    for step in plan.steps {
      #expect(step.frames.lowerBound >= 0 && step.frames.upperBound <= plan.columns)
      #expect(step.frames.count >= 16)
      #expect(step.frames.count <= 16 * SectionPlan.mostWindows)
      #expect(step.frames.contains(step.kept.lowerBound))
      #expect(step.kept.upperBound <= step.frames.upperBound)
    }
    // Where an end is to be met, the last section knows some of it.
    if gap.upperBound + 4 <= frames, let last = plan.steps.last {
      #expect(last.frames.upperBound >= gap.upperBound + 4)
    }
  }

  /// Half a window of what stands on each side; of what was drawn, a third, as in generation.
  @Test func goesOnFromWhatStands() {
    let plan = GapPlan(gap: 30..<60, frames: 60, window: 12)
    #expect(plan.steps == [.init(frames: 24..<60, kept: 30..<60)])
    let meeting = GapPlan(gap: 30..<60, frames: 100, window: 12)
    #expect(meeting.steps == [.init(frames: 24..<66, kept: 30..<60)])
    let small = GapPlan(gap: 30..<34, frames: 60, window: 12)
    #expect(small.steps == [.init(frames: 26..<38, kept: 30..<34)])
    let long = GapPlan(gap: 30..<300, frames: 400, window: 12)
    #expect(
      long.steps == [
        .init(frames: 24..<216, kept: 30..<214, passing: 2),
        .init(frames: 210..<306, kept: 214..<300),
      ])
  }
}

@Suite struct PartialPieceTests {
  @Test func openPartsAreDrawnOnce() throws {
    let values = (0..<24).map { Float($0) }
    var piece = PartialPiece(values, channels: 2, bins: 3, columns: 4)
    piece.open(bins: 1..<2, columns: 1..<3)
    #expect(piece.mask == [1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1])
    let window = try piece.standing(in: 1..<3, on: .cpu)
    #expect(window.known.shape == [1, 2, 3, 2] && window.mask.shape == [1, 1, 3, 2])
    #expect(try window.mask.floats() == [1, 1, 0, 0, 1, 1])
    #expect(try window.known.floats() == [1, 2, 0, 0, 9, 10, 13, 14, 0, 0, 21, 22])
    piece.take(2..<3, of: [Float](repeating: -1, count: 12), over: 1..<3)
    var expected = values
    (expected[6], expected[18]) = (-1, -1)
    #expect(piece.planes.flatMap(\.self) == expected)
    #expect(piece.mask == [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])
    #expect(piece.planes(1..<3) == [[1, 2, 5, -1, 9, 10], [13, 14, 17, -1, 21, 22]])
  }
}

@Suite struct EditingTests {
  let generator: Generator
  init() throws { generator = Generator(model: try GeneratorTests.model()) }

  // MARK: - Continuing

  /// The length is exact, and rate and channels are the sound's, whatever the model's are.
  @Test(arguments: [(8000, 1), (8000, 2), (11025, 1), (44100, 3)])
  func continuationFitsTheSound(_ rate: Int, _ channels: Int) throws {
    let start = sound(seconds: 0.6, sampleRate: rate, channels: channels)
    for count in [1, 2, 777, rate / 2 + 1] {
      let new = try generator.continuation(
        of: start, seconds: Double(count) / Double(rate), seed: 1)
      #expect(new.sampleCount == count)
      #expect(new.sampleRate == rate && new.channelCount == channels)
      #expect(new.channels.joined().allSatisfy { $0.isFinite && abs($0) <= 0.98 })
    }
  }

  /// Seed and label decide; and of a long sound only its end, so that more before it changes nothing.
  @Test func seedAndEndDecide() throws {
    let long = sound(seconds: 2)
    func new(_ sound: AudioBuffer, _ seed: UInt64, _ label: String? = nil) throws -> AudioBuffer {
      var options = Generator.Options()
      options.label = label.map { LabelMix($0) }
      return try generator.continuation(of: sound, seconds: 0.5, seed: seed, options: options)
    }
    let first = try new(long, 1)
    #expect(try new(long, 1) == first)
    #expect(try new(long, 2) != first)
    #expect(try new(long, 1, "bass") != first)
    let context = Int(generator.contextSeconds * 8000)
    #expect(context == 32 * 64 + 256)
    #expect(try new(long[16000 - context..<16000], 1) == first)
    #expect(try new(long[0..<15000], 1) != first)
  }

  @Test func continuationReportsEveryEvaluation() throws {
    var seen: [Int] = []
    // With 16 frames of what stands, 600 are two sections of at most 512.
    _ = try generator.continuation(of: sound(seconds: 1), seconds: 597 * 64.0 / 8000, seed: 1) {
      seen.append($0.evaluations)
      #expect($0.totalEvaluations == 2 * 4)
    }
    #expect(seen == Array(1...8))
  }

  @Test func shortSoundsAndImpossibleLengthsAreErrors() throws {
    let short = sound(seconds: 0.01)
    #expect(throws: ModelError.tooShortToEdit(0.01, needed: 0.032)) {
      try generator.continuation(of: short, seconds: 1, seed: 1)
    }
    #expect(throws: ModelError.tooShortToEdit(0.008, needed: 0.032)) {
      try generator.inpainting(short, spans: [0.002..<0.004], seed: 1)
    }
    for seconds in [0, -1, .infinity, 3601] {
      #expect(throws: ModelError.invalidSeconds(seconds, limit: 3600)) {
        try generator.continuation(of: sound(seconds: 1), seconds: seconds, seed: 1)
      }
    }
    #expect(throws: ModelError.self) {
      var options = Generator.Options()
      options.label = "trumpet"
      _ = try generator.continuation(of: sound(seconds: 1), seconds: 1, seed: 1, options: options)
    }
  }

  // MARK: - Inpainting

  /// Outside of the spans not a bit changes, within all of them something does.
  @Test(arguments: [(8000, 2), (11025, 1), (16000, 1)])
  func restIsKept(_ rate: Int, _ channels: Int) throws {
    let old = sound(seconds: 2, sampleRate: rate, channels: channels)
    let spans = [0.0..<0.1, 0.5..<0.9, 1.2..<1.25, 1.8..<2.0]
    let new = try generator.inpainting(old, spans: spans, seed: 1)
    #expect(new.sampleCount == old.sampleCount)
    #expect(new.sampleRate == rate && new.channelCount == channels)
    for channel in 0..<channels {
      var isKept = [Bool](repeating: true, count: old.sampleCount)
      for span in spans {
        let part =
          Int(
            (span.lowerBound * Double(rate)).rounded())..<Int(
            (span.upperBound * Double(rate)).rounded())
        for i in part { isKept[i] = false }
        #expect(old.channels[channel][part] != new.channels[channel][part])
      }
      #expect(
        isKept.indices.allSatisfy {
          !isKept[$0] || old.channels[channel][$0] == new.channels[channel][$0]
        })
    }
    #expect(try generator.inpainting(old, spans: spans, seed: 1) == new)
    #expect(try generator.inpainting(old, spans: spans, seed: 2) != new)
  }

  /// Spans that touch are one, in any order.
  @Test func touchingSpansAreOne() throws {
    let old = sound(seconds: 1)
    let whole = try generator.inpainting(old, spans: [0.3..<0.6], seed: 1)
    #expect(try generator.inpainting(old, spans: [0.4..<0.6, 0.3..<0.4], seed: 1) == whole)
    #expect(try generator.inpainting(old, spans: [0.3..<0.5, 0.35..<0.6], seed: 1) == whole)
  }

  @Test(arguments: [0.5..<0.5, 0.5..<0.50001])
  func spansWithoutSamplesAreErrors(_ span: Range<Double>) {
    let reason = "a part from 0.5 to \(span.upperBound) s is shorter than a sample"
    #expect(throws: ModelError.invalidArgument(reason)) {
      try generator.inpainting(sound(seconds: 1), spans: [span], seed: 1)
    }
  }

  @Test(arguments: [-0.1..<0.2, 0.9..<1.01, 2.0..<3.0])
  func spansOutsideAreErrors(_ span: Range<Double>) {
    #expect(throws: ModelError.invalidSpan(span, duration: 1)) {
      try generator.inpainting(sound(seconds: 1), spans: [span], seed: 1)
    }
  }

  /// Of a band, what is farther from it than its edges stays: the difference has hardly any energy there,
  /// though this model is so loud that it has to be turned down. Outside of the spans not a bit changes.
  @Test func bandsKeepTheRest() throws {
    let old = sound(seconds: 2)
    func difference(
      _ spans: [Range<Double>], _ bands: [ClosedRange<Double>] = [800...2000]
    ) throws -> [Float] {
      let new = try generator.inpainting(old, spans: spans, bands: bands, seed: 1)
      return zip(new.channels[0], old.channels[0]).map { $0 - $1 }
    }
    let whole = try difference([])
    let (inside, outside) = powers(of: whole, bands: [800...2000])
    #expect(inside[0] > 0 && outside < 1e-4 * inside[0])
    // Bands that touch or overlap are one.
    #expect(try difference([], [1500...2000, 800...1200, 1200...1600]) == whole)
    let two: [ClosedRange<Double>] = [400...800, 2000...3000]
    let both = powers(of: try difference([], two), bands: two)
    #expect(both.inside.allSatisfy { $0 > 1e-3 * both.inside.reduce(0, +) })
    #expect(both.outside < 1e-4 * both.inside.reduce(0, +))

    let part = try difference([0.5..<0.8])
    #expect(part[..<4000].allSatisfy { $0 == 0 } && part[6400...].allSatisfy { $0 == 0 })
    #expect(part[4200..<6200].contains { abs($0) > 1e-4 })
  }

  @Test func bandsWithoutBinsAreErrors() {
    #expect(throws: ModelError.self) {
      try generator.inpainting(sound(seconds: 1), spans: [], bands: [3990...4000], seed: 1)
    }
  }

  /// No click at any border: the spectral flux there is not above what it is elsewhere in the new part.
  @Test func bordersDoNotStandOut() throws {
    let old = sound(seconds: 3)
    let new = try generator.inpainting(old, spans: [1..<2], seed: 1)
    let longer = try generator.continuation(of: old, seconds: 1, seed: 1)
    let joined = old.channels[0] + longer.channels[0]
    for (samples, borders, part) in [
      (new.channels[0], [8000, 16000], 8000..<16000), (joined, [24000], 24000..<32000),
    ] {
      let flux = SpectralFlux(of: samples)
      let within = flux.values(in: part).sorted()
      for border in borders {
        #expect(flux.largest(around: border) <= within[within.count * 99 / 100])
      }
    }
  }
}

/// How much magnitudes rise from a short frame to the next, summed over all bins.
struct SpectralFlux {
  private let values: [Float]
  private static let hop = 32

  init(of samples: [Float]) {
    let magnitudes = STFT(fftSize: 128, hopLength: Self.hop).magnitudes(of: samples)
    values = (0..<magnitudes.frames).map { frame in
      frame == 0
        ? 0
        : (0..<magnitudes.bins).reduce(0) {
          $0 + max(0, magnitudes[frame, $1] - magnitudes[frame - 1, $1])
        }
    }
  }

  func values(in samples: Range<Int>) -> [Float] {
    Array(values[samples.lowerBound / Self.hop..<samples.upperBound / Self.hop])
  }

  /// Of the frames in whose windows a sample is.
  func largest(around sample: Int) -> Float {
    values[sample / Self.hop - 2...sample / Self.hop + 2].max() ?? 0
  }
}
