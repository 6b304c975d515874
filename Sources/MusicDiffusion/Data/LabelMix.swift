/// A label of a model, or several mixed by weights.
///
///     options.label = "organ"
///     options.label = ["flute": 0.7, "organ": 0.3]
///     options.label = LabelMix("flute:0.7,organ:0.3")
///
/// The network is told the mean of the labels' learned vectors, by the weights' parts of their sum.
public struct LabelMix: Sendable, Hashable, CustomStringConvertible {
  /// A label, or `label:weight,label:weight`; a label without a weight has 1. Within a mix a backslash
  /// takes the meaning from a comma, a colon or a backslash behind it. What is the name of a label as a
  /// whole is that label.
  public let text: String

  public init(_ text: String) { self.text = text }

  public var description: String { text }

  /// Labels and weights as they are written, in order.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` for a weight that is no number or below 0, and for
  ///   weights that are all 0.
  func parts() throws -> [(name: String, weight: Double)] {
    func invalid(_ reason: String) -> ModelError {
      .invalidArgument("--label \(text): \(reason); labels are mixed as in flute:0.7,organ:0.3")
    }
    let parts = try pieces().map { piece -> (name: String, weight: Double) in
      let name = piece[0].trimmed
      if name.isEmpty { throw invalid("a label is missing") }
      if piece.count == 1 { return (name, 1) }
      guard piece.count == 2, let weight = Double(piece[1].trimmed), weight.isFinite else {
        throw invalid("the weight of \(name) is not a number")
      }
      guard weight >= 0 else { throw invalid("the weight of \(name) is below 0") }
      return (name, weight)
    }
    guard parts.contains(where: { $0.weight > 0 }) else { throw invalid("all weights are 0") }
    return parts
  }

  /// What commas part, each parted by its colons.
  private func pieces() -> [[String]] {
    var pieces = [[""]]
    var isEscaped = false
    for character in text {
      let last = pieces.count - 1
      switch (character, isEscaped) {
      case ("\\", false):
        isEscaped = true
        continue
      case (",", false): pieces.append([""])
      case (":", false): pieces[last].append("")
      default: pieces[last][pieces[last].count - 1].append(character)
      }
      isEscaped = false
    }
    return pieces
  }
}

extension LabelMix: ExpressibleByStringLiteral {
  public init(stringLiteral text: String) { self.init(text) }
}

extension LabelMix: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral weights: (String, Double)...) {
    let parts = weights.map { name, weight in
      let escaped = name.map { ",:\\".contains($0) ? "\\\($0)" : String($0) }.joined()
      return "\(escaped):\(weight)"
    }
    self.init(parts.joined(separator: ","))
  }
}

extension LabelMix: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension ModelConfiguration {
  /// The labels of a mix with their weights, in the network's order: the same mix written in another
  /// order is the same to it. What has the weight 0 is left out; the sum of the others is 1.
  ///
  /// - Throws: ``ModelError/unknownLabel(_:known:)``; ``ModelError/invalidArgument(_:)`` for what is not
  ///   a mix, and for a label that is there twice.
  package func weights(of mix: LabelMix) throws -> [WeightedLabel] {
    do {
      return [WeightedLabel(try labelIndex(mix.text), weight: 1)]
    } catch let unknown as ModelError {
      if !mix.text.contains(where: { ",:\\".contains($0) }) { throw unknown }
    }
    let parts = try mix.parts().map { name, weight in
      WeightedLabel(try labelIndex(name), weight: weight)
    }.sorted { $0.label < $1.label }
    for (one, next) in zip(parts, parts.dropFirst()) where one.label == next.label {
      throw ModelError.invalidArgument("--label \(mix.text): \(labels[one.label]) is there twice")
    }
    let sum = parts.reduce(0) { $0 + $1.weight }
    return parts.filter { $0.weight > 0 }.map { WeightedLabel($0.label, weight: $0.weight / sum) }
  }

  /// What the network is told of a piece.
  ///
  /// - Parameter label: nil for none.
  /// - Throws: as ``weights(of:)``; ``ModelError/unknownNumber(_:known:)``, ``ModelError/noCaptions``.
  func description(
    label: LabelMix?, numbers: [String: Double], caption: String?
  ) throws -> Description {
    let weights = try label.map(weights(of:)) ?? []
    var description = try conditioning.description(
      label: weights.first?.label ?? labels.count, numbers: numbers, caption: caption)
    description.furtherLabels = Array(weights.dropFirst())
    return description
  }
}

extension String {
  /// Without spaces at its ends.
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
