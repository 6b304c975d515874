public import Torch

/// A label that a clip has in part.
public struct WeightedLabel: Sendable, Equatable {
  /// An index for the network.
  public var label: Int
  /// Its part of the whole, above 0 and at most 1.
  public var weight: Double

  public init(_ label: Int, weight: Double) { (self.label, self.weight) = (label, weight) }
}

/// What a clip is said to be: all that classifier-free guidance can leave out.
public struct Description: Sendable, Equatable {
  /// An index of a label; the network's `labelCount` stands for none.
  public var label: Int
  /// More labels that are mixed with it, in rising order; ``label`` has the weight that they leave.
  public var furtherLabels: [WeightedLabel] = []
  /// The network's numbers, each with mean 0 and deviation 1 over the training data, nil where
  /// unknown; empty for none at all.
  public var numbers: [Double?]
  /// The tokens of a caption; empty for none.
  public var caption: [Int]

  public init(label: Int, numbers: [Double?] = [], caption: [Int] = []) {
    (self.label, self.numbers, self.caption) = (label, numbers, caption)
  }
}

/// What a denoiser is told beside the noisy signal.
public struct Condition: Sendable {
  /// One for each clip.
  public var descriptions: [Description]
  /// The clean signal where it is known and 0 elsewhere, `[batch, channels, mel bins, frames]`.
  public var known: Tensor
  /// 1 where the signal is known, 0 elsewhere, `[batch, 1, mel bins, frames]`; between these, the part of a
  /// sampler's steps over which it is: see ``standing(after:)``.
  public var mask: Tensor
  /// How each clip was augmented, `[batch, Augmentation.vectorWidth]`; nil for not at all.
  public var augmentation: Tensor?

  public init(
    _ descriptions: [Description], known: Tensor, mask: Tensor, augmentation: Tensor? = nil
  ) {
    self.descriptions = descriptions
    self.known = known
    self.mask = mask
    self.augmentation = augmentation
  }

  /// Nothing known.
  public init(_ descriptions: [Description], shape: [Int], device: Device) throws {
    self.descriptions = descriptions
    known = try .zeros(shape, device: device)
    mask = try .zeros([shape[0], 1, shape[2], shape[3]], device: device)
  }

  /// Nothing but labels, and what is known.
  public init(labels: [Int], known: Tensor, mask: Tensor, augmentation: Tensor? = nil) {
    self.init(
      labels.map { Description(label: $0) }, known: known, mask: mask, augmentation: augmentation)
  }

  /// Nothing but labels, and nothing known.
  public init(labels: [Int], shape: [Int], device: Device) throws {
    try self.init(labels.map { Description(label: $0) }, shape: shape, device: device)
  }

  /// An index of a label for each clip: of several, the first.
  public var labels: [Int] { descriptions.map(\.label) }

  /// The batch twice: as it is, and with `other` for every description.
  func twice(other: Description) throws -> Condition {
    Condition(
      descriptions + descriptions.map { _ in other },
      known: try .concatenate([known, known], dimension: 0),
      mask: try .concatenate([mask, mask], dimension: 0))
  }

  /// With the known part times a factor, as the network is given it.
  func scaled(by factor: Double) throws -> Condition {
    var scaled = self
    scaled.known = try known * factor
    return scaled
  }

  /// What is still known after a part of a sampler's steps, with a mask of 0 and 1.
  package func standing(after part: Double) throws -> Condition {
    let values = try mask.floats().map { Double($0) > part ? Float(1) : 0 }
    var standing = self
    standing.mask = try Tensor(values, shape: mask.shape, device: mask.device)
    standing.known = try known * standing.mask
    return standing
  }

  /// The estimate where nothing is known, else what is known.
  func completed(by denoised: Tensor) throws -> Tensor { try known + denoised * (1 - mask) }
}
