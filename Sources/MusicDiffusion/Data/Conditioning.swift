public import Corpus
import Foundation

/// What a model can be told beside a label: numbers, and captions. In a model's `config.json`.
public struct Conditioning: Codable, Sendable, Equatable {
  /// A column of `metadata.csv`, as the training data has it.
  public struct Number: Codable, Sendable, Equatable {
    public var name: String
    public var mean: Double
    public var standardDeviation: Double
    public var minimum: Double
    public var maximum: Double

    /// With mean 0 and deviation 1 over the training data.
    func normalized(_ value: Double) -> Double { (value - mean) / standardDeviation }

    /// As "tempo 60 to 180".
    public var description: String { "\(name) \(short(minimum)) to \(short(maximum))" }
  }

  /// In the order of the network's embedding.
  public var numbers: [Number]
  /// Of captions; nil for a model that knows none.
  public var tokenizer: TextTokenizer?

  /// - Throws: ``ModelError/unknownNumber(_:known:)``.
  public func number(named name: String) throws -> Int {
    if let index = numbers.firstIndex(where: { $0.name == name }) { return index }
    let matches = numbers.indices.filter { numbers[$0].name.lowercased() == name.lowercased() }
    guard matches.count == 1 else { throw ModelError.unknownNumber(name, known: numbers) }
    return matches[0]
  }

  /// What was asked for that the model has hardly learned, a line each.
  public func warnings(numbers values: [String: Double], captions: [String?]) throws -> [String] {
    let ofNumbers = try values.sorted { $0.key < $1.key }.compactMap { name, value -> String? in
      let number = try numbers[self.number(named: name)]
      if (number.minimum...number.maximum).contains(value) { return nil }
      return "\(number.name) = \(short(value)) lies outside of what the model has learned from, "
        + "\(short(number.minimum)) to \(short(number.maximum))"
    }
    let ofCaptions = captions.compactMap { caption -> String? in
      guard let caption, let tokenizer, tokenizer.tokens(of: caption).isCut else { return nil }
      return "only the first \(tokenizer.length) tokens, of about a word each, are read of "
        + "\"\(caption.prefix(24))…\""
    }
    return ofNumbers + ofCaptions
  }

  func validate() throws {
    let areSound = numbers.allSatisfy {
      $0.mean.isFinite && $0.standardDeviation > 0 && $0.standardDeviation.isFinite
        && $0.minimum.isFinite && $0.maximum.isFinite && $0.minimum <= $0.maximum
    }
    guard areSound, Set(numbers.map(\.name)).count == numbers.count else {
      throw ModelError.invalidConfiguration(
        "conditioning.numbers must have names of their own, finite means and deviations above 0")
    }
  }
}

/// Six significant digits at most.
func short(_ value: Double) -> String { String(format: "%g", value) }

extension Conditioning? {
  /// - Parameters:
  ///   - label: an index for the network.
  ///   - values: numbers by name; those that are not there are unknown.
  /// - Throws: ``ModelError/unknownNumber(_:known:)``, ``ModelError/noCaptions``.
  func description(
    label: Int, numbers values: [String: Double], caption: String?
  ) throws -> Description {
    var description = Description(label: label)
    if !values.isEmpty {
      guard let self, !self.numbers.isEmpty else {
        throw ModelError.unknownNumber(values.keys.min() ?? "", known: [])
      }
      description.numbers = self.numbers.map { _ in nil }
      for (name, value) in values {
        let index = try self.number(named: name)
        description.numbers[index] = self.numbers[index].normalized(value)
      }
    }
    if let caption {
      guard let tokenizer = self?.tokenizer else { throw ModelError.noCaptions }
      description.caption = tokenizer.tokens(of: caption).tokens
    }
    return description
  }
}
