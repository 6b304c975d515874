import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct GuidanceTests {
  /// Reference: scripts/goldens/samplers.py, diffusers' `rescale_noise_cfg`.
  struct Golden: Decodable {
    let shape: [Int]
    let better, worse, guided, rescaled: [Float]
    let scale, rescale: Double
  }

  @Test func rescaleMatchesDiffusers() throws {
    let golden = try loadGolden("guidance", as: Golden.self)
    func tensor(_ values: [Float]) throws -> Tensor { try Tensor(values, shape: golden.shape) }
    let (better, worse) = (try tensor(golden.better), try tensor(golden.worse))
    for (rescale, expected) in [(0, golden.guided), (golden.rescale, golden.rescaled)] {
      let guidance = Guidance(scale: golden.scale, rescale: rescale)
      let result = try guidance.combined(better, worse).floats()
      for (value, expected) in zip(result, expected) {
        #expect(abs(value - expected) <= 1e-5 * max(abs(expected), 0.1))
      }
    }
    #expect(try difference(Guidance(scale: 0).combined(better, worse), worse) == 0)
  }

  /// Full rescaling gives each clip its own deviation back.
  @Test func rescaleKeepsTheDeviationOfEachClip() throws {
    let better = try normal([3, 1, 8, 8], seed: 1)
    let worse = try normal([3, 1, 8, 8], seed: 2)
    let guided = try Guidance(scale: 5, rescale: 1).combined(better, worse)
    for clip in 0..<3 {
      func deviation(_ x: Tensor) throws -> Double {
        let part = try x.narrow(dimension: 0, start: clip, length: 1)
        return try (part - part.mean()).square().mean().item().squareRoot()
      }
      #expect(try abs(deviation(guided) - deviation(better)) < 1e-5)
    }
  }

  @Test func intervalIsOpenBelowAndClosedAbove() {
    let guidance = Guidance(scale: 2, interval: 0.2...5)
    #expect([0.1, 0.2, 5.001, 80].allSatisfy { !guidance.isActive(at: $0) })
    #expect([0.2001, 1, 5].allSatisfy { guidance.isActive(at: $0) })
    #expect(!Guidance(scale: 1).isActive(at: 1))
    #expect(Guidance(scale: 0).isActive(at: 1e9))
  }

  /// Two networks of the same shape with other weights.
  private func denoisers() throws -> (UNetTests.Golden, Denoiser, weaker: Denoiser) {
    let golden = try UNetTests.Golden()
    let store = ParameterStore(seed: 3)
    let network = try UNet(store.root, configuration: golden.configuration)
    // The head begins at 0: a network that says nothing but its preconditioning's skip.
    func denoiser(_ network: UNet) -> Denoiser {
      Denoiser(network: network, preconditioning: Preconditioning(), precision: .float32)
    }
    return (golden, denoiser(golden.network), denoiser(network))
  }

  /// worse + scale (better − worse), where worse is the weaker network's with the same condition;
  /// outside the interval the better alone.
  @Test func autoguidanceGoesAwayFromTheWeaker() throws {
    let (golden, denoiser, weaker) = try denoisers()
    let condition = try golden.condition
    let guided = GuidedDenoiser(
      denoiser, away: .weaker(weaker), guidance: Guidance(scale: 2.5, interval: 0.1...10))
    for sigma in [0.05, 1, 20] {
      let better = try denoiser(golden.noisy, sigma: sigma, condition: condition)
      let worse = try weaker(golden.noisy, sigma: sigma, condition: condition)
      let result = try guided(golden.noisy, sigma: sigma, condition: condition)
      let expected = sigma == 1 ? try worse + (better - worse) * 2.5 : better
      #expect(try difference(result, expected) < 1e-5)
      #expect(try difference(better, worse) > 0.01)
    }
  }

  /// Rescaling looks at what is drawn and what is known, not at what the networks say of the latter.
  @Test func rescaleLeavesOutWhatIsNotDrawn() throws {
    let (golden, denoiser, weaker) = try denoisers()
    let condition = try golden.condition
    let share = try condition.mask.mean().item()
    try #require(share > 0.1 && share < 0.9)
    let guidance = Guidance(scale: 4, rescale: 1)
    let guided = GuidedDenoiser(denoiser, away: .weaker(weaker), guidance: guidance)
    for sigma in [1.0, 20] {
      let better = try denoiser(golden.noisy, sigma: sigma, condition: condition)
      let worse = try weaker(golden.noisy, sigma: sigma, condition: condition)
      let open = try 1 - condition.mask
      let expected = try condition.known + guidance.combined(better, worse) * open
      let result = try guided(golden.noisy, sigma: sigma, condition: condition)
      #expect(try difference(result, expected) < 1e-4)
      #expect(try difference(result, better) > 0.01)
    }
  }

  /// What would change nothing is refused, in the words of the command line.
  @Test func uselessOptionsAreErrors() throws {
    let plain = Generator(model: try GeneratorTests.model(labels: []))
    let labelled = Generator(model: try GeneratorTests.model())
    let model = try GeneratorTests.model()
    let guided = try Generator(model: model, awayFrom: model)
    func error(
      _ generator: Generator, _ change: (inout Generator.Options) -> Void
    ) -> String? {
      var options = Generator.Options()
      change(&options)
      do {
        _ = try generator.logMel(seconds: 0.2, seed: 1, options: options)
        return nil
      } catch { return "\(error)" }
    }
    let none =
      " means nothing to a piece that nothing is said about: add --guide with a weaker model"
    #expect(error(plain) { $0.guidanceScale = 2 } == "--guidance" + none)
    #expect(error(plain) { $0.guidanceRescale = 0.7 } == "--guidance-rescale" + none)
    #expect(error(plain) { $0.guidanceInterval = 0.2...5 } == "--guidance-interval" + none)
    #expect(error(plain) { _ in } == nil)
    let one = " means nothing to --guidance 1"
    #expect(
      error(labelled) { ($0.guidanceScale, $0.negativeLabel) = (1, "bass") }
        == "--negative-label" + one)
    #expect(
      error(labelled) { ($0.guidanceScale, $0.guidanceRescale) = (1, 0.7) }
        == "--guidance-rescale" + one)
    #expect(error(labelled) { $0.guidanceScale = 1 } == nil)
    #expect(error(guided) { $0.guidanceScale = 1 } == "--guide" + one)
    #expect(error(guided) { ($0.guidanceScale, $0.guidanceRescale) = (2, 0.7) } == nil)
  }

  /// What each option makes of a piece: nothing where it says nothing, and what stands for it else.
  @Test func optionsChangeWhatTheySay() throws {
    let generator = Generator(model: try GeneratorTests.model())
    func piece(
      _ scale: Double, _ change: (inout Generator.Options) -> Void = { _ in }
    ) throws -> [Spectrogram] {
      var options = Generator.Options()
      (options.label, options.guidanceScale) = ("bass", scale)
      change(&options)
      return try generator.logMel(seconds: 0.2, seed: 1, options: options)
    }
    let (plain, guided) = (try piece(1), try piece(4))
    #expect(plain != guided)
    // Rescaling by nothing; by all, and by a part of it.
    #expect(try piece(4) { $0.guidanceRescale = 0 } == guided)
    let (part, all) = (
      try piece(4) { $0.guidanceRescale = 0.5 }, try piece(4) { $0.guidanceRescale = 1 }
    )
    #expect(part != guided && part != plain && all != guided && all != plain && all != part)
    // No noise level of the way, which begins at 40, the model's own interval, all of them, and some.
    #expect(try piece(4) { $0.guidanceInterval = 41...200 } == plain)
    #expect(try piece(4) { $0.guidanceInterval = 0.2...5 } == guided)
    let (whole, some) = (
      try piece(4) { $0.guidanceInterval = 0...200 },
      try piece(4) { $0.guidanceInterval = 0.1...10 }
    )
    #expect(whole != plain && whole != guided)
    #expect(some != plain && some != guided && some != whole)
    // Away from a label in place of none, but not from the one that is asked for.
    let negative = try piece(4) { $0.negativeLabel = "drums/kick" }
    #expect(negative != guided && negative != plain)
    #expect(try piece(4) { $0.negativeLabel = "drums/snare" } != negative)
    var own = Generator.Options()
    (own.label, own.negativeLabel) = ("bass", "bass")
    #expect(throws: ModelError.self) {
      try generator.logMel(seconds: 0.2, seed: 1, options: own)
    }
  }

  /// Where no label is named to keep away from it is what is said with none: by default, the worse
  /// estimate is that of a clip about which nothing is known.
  @Test func noNegativeLabelIsNoLabel() throws {
    let (golden, denoiser, _) = try denoisers()
    let condition = try golden.condition
    let none = Condition(
      labels: condition.labels.map { _ in golden.configuration.labelCount },
      known: condition.known, mask: condition.mask)
    let better = try denoiser(golden.noisy, sigma: 1, condition: condition)
    let worse = try denoiser(golden.noisy, sigma: 1, condition: none)
    let guided = GuidedDenoiser(
      denoiser, away: .description(Description(label: golden.configuration.labelCount)),
      guidance: Guidance(scale: 3))
    let result = try guided(golden.noisy, sigma: 1, condition: condition)
    #expect(try difference(result, worse + (better - worse) * 3) < 2e-5)
    #expect(try difference(better, worse) > 1e-4)
  }

  /// A negative label is what the network would say with it.
  @Test func negativeLabelIsAvoided() throws {
    let (golden, denoiser, _) = try denoisers()
    let condition = try golden.condition
    let other = Condition(
      labels: condition.labels.map { _ in 1 }, known: condition.known, mask: condition.mask)
    let better = try denoiser(golden.noisy, sigma: 1, condition: condition)
    let worse = try denoiser(golden.noisy, sigma: 1, condition: other)
    let guided = GuidedDenoiser(
      denoiser, away: .description(Description(label: 1)), guidance: Guidance(scale: 3))
    let result = try guided(golden.noisy, sigma: 1, condition: condition)
    #expect(try difference(result, worse + (better - worse) * 3) < 2e-5)
    #expect(try difference(better, worse) > 1e-4)
  }

  @Test func generatorsCheckTheirGuide() throws {
    let model = try GeneratorTests.model()
    let guide = Model(
      configuration: model.configuration, network: try denoisers().weaker.network,
      parameters: model.parameters)
    let plain = try Generator(model: model).logMel(seconds: 0.2, seed: 1)
    let guided = try Generator(model: model, awayFrom: guide)
    #expect(try guided.logMel(seconds: 0.2, seed: 1) != plain)
    var options = Generator.Options()
    options.negativeLabel = "bass"
    #expect(throws: ModelError.self) {
      try guided.logMel(seconds: 0.2, seed: 1, options: options)
    }
    #expect(try Generator(model: model).logMel(seconds: 0.2, seed: 1, options: options) != plain)
    let stranger = try GeneratorTests.model(labels: ["a", "b", "c"])
    #expect(throws: ModelError.self) { try Generator(model: model, awayFrom: stranger) }
  }
}
