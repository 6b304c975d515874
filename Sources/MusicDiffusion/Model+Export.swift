import Foundation

extension Model {
  /// Writes what of a model's folder is needed to draw to a new folder: configuration and weights of the model and
  /// of its guide, and the autoencoder. Files whose weights are in this format already are copied as they are, so that
  /// recipes know the copy.
  ///
  /// - Parameters:
  ///   - folder: of the model, which is read as a whole first.
  ///   - output: does not exist and does not lie in `folder`.
  ///   - weights: the format that the files of model and guide are to have; nil for those that they have. A network
  ///     whose rows are all too short for int8 stays in float16, and an autoencoder as it is.
  /// - Returns: what was written, as it is read again.
  /// - Throws: as ``init(contentsOf:device:)``; ``ModelError/outputExists(_:)``,
  ///   ``ModelError/exportInside(_:of:)``, ``ModelError/cannotWrite(_:reason:)``.
  public static func export(
    _ folder: String, to output: String, weights: WeightFormat? = nil
  ) throws -> Model {
    let model = try Model(contentsOf: folder)
    func path(_ name: String) -> [String] {
      URL(fileURLWithPath: name).resolvingSymlinksInPath().pathComponents
    }
    guard !FileManager.default.fileExists(atPath: output) else {
      throw ModelError.outputExists(output)
    }
    guard !path(output).starts(with: path(folder)) else {
      throw ModelError.exportInside(output, of: folder)
    }
    do {
      // First, so that what an export leaves that was cut off is no model, rather than one without its guide.
      if let guide = model.guide {
        try Model(guide, coder: model.coder).export(
          from: folder + "/" + guideFolder, to: output + "/" + guideFolder, weights: weights)
      }
      try model.export(from: folder, to: output, weights: weights)
      return try Model(contentsOf: output)
    } catch {
      try? FileManager.default.removeItem(atPath: output)
      throw error
    }
  }

  /// Without a guide.
  private func export(from folder: String, to output: String, weights: WeightFormat?) throws {
    if let weights, weights != weightFormat { return try save(to: output, weights: weights) }
    let code = coder == nil ? [] : AutoencoderModel.files
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
      for file in code + [Self.weightsFile, Self.configurationFile] {
        try writeAtomically(
          Data(contentsOf: URL(fileURLWithPath: folder).appendingPathComponent(file)),
          to: URL(fileURLWithPath: output).appendingPathComponent(file))
      }
    } catch let error as CocoaError {
      throw ModelError.cannotWrite(output, reason: error.localizedDescription)
    }
  }

  private init(_ guide: Guide, coder: AutoencoderModel?) {
    (configuration, network) = (guide.configuration, guide.network)
    (parameters, weightFormat) = (guide.parameters, guide.weightFormat)
    (self.guide, self.coder) = (nil, coder)
  }
}
