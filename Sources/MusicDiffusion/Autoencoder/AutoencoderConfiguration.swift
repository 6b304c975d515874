/// The size of an ``Autoencoder``, and what keeps its code small. Saved in a model's `config.json`.
public struct AutoencoderConfiguration: Codable, Sendable, Equatable {
  /// Spectrogram channels: 1 for mono, 2 for mid and side.
  public var channels: Int
  public var melBins: Int
  /// Side of the patches that one position of the highest level stands for, in mel bins and frames.
  public var patchBins: Int
  public var patchFrames: Int
  /// Channels at each level, highest resolution first; each further level halves both axes.
  public var widths: [Int]
  /// Residual blocks at each level, of the encoder and again of the decoder.
  public var blocks: Int
  /// Numbers at each position of the code.
  public var codeChannels: Int
  public var bottleneck: Bottleneck

  public init(
    channels: Int, melBins: Int, patchBins: Int = 4, patchFrames: Int = 4, widths: [Int],
    blocks: Int, codeChannels: Int, bottleneck: Bottleneck
  ) {
    self.channels = channels
    self.melBins = melBins
    self.patchBins = patchBins
    self.patchFrames = patchFrames
    self.widths = widths
    self.blocks = blocks
    self.codeChannels = codeChannels
    self.bottleneck = bottleneck
  }

  /// For spectrograms of a preset: a code of a sixteenth of their values.
  public init(for preset: Preset, bottleneck: Bottleneck) {
    let representation = preset.representation
    let (widths, blocks) =
      switch preset {
      case .standard, .oneshots: ([64, 96], 2)
      case .draft: ([32, 48], 1)
      case .studio: ([96, 160], 3)
      }
    self.init(
      channels: representation.channels, melBins: representation.spectrogram.melBins,
      widths: widths, blocks: blocks, codeChannels: 4 * representation.channels,
      bottleneck: bottleneck)
  }

  /// Positions of the code on each side of one that what is encoded there or decoded from there depends on,
  /// at most: 3 by 3 convolutions at all levels.
  public var reach: Int {
    let cells = (0..<widths.count).reduce(0.0) { sum, level in
      sum + 2 * Double(blocks) / Double(1 << (widths.count - 1 - level))
    }
    // And the convolutions at the ends.
    return Int((cells + 1 + 1 / Double(1 << (widths.count - 1))).rounded(.up))
  }

  /// Mel bins and frames that one position of the code stands for.
  public var codeBins: Int { patchBins << (widths.count - 1) }
  public var codeFrames: Int { patchFrames << (widths.count - 1) }

  /// Values of a spectrogram for each number of its code.
  public var compression: Double {
    Double(channels * codeBins * codeFrames) / Double(codeChannels)
  }

  /// Throws ``ModelError/invalidConfiguration(_:)`` for a network that cannot be built.
  func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration(reason) }
    }
    try check((1...2).contains(channels), "autoencoder.channels must be 1 or 2")
    try check((1...6).contains(widths.count), "autoencoder.widths must name 1 to 6 levels")
    try check(
      widths.allSatisfy { (8...4096).contains($0) && $0 % 8 == 0 },
      "autoencoder.widths must be multiples of 8, 8 to 4096")
    try check((1...64).contains(blocks), "autoencoder.blocks must be 1 to 64")
    try check((1...64).contains(patchBins), "autoencoder.patchBins must be 1 to 64")
    try check((1...64).contains(patchFrames), "autoencoder.patchFrames must be 1 to 64")
    try check((1...256).contains(codeChannels), "autoencoder.codeChannels must be 1 to 256")
    try check(
      (1...4096).contains(melBins) && melBins % codeBins == 0,
      "autoencoder.patchBins and widths make a place of the code of \(codeBins) mel bins, and melBins, "
        + "\(melBins), must be a multiple of that, at most 4096")
    try bottleneck.validate()
  }
}
