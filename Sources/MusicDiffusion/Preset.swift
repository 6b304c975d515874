import Corpus
public import Spectro

/// Sizes that fit together, by name.
public enum Preset: String, Codable, CaseIterable, Sendable {
  case standard, draft, oneshots, studio

  /// One line for `--help`.
  public var summary: String {
    switch self {
    case .standard: "22 kHz mono, 256 mel bins, 4.5 s windows; a laptop and an evening"
    case .draft: "22 kHz mono, 128 mel bins, 3 s windows, a small network; to try things out"
    case .oneshots: "44 kHz mono, 256 mel bins, 1.5 s windows, short clips are padded"
    case .studio: "44 kHz stereo, 256 mel bins, 4.5 s windows, a large network; for a GPU"
    }
  }

  /// How sound becomes what the network draws.
  public var spectrogram: SpectrogramPreset {
    switch self {
    case .standard: .standard
    case .draft: .draft
    case .oneshots: .oneshots
    case .studio: .studio
    }
  }

  public var representation: Representation {
    Representation(
      spectrogram: spectrogram.settings, channels: spectrogram.channelCount,
      windowFrames: spectrogram.windowFrames, padsShortClips: spectrogram.padsShortClips)
  }

  public func network(
    labelCount: Int, conditioning: Conditioning? = nil
  ) -> UNetConfiguration {
    let representation = representation
    let (widths, blocks, embedding, text) =
      switch self {
      case .standard, .oneshots: ([64, 96, 160], 2, 192, (width: 192, layers: 3))
      case .draft: ([48, 64, 96], 1, 96, (width: 96, layers: 2))
      case .studio: ([128, 256, 384, 512], 3, 512, (width: 384, layers: 6))
      }
    var network = UNetConfiguration(
      channels: representation.channels, melBins: representation.spectrogram.melBins,
      patchBins: 4, patchFrames: 4, widths: widths, blocks: BlockCounts(blocks),
      embeddingWidth: embedding,
      labelCount: labelCount)
    if let numbers = conditioning?.numbers, !numbers.isEmpty { network.numberCount = numbers.count }
    network.text = conditioning?.tokenizer.map {
      TextEncoderConfiguration(
        vocabularySize: $0.vocabularySize, length: $0.length, width: text.width,
        layers: text.layers)
    }
    return network
  }
}
