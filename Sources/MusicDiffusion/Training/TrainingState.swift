public import Foundation
import Torch

/// Everything a run needs to go on as if it had never stopped. Random numbers need no state: they
/// follow from the seed and the step.
///
/// Kept in one file, so that it is whole or absent: `training/checkpoint.safetensors` with the
/// tensors `weights.NAME`, `average.NAME`, `wideAverage.NAME` and `optimizer.NAME`, and the rest as
/// JSON in its header.
public struct TrainingState: Codable, Sendable, Equatable {
  public var configuration: TrainingConfiguration
  public var model: ModelConfiguration
  /// Of the data; see ``Dataset/fingerprint``.
  var dataset: String
  public var steps = 0
  /// Spent in training steps.
  public var seconds = 0.0
  /// The step from which on windows have their full length; nil before that, and in runs whose
  /// windows always have it.
  var fullLengthFrom: Int?
  var lossGuard: LossGuard?
  /// Returns to an earlier state, in order; nil for none.
  public internal(set) var recoveries: [Recovery]?
  /// What judges a student, of a distillation; nil for nobody.
  var adversary: AdversaryState?
  /// The log as it was at this checkpoint; nil in those of older versions.
  package var log: TrainingLog.Seal?
  /// The loss on held-out files; nil before the first checkpoint, and where nothing is held out.
  public internal(set) var evaluations: Evaluations?

  init(configuration: TrainingConfiguration, model: ModelConfiguration, dataset: String) {
    (self.configuration, self.model, self.dataset) = (configuration, model, dataset)
  }

  /// Whether the held-out loss has not improved for as long as the run's patience.
  var isOutOfPatience: Bool {
    guard let patience = configuration.patience, let evaluations else { return false }
    return evaluations.sinceBest >= patience
  }

  func validate() throws {
    try configuration.validate()
    try model.validate()
    try adversary?.validate()
    guard
      configuration.multiScale == nil
        || model.windowColumns % (2 * model.network.frameMultiple) == 0
    else {
      throw ModelError.invalidConfiguration(
        "windows of \(model.representation.windowFrames) frames cannot be halved for "
          + "training.multiScale")
    }
    guard (0...Int(Int32.max)).contains(steps), seconds >= 0, seconds.isFinite else {
      throw ModelError.invalidConfiguration("the number of steps made or their time is off")
    }
  }

  static func file(in folder: URL) -> URL {
    folder.appendingPathComponent("training/checkpoint.safetensors")
  }

  static func exists(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: file(in: folder).path)
  }

  /// Where the averages' tensors stand, in the order of ``TrainingConfiguration/averageWidths``.
  static let averagePrefixes = ["average.", "wideAverage."]

  func write(to folder: URL, _ learner: Learner) throws {
    let file = Self.file(in: folder)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let json = String(decoding: try encoder.encode(self), as: UTF8.self)
    var tensors = prefixed("weights.", learner.weights.named)
    for (prefix, average) in zip(Self.averagePrefixes, learner.averages) {
      tensors += prefixed(prefix, average.parameters.named)
    }
    tensors += try prefixed("optimizer.", learner.optimizer.state())
    tensors += try prefixed("adversary.", learner.adversaryTensors())
    try SafeTensors.write(tensors, metadata: ["state": json], sealed: true, to: file.path)
  }

  /// - Throws: ``ModelError/nothingToResume(_:file:)``, ``ModelError/damagedModel(_:reason:)``.
  static func read(from folder: URL) throws -> (state: TrainingState, tensors: [String: Tensor]) {
    let file = file(in: folder)
    guard exists(in: folder) else {
      throw ModelError.nothingToResume(folder.path)
    }
    do {
      let (tensors, metadata) = try SafeTensors.read(file.path)
      let json = Data((metadata["state"] ?? "").utf8)
      return (try JSONDecoder().decode(TrainingState.self, from: json), tensors)
    } catch let error as DecodingError {
      throw ModelError.damagedModel(folder.path, reason: "checkpoint: \(error.summary)")
    } catch {
      throw ModelError.damagedModel(folder.path, reason: "\(error)")
    }
  }

  /// How the run was set up that a model folder holds, without reading its weights; nil where the
  /// folder has no checkpoint.
  ///
  /// - Throws: ``ModelError/damagedModel(_:reason:)``.
  public static func configuration(in folder: URL) throws -> TrainingConfiguration? {
    struct Setup: Decodable { var configuration: TrainingConfiguration }
    guard exists(in: folder) else { return nil }
    do {
      let json = try SafeTensors.metadata(of: file(in: folder).path)["state"] ?? ""
      return try JSONDecoder().decode(Setup.self, from: Data(json.utf8)).configuration
    } catch {
      throw ModelError.damagedModel(folder.path, reason: "its checkpoint cannot be read")
    }
  }

  /// The state that a model folder holds.
  public static func saved(in folder: URL) throws -> TrainingState { try read(from: folder).state }

  private func prefixed(
    _ prefix: String, _ tensors: [(name: String, tensor: Tensor)]
  ) -> [(name: String, tensor: Tensor)] {
    tensors.map { (name: prefix + $0.name, tensor: $0.tensor) }
  }
}

extension [String: Tensor] {
  /// The tensors whose names begin with `prefix`, under the rest of their names.
  func below(_ prefix: String) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (name, tensor) in self where name.hasPrefix(prefix) {
      result[String(name.dropFirst(prefix.count))] = tensor
    }
    return result
  }
}
