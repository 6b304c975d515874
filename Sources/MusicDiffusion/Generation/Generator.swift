public import Audio
import Foundation
public import Spectro
public import Torch

/// The front door: seconds and a seed in, music out.
///
///     let generator = try Generator(model: Model(contentsOf: "my-model"))
///     try generator.generate(seconds: 30, seed: 7).write(to: "music.wav")
public struct Generator: Sendable {
  /// What to draw. Whatever is nil is as the model's `config.json` has it.
  public struct Options: Sendable {
    /// A label of the model; nil draws one from the seed. Guidance 0 is the model without labels.
    public var label: String?
    public var guidanceScale: Double?
    public var sampler: Sampler?
    public var steps: Int?
    /// Rounds of fast Griffin-Lim.
    public var inversionIterations = 32

    public init() {}
  }

  /// How far a piece is, for a progress line.
  public struct Progress: Sendable {
    public var evaluations: Int
    public var totalEvaluations: Int
  }

  /// The longest piece, in seconds: it is inverted as a whole, in memory.
  public static let maximumSeconds = 3600.0

  public let model: Model
  private let denoiser: Denoiser
  private let device: Device

  public init(model: Model, device: Device = .cpu, precision: DType = .float32) {
    self.model = model
    self.device = device
    denoiser = Denoiser(
      network: model.network, preconditioning: model.configuration.preconditioning,
      precision: precision)
  }

  /// - Parameters:
  ///   - seconds: more than 0, at most ``maximumSeconds``; the result has exactly
  ///     `(seconds · sampleRate).rounded()` samples. What would clip is turned down as a whole.
  ///   - seed: the same seed, model and options give the same sound on the same machine.
  ///   - onProgress: called after each evaluation of the network; what it throws ends the work.
  /// - Throws: ``ModelError/invalidSeconds(_:limit:)``, ``ModelError/unknownLabel(_:known:)``.
  public func generate(
    seconds: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    let planes = try logMel(
      seconds: seconds, seed: seed, options: options, onProgress: onProgress)
    let representation = model.configuration.representation
    let inverter = try MelInverter(representation.spectrogram, threads: threadCount)
    let sampleCount = Self.sampleCount(seconds, representation)
    let channels = try inverter.audio(
      fromLogMel: planes, iterations: options.inversionIterations, seed: seed,
      sampleCount: sampleCount)
    return representation.audio(fromChannels: channels).limited(toPeak: 0.98)
  }

  /// The log-mel spectrogram of each channel, before it becomes sound.
  public func logMel(
    seconds: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> [Spectrogram] {
    guard seconds > 0 && seconds <= Self.maximumSeconds else {
      throw ModelError.invalidSeconds(seconds, limit: Self.maximumSeconds)
    }
    let configuration = model.configuration
    let representation = configuration.representation
    let sampling = configuration.sampling
    let name = options.label ?? configuration.label(drawnFrom: seed)
    let label = try name.map(configuration.labelIndex) ?? configuration.labels.count
    let steps = options.steps ?? sampling.steps
    guard (2...10_000).contains(steps) else {
      throw ModelError.invalidArgument("--steps must be 2 to 10000, not \(steps)")
    }
    let guidanceScale =
      label == configuration.labels.count ? 1 : options.guidanceScale ?? sampling.guidanceScale
    let frames =
      1 + Self.sampleCount(seconds, representation) / representation.spectrogram.hopLength
    let plan = WindowPlan(frames: max(1, frames), window: representation.windowFrames)
    let sampler = options.sampler ?? sampling.sampler
    let total = sampler.evaluations(steps: steps) * plan.windows.count
    var evaluations = 0
    let piece = try withoutGradient {
      try plan.draw(
        channels: representation.channels, bins: representation.spectrogram.melBins, device: device
      ) { window, known, mask in
        let condition = Condition(labels: [label], known: known, mask: mask)
        let shape = known.shape
        func noise(_ number: Int) throws -> Tensor {
          var random = RandomGenerator(
            seed: seed, stream: UInt64(window) << 20 | UInt64(number))
          return try Tensor(
            random.normals(shape.reduce(1, *)), shape: shape, device: device)
        }
        let sigmas = SigmaSchedule.karras(
          steps: steps, min: sampling.sigmaMin, max: sampling.sigmaMax)
        // Where the clip is known, the path of the known value; elsewhere it starts as noise alone.
        let start = try known + noise(0) * sigmas[0]
        return try sampler.sample(
          start, sigmas: sigmas,
          denoise: { x, sigma in
            let denoised = try denoiser(
              x, sigma: sigma, condition: condition, guidanceScale: guidanceScale)
            evaluations += 1
            try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
            return denoised
          },
          noise: { step in try noise(step + 1) })
      }
    }
    return logMel(of: piece, frames: frames)
  }

  private static func sampleCount(_ seconds: Double, _ representation: Representation) -> Int {
    max(1, Int((seconds * Double(representation.sampleRate)).rounded()))
  }

  /// Normalised `[channels][bins, frames]` back to log-mel, `[frames, bins]` for each channel.
  private func logMel(of piece: [[Float]], frames: Int) -> [Spectrogram] {
    let bins = model.configuration.representation.spectrogram.melBins
    let silence = model.configuration.representation.silence
    let normalization = model.configuration.normalization
    let (scale, shift) = (normalization.scale, normalization.shift)
    return piece.enumerated().map { channel, values in
      let columns = values.count / bins
      var plane = Spectrogram(
        values: [Float](repeating: 0, count: frames * bins), frames: frames, bins: bins)
      for bin in 0..<bins {
        let row = channel * bins + bin
        for frame in 0..<frames {
          let value = (values[bin * columns + frame] - shift[row]) / scale[row]
          plane.values[frame * bins + bin] = max(value, silence)
        }
      }
      return plane
    }
  }
}
