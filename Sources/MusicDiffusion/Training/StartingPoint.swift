import Torch

/// What a run begins with in place of random numbers: a model that was trained before, on other data or
/// the same.
public struct StartingPoint: Sendable {
  public let model: Model
  /// For the model's folder in the run's history.
  public let name: String

  public init(_ model: Model, name: String) {
    (self.model, self.name) = (model, name)
  }

  /// The settings of a run that goes on from it, as far as the model decides them.
  ///
  /// - Parameter given: names of those that are not left to it.
  public func apply(to settings: inout TrainingConfiguration, except given: Set<String> = []) {
    let own = model.configuration
    if !given.contains("widths") { settings.widths = own.network.widths }
    if !given.contains("blocks") { settings.blocks = own.network.blocks }
    if !given.contains("patch") {
      settings.patch = [own.network.patchBins, own.network.patchFrames]
    }
    if !given.contains("detailKernels") { settings.detailKernels = own.network.detailKernels ?? 0 }
    if !given.contains("noise") { settings.noise = own.noise }
    if !given.contains("values") { settings.values = own.representation.values }
  }

  /// The weights that a network of another run can begin with, by name: all of the same shape that stand
  /// for the same. A label that the model does not know begins as no label; words and numbers begin anew
  /// unless they are the very same.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` for a network of another kind.
  func weights(for other: ModelConfiguration) throws -> [String: Tensor] {
    let own = model.configuration
    guard own.representation.isOfSameSound(as: other.representation) else {
      throw ModelError.invalidArgument(
        "--from takes a model of the same preset: \(name) is of another kind of spectrogram")
    }
    guard own.code == other.code, own.network.hasSameCore(as: other.network) else {
      throw ModelError.invalidArgument(
        "--from takes a model with a network of the same size: that of \(name) is another")
    }
    guard own.noise.prediction == other.noise.prediction else {
      throw ModelError.invalidArgument(
        "--from takes a model of the same --prediction: \(name) predicts "
          + own.noise.prediction.rawValue)
    }
    let keepsNumbers = own.conditioning?.numbers == other.conditioning?.numbers
    let keepsWords = own.conditioning?.tokenizer == other.conditioning?.tokenizer
    var weights: [String: Tensor] = [:]
    for (name, tensor) in model.parameters.named {
      let part = name.split(separator: ".")
      if !keepsNumbers, name.hasPrefix("embedding.numbers.") { continue }
      if !keepsWords,
        name.hasPrefix("text.") || name.hasPrefix("embedding.words.")
          || part.contains("cross_attention")
      {
        continue
      }
      weights[name] = name == Self.labels ? try rows(of: tensor, for: other.labels) : tensor
    }
    return weights
  }

  private static let labels = "embedding.labels.weight"

  /// The label embedding for other labels, `[labels + 1, width]`.
  private func rows(of embedding: Tensor, for labels: [String]) throws -> Tensor {
    let own = model.configuration.labels
    return try .concatenate(
      (labels.map { own.firstIndex(of: $0) ?? own.count } + [own.count]).map {
        try embedding.detach().narrow(dimension: 0, start: $0, length: 1)
      }, dimension: 0)
  }
}

extension ParameterStore {
  /// Takes the values that there are for its parameters; the others stay.
  func begin(with weights: [String: Tensor]) throws {
    for (name, tensor) in named {
      guard let source = weights[name], source.shape == tensor.shape else { continue }
      try tensor.detach().copy(from: source.detach())
    }
  }
}

extension Representation {
  /// Whether values stand for the same; windows may be of other lengths.
  fileprivate func isOfSameSound(as other: Representation) -> Bool {
    spectrogram == other.spectrogram && channels == other.channels && values == other.values
  }
}

extension UNetConfiguration {
  /// Whether all is the same but what a clip is described by.
  fileprivate func hasSameCore(as other: UNetConfiguration) -> Bool {
    var (own, other) = (self, other)
    for path in [\UNetConfiguration.numberCount, \.augmentationWidth] {
      own[keyPath: path] = nil
      other[keyPath: path] = nil
    }
    (own.text, other.text) = (nil, nil)
    (own.labelCount, other.labelCount) = (0, 0)
    return own == other
  }
}
