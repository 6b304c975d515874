/// The size of a ``UNet``. Saved in a model's `config.json`; two equal values build the same
/// parameters under the same names.
public struct UNetConfiguration: Codable, Sendable, Equatable {
  /// Of what is drawn: of spectrograms 1 for mono, 2 for mid and side.
  public var channels: Int
  /// Of codes, their places in frequency.
  public var melBins: Int
  /// Side of the patches that one position of the highest level stands for, in mel bins and frames.
  public var patchBins: Int
  public var patchFrames: Int
  /// Channels at each level, highest resolution first; each further level halves both axes.
  public var widths: [Int]
  /// Residual blocks on the way down and again on the way up.
  public var blocks: BlockCounts
  /// Attention heads work on this many channels each.
  public var headWidth: Int
  /// Width of the embedding of noise level and description.
  public var embeddingWidth: Int
  /// Number of labels; one more entry of the embedding stands for "no label".
  public var labelCount: Int
  /// Numbers that tell how a clip was augmented; nil for a network that was trained on clips as they
  /// are, and has no weights for these.
  public var augmentationWidth: Int?
  /// Numbers that a clip is described by; nil for a network that knows none.
  public var numberCount: Int?
  /// Kernels that a filter of the noisy spectrogram beside the U-Net is mixed of; nil for a network that has none.
  public var detailKernels: Int?
  /// What reads captions; nil for a network that knows none.
  public var text: TextEncoderConfiguration?

  public init(
    channels: Int, melBins: Int, patchBins: Int, patchFrames: Int, widths: [Int],
    blocks: BlockCounts,
    headWidth: Int = 32, embeddingWidth: Int = 192, labelCount: Int = 0
  ) {
    self.channels = channels
    self.melBins = melBins
    self.patchBins = patchBins
    self.patchFrames = patchFrames
    self.widths = widths
    self.blocks = blocks
    self.headWidth = headWidth
    self.embeddingWidth = embeddingWidth
    self.labelCount = labelCount
  }

  /// A spectrogram's frames must be a multiple of this, its mel bins of ``binMultiple``.
  public var frameMultiple: Int { patchFrames << (widths.count - 1) }
  public var binMultiple: Int { patchBins << (widths.count - 1) }

  /// Throws ``ModelError/invalidConfiguration(_:)`` for a network that cannot be built, so that a
  /// damaged `config.json` ends in one line and not in a crash.
  func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration(reason) }
    }
    try check((1...256).contains(channels), "network.channels must be 1 to 256")
    try check((1...8).contains(widths.count), "network.widths must name 1 to 8 levels")
    try check(
      widths.allSatisfy { (8...8192).contains($0) && $0 % 8 == 0 },
      "network.widths must be multiples of 8, 8 to 8192")
    try check(
      blocks.suit(levels: widths.count),
      "network.blocks must be 1 to 64, one number for all levels or as many as there are widths")
    try check((1...64).contains(patchBins), "network.patchBins must be 1 to 64")
    try check((1...64).contains(patchFrames), "network.patchFrames must be 1 to 64")
    try check((4...8192).contains(headWidth) && headWidth % 4 == 0, "network.headWidth is off")
    try check(widths.last! % headWidth == 0, "the last width must be a multiple of headWidth")
    try check((8...8192).contains(embeddingWidth), "network.embeddingWidth must be 8 to 8192")
    try check((0...1_000_000).contains(labelCount), "network.labelCount must be 0 to 1000000")
    try check(
      augmentationWidth.map { (1...1024).contains($0) } ?? true,
      "network.augmentationWidth must be 1 to 1024")
    try check(
      numberCount.map { (1...1024).contains($0) } ?? true, "network.numberCount must be 1 to 1024")
    try check(
      detailKernels.map { (1...64).contains($0) } ?? true, "network.detailKernels must be 1 to 64")
    try text?.validate()
    try check(
      (1...4096).contains(melBins) && melBins % binMultiple == 0,
      "network.melBins must be a multiple of \(binMultiple), at most 4096")
  }
}
