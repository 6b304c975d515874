public import ArgumentParser
public import MusicDiffusion
import Terminal

/// What is to be made: a label, words, numbers.
struct DescriptionOptions: ParsableArguments {
  // One, taken as several so that a second one is not passed over.
  @Option(
    name: .customLong("label"),
    help: ArgumentHelp(
      "A label of the model, or several mixed, as flute:0.7,organ:0.3; `compose info` lists them. Default: drawn from the seed, in a pack each in turn; none with --prompt, or where a sound is given.",
      valueName: "label"))
  var labels: [LabelMix] = []
  var label: LabelMix? { labels.first }

  @Option(
    help:
      "What it is to be, in words such as the captions that the model was trained on: \"slow piano, rainy\"."
  )
  var prompt: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A number of the model, as tempo=120; `compose info` lists them with their ranges. May be repeated.",
      valueName: "name=number"))
  var numbers: [NamedNumber] = []

  func validate() throws {
    guard labels.count < 2 else {
      throw ValidationError(
        "--label is there \(labels.count) times. Several are mixed in one, as in flute:0.7,organ:0.3."
      )
    }
    // As models look for them.
    let names = numbers.map { $0.name.lowercased() }
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw ValidationError("--set \(twice) is there twice.")
    }
  }

  func set(_ options: inout Generator.Options) {
    options.label = label
    options.prompt = prompt
    options.numbers = Dictionary(uniqueKeysWithValues: numbers.map { ($0.name, $0.value) })
  }

  /// Says what the model has hardly learned of what is asked for.
  static func warn(about options: Generator.Options, _ model: Model) throws {
    let warnings = try model.configuration.conditioning?.warnings(
      numbers: options.numbers, captions: [options.prompt, options.negativePrompt])
    for warning in warnings ?? [] { Terminal.note(warning) }
  }
}

extension Generator.Options {
  /// What a piece is to be, in a few words: "piano, \"slow\", tempo 120".
  func described(label: LabelMix?) -> [String] {
    [label?.text, prompt.map { "\"\($0)\"" }].compactMap(\.self)
      + numbers.sorted { $0.key < $1.key }.map { "\($0.key) \(NamedNumber.text($0.value))" }
  }
}

extension LabelMix: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// `NAME=NUMBER`.
struct NamedNumber: ExpressibleByArgument {
  let name: String
  let value: Double

  init?(argument: String) {
    guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex,
      let value = Double(argument[argument.index(after: sign)...]), value.isFinite
    else { return nil }
    (name, self.value) = (String(argument[..<sign]), value)
  }

  static func text(_ value: Double) -> String {
    value.rounded() == value && abs(value) < 1e15 ? String(Int(value)) : String(value)
  }
}
