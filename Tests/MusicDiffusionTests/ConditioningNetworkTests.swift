import Foundation
import MusicDiffusion
import Testing
import Torch

/// Reference: scripts/goldens/conditioning.py, `scaled_dot_product_attention` and
/// `TransformerEncoderLayer` of PyTorch.
@Suite struct ConditioningNetworkTests {
  private let tensors: [String: Tensor]
  init() throws { tensors = try SafeTensors.read(goldenPath("conditioning.safetensors")).tensors }

  private func golden(_ name: String) throws -> Tensor { try #require(tensors[name], "\(name)") }

  /// The tensors below a name, as a network loads them.
  private func store(_ prefix: String) -> ParameterStore {
    var weights: [String: Tensor] = [:]
    for (name, tensor) in tensors where name.hasPrefix(prefix) {
      weights[String(name.dropFirst(prefix.count))] = tensor
    }
    return ParameterStore(loading: weights)
  }

  @Test func maskedAttentionMatchesPyTorch() throws {
    let output = try Tensor.maskedAttention(
      golden("attention/q"), golden("attention/k"), golden("attention/v"),
      mask: golden("attention/mask"))
    #expect(try difference(output, golden("attention/output")) < 1e-6)
  }

  private let captions = [[3, 10, 0, 7], [], [1, 2, 3, 4, 5, 6]]
  private var small: TextEncoderConfiguration {
    TextEncoderConfiguration(vocabularySize: 11, length: 6, width: 16, layers: 2, headWidth: 8)
  }

  @Test func textEncoderMatchesPyTorch() throws {
    let store = store("text/weights/")
    let encoder = try TextEncoder(store.root, configuration: small)
    try store.finishLoading()
    let text = try encoder(captions, device: .cpu)
    #expect(text.tokens.shape == [3, 7, 16])
    let own = try text.mask.exp().reshape([3, 7, 1])
    #expect(try own.floats().reduce(0, +) == 5 + 1 + 7)
    #expect(try difference(text.tokens * own, golden("text/output")) < 1e-5)
    // What is longer than the encoder's length is not read.
    let long = try encoder([captions[2] + [9, 9, 9]], device: .cpu)
    #expect(try long.tokens.floats() == encoder([captions[2]], device: .cpu).tokens.floats())
  }

  @Test func crossAttentionMatchesPyTorch() throws {
    let store = store("cross/weights/")
    let attention = try CrossAttention(store.root, channels: 16, headWidth: 8, textWidth: 12)
    try store.finishLoading()
    let text = try EncodedText(tokens: golden("cross/text"), mask: golden("cross/mask"))
    let output = try attention(golden("cross/x"), text: text)
    #expect(try difference(output, golden("cross/output")) < 1e-5)
  }

  @Test func numberEmbeddingMatchesPyTorch() throws {
    let store = ParameterStore(loading: ["weight": try golden("numbers/weight")])
    let embedding = try NumberEmbedding(store.root, count: 2, width: 8)
    try store.finishLoading()
    let values = try golden("numbers/values").floats().map { $0.isNaN ? nil : Double($0) }
    let numbers = [Array(values[0..<2]), Array(values[2..<4]), []]
    #expect(
      try difference(embedding(numbers, device: .cpu), golden("numbers/output")) < 1e-5)
  }

  /// The sum of the tokens' vectors over the root of their number; nothing where there is no caption.
  @Test func wordEmbeddingIsTheSum() throws {
    let store = ParameterStore(seed: 1)
    let embedding = try WordEmbedding(store.root, text: small, width: 8)
    let weight = try #require(store["weight"]).detach()
    #expect(weight.shape == [11, 8] && store.decays == [false])
    let output = try embedding([[3, 10, 0, 7], [], [2, 2], [1, 2, 3, 4, 5, 6, 9]], device: .cpu)
    func sum(_ tokens: [Int]) throws -> [Float] {
      let rows = try tokens.map {
        try weight.narrow(dimension: 0, start: $0, length: 1).floats()
      }
      return (0..<8).map { channel in
        rows.reduce(0) { $0 + $1[channel] } / Float(tokens.count).squareRoot()
      }
    }
    // What is longer than the encoder's length is not read.
    let expected =
      try sum([3, 10, 0, 7]) + [Float](repeating: 0, count: 8) + sum([2, 2])
      + sum([1, 2, 3, 4, 5, 6])
    let difference = try zip(output.floats(), expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < 1e-5)
  }

  // MARK: - The whole network

  /// A network with labels, numbers and captions, whose every parameter is something.
  private func network() throws -> UNet {
    var configuration = UNetConfiguration(
      channels: 1, melBins: 16, patchBins: 2, patchFrames: 2, widths: [8, 16], blocks: 1,
      headWidth: 8, embeddingWidth: 16, labelCount: 2)
    (configuration.numberCount, configuration.text) = (2, small)
    let store = ParameterStore(seed: 4)
    let network = try UNet(store.root, configuration: configuration)
    for (index, tensor) in store.tensors.enumerated() {
      try tensor.detach().copy(
        from: tensor.detach() + normal(tensor.shape, seed: UInt64(index)) * 0.1)
    }
    return network
  }

  private func output(
    _ network: UNet, _ descriptions: [Description], _ precision: DType = .float32
  ) throws -> [Tensor] {
    let shape = [descriptions.count, 1, 16, 16]
    let x = try normal([1, 1, 16, 16], seed: 9).expand(shape)
    let output = try network(
      x, noiseLevels: descriptions.map { _ in 0.1 },
      condition: Condition(descriptions, shape: shape, device: .cpu), precision: precision)
    return try descriptions.indices.map {
      try output.narrow(dimension: 0, start: $0, length: 1)
    }
  }

  /// A clip comes out the same beside longer captions, which fill up its row.
  @Test(arguments: [DType.float32, .bfloat16])
  func paddingChangesNothing(_ precision: DType) throws {
    let network = try network()
    let description = Description(label: 1, numbers: [0.5, nil], caption: [4, 2])
    let alone = try output(network, [description], precision)[0]
    for other in [[], [1], [5, 4, 3, 2, 1, 0]] {
      let beside = try output(
        network, [description, Description(label: 0, caption: other)], precision)
      let scale = try alone.floats().map(abs).max()!
      #expect(try difference(beside[0], alone) < (precision == .float32 ? 1e-5 : 0.03) * scale)
      #expect(try difference(beside[1], alone) > 0.05 * scale)
    }
  }

  /// Label, each number, that a number is unknown, each token and their order change what comes out.
  @Test func everythingSaidMatters() throws {
    let network = try network()
    let base = Description(label: 1, numbers: [0.5, -1], caption: [4, 2])
    var others = [Description](repeating: base, count: 7)
    others[0].label = 2
    others[1].numbers[0] = 0.6
    others[2].numbers[1] = nil
    others[3].caption = [2, 4]
    others[4].caption = [4]
    others[5].caption = []
    others[6].numbers = []
    let results = try output(network, [base] + others)
    for (index, result) in results.enumerated().dropFirst() {
      #expect(try difference(result, results[0]) > 1e-3, "\(index)")
    }
    // None at all is all unknown.
    var unknown = base
    unknown.numbers = [nil, nil]
    #expect(try difference(output(network, [unknown])[0], results[7]) < 1e-5)
  }

  /// Guidance goes from what is said, or from what is to be avoided, in one evaluation of the network
  /// for captions of different lengths.
  @Test func guidanceGoesAwayFromAnotherDescription() throws {
    let denoiser = Denoiser(
      network: try network(), preconditioning: Preconditioning(), precision: .float32)
    let shape = [1, 1, 16, 16]
    let x = try normal(shape, seed: 2)
    func denoised(_ description: Description) throws -> Tensor {
      try denoiser(
        x, sigma: 1, condition: Condition([description], shape: shape, device: .cpu))
    }
    let wanted = Description(label: 2, numbers: [1, nil], caption: [1, 2, 3])
    for other in [Description(label: 2), Description(label: 0, caption: [7])] {
      let guided = GuidedDenoiser(
        denoiser, away: .description(other), guidance: Guidance(scale: 3))
      let result = try guided(
        x, sigma: 1, condition: Condition([wanted], shape: shape, device: .cpu))
      let (better, worse) = (try denoised(wanted), try denoised(other))
      #expect(try difference(result, worse + (better - worse) * 3) < 2e-5)
      #expect(try difference(better, worse) > 1e-3)
    }
  }

  /// Networks that know neither have the parameters that they always had.
  @Test func othersStayAsTheyWere() throws {
    let names = { (configuration: UNetConfiguration) in
      let store = ParameterStore(seed: 1)
      _ = try UNet(store.root, configuration: configuration)
      return Set(store.names)
    }
    let plain = Preset.draft.network(labelCount: 2)
    var told = plain
    (told.numberCount, told.text) = (1, small)
    let more = try names(told).subtracting(names(plain))
    #expect(try names(plain).isSubset(of: names(told)))
    #expect(
      more.allSatisfy {
        $0.hasPrefix("text.") || $0.contains(".cross_attention.") || $0 == "embedding.words.weight"
          || $0 == "embedding.numbers.weight"
      })
    let json = String(decoding: try JSONEncoder().encode(plain), as: UTF8.self)
    #expect(!json.contains("text") && !json.contains("numberCount"))
  }

  @Test func impossibleConfigurationsAreErrors() throws {
    let changes: [(inout UNetConfiguration) -> Void] = [
      { $0.numberCount = 0 }, { $0.text?.length = 0 }, { $0.text?.width = 12 },
      { $0.text?.layers = 65 }, { $0.text?.headWidth = 0 }, { $0.text?.vocabularySize = .max },
    ]
    for change in changes {
      var configuration = Preset.draft.network(labelCount: 2)
      configuration.text = small
      change(&configuration)
      #expect(throws: ModelError.self) {
        try UNet(ParameterStore(seed: 0).root, configuration: configuration)
      }
    }
  }
}
