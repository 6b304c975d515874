import Corpus
import Torch

extension Dataset {
  /// What a clip is said to be, for a network that knows this conditioning: the data's own or that of
  /// a model of other data, of which what bears the same name is taken.
  ///
  /// - Parameter label: an index for the network.
  func description(
    of clip: Int, label: Int, for conditioning: Conditioning?
  ) throws -> Description {
    var description = Description(label: label)
    guard let conditioning else { return description }
    if !conditioning.numbers.isEmpty {
      let values = try source.numbers(of: clip)
      let columns = source.metadataSummary?.numbers ?? []
      description.numbers = conditioning.numbers.map { number in
        guard let column = columns.firstIndex(where: { $0.name == number.name }),
          !values[column].isNaN
        else { return nil }
        return number.normalized(Double(values[column]))
      }
    }
    if let tokenizer = conditioning.tokenizer, let caption = try source.caption(of: clip) {
      description.caption = tokenizer.tokens(of: caption).tokens
    }
    return description
  }

  /// As ``training`` and ``heldOut`` draw it, for a network of this data.
  func description(of place: Windows.Place) throws -> Description {
    try description(of: place.clip, label: place.label ?? labels.count, for: conditioning)
  }

  /// Some captions that are trained on, always the same ones.
  func captions(count: Int) throws -> [String] {
    var random = RandomGenerator(seed: 0)
    var captions: [String] = []
    // Many files may have none, or the same.
    for _ in 0..<16 * count where captions.count < count {
      let clip = try training.random(&random).clip
      if let caption = try source.caption(of: clip), !captions.contains(caption) {
        captions.append(caption)
      }
    }
    return captions
  }
}
