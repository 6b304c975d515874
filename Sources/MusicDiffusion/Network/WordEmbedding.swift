package import Torch

/// A caption's tokens, whatever their order, to one vector per clip: the sum of a learned vector for
/// each, over the square root of their number, as in a bag of words (fastText, Joulin et al. 2016,
/// arXiv:1607.01759).
///
/// Captions share most of their words, so that what tells two apart is a small part of the sum. The
/// vectors begin long enough for that part to be as strong as a label's: from as long as those it takes
/// several times as many steps until a caption counts (`Docs/conditioning.md`).
package struct WordEmbedding: Sendable {
  private static let deviation = 7.0

  let weight: Tensor
  private let length: Int

  package init(_ path: ParameterPath, text: TextEncoderConfiguration, width: Int) throws {
    length = text.length
    // What is seldom drawn would otherwise be pulled towards 0 all the time.
    weight = try path.parameter(
      "weight", [text.vocabularySize, width], .normal(standardDeviation: Self.deviation),
      decays: false)
  }

  /// - Parameter captions: tokens of each clip; those beyond ``TextEncoderConfiguration/length`` are
  ///   not read.
  /// - Returns: `[batch, width]`, 0 for a clip without a caption.
  package func callAsFunction(_ captions: [[Int]], device: Device) throws -> Tensor {
    let vocabulary = weight.shape[0]
    var shares = [Float](repeating: 0, count: captions.count * vocabulary)
    for (clip, caption) in captions.enumerated() {
      let tokens = caption.prefix(length)
      for token in tokens {
        shares[clip * vocabulary + token] += 1 / Float(tokens.count).squareRoot()
      }
    }
    return try Tensor(shares, shape: [captions.count, vocabulary], device: device).matmul(weight)
  }
}
