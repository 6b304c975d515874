extension TrainingConfiguration {
  /// The settings of a network that is to guide a model: half as wide, one block at each level, trained for
  /// an eighth of the time, in all else as the model. A guide has to make the same mistakes, more of them
  /// (Karras et al. 2024, arXiv:2406.02507).
  public init(guideOf model: ModelConfiguration) throws {
    guard let preset = Preset(rawValue: model.preset) else {
      throw ModelError.invalidConfiguration("there is no preset \(model.preset)")
    }
    guard model.history.distilledSteps == nil else {
      throw ModelError.invalidArgument(
        "a model that was distilled is drawn without a guide: train one for its teacher, and distill that"
      )
    }
    self.init(preset: preset)
    let own = model.network
    let last = max(own.headWidth, own.widths.last! / 2 / own.headWidth * own.headWidth)
    widths = own.widths.dropLast().map { max(8, $0 / 2 / 8 * 8) } + [last]
    blocks = 1
    patch = [own.patchBins, own.patchFrames]
    detailKernels = own.detailKernels ?? 0
    (noise, values) = (model.noise, model.representation.values)
    // Where there is little noise it exaggerates details, of which it knows least: Docs/training.md.
    guidance = Guidance(scale: 1.4, interval: 1...max(40, model.sampling.sigmaMax))
    hours = max(0.01, model.history.trainingHours / 8)
  }
}

extension Dataset {
  /// - Parameters:
  ///   - model: that a network of this data is to guide, or to learn from.
  ///   - name: of its folder; `command`: what asks for the data, both for the error.
  /// - Throws: ``ModelError/invalidArgument(_:)`` unless it was trained on the same data.
  public func check(
    isThatOf model: ModelConfiguration, name: String, command: String = "--guide-for"
  ) throws {
    guard representation == model.representation,
      normalization.isNear(model.normalization, within: 0.05), labels == model.labels,
      conditioning == model.conditioning
    else {
      throw ModelError.invalidArgument(
        "\(command) takes the data that the model was trained on, and \(path) is not that of \(name)"
      )
    }
  }
}
