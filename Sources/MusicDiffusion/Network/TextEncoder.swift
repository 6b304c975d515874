import Foundation
package import Torch

/// The size of a ``TextEncoder``.
public struct TextEncoderConfiguration: Codable, Sendable, Equatable {
  /// Tokens are less than this.
  public var vocabularySize: Int
  /// Tokens of a caption at most.
  public var length: Int
  /// Channels of each token.
  public var width: Int
  public var layers: Int
  /// Attention heads work on this many channels each.
  public var headWidth: Int

  public init(vocabularySize: Int, length: Int, width: Int, layers: Int, headWidth: Int = 32) {
    (self.vocabularySize, self.length) = (vocabularySize, length)
    (self.width, self.layers, self.headWidth) = (width, layers, headWidth)
  }

  func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration("network.text." + reason) }
    }
    try check(
      (1...1 << 20).contains(vocabularySize), "vocabularySize must be 1 to 1048576")
    try check((1...4096).contains(length), "length must be 1 to 4096")
    try check((8...8192).contains(width), "width must be 8 to 8192")
    try check((1...64).contains(layers), "layers must be 1 to 64")
    try check(
      (4...8192).contains(headWidth) && width % headWidth == 0, "headWidth must divide width")
  }
}

/// What was read of captions.
package struct EncodedText: Sendable {
  /// `[batch, tokens, width]`, float32.
  package let tokens: Tensor
  /// 0 for each clip's own tokens and −∞ for those that fill up its row, `[batch, 1, 1, tokens]`.
  package let mask: Tensor

  package init(tokens: Tensor, mask: Tensor) {
    (self.tokens, self.mask) = (tokens, mask)
  }
}

/// Reads captions: a transformer (Vaswani et al. 2017, arXiv:1706.03762) with its norms in front
/// (Xiong et al. 2020, arXiv:2002.04745) and learned positions.
///
/// Each row begins with a token of its own, which alone stands for no caption.
package struct TextEncoder: Sendable {
  let configuration: TextEncoderConfiguration
  let embedding: Embedding
  let position: Tensor
  let layers: [Layer]
  let norm: LayerNorm

  struct Layer: Sendable {
    let attentionNorm, networkNorm: LayerNorm
    let queriesKeysValues, output, widen, narrow: Linear
    private let heads: Int

    init(_ path: ParameterPath, width: Int, headWidth: Int) throws {
      heads = width / headWidth
      attentionNorm = try LayerNorm(path / "attention_norm", channels: width)
      queriesKeysValues = try Linear(path / "qkv", in: width, out: 3 * width)
      output = try Linear(path / "output", in: width, out: width)
      networkNorm = try LayerNorm(path / "network_norm", channels: width)
      widen = try Linear(path / "widen", in: width, out: 4 * width)
      narrow = try Linear(path / "narrow", in: 4 * width, out: width)
    }

    func callAsFunction(_ x: Tensor, mask: Tensor) throws -> Tensor {
      let (batch, length, width) = (x.shape[0], x.shape[1], x.shape[2])
      let split = try queriesKeysValues(attentionNorm(x))
        .reshape([batch, length, 3, heads, width / heads]).permute([2, 0, 3, 1, 4])
      func part(_ index: Int) throws -> Tensor {
        try split.narrow(dimension: 0, start: index, length: 1).squeeze(0)
      }
      let mixed = try Tensor.maskedAttention(part(0), part(1), part(2), mask: mask)
      let h = try x + output(mixed.permute([0, 2, 1, 3]).reshape([batch, length, width]))
      return try h + narrow(widen(networkNorm(h)).gelu())
    }
  }

  package init(_ path: ParameterPath, configuration: TextEncoderConfiguration) throws {
    self.configuration = configuration
    let width = configuration.width
    embedding = try Embedding(
      path / "embedding", entries: configuration.vocabularySize + 1, channels: width,
      initializer: .normal(standardDeviation: 0.5))
    position = try path.parameter(
      "position", [1, configuration.length + 1, width], .normal(standardDeviation: 0.1))
    layers = try (0..<configuration.layers).map {
      try Layer(
        path / "layers" / String($0), width: width, headWidth: configuration.headWidth)
    }
    norm = try LayerNorm(path / "norm", channels: width)
  }

  /// - Parameters:
  ///   - captions: tokens of each clip; those beyond ``TextEncoderConfiguration/length`` are not read.
  ///   - length: tokens of a row, at least as many as the longest caption has; nil for these.
  package func callAsFunction(
    _ captions: [[Int]], length: Int? = nil, device: Device
  ) throws -> EncodedText {
    let captions = captions.map { $0.prefix(configuration.length) }
    let length = 1 + max(length ?? 0, captions.map(\.count).max() ?? 0)
    var (indices, mask): ([Int64], [Float]) = ([], [])
    for caption in captions {
      let filling = length - 1 - caption.count
      indices.append(Int64(configuration.vocabularySize))
      indices += caption.map(Int64.init) + [Int64](repeating: 0, count: filling)
      mask += [Float](repeating: 0, count: 1 + caption.count)
      mask += [Float](repeating: -.infinity, count: filling)
    }
    let rows = try Tensor(indices, shape: [captions.count, length], device: device)
    let maskTensor = try Tensor(mask, shape: [captions.count, 1, 1, length], device: device)
    var h = try embedding(rows) + position.narrow(dimension: 1, start: 0, length: length)
    for layer in layers { h = try layer(h, mask: maskTensor) }
    return EncodedText(tokens: try norm(h), mask: maskTensor)
  }
}
