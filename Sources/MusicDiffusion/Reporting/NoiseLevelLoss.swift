public import Foundation
import Spectro
import Torch

/// How well a model sees music through noise, noise level by noise level.
public struct NoiseLevelLoss: Sendable, Equatable {
  public let sigma: Double
  /// See ``Denoiser/loss(signal:noise:sigmas:condition:)``: 1 is a network that knows nothing.
  public let loss: Double
  /// Root mean square of the estimate's error, in deviations of the data: 1 for guessing the mean.
  public let error: Double

  private init(sigma: Double, loss: Double, _ p: Preconditioning) {
    // (D − signal)² is cOut² times what the loss is the mean of.
    let square = loss * p.prediction.targetVariance * p.cOut(sigma) * p.cOut(sigma)
    (self.sigma, self.loss) = (sigma, loss)
    error = square.squareRoot() / p.sigmaData
  }

  /// What the log of a model's training says of it, at the middle of each of ``NoiseBands``: the loss
  /// on held-out files at the model's step, or else the mean of the training loss over its last 100
  /// steps. Empty where there is no log.
  ///
  /// - Throws: ``ModelError/damagedModel(_:reason:)``.
  public static func logged(
    in folder: URL, of configuration: ModelConfiguration
  ) throws -> [NoiseLevelLoss] {
    let step = configuration.history.steps
    let lines = try TrainingLog.lines(in: folder).filter { $0.step <= step }
    let means: [Double?]
    if let heldOut = lines.last(where: { $0.heldOutLossByNoise != nil })?.heldOutLossByNoise {
      means = heldOut
    } else {
      let last = lines.filter { $0.step > step - 100 }
      means = (0..<NoiseBands.count).map { band in
        let values = last.compactMap { line in
          line.lossByNoise.flatMap { band < $0.count ? $0[band] : nil }
        }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
      }
    }
    let sigmaData = Double(configuration.normalization.sigmaData)
    return means.enumerated().compactMap { band, loss in
      guard let loss else { return nil }
      let middle = (Double(band) + 0.5) / Double(NoiseBands.count)
      return NoiseLevelLoss(
        sigma: configuration.noise.levels.sigma(quantile: middle, sigmaData: sigmaData),
        loss: loss, configuration.preconditioning)
    }
  }

  /// - Parameters:
  ///   - sigmas: noise levels to measure at.
  ///   - data: of the model's rate, channels and spectrogram; its held-out files if it has any. What
  ///     it is normalised by does not matter.
  ///   - clips: windows, the same at each noise level.
  ///   - onProgress: called after each noise level; what it throws ends the work.
  /// - Throws: ``ModelError/invalidArgument(_:)`` for data in another representation.
  public static func measure(
    _ generator: Generator, at sigmas: [Double], on data: Dataset, clips: Int, seed: UInt64,
    onProgress: (_ done: Int) throws -> Void = { _ in }
  ) throws -> [NoiseLevelLoss] {
    let configuration = generator.model.configuration
    guard data.representation == configuration.representation else {
      throw ModelError.invalidArgument("\(data.path) is not prepared as the model's data was")
    }
    let precision = generator.denoiser.precision
    let data =
      try generator.model.coder.map { try data.coded(by: $0, precision: precision) } ?? data
    let (signal, descriptions) = try windows(
      of: data, configuration, count: clips, seed: seed, device: generator.device)
    let condition = try Condition(descriptions, shape: signal.shape, device: generator.device)
    let p = configuration.preconditioning
    return try withoutGradient {
      try sigmas.enumerated().map { number, sigma in
        var random = RandomGenerator(seed: seed, stream: UInt64(number + 1) << 32)
        let noise = try Tensor(
          configuration.noise.shape.values(signal.shape.reduce(1, *), &random),
          shape: signal.shape, device: generator.device)
        let loss = try generator.denoiser.loss(
          signal: signal, noise: noise, sigmas: descriptions.map { _ in sigma },
          condition: condition
        ).mean().item()
        try onProgress(number + 1)
        return NoiseLevelLoss(sigma: sigma, loss: loss, p)
      }
    }
  }

  /// Windows with the values that the model's own data would have, and what they are said to be.
  private static func windows(
    of data: Dataset, _ configuration: ModelConfiguration, count: Int, seed: UInt64, device: Device
  ) throws -> (Tensor, [Description]) {
    let representation = configuration.representation
    let (frames, bins) = (representation.windowFrames, representation.spectrogram.melBins)
    let rows = representation.channels * bins
    let source = data.heldOut ?? data.training
    var values = [Float](repeating: 0, count: count * rows * frames)
    var descriptions: [Description] = []
    for clip in 0..<count {
      var random = RandomGenerator(seed: seed, stream: UInt64(clip))
      let place = try source.random(&random)
      _ = try values.withUnsafeMutableBufferPointer {
        try data.copyWindow(
          place, of: source, augmentation: .none, &random,
          to: $0.baseAddress! + clip * rows * frames)
      }
      let name = place.label.map { data.labels[$0] }
      let label = name.flatMap(configuration.labels.firstIndex(of:)) ?? configuration.labels.count
      descriptions.append(
        try data.description(of: place.clip, label: label, for: configuration.conditioning))
    }
    let (own, other) = (configuration.normalization, data.normalization)
    let scales = zip(own.scale, other.scale).map { $0 / $1 }
    for index in values.indices {
      let row = index / frames % rows
      values[index] = (values[index] - other.shift[row]) * scales[row] + own.shift[row]
    }
    return (try data.signal(values, count: count, device: device), descriptions)
  }
}
