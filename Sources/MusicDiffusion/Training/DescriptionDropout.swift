import Torch

/// How often what is said about a clip is left out in training, so that the network learns to do
/// without: for classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598), and for whoever asks
/// for a tempo alone. The label has ``TrainingConfiguration/labelDropout``.
public struct DescriptionDropout: Codable, Sendable, Equatable {
  /// Each number by itself.
  public var number = 0.1
  public var caption = 0.1
  /// All numbers, caption and label at once.
  public var all = 0.1

  public init() {}

  func validate() throws {
    guard [number, caption, all].allSatisfy((0...1).contains) else {
      throw ModelError.invalidConfiguration("training.descriptionDropout must be 0 to 1")
    }
  }

  /// - Parameter none: the index that stands for no label.
  func apply(to description: inout Description, none: Int, _ random: inout RandomGenerator) {
    if random.uniform() < all { description = Description(label: none) }
    for index in description.numbers.indices where random.uniform() < number {
      description.numbers[index] = nil
    }
    if random.uniform() < caption { description.caption = [] }
  }
}
