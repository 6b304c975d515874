import Foundation
import MusicDiffusion
import Testing
import Torch

/// Judges that tell real from made, and what is learned from them: `compose train --autoencoder --adversary`.
@Suite struct AdversaryTests {
  /// Reference: scripts/goldens/adversary.py, PyTorch.
  @Test func judgesAndPenaltyMatchPyTorch() throws {
    let golden = try SafeTensors.read(goldenPath("adversary.safetensors")).tensors
    func value(_ name: String) throws -> Tensor { try #require(golden[name]) }
    let store = ParameterStore(
      loading: Dictionary(
        uniqueKeysWithValues: golden.filter { $0.key.hasPrefix("weights.") }.map {
          (String($0.key.dropFirst("weights.".count)), $0.value)
        }))
    let judge = try PatchDiscriminator(
      store.root, channels: 1, melBins: 32, width: 2, numbers: 1)
    try store.finishLoading()
    let (real, generated) = (try value("real"), try value("generated"))
    let judged = try judge(generated)
    for scale in 0..<3 {
      #expect(try difference(judged.scores[scale], value("scores.\(scale)")) < 1e-5)
    }
    let matched = try judged.featureDistance(to: judge(real)).item()
    #expect(try abs(matched - value("matched").item()) < 1e-5)

    func rows(_ x: Tensor) throws -> [Tensor] {
      try judge(x).scores.map { try $0.reshape([-1, 1]) }
    }
    let mix = try value("mix").floats()
    let hinge = try AdversarialLoss.hinge.ofCritic(
      real: real, generated: generated, mix: mix, judges: rows)
    #expect(try abs(hinge.item() - value("hinge").item()) < 1e-5)
    func penalty() throws -> Tensor {
      try GradientPenalty.between(real, generated, mix: mix) { x in
        let means = try judge(x).scores.map { try $0.mean(dimensions: [1, 2, 3]) }
        return try (means[0] + means[1] + means[2]) / 3
      }
    }
    let expected = try value("penalty").item()
    let got = try penalty()
    #expect(try abs(got.item() - expected) < 1e-4 * expected)
    try got.backward()
    for (name, weight) in store.named {
      let reference = try value("gradient." + name)
      let gradient = try weight.gradient ?? Tensor.zeros(weight.shape)
      let size = try max(reference.abs().max().item(), 1e-3)
      #expect(try Double(difference(gradient, reference)) < 1e-3 * size, "\(name)")
    }
  }

  /// The penalty's gradient, by libtorch's second derivatives, is how it rises when a weight is moved.
  @Test func penaltyRisesAsItsGradientSays() throws {
    let store = ParameterStore(seed: 3)
    let first = try Linear(store.root / "first", in: 3, out: 8)
    let last = try Linear(store.root / "last", in: 8, out: 1)
    var random = RandomGenerator(seed: 4)
    let (real, made) = (
      try Tensor(random.normals(15), shape: [5, 3]), try Tensor(random.normals(15), shape: [5, 3])
    )
    let mix = random.uniforms(5)
    func penalty() throws -> Tensor {
      try GradientPenalty.between(real, made, mix: mix) { try last(first($0).tanh()).reshape([5]) }
    }
    try penalty().backward()
    let step = Float(1e-2)
    let largest =
      try store.gradients.compactMap(\.self).map { try $0.abs().max().item() }.max() ?? 0
    #expect(largest > 0.1)
    for (name, weight) in store.named where name != "last.bias" {
      let gradient = try #require(weight.gradient).floats()
      let values = try weight.detach().floats()
      for index in values.indices {
        func moved(by step: Float) throws -> Double {
          var moved = values
          moved[index] += step
          try weight.detach().copy(from: Tensor(moved, shape: weight.shape))
          return try penalty().item()
        }
        let rise = try (moved(by: step) - moved(by: -step)) / Double(2 * step)
        #expect(abs(rise - Double(gradient[index])) < 0.01 * largest, "\(name) \(index)")
        _ = try moved(by: 0)
      }
    }
    #expect(store["last.bias"]?.gradient == nil)
  }

  /// Reference: scripts/goldens/adversary.py, PyTorch.
  @Test func kernelDistanceMatchesPyTorch() throws {
    let golden = try SafeTensors.read(goldenPath("adversary.safetensors")).tensors
    let x = try #require(golden["x"]).requiringGrad()
    let distance = try KernelDistance.squared(x, #require(golden["y"]))
    let expected = try #require(golden["discrepancy"]).item()
    #expect(try abs(distance.item() - expected) < 1e-4)
    let gradient = try distance.gradients(of: [x])[0]
    #expect(try difference(gradient, #require(golden["discrepancy-gradient"])) < 1e-5)
  }

  /// A critic of points in the plane.
  private struct Critic {
    let layers: [Linear]

    init(_ store: ParameterStore, numbers: Int) throws {
      let widths = [2, 32, 32, numbers]
      layers = try (0..<3).map {
        try Linear(store.root / String($0), in: widths[$0], out: widths[$0 + 1])
      }
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
      var h = x
      for layer in layers.dropLast() {
        h = try layer(h)
        h = try h.maximum(h * 0.2)
      }
      return try layers.last!(h)
    }
  }

  /// Points of a normal distribution are to be made of a standard one by x ↦ A x + b: its mean and covariance are
  /// b and A Aᵀ, which all losses have to find.
  @Test(arguments: AdversarialLoss.allCases)
  func generatorsFindADistribution(_ loss: AdversarialLoss) throws {
    let (mean, factor): ([Float], [Float]) = ([1.5, -0.5], [1, 0, 0.6, 0.5])
    let covariance: [Float] = [1, 0.6, 0.6, 0.61]
    let (criticStore, store) = (ParameterStore(seed: 1), ParameterStore(seed: 2))
    let critic = try Critic(criticStore, numbers: loss.scoresPerPatch)
    let generator = try Linear(store.root, in: 2, out: 2)
    let average = ParameterStore(seed: 2)
    _ = try Linear(average.root, in: 2, out: 2)
    let criticOptimizer = try AdamW(
      parameters: criticStore, betas: (0.5, 0.9), weightDecay: 0)
    let optimizer = try AdamW(parameters: store, betas: (0.5, 0.9), weightDecay: 0)
    var random = RandomGenerator(seed: 5)
    let (batch, steps) = (128, 500)
    let transposed = try Tensor(factor, shape: [2, 2]).transpose(0, 1)
    let shift = try Tensor(mean, shape: [1, 2])
    func standard() throws -> Tensor {
      try Tensor(random.normals(2 * batch), shape: [batch, 2])
    }
    for step in 0..<steps {
      let rate = 1e-2 * min(1, 2 * (1 - Double(step) / Double(steps)))
      for _ in 0..<3 {
        let real = try standard().matmul(transposed) + shift
        let made = try withoutGradient { try generator(standard()) }
        try loss.ofCritic(
          real: real, generated: made, mix: random.uniforms(batch), judges: { [try critic($0)] }
        ).backward()
        try criticOptimizer.step(learningRate: rate)
        try loss.limit(criticStore)
        criticStore.zeroGradients()
      }
      let real = try standard().matmul(transposed) + shift
      try loss.ofGenerator(real: [critic(real)], generated: [critic(generator(standard()))])
        .backward()
      try optimizer.step(learningRate: rate)
      store.zeroGradients()
      criticStore.zeroGradients()
      try updateEMA(average, from: store, decay: step < steps / 2 ? 0 : 0.98)
    }
    let matrix = try #require(average["weight"])
    let found = try matrix.matmul(matrix.transpose(0, 1)).floats()
    let middle = try #require(average["bias"]).floats()
    for (value, wanted) in zip(middle, mean) {
      #expect(abs(value - wanted) < 0.2, "mean \(middle)")
    }
    for (value, wanted) in zip(found, covariance) {
      #expect(abs(value - wanted) < 0.3, "covariance \(found)")
    }
  }

  /// Between two points the earth mover's distance is how far they lie apart: the critic with the penalty finds it,
  /// here as a root mean square, and as much beyond it as the penalty's weight of 10 allows.
  @Test func penalisedCriticMeasuresTheEarthMoversDistance() throws {
    let store = ParameterStore(seed: 7)
    let critic = try Critic(store, numbers: 1)
    let optimizer = try AdamW(parameters: store, betas: (0.5, 0.9), weightDecay: 0)
    let (real, made) = (
      try Tensor([1, 2] as [Float], shape: [1, 2]).expand([16, 2]),
      try Tensor([-1, 0.5] as [Float], shape: [1, 2]).expand([16, 2])
    )
    var random = RandomGenerator(seed: 8)
    for step in 0..<400 {
      try AdversarialLoss.wganGP.ofCritic(
        real: real, generated: made, mix: random.uniforms(16), judges: { [try critic($0)] }
      ).backward()
      try optimizer.step(learningRate: 5e-3 * (1 - Double(step) / 400))
      store.zeroGradients()
    }
    let gap = try (critic(real) - critic(made)).mean().item()
    let distance = ((4 + 2.25) / 2.0).squareRoot()
    // A slope s costs 10 (s − 1)² and brings s · distance: best is s = 1 + distance / 20.
    #expect(abs(gap / distance - (1 + distance / 20)) < 0.03, "\(gap) for \(distance)")
  }

  /// An adversary of small spectrograms, active from the start.
  private func adversary(
    _ loss: AdversarialLoss, weight: Double = 0.5, featureMatching: Double = 0,
    joined: Double? = nil, rise: Double = 0
  ) throws -> SpectrogramAdversary {
    var settings = AdversaryConfiguration(loss)
    (settings.weight, settings.featureMatching) = (weight, featureMatching)
    (settings.start, settings.rise, settings.width) = (0.3, rise, 4)
    var state = AdversaryState()
    state.joined = joined
    return try SpectrogramAdversary(
      settings, channels: 1, melBins: 32, seed: 1, device: .cpu, state: state)
  }

  private func normals(_ shape: [Int], seed: UInt64) throws -> Tensor {
    var random = RandomGenerator(seed: seed)
    return try Tensor(random.normals(shape.reduce(1, *)), shape: shape)
  }

  /// At the last layer, what is not the reconstruction's is as large as the weights say; once joined it stays, though
  /// a longer run is less far.
  @Test(arguments: AdversarialLoss.allCases)
  func gradientsAreBalanced(_ loss: AdversarialLoss) throws {
    let x = try normals([2, 1, 32, 32], seed: 1)
    let h = try normals([2, 3, 32, 32], seed: 2)
    let last = try (normals([1, 3, 3, 3], seed: 3) * 0.2).requiringGrad()
    for (weight, featureMatching) in [(0.5, 0), (0, 0.25)] {
      let adversary = try adversary(loss, weight: weight, featureMatching: featureMatching)
      #expect(!adversary.isActive(progress: 0.2) && adversary.isActive(progress: 0.3))
      let y = try h.conv2d(last, padding: 1)
      let reconstruction = try (y - x).abs().mean()
      let gradient = try adversary.gradient(
        of: y, to: x, reconstruction: reconstruction, last: last, progress: 0.4)
      func size(_ gradient: Tensor) throws -> Double {
        try (y * gradient).sum().gradients(of: [last])[0].square().sum().item().squareRoot()
      }
      let own = try reconstruction.gradients(of: [y])[0]
      // The scores of weights that are held within ± 0.05 are nearly flat: there the ratio is at its limit.
      let ratio = try size(gradient - own) / size(own)
      if loss == .wgan, weight > 0 {
        #expect(ratio > 0 && ratio < weight * 1.01)
      } else {
        #expect(abs(ratio / (weight + featureMatching) - 1) < 0.01, "\(ratio)")
      }
      #expect(adversary.isActive(progress: 0.1))
    }
  }

  /// The weight that it has risen to it keeps in a run that is made longer, which is less far then.
  @Test func longerRunsKeepTheWeight() throws {
    let x = try normals([2, 1, 32, 32], seed: 1)
    let h = try normals([2, 3, 32, 32], seed: 2)
    let last = try (normals([1, 3, 3, 3], seed: 3) * 0.2).requiringGrad()
    let adversary = try adversary(.hinge, rise: 0.2)
    func followed(_ progress: Double) throws -> Double {
      let y = try h.conv2d(last, padding: 1)
      let reconstruction = try (y - x).abs().mean()
      let own = try reconstruction.gradients(of: [y])[0]
      let gradient = try adversary.gradient(
        of: y, to: x, reconstruction: reconstruction, last: last, progress: progress)
      return try (gradient - own).abs().max().item()
    }
    #expect(try followed(0.3) == 0)
    let half = try followed(0.4)
    let whole = try followed(0.6)
    #expect(half > 0 && abs(whole / half - 2) < 1e-3)
    #expect(try followed(0.35) == whole)
  }

  /// A run that goes back to a checkpoint finds its adversary there as it was, or at its beginning.
  @Test func adversariesGoBack() throws {
    let adversary = try adversary(.hinge, joined: 0.4)
    func values() throws -> [[Float]] { try adversary.named().map { try $0.tensor.floats() } }
    let first = try values()
    _ = try warnings(adversary, apart: 1, steps: 3) { _ in 0.5 }
    let kept = Dictionary(
      uniqueKeysWithValues: try adversary.named().map { ($0.name, try $0.tensor.detach().clone()) })
    let (state, then) = (adversary.state, try values())
    _ = try warnings(adversary, apart: 1, steps: 3) { _ in 0.5 }
    #expect(try values() != then && adversary.state != state)
    try adversary.restore(kept, state: state)
    #expect(try values() == then && adversary.state == state)
    try adversary.restore(nil, state: AdversaryState())
    #expect(try values() == first && adversary.state == AdversaryState())
  }

  /// WGAN's weights stay within their limit. A judge whose gradient is no number is lowered, begins anew and goes on.
  @Test(arguments: AdversarialLoss.allCases)
  func brokenJudgesBeginAnew(_ loss: AdversarialLoss) throws {
    let adversary = try adversary(loss)
    let (real, made) = (
      try normals([2, 1, 32, 32], seed: 4), try normals([2, 1, 32, 32], seed: 5)
    )
    var random = RandomGenerator(seed: 6)
    func learn(_ real: Tensor) throws -> AdversaryWarning? {
      try adversary.learn(
        real: real, generated: made, learningRate: 0.1, progress: 0.5, &random)
    }
    #expect(try learn(real) == nil)
    func largest() throws -> Double {
      try adversary.named().filter { $0.name.hasPrefix("weights.") }
        .map { try $0.tensor.abs().max().item() }.max() ?? .nan
    }
    if loss == .wgan { #expect(try largest() < 0.0501) }
    let warning = try #require(try learn(real * .nan))
    #expect(warning.reason == .criticDiverged && adversary.state.strength == 0.5)
    #expect(adversary.state.joined == 0.5)
    #expect(try learn(real) == nil)
    #expect(try largest().isFinite)
  }

  /// Worse than it was at best is noticed once, not at each step that the mean still remembers it.
  @Test func oneExcursionIsOneWarning() throws {
    let adversary = try adversary(.hinge)
    var warnings: [Int] = []
    for step in 0..<700 {
      // Better, then far worse than that, though no worse than at first; then better again.
      let loss =
        switch step {
        case ..<100: 1 - Double(step) / 200
        case ..<200: 0.9
        default: 0.6
        }
      if adversary.watch(own: loss) != nil { warnings.append(step) }
    }
    #expect(warnings == [100] && adversary.state.strength == 0.5)
  }

  /// What its maker has become on held-out clips is watched once the adversary has joined, whose least error before
  /// counts; and what it is after a warning is where the next one starts from.
  @Test func spoiledMakersAreNoticed() throws {
    let away = try adversary(.mmd)
    #expect([3, 2, 10].allSatisfy { away.watch(heldOut: $0) == nil })
    let adversary = try adversary(.mmd, joined: 0.4)
    let warnings = [4, 2, 2.9, 3.1, 4, 4.6, 4.8, 1, 1.6].map { adversary.watch(heldOut: $0) }
    #expect(
      warnings.map { $0 != nil } == [false, false, false, true, false, false, true, false, true])
    let first = try #require(warnings[3])
    #expect(first.reason == .spoils(times: 1.5) && first.weight == 0.25)
    #expect("\(first)".contains("over 50 % more than at best; its weight is now 0.25"))
    #expect(adversary.state.strength == 0.125)
  }

  /// Lets an adversary tell one noise from another, whose means lie so far apart.
  private func warnings(
    _ adversary: SpectrogramAdversary, apart: Double, steps: Int, progress: (Int) -> Double
  ) throws -> [(step: Int, AdversaryWarning)] {
    var random = RandomGenerator(seed: 6)
    return try (0..<steps).flatMap { step in
      let real = try normals([2, 1, 32, 32], seed: UInt64(2 * step)) + apart / 2
      let made = try normals([2, 1, 32, 32], seed: UInt64(2 * step + 1)) - apart / 2
      return [
        try adversary.learn(
          real: real, generated: made, learningRate: 0.02, progress: progress(step), &random),
        adversary.watch(own: 1),
      ].compactMap(\.self).map { (step, $0) }
    }
  }

  /// A judge that nobody answers wins: that is noticed of margins, not of critics that measure a distance, and slows
  /// it down.
  @Test(arguments: [AdversarialLoss.hinge, .wgan])
  func judgesThatWinAreNoticed(_ loss: AdversarialLoss) throws {
    let adversary = try adversary(loss, joined: 0.4)
    let warnings = try warnings(adversary, apart: 2, steps: 320) { _ in 0.5 }
    guard loss == .hinge else { return #expect(warnings.isEmpty) }
    #expect(warnings.count == 1)
    let first = try #require(warnings.first)
    #expect((299..<320).contains(first.step))
    #expect(first.1.reason == .criticWins && first.1.weight == 0.5 && first.1.pace == 0.5)
    #expect("\(first.1)".contains("it now learns at 0.5 of its rate"))
    #expect(adversary.state.pace == 0.5 && adversary.state.strength == 1)
  }

  /// Before its weight is whole a judge has not won, whatever its loss.
  @Test func judgesWinOnceTheyAreAnswered() throws {
    let adversary = try adversary(.hinge, joined: 0.4, rise: 0.2)
    let warnings = try warnings(adversary, apart: 2, steps: 320) { 0.4 + 0.0006 * Double($0) }
    #expect(warnings.isEmpty && adversary.state.loss == nil)
  }

  /// One that has nothing to tell apart does not win.
  @Test func equalsDoNotWin() throws {
    let adversary = try adversary(.hinge, joined: 0.4)
    #expect(try warnings(adversary, apart: 0, steps: 320) { _ in 0.5 }.isEmpty)
    #expect(try #require(adversary.state.loss) > 1)
    // One that begins anew has not been judged yet.
    var random = RandomGenerator(seed: 6)
    let broken = try normals([2, 1, 32, 32], seed: 0) * .nan
    let warning = try adversary.learn(
      real: broken, generated: broken, learningRate: 0.02, progress: 0.6, &random)
    #expect(warning?.reason == .criticDiverged)
    #expect(adversary.state.loss == nil && adversary.state.judged == nil)
  }

  private func trainer(
    _ folder: URL, _ dataset: Dataset, _ adversary: AdversaryConfiguration?, steps: Int,
    resume: Bool = false
  ) throws -> AutoencoderTrainer {
    var settings = AutoencoderTraining(preset: .draft, bottleneck: Bottleneck(.variational))
    (settings.steps, settings.batchSize, settings.warmUpSteps) = (steps, 2, 5)
    (settings.learningRate, settings.saveInterval) = (5e-3, 1000)
    settings.network.widths = [16, 24]
    settings.adversary = adversary
    return try AutoencoderTrainer(
      folder: folder, dataset: dataset, configuration: settings, device: .cpu,
      precision: .float32, resume: resume)
  }

  /// The adversary changes what is learned, and a run that was cut while it judges ends in the same bytes.
  @Test(arguments: AdversarialLoss.allCases)
  func judgedRunsGoOnExactly(_ loss: AdversarialLoss) throws {
    try withDataset(files: 3) { dataset in
      try withTemporaryFolder { folder in
        var adversary = AdversaryConfiguration(loss)
        adversary.width = 4
        #expect(try trainer(folder / "a", dataset, adversary, steps: 20).run())
        let cut = try trainer(folder / "b", dataset, adversary, steps: 20)
        #expect(try !cut.run(shouldStop: { cut.state.steps == 12 }))
        #expect(try trainer(folder / "b", dataset, adversary, steps: 20, resume: true).run())
        #expect(try trainer(folder / "c", dataset, nil, steps: 20).run())
        func bytes(_ name: String) throws -> Data {
          try Data(contentsOf: folder / name / "autoencoder.safetensors")
        }
        #expect(try bytes("a") == bytes("b"))
        #expect(try bytes("a") != bytes("c"))
      }
    }
  }

  /// An adversary that is far too strong leads the decoder away: the run says so, lowers it and goes on.
  @Test func collapsingAdversariesAreLowered() throws {
    try withDataset(files: 3) { dataset in
      try withTemporaryFolder { folder in
        var adversary = AdversaryConfiguration(.hinge)
        (adversary.weight, adversary.featureMatching, adversary.width) = (1000, 0, 4)
        adversary.rise = 0.3
        var warnings: [AdversaryWarning] = []
        let run = try trainer(folder / "a", dataset, adversary, steps: 200)
        #expect(try run.run(onWarning: { warnings.append($0) }))
        let first = try #require(warnings.first)
        #expect(first.reason == .leadsAstray(times: 1.3) && first.weight == 500)
        #expect("\(first)".contains("its weight is now 500"))
        #expect(run.state.history.loss.isFinite)
      }
    }
  }
}
