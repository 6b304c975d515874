import Checksums
package import Foundation
public import Spectro
public import Torch

/// All that an autoencoder is, beside its weights: `autoencoder.json` in its folder, and in that of each model
/// that draws in its code.
public struct AutoencoderDescription: Codable, Sendable, Equatable {
  public static let supportedVersion = 1

  public var formatVersion = Self.supportedVersion
  /// The preset that the rest started from, by name.
  public var preset: String
  public var representation: Representation
  public var normalization: Normalization
  public var network: AutoencoderConfiguration
  /// Mean and standard deviation of each channel of the code over the training data.
  public var codeMean, codeDeviation: [Float]
  public var history: TrainingHistory
  /// The CRC-32C of the weights, in float16 and in the order of their names, eight hexadecimal digits.
  public internal(set) var weights = ""

  package init(
    preset: String, representation: Representation, normalization: Normalization,
    network: AutoencoderConfiguration, codeMean: [Float], codeDeviation: [Float],
    history: TrainingHistory
  ) {
    (self.preset, self.representation, self.normalization) = (
      preset, representation, normalization
    )
    (self.network, self.history) = (network, history)
    (self.codeMean, self.codeDeviation) = (codeMean, codeDeviation)
  }

  /// What a network draws that draws codes.
  public var space: DrawingSpace {
    DrawingSpace(
      channels: network.codeChannels, bins: network.melBins / network.codeBins,
      framesPerColumn: network.codeFrames, melBinsPerBin: network.codeBins, autoencoder: weights)
  }

  func validate() throws {
    try representation.validate()
    try network.validate()
    try normalization.validate(rows: representation.channels * representation.spectrogram.melBins)
    try history.validate()
    guard network.channels == representation.channels,
      network.melBins == representation.spectrogram.melBins,
      representation.windowFrames % network.codeFrames == 0,
      representation.values == .statistics,
      codeMean.count == network.codeChannels, codeDeviation.count == network.codeChannels,
      (codeMean + codeDeviation).allSatisfy(\.isFinite), codeDeviation.allSatisfy({ $0 > 1e-4 })
    else {
      throw ModelError.invalidConfiguration(
        "network, representation and the code's statistics do not fit")
    }
  }
}

/// An autoencoder that is trained: log-mel spectrograms to codes that a network can draw, and back.
public struct AutoencoderModel: Sendable {
  public private(set) var description: AutoencoderDescription
  public let network: Autoencoder
  public let parameters: ParameterStore
  /// The code's normalisation, `[1, channels, 1, 1]`.
  private let scale, shift: Tensor

  static let descriptionFile = "autoencoder.json"
  static let weightsFile = "autoencoder.safetensors"

  package init(
    _ description: AutoencoderDescription, network: Autoencoder, parameters: ParameterStore,
    device: Device
  ) throws {
    (self.network, self.parameters) = (network, parameters)
    self.description = description
    self.description.weights = try Self.checksum(of: parameters)
    let shape = [1, description.network.codeChannels, 1, 1]
    let sigma = description.normalization.sigmaData
    scale = try Tensor(description.codeDeviation.map { sigma / $0 }, shape: shape, device: device)
    shift = try Tensor(
      zip(description.codeMean, description.codeDeviation).map { -$0 * sigma / $1 }, shape: shape,
      device: device)
  }

  static let files = [descriptionFile, weightsFile]
  /// What helps a model that has lost its autoencoder.
  private static let remedy =
    "copy \(files.joined(separator: " and ")) from the autoencoder that it was trained with"

  /// Whether a folder holds one.
  public static func exists(in folder: String) -> Bool {
    let url = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(
      descriptionFile)
    return FileManager.default.fileExists(atPath: url.path)
  }

  /// - Parameter folder: of an autoencoder, or of a model that draws in its code.
  /// - Throws: ``ModelError/noFolder(_:)``, ``ModelError/noAutoencoder(_:)``,
  ///   ``ModelError/damagedModel(_:reason:)``, also for an autoencoder beside a model that draws the codes of another,
  ///   ``ModelError/otherVersion(_:found:supported:)``.
  public init(contentsOf folder: String, device: Device = .cpu) throws {
    let description = try Self.readDescription(in: folder)
    let weights = URL(fileURLWithPath: folder, isDirectory: true)
      .appendingPathComponent(Self.weightsFile).path
    do {
      let parameters = try ParameterStore(
        loading: SafeTensors.read(weights).tensors, device: device)
      let network = try Autoencoder(parameters.root, configuration: description.network)
      try parameters.finishLoading()
      try self.init(description, network: network, parameters: parameters, device: device)
      guard self.description.weights == description.weights else {
        throw ModelError.damagedModel(
          folder, reason: "\(Self.weightsFile) is not that of \(Self.descriptionFile)")
      }
      if let model = try? Model.readConfiguration(in: folder), let code = model.code {
        guard description.space == code, description.representation == model.representation,
          description.normalization == model.normalization
        else {
          throw ModelError.damagedModel(
            folder, reason: "its autoencoder is of another code: \(Self.remedy)")
        }
      }
    } catch let error as ModelError {
      throw error
    } catch {
      if case .outOfMemory? = error as? TorchError { throw error }
      throw ModelError.damagedModel(folder, reason: "\(error)")
    }
  }

  private static func checksum(of parameters: ParameterStore) throws -> String {
    var checksum = CRC32C()
    for (_, tensor) in parameters.named.sorted(by: { $0.name < $1.name }) {
      try tensor.detach().to(.cpu).to(.float16).withBytes { checksum.add($0) }
    }
    return checksum.hexadecimal
  }

  /// Reads `autoencoder.json` alone.
  ///
  /// - Throws: ``ModelError/noFolder(_:)``, ``ModelError/noAutoencoder(_:)``,
  ///   ``ModelError/damagedModel(_:reason:)``, ``ModelError/otherVersion(_:found:supported:)``.
  public static func readDescription(in folder: String) throws -> AutoencoderDescription {
    struct Version: Decodable { var formatVersion: Int }
    guard FileManager.default.fileExists(atPath: folder) else { throw ModelError.noFolder(folder) }
    guard exists(in: folder) else {
      if (try? Model.readConfiguration(in: folder))?.code == nil {
        throw ModelError.noAutoencoder(folder)
      }
      throw ModelError.damagedModel(
        folder, reason: "its \(descriptionFile) is missing: \(remedy)")
    }
    let url = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(
      descriptionFile)
    let kind = try? url.resolvingSymlinksInPath().resourceValues(forKeys: [.isRegularFileKey])
    guard kind?.isRegularFile == true, let data = try? Data(contentsOf: url) else {
      throw ModelError.damagedModel(folder, reason: "it has no readable \(descriptionFile)")
    }
    guard let version = try? JSONDecoder().decode(Version.self, from: data).formatVersion else {
      throw ModelError.damagedModel(folder, reason: "\(descriptionFile) is not an autoencoder's")
    }
    guard SealedJSON.isIntact(data) else {
      throw ModelError.damagedModel(
        folder, reason: "\(descriptionFile) does not match its checksum")
    }
    guard version == AutoencoderDescription.supportedVersion else {
      throw ModelError.otherVersion(
        folder, found: version, supported: AutoencoderDescription.supportedVersion)
    }
    do {
      let description = try JSONDecoder().decode(AutoencoderDescription.self, from: data)
      try description.validate()
      return description
    } catch let error as DecodingError {
      throw ModelError.damagedModel(folder, reason: "\(descriptionFile): \(error.summary)")
    } catch {
      throw ModelError.damagedModel(folder, reason: "\(error)")
    }
  }

  /// Writes both files, the weights in float16.
  package func write(to folder: URL) throws {
    let weights = try parameters.named.map {
      (name: $0.name, tensor: try $0.tensor.detach().to(.float16))
    }
    try SafeTensors.write(
      weights, metadata: ["format": "compose"], sealed: true,
      to: folder.appendingPathComponent(Self.weightsFile).path)
    try writeAtomically(
      SealedJSON.encode(description), to: folder.appendingPathComponent(Self.descriptionFile))
  }
}

extension AutoencoderModel {
  /// Frames that are coded at once, which decides about memory.
  private static let framesAtOnce = 1 << 12

  /// - Parameter x: normalised log-mel, `[batch, channels, mel bins, frames]`, of whole columns.
  /// - Returns: its code with a standard deviation of sigmaData, `[batch, code channels, bins, columns]`,
  ///   float32.
  package func code(of x: Tensor, precision: DType = .float32) throws -> Tensor {
    let frames = description.network.codeFrames
    return try withoutGradient {
      try inParts(x, of: frames, atOnce: Self.framesAtOnce / frames) {
        try network.encode($0, precision: precision).mean * scale + shift
      } cut: { part, columns in
        try part.narrow(dimension: 3, start: columns.lowerBound, length: columns.count)
      }
    }
  }

  /// The inverse: as near as the code is to the spectrogram.
  package func spectrogram(of code: Tensor, precision: DType = .float32) throws -> Tensor {
    let frames = description.network.codeFrames
    return try withoutGradient {
      try inParts(code, of: 1, atOnce: Self.framesAtOnce / frames) {
        try network.decode(($0 - shift) / scale, precision: precision)
      } cut: { part, columns in
        try part.narrow(
          dimension: 3, start: columns.lowerBound * frames, length: columns.count * frames)
      }
    }
  }

  /// Applies what depends on near columns alone to parts of all columns, which with as much beside them as they
  /// depend on come out as if all were done at once.
  ///
  /// - Parameters:
  ///   - size: of a column in `x`.
  ///   - atOnce: columns of a part.
  ///   - cut: some columns of what `body` gives.
  private func inParts(
    _ x: Tensor, of size: Int, atOnce: Int, _ body: (Tensor) throws -> Tensor,
    cut: (_ part: Tensor, _ columns: Range<Int>) throws -> Tensor
  ) throws -> Tensor {
    let columns = x.shape[3] / size
    if columns <= atOnce { return try body(x) }
    let reach = description.network.reach
    let parts = try stride(from: 0, to: columns, by: atOnce).map { start in
      let kept = start..<min(start + atOnce, columns)
      let seen = max(0, start - reach)..<min(columns, kept.upperBound + reach)
      let part = try body(
        x.narrow(dimension: 3, start: seen.lowerBound * size, length: seen.count * size))
      return try cut(
        part, kept.lowerBound - seen.lowerBound..<kept.upperBound - seen.lowerBound)
    }
    return try .concatenate(parts, dimension: 3)
  }

  /// What is left of log-mel spectrograms, `[frames, bins]` for each channel, as a code has them.
  public func copy(of planes: [Spectrogram]) throws -> [Spectrogram] {
    let representation = description.representation
    let scaling = SpectrogramScaling(representation, description.normalization)
    let (bins, frames) = (representation.spectrogram.melBins, planes[0].frames)
    let whole = description.space.columns(frames) * description.network.codeFrames
    let x = try Tensor(
      scaling.normalized(planes, frames: whole), shape: [1, planes.count, bins, whole],
      device: scale.device)
    let values = try spectrogram(of: code(of: x)).floats()
    let area = bins * whole
    return scaling.logMel(
      ofNormalized: planes.indices.map { Array(values[$0 * area..<($0 + 1) * area]) },
      frames: frames)
  }

  /// The same for what goes around: its last column is beside its first.
  package func spectrogram(ofLoop code: Tensor, precision: DType = .float32) throws -> Tensor {
    let frames = description.network.codeFrames
    let columns = code.shape[3]
    let whole = try spectrogram(
      of: around(code, by: description.network.reach), precision: precision)
    return try whole.narrow(
      dimension: 3, start: description.network.reach * frames, length: columns * frames)
  }

  package func code(ofLoop x: Tensor, precision: DType = .float32) throws -> Tensor {
    let frames = description.network.codeFrames
    let columns = x.shape[3] / frames
    let reach = description.network.reach
    let whole = try code(of: around(x, by: reach * frames), precision: precision)
    return try whole.narrow(dimension: 3, start: reach, length: columns)
  }

  /// With so many of the last columns before the first, and of the first behind the last.
  private func around(_ x: Tensor, by count: Int) throws -> Tensor {
    let columns = x.shape[3]
    let indices = (-count..<columns + count).map { Int64((($0 % columns) + columns) % columns) }
    return try x.indexSelect(
      dimension: 3, indices: Tensor(indices, shape: [indices.count], device: x.device))
  }
}
