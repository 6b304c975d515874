import Checksums
import Corpus
package import Foundation
public import Torch

/// All that a model is, beside its weights: a model folder's `config.json`.
public struct ModelConfiguration: Codable, Sendable, Equatable {
  /// Raised when an older program could not use a newer model rightly: 2 has predictions, noise and
  /// values of the spectrogram other than those that 1 always had, 3 has numbers or captions, 4 draws codes,
  /// 5 has weights in int8.
  public static let supportedVersion = 5

  /// The lowest that can use it.
  public var formatVersion: Int
  /// The preset that the rest started from, by name.
  public var preset: String
  public var representation: Representation
  public var normalization: Normalization
  public var network: UNetConfiguration
  /// The codes that are drawn, of the autoencoder beside the model; nil for spectrograms as they are.
  public var code: DrawingSpace?
  /// In the order of the network's label embedding.
  public var labels: [String]
  /// What the model can be told beside a label; nil for nothing.
  public var conditioning: Conditioning?
  public var noise: NoiseProcess
  public var sampling: SamplingDefaults
  public var history: TrainingHistory

  package init(
    preset: Preset, representation: Representation, normalization: Normalization,
    network: UNetConfiguration, code: DrawingSpace? = nil, labels: [String],
    conditioning: Conditioning? = nil, noise: NoiseProcess, sampling: SamplingDefaults,
    history: TrainingHistory
  ) {
    formatVersion = 1
    self.preset = preset.rawValue
    self.representation = representation
    self.normalization = normalization
    (self.network, self.code) = (network, code)
    self.labels = labels
    self.conditioning = conditioning
    self.noise = noise
    self.sampling = sampling
    self.history = history
    formatVersion = lowestVersion(reading: .float16)
  }

  /// The ``formatVersion`` of such a model whose file has its weights in this format.
  func lowestVersion(reading weights: WeightFormat) -> Int {
    if weights == .int8 { return 5 }
    let isOfVersion1 =
      noise.prediction == .edm && noise.shape == .gaussian && noise.levels.kind == .logNormal
      && representation.values == .statistics
    return code != nil ? 4 : conditioning != nil ? 3 : isOfVersion1 ? 1 : 2
  }

  /// What the network draws.
  public var space: DrawingSpace { code ?? DrawingSpace(representation) }
  /// Places in time of a window.
  var windowColumns: Int { space.columns(representation.windowFrames) }

  public var preconditioning: Preconditioning {
    Preconditioning(sigmaData: Double(normalization.sigmaData), prediction: noise.prediction)
  }

  /// An index for the network: a whole label, or the last part of its path if only one has it.
  ///
  /// - Throws: ``ModelError/unknownLabel(_:known:)``.
  public func labelIndex(_ name: String) throws -> Int {
    if let index = labels.firstIndex(of: name) { return index }
    let matches = labels.indices.filter {
      labels[$0].split(separator: "/").last.map(String.init) == name
    }
    guard matches.count == 1 else { throw ModelError.unknownLabel(name, known: labels) }
    return matches[0]
  }

  /// The label of a piece for which none is named: a network that was trained on labels draws best
  /// with one. Nil for a model without labels.
  ///
  /// - Parameter avoided: one that is not drawn; nil for none.
  public func label(drawnFrom seed: UInt64, but avoided: Int? = nil) -> String? {
    let labels = labels.indices.filter { $0 != avoided }.map { self.labels[$0] }
    guard !labels.isEmpty else { return nil }
    var random = RandomGenerator(seed: seed, stream: .max)
    return labels[random.integer(in: 0..<labels.count)]
  }

  /// Whether one of two can guide the other: they were trained on the same labels, numbers, captions and
  /// values.
  func isOfSameData(as other: ModelConfiguration) -> Bool {
    representation == other.representation
      && normalization.isNear(other.normalization, within: 0.05)
      && code == other.code && labels == other.labels && conditioning == other.conditioning
  }

  /// Throws ``ModelError/invalidConfiguration(_:)`` or `SpectroError.invalidSettings` for what
  /// cannot draw, so that a damaged `config.json` ends in one line and not in a crash.
  func validate() throws {
    try representation.validate()
    try network.validate()
    let rows = representation.channels * representation.spectrogram.melBins
    try normalization.validate(rows: rows)
    try noise.validate()
    try sampling.validate()
    try history.validate()
    try conditioning?.validate()
    try code?.validate()
    guard network.channels == space.channels, network.melBins == space.bins,
      space.bins * space.melBinsPerBin == representation.spectrogram.melBins,
      network.labelCount == labels.count,
      network.numberCount ?? 0 == conditioning?.numbers.count ?? 0,
      network.text?.vocabularySize == conditioning?.tokenizer?.vocabularySize,
      network.text?.length == conditioning?.tokenizer?.length,
      representation.windowFrames % (space.framesPerColumn * network.frameMultiple) == 0
    else {
      throw ModelError.invalidConfiguration(
        "network, representation, labels and conditioning do not fit")
    }
  }
}

/// What a model draws with, if nobody says otherwise: chosen by quality and time, Docs/diffusion.md.
public struct SamplingDefaults: Codable, Sendable, Equatable {
  public var sampler = Sampler.dpmSolver2MSDE
  public var steps = 24
  public var sigmaMin = 0.01
  public var sigmaMax = 40.0
  public var schedule = SigmaSchedule.karras
  /// Of the schedule `flow`.
  public var shift = 1.0
  public var settings = Sampler.Settings()
  public var guidanceScale = 1.5
  public var guidanceRescale = 0.0
  public var guidanceInterval: ClosedRange<Double>? = 0.2...5

  public init() {}

  /// What suits a network that was trained with this noise: of EDM's noise levels up to those that a
  /// hundredth of the training was above, 40 at least; of others those that all but a ten-thousandth on either
  /// side has seen.
  public init(for noise: NoiseProcess, sigmaData: Double) {
    if noise.prediction == .flow { (sampler, schedule, steps) = (.flow, .flow, 20) }
    guard noise.levels.kind != .logNormal else {
      let most = noise.levels.sigma(quantile: 0.99, sigmaData: sigmaData)
      sigmaMax = min(max(sigmaMax, most), 1e4)
      return
    }
    sigmaMin = max(sigmaMin, noise.levels.sigma(quantile: 1e-4, sigmaData: sigmaData))
    sigmaMax = min(sigmaMax, noise.levels.sigma(quantile: 1 - 1e-4, sigmaData: sigmaData))
  }

  public var guidance: Guidance {
    get { Guidance(scale: guidanceScale, rescale: guidanceRescale, interval: guidanceInterval) }
    set {
      (guidanceScale, guidanceRescale, guidanceInterval) =
        (newValue.scale, newValue.rescale, newValue.interval)
    }
  }

  /// The same, led away from a weaker model as strictly as that one's defaults say: how far it may be led
  /// depends on how much weaker that one is.
  func guided(by weaker: SamplingDefaults) -> SamplingDefaults {
    var result = self
    result.guidance = weaker.guidance
    return result
  }

  /// Falling, ending in 0.
  package func sigmas(sigmaData: Double) throws -> [Double] {
    try schedule.sigmas(
      steps: steps, min: sigmaMin, max: sigmaMax, sigmaData: sigmaData, shift: shift)
  }

  package func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration("sampling." + reason) }
    }
    try check((1...10_000).contains(steps), "steps must be 1 to 10000")
    try check(
      0 < sigmaMin && sigmaMin < sigmaMax && sigmaMax <= 1e6, "sigmaMin must be less than sigmaMax")
    try check((0.01...100).contains(shift), "shift must be 0.01 to 100")
    try check((0...1000).contains(guidanceScale), "guidanceScale must be 0 to 1000")
    try check((0...1).contains(guidanceRescale), "guidanceRescale must be 0 to 1")
    try check(
      guidanceInterval.map { $0.lowerBound >= 0 } ?? true, "guidanceInterval must not be negative")
    try check((0...1).contains(settings.eta ?? 0), "settings.eta must be 0 to 1")
    let churn = settings.churn ?? Sampling.Churn.none
    try check(
      (0...10_000).contains(churn.amount) && (0...10).contains(churn.noise)
        && 0 <= churn.sigmaMin && churn.sigmaMin <= churn.sigmaMax,
      "settings.churn is off")
  }
}

extension SamplingDefaults {
  /// What models had no choice of once may be absent.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    sampler = try values.decode(Sampler.self, forKey: .sampler)
    steps = try values.decode(Int.self, forKey: .steps)
    sigmaMin = try values.decode(Double.self, forKey: .sigmaMin)
    sigmaMax = try values.decode(Double.self, forKey: .sigmaMax)
    guidanceScale = try values.decode(Double.self, forKey: .guidanceScale)
    func later<T: Decodable>(_ key: CodingKeys, else value: T) throws -> T {
      try values.decodeIfPresent(T.self, forKey: key) ?? value
    }
    schedule = try later(.schedule, else: schedule)
    shift = try later(.shift, else: shift)
    settings = try later(.settings, else: settings)
    guidanceRescale = try later(.guidanceRescale, else: guidanceRescale)
    guidanceInterval = try values.decodeIfPresent(
      ClosedRange<Double>.self, forKey: .guidanceInterval)
  }
}

/// What a model has seen.
public struct TrainingHistory: Codable, Sendable, Equatable {
  public var dataset = ""
  /// The model whose weights it began with; nil for random ones.
  public var startedFrom: String?
  /// The steps that it was made for by distilling that model; nil for one that learned from data alone.
  public var distilledSteps: Int?
  /// What judged it beside its teacher; nil for nobody.
  public var distillationAdversary: AdversarialLoss?
  public var files = 0
  public var skippedFiles = 0
  public var datasetHours = 0.0
  public var batchSize = 0
  public var learningRate = 0.0
  public var seed: UInt64 = 0
  public var steps = 0
  public var trainingHours = 0.0
  /// Mean loss of about the last hundred steps; 1 is a network that knows nothing.
  public var loss = 1.0

  public init() {}

  /// Windows of the data that it was trained on, each counted as often as it was drawn.
  public var clipsSeen: Int { steps * batchSize }

  func validate() throws {
    guard (0...Int(Int32.max)).contains(steps), (0...Int(Int32.max)).contains(batchSize) else {
      throw ModelError.invalidConfiguration("history has a number of steps or clips that is off")
    }
  }
}

/// A network with its configuration, ready to draw.
public struct Model: Sendable {
  public let configuration: ModelConfiguration
  public let network: UNet
  public let parameters: ParameterStore
  /// How the file that it was read from holds the weights; float16 for a model of no file.
  public let weightFormat: WeightFormat
  /// What it draws away from; nil for none.
  public let guide: Guide?
  /// What makes spectrograms of the codes that it draws; nil for a model that draws spectrograms.
  public let coder: AutoencoderModel?

  /// A weaker network of the same data, in the folder `guide` of a model's folder.
  public struct Guide: Sendable {
    public let configuration: ModelConfiguration
    public let network: UNet
    public let parameters: ParameterStore
    public let weightFormat: WeightFormat

    init(_ model: Model) {
      (configuration, network, parameters) = (model.configuration, model.network, model.parameters)
      weightFormat = model.weightFormat
    }
  }

  /// What it draws with where nobody says otherwise.
  public var sampling: SamplingDefaults {
    guide.map { configuration.sampling.guided(by: $0.configuration.sampling) }
      ?? configuration.sampling
  }

  static let configurationFile = "config.json"
  static let weightsFile = "model.safetensors"
  public static let guideFolder = "guide"

  /// Reads a model folder, and its guide if it has one.
  ///
  /// - Throws: ``ModelError/noFolder(_:)``, ``ModelError/damagedModel(_:reason:)`` or
  ///   ``ModelError/otherVersion(_:found:supported:)``.
  public init(contentsOf folder: String, device: Device = .cpu) throws {
    let own = try Self(withoutCompanions: folder, device: device)
    guide = try Self.guide(of: folder).map { place in
      let guide = try Self(withoutCompanions: place, device: device)
      guard guide.configuration.isOfSameData(as: own.configuration) else {
        throw ModelError.damagedModel(place, reason: "it guides no model of other data or preset")
      }
      return Guide(guide)
    }
    // Which also sees to it that it is the one.
    coder = try own.configuration.code.map { _ in
      try AutoencoderModel(contentsOf: folder, device: device)
    }
    (configuration, network, parameters) = (own.configuration, own.network, own.parameters)
    weightFormat = own.weightFormat
  }

  /// The folder of a model's guide; nil for none.
  static func guide(of folder: String) -> String? {
    let place = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(guideFolder)
    let file = place.appendingPathComponent(configurationFile)
    return FileManager.default.fileExists(atPath: file.path) ? place.path : nil
  }

  /// Reads a model without its guide and its autoencoder.
  private init(withoutCompanions folder: String, device: Device) throws {
    configuration = try Self.readConfiguration(in: folder)
    let file = URL(fileURLWithPath: folder, isDirectory: true)
      .appendingPathComponent(Self.weightsFile).path
    do {
      let (tensors, format) = try SavedWeights.decode(SafeTensors.read(file).tensors)
      (parameters, weightFormat) = (ParameterStore(loading: tensors), format)
      network = try UNet(parameters.root, configuration: configuration.network)
      try parameters.finishLoading()
    } catch {
      if case .outOfMemory? = error as? TorchError { throw error }
      throw ModelError.damagedModel(folder, reason: "\(error)")
    }
    try parameters.to(device)
    (guide, coder) = (nil, nil)
  }

  package init(
    configuration: ModelConfiguration, network: UNet, parameters: ParameterStore,
    coder: AutoencoderModel? = nil
  ) {
    self.configuration = configuration
    self.network = network
    self.parameters = parameters
    (weightFormat, guide, self.coder) = (.float16, nil, coder)
  }

  /// Reads `config.json` alone.
  public static func readConfiguration(in folder: String) throws -> ModelConfiguration {
    struct Version: Decodable { var formatVersion: Int }
    let url = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(
      configurationFile)
    guard FileManager.default.fileExists(atPath: folder) else { throw ModelError.noFolder(folder) }
    // A device may be endless, and opening a pipe waits for somebody to write.
    let kind = try? url.resolvingSymlinksInPath().resourceValues(forKeys: [.isRegularFileKey])
    guard kind?.isRegularFile == true, let data = try? Data(contentsOf: url) else {
      if AutoencoderModel.exists(in: folder) { throw ModelError.autoencoderAlone(folder) }
      throw ModelError.damagedModel(folder, reason: "it has no readable \(configurationFile)")
    }
    guard let version = try? JSONDecoder().decode(Version.self, from: data).formatVersion else {
      throw ModelError.damagedModel(folder, reason: "\(configurationFile) is not a model's")
    }
    guard SealedJSON.isIntact(data) else {
      throw ModelError.damagedModel(
        folder,
        reason:
          "\(configurationFile) does not match its checksum: if it was changed on purpose, remove "
          + "its lines bytes and crc32c")
    }
    guard (1...ModelConfiguration.supportedVersion).contains(version) else {
      throw ModelError.otherVersion(
        folder, found: version, supported: ModelConfiguration.supportedVersion)
    }
    do {
      let configuration = try JSONDecoder().decode(ModelConfiguration.self, from: data)
      try configuration.validate()
      return configuration
    } catch let error as DecodingError {
      throw ModelError.damagedModel(folder, reason: "\(configurationFile): \(error.summary)")
    } catch {
      throw ModelError.damagedModel(folder, reason: "\(error)")
    }
  }

  /// Writes the model, with its autoencoder and without its guide, to a new folder.
  ///
  /// - Throws: ``ModelError/cannotWrite(_:reason:)``.
  public func save(to folder: String) throws { try save(to: folder, weights: .float16) }

  func save(to folder: String, weights: WeightFormat) throws {
    let url = URL(fileURLWithPath: folder, isDirectory: true)
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      try write(to: url, weights: weights)
    } catch TorchError.file(let path, let reason) {
      throw ModelError.cannotWrite(path, reason: reason)
    } catch let error as CocoaError {
      throw ModelError.cannotWrite(folder, reason: error.localizedDescription)
    }
  }

  /// Writes the model's files into a folder that is there: what ``save(to:)`` does, with bare errors.
  package func write(to folder: URL, weights: WeightFormat = .float16) throws {
    if let coder, !AutoencoderModel.exists(in: folder.path) { try coder.write(to: folder) }
    let (tensors, format) = try SavedWeights.encode(parameters.named, as: weights)
    try SafeTensors.write(
      tensors, metadata: ["format": "compose"], sealed: true,
      to: folder.appendingPathComponent(Self.weightsFile).path)
    var configuration = configuration
    configuration.formatVersion = configuration.lowestVersion(reading: format)
    try writeAtomically(
      SealedJSON.encode(configuration), to: folder.appendingPathComponent(Self.configurationFile))
  }
}

extension DecodingError {
  /// The key and what is wrong with it, in one line.
  var summary: String {
    let context =
      switch self {
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .keyNotFound(_, let context), .dataCorrupted(let context):
        context
      @unknown default: DecodingError.Context(codingPath: [], debugDescription: "unreadable")
      }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    if case .keyNotFound(let key, _) = self {
      return (path.isEmpty ? "" : path + ": ") + "\(key.stringValue) is missing"
    }
    return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
  }
}

/// Writes under a temporary name and renames, so that a full disk leaves the old file as it was.
///
/// - Throws: ``ModelError/cannotWrite(_:reason:)``.
package func writeAtomically(_ data: Data, to url: URL) throws {
  do {
    try writeWhole([data], to: url)
  } catch CorpusError.cannotWrite(let path, let reason) {
    throw ModelError.cannotWrite(path, reason: reason)
  }
}
