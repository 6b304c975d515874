public import Foundation
import Torch

/// How an autoencoder is trained. Saved with the training state, so that a resumed run goes on as it began.
public struct AutoencoderTraining: Codable, Sendable, Equatable {
  public var preset: Preset
  public var network: AutoencoderConfiguration
  public var batchSize = 8
  /// Of AdamW, at its highest.
  public var learningRate = 1e-3
  /// Steps in which the learning rate rises from 0.
  public var warmUpSteps = 100
  /// The last part of the run, in which the learning rate falls to 0.
  public var coolDown = 0.4
  public var betas = [0.9, 0.99]
  public var weightDecay = 0.01
  /// Gradients with a larger norm are scaled down to it.
  public var gradientClip = 1.0
  /// Width of the power-function EMA relative to the run.
  public var emaWidth = 0.05
  public var seed: UInt64 = 0
  /// What judges the reconstructions beside their loss; nil for none.
  public var adversary: AdversaryConfiguration? = AdversaryConfiguration(.hinge)
  /// What is done to windows before they are learned from; nil for nothing.
  public var augmentation: Augmentation?
  /// The part of the files that is not trained on.
  public var heldOut = 0.05
  /// Whichever comes first; at least one is given.
  public var steps: Int?
  public var hours: Double?
  /// Steps between two checkpoints.
  public var saveInterval = 250

  public init(preset: Preset, bottleneck: Bottleneck) {
    self.preset = preset
    network = AutoencoderConfiguration(for: preset, bottleneck: bottleneck)
    augmentation = Augmentation(for: preset)
  }

  public var representation: Representation { preset.representation }

  /// How the learning rate goes, and how much of the run is over, are as in a diffusion run's.
  package var schedule: TrainingConfiguration {
    var schedule = TrainingConfiguration(preset: preset)
    (schedule.learningRate, schedule.warmUpSteps) = (learningRate, warmUpSteps)
    (schedule.coolDown, schedule.steps, schedule.hours) = (coolDown, steps, hours)
    (schedule.batchSize, schedule.saveInterval) = (batchSize, saveInterval)
    (schedule.betas, schedule.weightDecay, schedule.gradientClip) = (
      betas, weightDecay, gradientClip
    )
    (schedule.emaWidth, schedule.wideEMAWidth, schedule.seed) = (emaWidth, nil, seed)
    (schedule.augmentation, schedule.heldOut) = (augmentation, heldOut)
    return schedule
  }

  /// Throws ``ModelError/invalidConfiguration(_:)`` for what cannot be trained with, and for codes that no network
  /// of the preset could draw.
  func validate() throws {
    try schedule.validate()
    try network.validate()
    try adversary?.validate()
    let drawing = schedule.network(
      labelCount: 0,
      code: DrawingSpace(
        channels: network.codeChannels, bins: network.melBins / network.codeBins,
        framesPerColumn: network.codeFrames, melBinsPerBin: network.codeBins))
    func check(_ size: Int, _ place: Int, _ multiple: Int, _ name: String, _ what: String) throws {
      guard size % (place * multiple) == 0 else {
        throw ModelError.invalidConfiguration(
          "autoencoder.\(name) and widths make a place of the code of \(place) \(what), and \(size) are not "
            + "\(multiple) of these, or a multiple, as the networks that draw \(preset.rawValue) need"
        )
      }
    }
    try check(
      representation.windowFrames, network.codeFrames, drawing.frameMultiple, "patchFrames",
      "frames")
    try check(network.melBins, network.codeBins, drawing.binMultiple, "patchBins", "mel bins")
  }
}

/// The spectrogram error of an autoencoder on held-out windows.
public struct ReconstructionErrors: Codable, Sendable, Equatable {
  public var step: Int
  /// Mean absolute difference of log-mel, in decibels.
  public var decibels: Double
  /// The lowest so far.
  public var best: Double
  /// The step of the lowest.
  public var bestStep: Int
}

/// Everything that an autoencoder's run needs to go on: `training/autoencoder.safetensors` with the tensors
/// `weights.NAME`, `average.NAME` and `optimizer.NAME`, an adversary's with `adversary.` before them, and the
/// rest as JSON in its header.
public struct AutoencoderState: Codable, Sendable, Equatable {
  public var configuration: AutoencoderTraining
  public var history: TrainingHistory
  /// Of the data; see ``Dataset/fingerprint``.
  var dataset: String
  public var steps = 0
  /// Spent in training steps.
  public var seconds = 0.0
  public var errors: ReconstructionErrors?
  /// Once it has joined.
  var adversary: AdversaryState?

  func validate() throws {
    try configuration.validate()
    try history.validate()
    try adversary?.validate()
    guard (0...Int(Int32.max)).contains(steps), seconds >= 0, seconds.isFinite else {
      throw ModelError.invalidConfiguration("the number of steps made or their time is off")
    }
  }

  static func file(in folder: URL) -> URL {
    folder.appendingPathComponent("training/autoencoder.safetensors")
  }

  public static func exists(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: file(in: folder).path)
  }

  /// Whether ``errors`` are of files that it did not learn from, which sets of fewer than ten are not split into.
  public var hasHeldOut: Bool { configuration.heldOut > 0 && history.files >= 10 }

  /// Whether a folder holds a model, or a run of one, and no run of an autoencoder.
  public static func isOfModel(_ folder: URL) -> Bool {
    hasModel(folder) && !exists(in: folder)
  }

  /// Whether a folder holds an autoencoder, or a run of one, and no model.
  public static func isAlone(in folder: URL) -> Bool {
    !hasModel(folder) && (exists(in: folder) || AutoencoderModel.exists(in: folder.path))
  }

  private static func hasModel(_ folder: URL) -> Bool {
    let file = folder.appendingPathComponent(Model.configurationFile)
    return TrainingState.exists(in: folder) || FileManager.default.fileExists(atPath: file.path)
  }

  func write(
    to folder: URL, weights: ParameterStore, average: ParameterStore, optimizer: AdamW,
    adversary: SpectrogramAdversary?
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let json = String(decoding: try encoder.encode(self), as: UTF8.self)
    func named(
      _ prefix: String, _ tensors: [(name: String, tensor: Tensor)]
    ) -> [(name: String, tensor: Tensor)] {
      tensors.map { (name: prefix + $0.name, tensor: $0.tensor) }
    }
    try SafeTensors.write(
      named("weights.", weights.named) + named("average.", average.named)
        + named("optimizer.", optimizer.state())
        + named("adversary.", adversary?.named() ?? []),
      metadata: ["state": json], sealed: true, to: Self.file(in: folder).path)
  }

  /// - Throws: ``ModelError/holdsModel(_:)``, ``ModelError/nothingToResume(_:file:)``,
  ///   ``ModelError/damagedModel(_:reason:)``.
  static func read(
    from folder: URL
  ) throws -> (state: AutoencoderState, tensors: [String: Tensor]) {
    if isOfModel(folder) { throw ModelError.holdsModel(folder.relativePath) }
    guard exists(in: folder) else {
      throw ModelError.nothingToResume(folder.path, file: "training/autoencoder.safetensors")
    }
    do {
      let (tensors, metadata) = try SafeTensors.read(file(in: folder).path)
      let json = Data((metadata["state"] ?? "").utf8)
      return (try JSONDecoder().decode(AutoencoderState.self, from: json), tensors)
    } catch let error as DecodingError {
      throw ModelError.damagedModel(folder.path, reason: "checkpoint: \(error.summary)")
    } catch {
      throw ModelError.damagedModel(folder.path, reason: "\(error)")
    }
  }

  /// The state in the folder of an autoencoder, without reading its weights; nil where there is none that can be
  /// read, or that of another autoencoder.
  public static func saved(with coder: AutoencoderModel, in folder: String) -> AutoencoderState? {
    let path = file(in: URL(fileURLWithPath: folder, isDirectory: true)).path
    guard let json = try? SafeTensors.metadata(of: path)["state"],
      let state = try? JSONDecoder().decode(AutoencoderState.self, from: Data(json.utf8)),
      state.history == coder.description.history
    else { return nil }
    return state
  }

  /// The state that a folder holds.
  ///
  /// - Throws: ``ModelError/holdsModel(_:)``, ``ModelError/nothingToResume(_:file:)``,
  ///   ``ModelError/damagedModel(_:reason:)``.
  public static func saved(in folder: URL) throws -> AutoencoderState {
    try read(from: folder).state
  }
}
