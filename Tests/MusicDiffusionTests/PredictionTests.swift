import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct PredictionTests {
  /// A new network says 0: its loss is 1 on data of its deviation, whatever it is asked for.
  @Test(arguments: Prediction.allCases)
  func lossBeginsAtOne(_ prediction: Prediction) throws {
    let golden = try UNetTests.Golden()
    let store = ParameterStore(seed: 1)
    let network = try UNet(store.root, configuration: golden.configuration)
    let denoiser = Denoiser(
      network: network, preconditioning: Preconditioning(sigmaData: 0.5, prediction: prediction),
      precision: .float32)
    let shape = [8, 2, 16, 32]
    let loss = try denoiser.loss(
      signal: normal(shape, seed: 1) * 0.5, noise: normal(shape, seed: 2),
      sigmas: NoiseDistribution(.cosine).stratifiedSigmas(count: 8, offset: 0.5),
      condition: Condition(labels: [Int](repeating: 0, count: 8), shape: shape, device: .cpu)
    ).mean().item()
    // The standard error of 8192 squares is 0.016.
    #expect(abs(loss - 1) < 0.05)
  }

  /// The loss is the weight of the preconditioning times the error of the denoiser, where the signal
  /// is not known.
  @Test(arguments: Prediction.allCases)
  func lossIsTheWeightedErrorOfTheDenoiser(_ prediction: Prediction) throws {
    let golden = try UNetTests.Golden()
    let p = Preconditioning(sigmaData: 0.5, prediction: prediction)
    let denoiser = Denoiser(network: golden.network, preconditioning: p, precision: .float32)
    let (signal, condition) = (try golden["signal"], try golden.condition)
    let noise = try normal(signal.shape, seed: 5)
    let losses = try denoiser.loss(
      signal: signal, noise: noise, sigmas: golden.sigmas, condition: condition
    ).floats()
    for (clip, sigma) in golden.sigmas.enumerated() {
      func part(_ tensor: Tensor) throws -> Tensor {
        try tensor.narrow(dimension: 0, start: clip, length: 1)
      }
      let alone = Condition(
        labels: [condition.labels[clip]], known: try part(condition.known),
        mask: try part(condition.mask))
      let x = try part(signal) + part(noise) * sigma
      let denoised = try denoiser(x, sigma: sigma, condition: alone)
      let open = try 1 - alone.mask
      let error = try ((denoised - part(signal)).square() * open).sum().item()
      let values = try max(open.sum().item() * Double(signal.shape[1]), 1)
      let expected = p.lossWeight(sigma) * error / values
      #expect(abs(Double(losses[clip]) - expected) < 2e-3 * max(expected, 1), "\(sigma)")
    }
  }

  /// Asked for anything, a network learns one signal by heart: the denoiser's error at sigma 0.5 falls
  /// well below the 0.125 of the best estimate that knows the deviation of the data alone.
  @Test(arguments: Prediction.allCases)
  func learns(_ prediction: Prediction) throws {
    let store = ParameterStore(seed: 1)
    let network = try UNet(
      store.root,
      configuration: UNetConfiguration(
        channels: 1, melBins: 16, patchBins: 2, patchFrames: 2, widths: [16, 32], blocks: 1))
    let denoiser = Denoiser(
      network: network, preconditioning: Preconditioning(sigmaData: 0.5, prediction: prediction),
      precision: .float32)
    let optimizer = try AdamW(parameters: store, betas: (0.9, 0.99))
    let shape = [8, 1, 16, 16]
    let signal = try (normal([1, 1, 16, 16], seed: 1) * 0.5).expand(shape)
    let condition = try Condition(
      labels: [Int](repeating: 0, count: 8), shape: shape, device: .cpu)
    for step in 0..<150 {
      var random = RandomGenerator(seed: 2, stream: UInt64(step))
      let loss = try denoiser.loss(
        signal: signal, noise: normal(shape, seed: UInt64(step)),
        sigmas: NoiseDistribution().stratifiedSigmas(count: 8, offset: random.uniform()),
        condition: condition
      ).mean()
      try loss.backward()
      _ = try clipGradients(of: store, maxNorm: 1)
      try optimizer.step(learningRate: 5e-3)
      store.zeroGradients()
    }
    let error = try withoutGradient {
      let denoised = try denoiser(
        signal + normal(shape, seed: 999) * 0.5, sigma: 0.5, condition: condition)
      return try (denoised - signal).square().mean().item()
    }
    #expect(error < 0.06)
  }

  /// A model of every prediction is written with the version that can read it, and draws.
  @Test(arguments: Prediction.allCases)
  func everyPredictionDraws(_ prediction: Prediction) throws {
    let model = try GeneratorTests.model()
    var configuration = model.configuration
    let noise = NoiseProcess(levels: NoiseDistribution(.cosine), prediction: prediction)
    configuration = ModelConfiguration(
      preset: .draft, representation: configuration.representation,
      normalization: configuration.normalization, network: configuration.network,
      labels: configuration.labels, noise: noise,
      sampling: SamplingDefaults(for: noise, sigmaData: 0.5), history: TrainingHistory())
    #expect(configuration.formatVersion == 2)
    #expect(configuration.sampling.sampler == (prediction == .flow ? .flow : .dpmSolver2MSDE))
    #expect(configuration.preconditioning.prediction == prediction)
    try withTemporaryFolder { folder in
      try Model(
        configuration: configuration, network: model.network, parameters: model.parameters
      ).write(to: folder)
      let read = try Model(contentsOf: folder.path)
      #expect(read.configuration == configuration)
      var options = Generator.Options()
      options.steps = 3
      #expect(
        try Generator(model: read).generate(seconds: 0.2, seed: 1, options: options).sampleCount
          == 1600)
      let drawn = try Generator(model: read).logMel(seconds: 0.2, seed: 1, options: options)
      #expect(drawn.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    }
  }

  /// Noise levels that a network has hardly seen are not sampled at.
  @Test func samplingStaysWithinTrainingsLevels() {
    let plain = SamplingDefaults(for: NoiseProcess(), sigmaData: 0.5)
    #expect(plain == SamplingDefaults())
    let narrow = NoiseProcess(levels: NoiseDistribution(.laplace))
    let sampling = SamplingDefaults(for: narrow, sigmaData: 0.5)
    // logSNR within ±0.5 ln(5000).
    #expect(abs(sampling.sigmaMax - 0.5 * pow(5000, 0.25)) < 1e-9)
    #expect(abs(sampling.sigmaMin - 0.5 / pow(5000, 0.25)) < 1e-9)
  }

  @Test func settingsOfSamplingAreReadAsTheyWereWritten() throws {
    var sampling = SamplingDefaults()
    sampling.sampler = .heun
    sampling.settings = Sampler.Settings(eta: 0.5, churn: .init(amount: 3, sigmaMin: 0.1))
    (sampling.schedule, sampling.shift) = (.flow, 2)
    (sampling.guidanceRescale, sampling.guidanceInterval) = (0.7, 0.2...5)
    let data = try JSONEncoder().encode(sampling)
    #expect(try JSONDecoder().decode(SamplingDefaults.self, from: data) == sampling)
    let old =
      #"{"sampler":"heun","steps":9,"sigmaMin":0.01,"sigmaMax":50,"guidanceScale":2}"#
    var expected = SamplingDefaults()
    (expected.sampler, expected.steps, expected.guidanceScale) = (.heun, 9, 2)
    (expected.sigmaMin, expected.sigmaMax, expected.guidanceInterval) = (0.01, 50, nil)
    #expect(try JSONDecoder().decode(SamplingDefaults.self, from: Data(old.utf8)) == expected)
  }

  @Test func optionsOfDrawingMatter() throws {
    let generator = Generator(model: try GeneratorTests.model())
    func logMel(_ change: (inout Generator.Options) -> Void) throws -> [Float] {
      var options = Generator.Options()
      options.label = "bass"
      change(&options)
      return try generator.logMel(seconds: 0.2, seed: 1, options: options)[0].values
    }
    var drawn = [try logMel { _ in }]
    drawn.append(try logMel { $0.schedule = .exponential })
    drawn.append(try logMel { $0.schedule = .flow })
    drawn.append(try logMel { ($0.schedule, $0.shift) = (.flow, 3) })
    drawn.append(try logMel { $0.noise = .laplace })
    drawn.append(try logMel { $0.guidanceRescale = 0.7 })
    drawn.append(try logMel { $0.guidanceInterval = 0.1...10 })
    drawn.append(try logMel { $0.negativeLabel = "drums/kick" })
    drawn.append(try logMel { $0.sampler = .heun })
    drawn.append(
      try logMel {
        ($0.sampler, $0.samplerSettings) = (.heun, .init(churn: .init(amount: 4)))
      })
    drawn.append(try logMel { $0.sampler = .ddim })
    drawn.append(try logMel { ($0.sampler, $0.samplerSettings) = (.ddim, .init(eta: 0.5)) })
    drawn.append(try logMel { $0.sampler = .dpmSolver2M })
    drawn.append(try logMel { $0.sampler = .dpmSolver3MSDE })
    #expect(Set(drawn).count == drawn.count)
    #expect(drawn.allSatisfy { $0.allSatisfy(\.isFinite) })
    for change: (inout Generator.Options) -> Void in [
      { $0.guidanceRescale = 2 }, { $0.shift = 0 }, { $0.samplerSettings = .init(eta: 2) },
      { ($0.sampler, $0.samplerSettings) = (.dpmSolver2M, .init(eta: 0.5)) }, { $0.shift = 2 },
      { ($0.sampler, $0.samplerSettings) = (.ddim, .init(eta: 2)) },
      { ($0.sampler, $0.samplerSettings) = (.ddim, .init(churn: .init(amount: 1))) },
      { ($0.schedule, $0.steps) = (.trailing, 1001) }, { $0.guidanceScale = .nan },
    ] {
      #expect(throws: ModelError.self) { try logMel(change) }
    }
  }
}

@Suite struct NoiseShapeTests {
  /// Mean 0, variance 1 and the fourth moment, 3 or 6, within five standard errors of 400,000 draws.
  @Test(arguments: [(NoiseShape.gaussian, 3.0, 0.08), (.laplace, 6.0, 0.4)])
  func hasItsMoments(_ shape: NoiseShape, kurtosis: Double, tolerance: Double) {
    var random = RandomGenerator(seed: 1)
    let values = shape.values(400_000, &random).map(Double.init)
    func moment(_ power: Double) -> Double {
      values.reduce(0) { $0 + pow($1, power) } / Double(values.count)
    }
    #expect(abs(moment(1)) < 0.008)
    #expect(abs(moment(2) - 1) < 0.02)
    #expect(abs(moment(4) - kurtosis) < tolerance)
  }

  /// The cumulative distribution of Laplace's of variance 1, against uniform numbers.
  @Test func laplaceHasItsDistribution() {
    var random = RandomGenerator(seed: 2)
    let sorted = random.laplaces(100_000).map(Double.init).sorted()
    let distance = sorted.enumerated().map { index, x in
      let tail = 0.5 * exp(-abs(x) * 2.0.squareRoot())
      return abs((x < 0 ? tail : 1 - tail) - (Double(index) + 0.5) / 100_000)
    }.max()!
    // Kolmogorov's distance of so many draws exceeds this once in a million.
    #expect(distance < 2.7 / 100_000.0.squareRoot())
    // Drawn in parts, the same.
    var parts = RandomGenerator(seed: 2)
    var whole = RandomGenerator(seed: 2)
    #expect(parts.laplaces(3) + parts.laplaces(5) == whole.laplaces(8))
  }
}

@Suite struct ValueTransformTests {
  private let silence = Float(log(1e-11))

  @Test(arguments: ValueTransform.allCases)
  func canBeUndone(_ transform: ValueTransform) {
    for step in 0...1000 {
      let logMel = silence * Float(step) / 1000
      let value = transform.value(ofLogMel: logMel, silence)
      #expect(abs(transform.logMel(ofValue: value, silence) - logMel) < 2e-4)
    }
  }

  @Test func valuesAreTheirFormulas() {
    func value(_ transform: ValueTransform, _ u: Double) -> Double {
      Double(transform.value(ofLogMel: silence * Float(1 - u), silence))
    }
    for u in [0, 0.2, 0.5, 0.9, 1] {
      #expect(abs(value(.statistics, u) - Double(silence) * (1 - u)) < 1e-5)
      #expect(abs(value(.linear, u) - (2 * u - 1)) < 1e-6)
      #expect(abs(value(.tanh, u) - tanh(6 * u - 3) / tanh(3)) < 1e-6)
      let p = 0.01 + 0.98 * u
      #expect(abs(value(.logit, u) - log(p / (1 - p)) / 4) < 1e-5)
    }
    // Beyond full scale and silence all but the plain values are cut off.
    for transform in ValueTransform.allCases.dropFirst() {
      #expect(transform.value(ofLogMel: 1, silence) == transform.value(ofLogMel: 0, silence))
      #expect(transform.logMel(ofValue: 9, silence) == 0)
      #expect(abs(transform.logMel(ofValue: -9, silence) - silence) < 1e-4)
    }
  }

  /// Data with other values has their deviation as its own, and what is drawn comes back as log-mel.
  @Test(arguments: ValueTransform.allCases)
  func dataIsPreparedAndDrawn(_ transform: ValueTransform) throws {
    try withTemporaryFolder { folder in
      try folder.write(sound(seconds: 1), to: "data/a.wav")
      var representation = Representation.small()
      representation.values = transform
      let dataset = try Dataset(
        folder: .init((folder / "data").path), representation: representation,
        cache: folder / "cache")
      var window = [Float](repeating: 0, count: 16 * 16)
      var squares = 0.0
      let length = 16 * representation.spectrogram.hopLength
      let starts = representation.sampleRate / length
      for start in 0..<starts {
        try window.withUnsafeMutableBufferPointer {
          try dataset.copyWindow(clip: 0, start: start * length, to: $0.baseAddress!)
        }
        squares += window.reduce(0) { $0 + Double($1 * $1) }
      }
      let deviation = (squares / Double(starts * 256)).squareRoot()
      #expect(abs(deviation / Double(dataset.normalization.sigmaData) - 1) < 0.1)
      // The last window, back in log-mel, is what the plain representation has.
      let plain = try Dataset(
        folder: .init((folder / "data").path), representation: .small(), cache: folder / "cache")
      var expected = window
      try expected.withUnsafeMutableBufferPointer {
        try plain.copyWindow(clip: 0, start: (starts - 1) * length, to: $0.baseAddress!)
      }
      let floor = representation.silence
      for index in window.indices {
        func logMel(_ value: Float, _ dataset: Dataset) -> Float {
          let row = index / 16
          let (scale, shift) = (dataset.normalization.scale[row], dataset.normalization.shift[row])
          return dataset.representation.values.logMel(ofValue: (value - shift) / scale, floor)
        }
        let found = logMel(window[index], dataset)
        #expect(abs(found - min(logMel(expected[index], plain), 0)) < 0.02)
      }
    }
  }
}
