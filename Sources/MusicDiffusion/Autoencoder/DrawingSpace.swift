/// What a network draws: spectrograms, or codes of them.
public struct DrawingSpace: Codable, Sendable, Equatable {
  /// Values at each place.
  public var channels: Int
  /// Places in frequency.
  public var bins: Int
  /// Frames of the spectrogram for a place in time.
  public var framesPerColumn: Int
  /// Its mel bins for a place in frequency.
  public var melBinsPerBin: Int
  /// Which autoencoder's codes they are: the checksum of its weights; nil for spectrograms.
  public var autoencoder: String?

  public init(
    channels: Int, bins: Int, framesPerColumn: Int, melBinsPerBin: Int, autoencoder: String? = nil
  ) {
    (self.channels, self.bins, self.autoencoder) = (channels, bins, autoencoder)
    (self.framesPerColumn, self.melBinsPerBin) = (framesPerColumn, melBinsPerBin)
  }

  /// Of spectrograms as they are.
  init(_ representation: Representation) {
    self.init(
      channels: representation.channels, bins: representation.spectrogram.melBins,
      framesPerColumn: 1, melBinsPerBin: 1)
  }

  func validate() throws {
    guard (1...256).contains(channels), (1...4096).contains(bins),
      (1...4096).contains(framesPerColumn), (1...4096).contains(melBinsPerBin)
    else {
      throw ModelError.invalidConfiguration("code must have 1 to 256 channels, and positive sizes")
    }
  }

  /// Places in time for so many frames, the last filled up.
  func columns(_ frames: Int) -> Int { (frames + framesPerColumn - 1) / framesPerColumn }

  /// Places that any of these frames, or mel bins, falls into.
  func columns(of frames: Range<Int>) -> Range<Int> {
    frames.isEmpty
      ? frames.lowerBound / framesPerColumn..<frames.lowerBound / framesPerColumn
      : frames.lowerBound / framesPerColumn..<columns(frames.upperBound)
  }

  func bins(of melBins: Range<Int>) -> Range<Int> {
    melBins.lowerBound / melBinsPerBin..<(melBins.upperBound + melBinsPerBin - 1) / melBinsPerBin
  }
}
