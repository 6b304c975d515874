import Foundation

/// A JSON object in a file that a person may have written: settings that count more than those it is read over.
struct SettingsObject {
  let values: [String: Any]
  private let path: String

  /// - Throws: ``ModelError/unusableSettings(_:reason:)``.
  init(_ path: String) throws {
    self.path = path
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ModelError.unusableSettings(
        path, reason: "there is no such file, or it is not readable")
    }
    guard let values = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw ModelError.unusableSettings(path, reason: "it is not a JSON object")
    }
    self.values = values
  }

  func error(_ reason: String) -> ModelError { .unusableSettings(path, reason: reason) }

  /// The preset that it names.
  var preset: Preset? { (values["preset"] as? String).flatMap(Preset.init(rawValue:)) }

  /// What stands at a path of keys, `["network", "bottleneck"]`.
  func value(at keys: [String]) -> Any? {
    keys.reduce(values as Any?) { ($0 as? [String: Any])?[$1] }
  }

  /// - Parameter within: the path of keys of an object in it whose own keys are looked at, if it is there.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for a key that is not one of those known.
  func check(known: Set<String>, within keys: [String] = []) throws {
    let object = value(at: keys) as? [String: Any] ?? [:]
    guard let unknown = Set(object.keys).subtracting(known).min() else { return }
    let place = keys.isEmpty ? "" : " in \(keys.joined(separator: "."))"
    throw error(
      "unknown key \"\(unknown)\"\(place); known are \(known.sorted().joined(separator: ", "))")
  }

  /// The words that may stand at paths of keys where one of a few does, or a list of such.
  private static let words: [(keys: [String], known: [String])] = [
    (["preset"], Preset.allCases.map(\.rawValue)),
    (["values"], ValueTransform.allCases.map(\.rawValue)),
    (["noise", "levels"], NoiseDistribution.Kind.allCases.map(\.rawValue)),
    (["noise", "shape"], NoiseShape.allCases.map(\.rawValue)),
    (["noise", "prediction"], Prediction.allCases.map(\.rawValue)),
    (["augmentation", "kinds"], Augmentation.Kind.allCases.map(\.rawValue)),
    (["network", "bottleneck", "kind"], Bottleneck.Kind.allCases.map(\.rawValue)),
    (["adversary", "loss"], AdversarialLoss.allCases.map(\.rawValue)),
  ]

  private func checkWords(except: Set<String>) throws {
    for (keys, known) in Self.words where !except.contains(keys[0]) {
      let value = value(at: keys)
      let words = value as? [String] ?? [value as? String].compactMap(\.self)
      guard let unknown = words.first(where: { !known.contains($0) }) else { continue }
      throw error(
        "\(keys.joined(separator: ".")): \(unknown) is none of \(known.joined(separator: ", "))")
    }
  }

  /// - Parameters:
  ///   - isDeep: whether objects in it count by their own keys, not as a whole.
  ///   - except: keys that do not count.
  /// - Returns: the settings with all that stands in it.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for values of another kind.
  func applied<Settings: Codable>(
    to settings: Settings, isDeep: Bool = false, except: Set<String> = []
  ) throws -> Settings {
    try checkWords(except: except)
    func merged(_ old: [String: Any], _ new: [String: Any]) -> [String: Any] {
      old.merging(new) { old, new in
        if isDeep, let old = old as? [String: Any], let new = new as? [String: Any] {
          return merged(old, new)
        }
        return new
      }
    }
    let data = try JSONEncoder().encode(settings)
    let old = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    let all = merged(old, values.filter { !except.contains($0.key) })
    do {
      return try JSONDecoder().decode(
        Settings.self, from: JSONSerialization.data(withJSONObject: all))
    } catch let error as DecodingError {
      throw self.error(error.explanation(of: all, as: Settings.self))
    }
  }
}

extension DecodingError {
  /// As ``summary``, and with the place of a number that is none of the kind that belongs there, such as -5 for a
  /// seed, for which `JSONDecoder` says only that the data are not valid JSON.
  ///
  /// - Parameter object: the JSON object that could not be decoded as `type`.
  func explanation<Value: Decodable>(of object: [String: Any], as type: Value.Type) -> String {
    guard isWithoutPlace else { return summary }
    // Whatever is in the way of all others being whole numbers.
    let place = unusualNumbers(object).prefix(100).first { place in
      let rest = withWholeNumbers(object, except: place.path)
      guard let data = try? JSONSerialization.data(withJSONObject: rest) else { return false }
      do {
        _ = try JSONDecoder().decode(type, from: data)
        return false
      } catch {
        return (error as? DecodingError)?.isWithoutPlace == true
      }
    }
    guard let place else { return "a number in it is none of the kind that belongs there" }
    return "\(place.path) cannot be \(place.number)"
  }

  private var isWithoutPlace: Bool {
    if case .dataCorrupted(let context) = self { context.codingPath.isEmpty } else { false }
  }
}

/// The numbers in a JSON value that are not whole, negative or large.
private func unusualNumbers(
  _ value: Any, at path: String = ""
) -> [(path: String, number: NSNumber)] {
  switch value {
  case let object as [String: Any]:
    object.sorted { $0.key < $1.key }.flatMap {
      unusualNumbers($0.value, at: path.isEmpty ? $0.key : "\(path).\($0.key)")
    }
  case let array as [Any]:
    array.enumerated().flatMap { unusualNumbers($0.element, at: "\(path).\($0.offset)") }
  case let number as NSNumber where wholeNumber(number).doubleValue != number.doubleValue:
    [(path, number)]
  default: []
  }
}

/// A JSON value with whole numbers, in the order of those that were there, but for one.
private func withWholeNumbers(_ value: Any, at path: String = "", except kept: String) -> Any {
  switch value {
  case let object as [String: Any]:
    Dictionary(
      uniqueKeysWithValues: object.map { key, inner in
        (key, withWholeNumbers(inner, at: path.isEmpty ? key : "\(path).\(key)", except: kept))
      })
  case let array as [Any]:
    array.enumerated().map {
      withWholeNumbers($0.element, at: "\(path).\($0.offset)", except: kept)
    }
  case let number as NSNumber where path != kept: wholeNumber(number)
  default: value
  }
}

private func wholeNumber(_ number: NSNumber) -> NSNumber {
  NSNumber(value: Int(min(max(number.doubleValue.rounded(), 0), 1e9)))
}
