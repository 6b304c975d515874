import Audio
import Foundation
import Torch

/// The file of a recipe: a JSON object with every field that a recipe has, and no other.
extension Recipe {
  /// - Throws: ``ModelError/unusableRecipe(_:reason:)`` for what is not a recipe as this program, or one
  ///   that knows no more, writes it.
  public init(contentsOf path: String) throws {
    func unusable(_ reason: String) -> ModelError { .unusableRecipe(path, reason: reason) }
    let kind = try? URL(fileURLWithPath: path).resolvingSymlinksInPath()
      .resourceValues(forKeys: [.isRegularFileKey])
    guard kind?.isRegularFile == true, let data = try? Data(contentsOf: URL(fileURLWithPath: path))
    else { throw unusable("there is no such file, or it is not readable") }
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw unusable("it is not a JSON object")
    }
    if let version = object["version"] as? Int, version > Self.formatVersion {
      throw unusable("it has version \(version), this program reads up to \(Self.formatVersion)")
    }
    do {
      self = try JSONDecoder().decode(Recipe.self, from: data)
      let (own, known) = (
        Self.fields(object), Self.fields(try JSONSerialization.jsonObject(with: encoded()))
      )
      if let unknown = own.subtracting(known).min() { throw unusable("unknown field \(unknown)") }
      if let missing = known.subtracting(own).min() { throw unusable("no field \(missing)") }
    } catch let error as DecodingError {
      throw unusable(error.explanation(of: object, as: Recipe.self))
    }
    if let reason = defect { throw unusable(reason) }
  }

  /// - Throws: ``ModelError/cannotWrite(_:reason:)``.
  public func write(to path: String) throws {
    try writeAtomically(encoded() + Data("\n".utf8), to: URL(fileURLWithPath: path))
  }

  private func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  /// The names of all fields, those of objects within behind a dot.
  private static func fields(_ value: Any) -> Set<String> {
    guard let object = value as? [String: Any] else { return [] }
    return object.reduce(into: []) { fields, field in
      fields.insert(field.key)
      fields.formUnion(Self.fields(field.value).map { "\(field.key).\($0)" })
    }
  }

  /// A value that no piece is made with.
  private var defect: String? {
    if version < 1 { return "version must be 1 or more" }
    if !(seconds > 0 && seconds <= Generator.maximumSeconds) {
      return "seconds must be more than 0 and at most \(Int(Generator.maximumSeconds))"
    }
    if let loop {
      if loop.sampleCount < 1 { return "loop.sampleCount must be 1 or more" }
      if loop.beatsPerMinute.map({ !(10...1000).contains($0) }) ?? false {
        return "loop.beatsPerMinute must be 10 to 1000"
      }
      if loop.beatsPerBar.map({ !(1...64).contains($0) }) ?? false {
        return "loop.beatsPerBar must be 1 to 64"
      }
      if let groove = loop.groove {
        if !groove.isPossible { return "loop.groove must be of 1 to 10000 bars of 1 to 64 beats" }
        if version < 3 { return "a loop with a groove has version 3" }
      }
      if trim != nil { return "a loop has no trim: it would be none" }
    }
    if !(1...1024).contains(threads) { return "threads must be 1 to 1024" }
    if !(0...10_000).contains(inversionIterations) {
      return "inversionIterations must be 0 to 10000"
    }
    if Device(device) == nil { return "device must be cpu or cuda:N, not \(device)" }
    if let gain, !(abs(gain) <= 200) { return "gain must be -200 to 200" }
    if let text = file?.normalize, NormalizationTarget(text) == nil {
      return "file.normalize must be a target such as -14 LUFS, not \(text)"
    }
    if let name = file?.name, name.isEmpty || name.contains("/") {
      return "file.name must be a name without a folder"
    }
    do {
      try sampling.validate()
    } catch {
      return "\(error)".replacing("not a usable model configuration: ", with: "")
    }
    return nil
  }
}
