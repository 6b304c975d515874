public import Audio
import Checksums
import Foundation
public import Torch

/// How a piece was made, down to what makes it again byte for byte on the same machine: a JSON file
/// beside it.
///
///     let recipe = try Recipe(contentsOf: "music.json")
///     try setThreadCount(recipe.threads)
///     let music = try recipe.generator(model: "my-model").generate(recipe)
public struct Recipe: Codable, Sendable, Equatable {
  /// The newest that is written.
  public static let formatVersion = 3

  /// The lowest that can read it: 2 for a loop, 3 for one with a groove.
  public var version = 1
  /// What made it, such as `compose 0.1.0`.
  public var program: String
  public var model: Source
  /// The weaker model that it was led away from.
  public var guide: Source?

  public var seconds: Double
  /// How the end leads to the beginning; nil for a piece that ends.
  public var loop: Loop?
  public var seed: UInt64
  /// The one that it was drawn with, also where the seed chose it.
  public var label: LabelMix?
  public var prompt: String?
  public var numbers: [String: Double]
  public var negativeLabel: String?
  public var negativePrompt: String?
  /// All of it, with what the model has by default.
  public var sampling: SamplingDefaults
  public var noise: NoiseShape
  public var inversionIterations: Int

  /// As ``Device`` has it: `cpu`, `cuda:0`.
  public var device: String
  public var precision: Precision
  /// Of the CPU: sums in another order are others in their last bits.
  public var threads: Int

  /// What is kept of the piece, and decibels that it is made louder by then; nil for all of it, as it is.
  public var trim: Trim?
  public var gain: Double?
  /// The file that it went to; nil for none.
  public var file: File?

  public enum Precision: String, Codable, Sendable {
    case float32, bfloat16

    public var dtype: DType { self == .float32 ? .float32 : .bfloat16 }
  }

  public struct Loop: Codable, Sendable, Equatable {
    public var sampleCount: Int
    /// Its tempo, nil for a loop that was asked for in seconds; its beats in a bar, nil for four.
    public var beatsPerMinute: Double?
    public var beatsPerBar: Int?
    public var groove: Groove?

    /// - Returns: nil for a piece that ends.
    public init?(
      of form: Generator.Form, beatsPerMinute: Double?, beatsPerBar: Int?, groove: Groove? = nil
    ) {
      guard case .loop(let sampleCount) = form else { return nil }
      self.sampleCount = sampleCount
      (self.beatsPerMinute, self.beatsPerBar) = (beatsPerMinute, beatsPerBar)
      self.groove = groove
    }
  }

  /// What is drawn before it is trimmed.
  public var form: Generator.Form {
    loop.map { .loop(sampleCount: $0.sampleCount) } ?? .piece(seconds: seconds)
  }

  /// A model folder, told from others by what is in it.
  public struct Source: Codable, Sendable, Equatable {
    /// The CRC-32C of `config.json` and that of `model.safetensors`, then those of its guide if it has one.
    public var fingerprint: String
    /// As it was named; nil for the model that ships with compose.
    public var folder: String?
    /// The data that it was trained on.
    public var dataset: String
  }

  public struct File: Codable, Sendable, Equatable {
    /// Without its folder.
    public var name: String
    public var encoding: AudioEncoding
    /// The loudness or peak that it was brought to, as `-14 LUFS`.
    public var normalize: String?
    /// The CRC-32C of the file.
    public var crc32c: String

    /// - Parameter path: of a file that is written.
    /// - Throws: ``ModelError/unreadable(_:)``.
    public init(_ path: String, encoding: AudioEncoding, normalize: String?) throws {
      name = URL(fileURLWithPath: path).lastPathComponent
      (self.encoding, self.normalize) = (encoding, normalize)
      crc32c = try checksum(ofFile: path)
    }
  }
}

extension Recipe.Source {
  /// - Parameter name: what to call the folder; nil for the model that ships.
  /// - Throws: as ``Model/readConfiguration(in:)``.
  public init(contentsOf folder: String, name: String?) throws {
    dataset = try Model.readConfiguration(in: folder).history.dataset
    fingerprint = try ([folder] + [Model.guide(of: folder)].compactMap(\.self)).flatMap { folder in
      let code = AutoencoderModel.exists(in: folder) ? AutoencoderModel.files : []
      return try ([Model.configurationFile, Model.weightsFile] + code).map { file in
        try checksum(ofFile: URL(fileURLWithPath: folder).appendingPathComponent(file).path)
      }
    }.joined(separator: "-")
    self.folder = name
  }

  /// - Parameter option: that names another folder, for the error.
  /// - Throws: ``ModelError/otherModel(_:found:wanted:option:)``, unless the folder holds this model.
  func check(_ folder: String, option: String) throws {
    let exists = FileManager.default.fileExists(atPath: folder)
    let found = exists ? try Self(contentsOf: folder, name: nil).fingerprint : nil
    guard found == fingerprint else {
      throw ModelError.otherModel(folder, found: found, wanted: fingerprint, option: option)
    }
  }
}

extension Generator {
  /// How ``generate(_:seeds:options:onProgress:)`` makes a piece.
  ///
  /// - Parameters:
  ///   - tempo: of a loop, in beats a minute, and the beats of its bars, for its file's metadata.
  ///   - program: its name and version.
  ///   - model, guide: the folders of this generator's models.
  /// - Throws: ``ModelError/invalidArgument(_:)`` for what cannot be drawn with.
  public func recipe(
    _ form: Form, tempo: (beatsPerMinute: Double?, beatsPerBar: Int?) = (nil, nil), seed: UInt64,
    options: Options, program: String, model: Recipe.Source, guide: Recipe.Source? = nil
  ) throws -> Recipe {
    let configuration = self.model.configuration
    let loop = Recipe.Loop(
      of: form, beatsPerMinute: tempo.beatsPerMinute, beatsPerBar: tempo.beatsPerBar,
      groove: options.groove)
    return Recipe(
      version: loop.map { $0.groove == nil ? 2 : 3 } ?? 1, program: program, model: model,
      guide: guide,
      seconds: self.seconds(form), loop: loop, seed: seed,
      label: label(for: options, seed: seed), prompt: options.prompt, numbers: options.numbers,
      negativeLabel: options.negativeLabel, negativePrompt: options.negativePrompt,
      sampling: try standard(isNegative: options.isNegative).with(options),
      noise: options.noise ?? configuration.noise.shape,
      inversionIterations: options.inversionIterations, device: device.description,
      precision: denoiser.precision == .bfloat16 ? .bfloat16 : .float32, threads: threadCount)
  }

  /// Makes a piece again, trimmed and as loud as the recipe says. Its model, device and precision must be
  /// this generator's, as ``Recipe/generator(model:guide:)`` sees to.
  ///
  /// - Throws: as ``generate(_:seeds:options:onProgress:)``; ``ModelError/invalidArgument(_:)`` for a
  ///   recipe that is not for this model.
  public func generate(
    _ recipe: Recipe, onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    try recipe.finished(
      generate(
        recipe.form, seeds: [recipe.seed], options: options(of: recipe), onProgress: onProgress)[0])
  }

  /// What a recipe says beside length and seed.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` for a recipe that is not for this model.
  public func options(of recipe: Recipe) throws -> Options {
    let standard = standard(
      isNegative: recipe.negativeLabel != nil || recipe.negativePrompt != nil)
    let options = recipe.options(over: standard)
    guard seconds(recipe.form) == recipe.seconds else {
      throw ModelError.invalidArgument(
        "the recipe's loop is not as long as its seconds at this model's rate")
    }
    guard try standard.with(options) == recipe.sampling else {
      throw ModelError.invalidArgument(
        "the recipe's sampling cannot be this model's: \"sigmaMin\", \"sigmaMax\" and whether there is a "
          + "\"guidanceInterval\" are as the model has them, and \"settings\" and \"shift\" for samplers and schedules that take them"
      )
    }
    return options
  }
}

extension Recipe {
  /// A generator such as the one that made it.
  ///
  /// - Parameters:
  ///   - model, guide: folders of the models.
  /// - Throws: ``ModelError/otherModel(_:found:wanted:option:)``, and as `Model` and `Generator`.
  public func generator(model folder: String, guide guideFolder: String? = nil) throws -> Generator
  {
    guard let device = Device(device) else {
      throw ModelError.invalidArgument("the recipe's device must be cpu or cuda:N, not \(device)")
    }
    try model.check(folder, option: "--model")
    let model = try Model(contentsOf: folder, device: device)
    guard let guide else {
      return Generator(model: model, device: device, precision: precision.dtype)
    }
    let weaker = guideFolder ?? guide.folder ?? folder
    try guide.check(weaker, option: "--guide")
    return try Generator(
      model: model, awayFrom: Model(contentsOf: weaker, device: device), device: device,
      precision: precision.dtype)
  }

  /// What differs from the model's defaults: an option that is given must mean something.
  func options(over standard: SamplingDefaults) -> Generator.Options {
    func unless<T: Equatable>(_ standard: T, _ value: T) -> T? { value == standard ? nil : value }
    var options = Generator.Options()
    options.label = label
    options.numbers = numbers
    options.prompt = prompt
    options.negativeLabel = negativeLabel
    options.negativePrompt = negativePrompt
    options.sampler = unless(standard.sampler, sampling.sampler)
    options.samplerSettings = unless(
      options.sampler == nil ? standard.settings : Sampler.Settings(), sampling.settings)
    options.steps = unless(standard.steps, sampling.steps)
    options.schedule = unless(standard.schedule, sampling.schedule)
    options.shift = unless(standard.shift, sampling.shift)
    options.guidanceScale = unless(standard.guidanceScale, sampling.guidanceScale)
    options.guidanceRescale = unless(standard.guidanceRescale, sampling.guidanceRescale)
    if sampling.guidanceInterval != standard.guidanceInterval {
      options.guidanceInterval = sampling.guidanceInterval
    }
    options.noise = noise
    options.groove = loop?.groove
    options.inversionIterations = inversionIterations
    return options
  }

  /// A piece as it is drawn, trimmed and made louder.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` for a part that the piece does not have.
  public func finished(_ piece: AudioBuffer) throws -> AudioBuffer {
    var sound = piece
    if let trim {
      guard trim.fits(sound.sampleCount) else {
        throw ModelError.invalidArgument(
          "the recipe's trim is no part of a piece of \(sound.sampleCount) samples")
      }
      sound = sound.trimmed(to: trim)
    }
    return gain.map(sound.amplified) ?? sound
  }
}

/// The CRC-32C of a file, eight hexadecimal digits.
///
/// - Throws: ``ModelError/unreadable(_:)``.
func checksum(ofFile path: String) throws -> String {
  guard let file = FileHandle(forReadingAtPath: path) else { throw ModelError.unreadable(path) }
  var checksum = CRC32C()
  do {
    while let block = try file.read(upToCount: 1 << 20), !block.isEmpty {
      block.withUnsafeBytes { checksum.add($0) }
    }
  } catch {
    throw ModelError.unreadable(path)
  }
  return checksum.hexadecimal
}
