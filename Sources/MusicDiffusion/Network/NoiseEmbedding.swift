import Foundation
import Torch

/// Noise level and description to one vector per clip, which every residual block takes.
///
/// Fourier features of the noise level, then two linear layers, as in Karras et al. 2022
/// (arXiv:2206.00364, appendix C). Between them are added the label's learned vector, that of the
/// numbers, those of the caption's words, and, as in appendix F.2 of the former, a linear map of what
/// tells how a clip was augmented.
struct NoiseEmbedding: Sendable {
  /// Frequencies in cycles per unit of cNoise = ln(sigma) / 4, from a slow one that tells the ends
  /// of the range apart to one that tells neighbouring noise levels apart.
  private static let frequencies = (0..<32).map { 0.125 * pow(128, Double($0) / 31) }

  let first, second: Linear
  let labels: Embedding
  /// `augmentation.weight`, which only networks trained on augmented clips have.
  let augmentation: Linear?
  /// `numbers.weight` and `words.weight`, which only networks have that can be told these.
  let numbers: NumberEmbedding?
  let words: WordEmbedding?

  init(_ path: ParameterPath, configuration: UNetConfiguration) throws {
    let width = configuration.embeddingWidth
    first = try Linear(path / "first", in: 2 * Self.frequencies.count, out: width)
    second = try Linear(path / "second", in: width, out: width)
    labels = try Embedding(path / "labels", entries: configuration.labelCount + 1, channels: width)
    augmentation = try configuration.augmentationWidth.map {
      try Linear(path / "augmentation", in: $0, out: width, bias: false)
    }
    numbers = try configuration.numberCount.map {
      try NumberEmbedding(path / "numbers", count: $0, width: width)
    }
    words = try configuration.text.map {
      try WordEmbedding(path / "words", text: $0, width: width)
    }
  }

  /// - Parameters:
  ///   - noiseLevels: cNoise of each clip.
  ///   - condition: what each clip is said to be, and how it was augmented; nothing of the latter is
  ///     as zeros.
  /// - Returns: `[batch, width]`, after the last SiLU.
  func callAsFunction(
    noiseLevels: [Double], _ condition: Condition, device: Device
  ) throws -> Tensor {
    let angles = noiseLevels.flatMap { level in
      Self.frequencies.map { 2 * Double.pi * $0 * level }
    }
    let features = angles.chunked(by: Self.frequencies.count).flatMap { row in
      row.map { Float(cos($0)) } + row.map { Float(sin($0)) }
    }
    let x = try Tensor(
      features, shape: [noiseLevels.count, 2 * Self.frequencies.count], device: device)
    var h = try first(x) + labelVectors(of: condition.descriptions, device: device)
    if let augmentation, let vector = condition.augmentation { h = try h + augmentation(vector) }
    if let numbers {
      h = try h + numbers(condition.descriptions.map(\.numbers), device: device)
    }
    if let words { h = try h + words(condition.descriptions.map(\.caption), device: device) }
    return try second(h.silu()).silu()
  }

  /// The vector of each clip's label, or of several the mean by their weights, `[batch, width]`. Summed
  /// label by label: what a clip has does not depend on the clips beside it.
  private func labelVectors(of clips: [Description], device: Device) throws -> Tensor {
    func vectors(_ indices: [Int]) throws -> Tensor {
      try labels(Tensor(indices.map(Int64.init), shape: [indices.count], device: device))
    }
    func column(_ weights: [Double]) throws -> Tensor {
      try Tensor(weights.map { Float($0) }, shape: [weights.count, 1], device: device)
    }
    var sum = try vectors(clips.map(\.label))
    let most = clips.map(\.furtherLabels.count).max() ?? 0
    if most == 0 { return sum }
    sum = try sum * column(clips.map { $0.furtherLabels.reduce(1) { $0 - $1.weight } })
    for place in 0..<most {
      let labels = clips.map { clip in
        place < clip.furtherLabels.count
          ? clip.furtherLabels[place] : WeightedLabel(clip.label, weight: 0)
      }
      sum = try sum + vectors(labels.map(\.label)) * column(labels.map(\.weight))
    }
    return sum
  }
}

extension Array {
  fileprivate func chunked(by size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}
