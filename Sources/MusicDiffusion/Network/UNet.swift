public import Torch

/// The network F of the denoiser: a 2D U-Net over patches of a log-mel spectrogram.
///
/// It takes, beside the noisy spectrogram, the part of it that is known and a mask that says where,
/// so that the same weights generate from nothing, continue a clip and fill a gap. Convolutions and
/// rotary attention make it run on any number of frames that ``UNetConfiguration/frameMultiple``
/// divides.
public struct UNet: Sendable {
  public let configuration: UNetConfiguration
  let embedding: NoiseEmbedding
  let text: TextEncoder?
  let stem: Conv2d
  let binPosition: Tensor
  let down: [Level]
  let up: [Level]
  let detail: DetailFilter?
  let headNorm: GroupNorm
  let head: Conv2d

  /// The blocks of one level, with attention at the lowest: to itself, and to a caption.
  struct Level: Sendable {
    let blocks: [ResidualBlock]
    let attention: [SelfAttention]
    let crossAttention: [CrossAttention]
    /// Halves the resolution before the blocks on the way down; on the way up, brings the level
    /// below to this width (`resize`) and joins it with the skip (`merge`).
    let resize: Conv2d?
    let merge: Conv2d?

    func callAsFunction(
      _ x: Tensor, embedding: Tensor, text: EncodedText?, dropout: inout Dropout?
    ) throws -> Tensor {
      var h = x
      for (index, block) in blocks.enumerated() {
        h = try block(h, embedding: embedding, dropout: &dropout)
        if index < attention.count { h = try attention[index](h) }
        if index < crossAttention.count, let text {
          h = try crossAttention[index](h, text: text)
        }
      }
      return h
    }
  }

  /// - Throws: ``ModelError/invalidConfiguration(_:)``, or what a loading `ParameterStore` misses.
  public init(_ path: ParameterPath, configuration: UNetConfiguration) throws {
    try configuration.validate()
    self.configuration = configuration
    let widths = configuration.widths
    let lowest = widths.count - 1
    embedding = try NoiseEmbedding(path / "embedding", configuration: configuration)
    text = try configuration.text.map { try TextEncoder(path / "text", configuration: $0) }
    let patch = configuration.patchBins * configuration.patchFrames
    stem = try Conv2d(
      path / "stem", in: (2 * configuration.channels + 1) * patch, out: widths[0], kernel: 1)
    binPosition = try path.parameter(
      "bin_position", [1, widths[0], configuration.melBins / configuration.patchBins, 1],
      .normal(standardDeviation: 0.02), decays: false)

    func makeLevel(
      _ name: String, _ level: Int, resize: Conv2d? = nil, merge: Conv2d? = nil
    ) throws -> Level {
      let path = path / name / String(level)
      let blocks = configuration.blocks[level]
      return Level(
        blocks: try (0..<blocks).map {
          try ResidualBlock(
            path / "blocks" / String($0), channels: widths[level],
            embeddingWidth: configuration.embeddingWidth)
        },
        attention: try (0..<(level == lowest ? blocks : 0)).map {
          try SelfAttention(
            path / "attention" / String($0), channels: widths[level],
            headWidth: configuration.headWidth)
        },
        crossAttention: try configuration.text.map { text in
          try (0..<(level == lowest ? blocks : 0)).map {
            try CrossAttention(
              path / "cross_attention" / String($0), channels: widths[level],
              headWidth: configuration.headWidth, textWidth: text.width)
          }
        } ?? [],
        resize: resize, merge: merge)
    }
    down = try widths.indices.map { level in
      let resize =
        level == 0
        ? nil
        : try Conv2d(
          path / "down" / String(level) / "resize", in: widths[level - 1], out: widths[level],
          kernel: 2, stride: 2, padding: 0)
      return try makeLevel("down", level, resize: resize)
    }
    up = try widths.indices.reversed().map { level in
      guard level < lowest else { return try makeLevel("up", level) }
      let path = path / "up" / String(level)
      return try makeLevel(
        "up", level,
        resize: Conv2d(path / "resize", in: widths[level + 1], out: widths[level], kernel: 1),
        merge: Conv2d(path / "merge", in: 2 * widths[level], out: widths[level], kernel: 1))
    }
    detail = try configuration.detailKernels.map {
      try DetailFilter(
        path / "detail", inputs: (2 * configuration.channels + 1) * patch,
        outputs: configuration.channels * patch,
        rows: configuration.melBins / configuration.patchBins, kernels: $0,
        embeddingWidth: configuration.embeddingWidth)
    }
    headNorm = try GroupNorm(
      path / "head_norm", channels: widths[0], groups: normGroups(widths[0]))
    head = try Conv2d(
      path / "head", in: widths[0], out: configuration.channels * patch, kernel: 3, padding: 1,
      initializer: .zeros)
  }

  /// - Parameters:
  ///   - x: noisy log-mel, scaled to unit variance, `[batch, channels, mel bins, frames]`, float32.
  ///   - noiseLevels: cNoise of each clip.
  ///   - condition: what each clip is said to be, and what of it is known, scaled as `x` is.
  ///   - dropout: what leaves out values in the residual blocks; nil outside of training.
  ///   - precision: the type that convolutions and products are computed in.
  /// - Returns: F, shaped as `x`, float32.
  public func callAsFunction(
    _ x: Tensor, noiseLevels: [Double], condition: Condition, dropout: Dropout? = nil,
    precision: DType
  ) throws -> Tensor {
    var dropout = dropout
    var view = try view(
      x, noiseLevels: noiseLevels, condition: condition, dropout: &dropout, precision: precision)
    var h = view.levels.removeLast()
    for level in up {
      if let resize = level.resize, let merge = level.merge {
        let below = try resize(h).upsampleNearest2x()
        h = try merge(Tensor.concatenate([below, view.levels.removeLast()], dimension: 1))
      }
      h = try level(h, embedding: view.embedding, text: view.text, dropout: &dropout)
    }
    let output = try headNorm.siluConv(h, head).to(.float32)
    guard let detail else { return try patches.joined(output) }
    return try patches.joined(
      output + detail(view.values, embedding: view.embedding).to(.float32))
  }

  /// What the network makes of what it is given before it says anything.
  private struct View {
    /// Patches of the input, and the noise level with what else is known of the clips.
    var values, embedding: Tensor
    var text: EncodedText?
    /// Of each level on the way down, `[batch, width, rows, columns]`.
    var levels: [Tensor]
  }

  private func view(
    _ x: Tensor, noiseLevels: [Double], condition: Condition, dropout: inout Dropout?,
    precision: DType
  ) throws -> View {
    let text = try self.text.map {
      try $0(condition.descriptions.map(\.caption), device: x.device)
    }
    let embedding = try self.embedding(
      noiseLevels: noiseLevels, condition, device: x.device)
    let input = try Tensor.concatenate([x, condition.known, condition.mask], dimension: 1)
    let values = try patches.split(input).to(precision).channelsLast()
    var h = try stem(values) + binPosition.to(precision)
    var levels: [Tensor] = []
    for level in down {
      if let resize = level.resize { h = try resize(h) }
      h = try level(h, embedding: embedding, text: text, dropout: &dropout)
      levels.append(h)
    }
    return View(values: values, embedding: embedding, text: text, levels: levels)
  }

  /// What the network sees in a clip, by which a ``StudentCritic`` judges it. Parameters as for
  /// ``callAsFunction(_:noiseLevels:condition:dropout:precision:)``.
  ///
  /// - Returns: of each level on the way down, `[batch, width, rows, columns]`, each half as high and as long as the
  ///   one before, in the precision.
  func features(
    _ x: Tensor, noiseLevels: [Double], condition: Condition, precision: DType
  ) throws -> [Tensor] {
    var dropout: Dropout?
    return try view(
      x, noiseLevels: noiseLevels, condition: condition, dropout: &dropout, precision: precision
    ).levels
  }

  /// Of the head: where what adversaries and losses ask for is weighed against each other. (A ``DetailFilter`` beside
  /// it is not looked at.)
  var lastWeight: Tensor { head.weight }

  private var patches: Patches {
    Patches(
      channels: configuration.channels, bins: configuration.patchBins,
      frames: configuration.patchFrames)
  }
}
