import Foundation
import MusicDiffusion
import Testing
import Torch

/// Reference: scripts/goldens/unet.py, the same network in PyTorch. Clip 1 has a known beginning and
/// no label, clip 2 a known band.
@Suite struct UNetTests {
  struct Golden {
    let configuration: UNetConfiguration
    let tensors: [String: Tensor]
    let parameters: ParameterStore
    let network: UNet
    let sigmas: [Double]
    let labels: [Int]

    init(_ file: String = "unet.safetensors") throws {
      let (tensors, metadata) = try SafeTensors.read(goldenPath(file))
      self.tensors = tensors
      configuration = try JSONDecoder().decode(
        UNetConfiguration.self, from: Data((metadata["config"] ?? "").utf8))
      var weights: [String: Tensor] = [:]
      for (name, tensor) in tensors where name.hasPrefix("weights/") {
        weights[String(name.dropFirst("weights/".count))] = tensor
      }
      parameters = ParameterStore(loading: weights)
      network = try UNet(parameters.root, configuration: configuration)
      try parameters.finishLoading()
      sigmas = try #require(tensors["sigmas"]).floats().map(Double.init)
      labels = try #require(tensors["labels"]).integers().map(Int.init)
    }

    subscript(name: String) -> Tensor {
      get throws { try #require(tensors[name], "\(name)") }
    }

    var known: Tensor { get throws { try self["signal"] * self["mask"] } }
    var condition: Condition {
      get throws { try Condition(labels: labels, known: known, mask: self["mask"]) }
    }
    /// Signal with noise of each clip's sigma.
    var noisy: Tensor {
      get throws {
        let sigmas = try self["sigmas"].reshape([labels.count, 1, 1, 1])
        return try self["signal"] + self["noise"] * sigmas
      }
    }

    func output(_ precision: DType = .float32) throws -> Tensor {
      try network(
        noisy, noiseLevels: sigmas.map { log($0) / 4 }, labels: labels, known: known,
        mask: self["mask"], precision: precision)
    }
  }

  let golden: Golden
  init() throws { golden = try Golden() }

  /// Without a filter of details beside it, and with one.
  static let files = ["unet.safetensors", "unet-detail.safetensors"]

  @Test(arguments: files) func matchesPyTorch(_ file: String) throws {
    let golden = try Golden(file)
    let expected = try golden["output"]
    let scale = try expected.floats().map(abs).max() ?? 0
    let output = try golden.output()
    #expect(output.dtype == .float32)
    #expect(try difference(output, expected) < 1e-5 * scale)
  }

  /// bfloat16 keeps 8 bits, so each rounding is off by up to 2⁻⁹, and some forty layers round one
  /// after another: errors add up as a random walk to about 2⁻⁹ · √40 = 1.2 % of the values' size.
  @Test func bfloat16IsNear() throws {
    let expected = try golden["output"]
    let error = try (golden.output(.bfloat16) - expected).square().mean().item().squareRoot()
    let scale = try expected.square().mean().item().squareRoot()
    #expect(error < 0.03 * scale)
    #expect(error > 0)
  }

  @Test(arguments: zip(files, [12, 6]))
  func lossAndGradientsMatchPyTorch(_ file: String, _ count: Int) throws {
    let golden = try Golden(file)
    let denoiser = Denoiser(
      network: golden.network, preconditioning: Preconditioning(sigmaData: 0.5),
      precision: .float32)
    let losses = try denoiser.loss(
      signal: golden["signal"], noise: golden["noise"], sigmas: golden.sigmas,
      condition: golden.condition)
    for (loss, expected) in zip(try losses.floats(), try golden["losses"].floats()) {
      #expect(abs(loss - expected) < 1e-4 * expected)
    }
    try losses.mean().backward()
    let names = golden.tensors.keys.filter { $0.hasPrefix("grad/") }
    #expect(names.count == count)
    for name in names {
      let parameter = try #require(golden.parameters[String(name.dropFirst("grad/".count))])
      let gradient = try #require(parameter.gradient)
      let expected = try golden[name]
      let scale = try expected.floats().map(abs).max() ?? 0
      #expect(try difference(gradient, expected) < 1e-4 * scale, "\(name)")
    }
  }

  @Test func guidedDenoiserMatchesPyTorch() throws {
    let denoiser = Denoiser(
      network: golden.network, preconditioning: Preconditioning(sigmaData: 0.5),
      precision: .float32)
    for clip in golden.labels.indices {
      func part(_ tensor: Tensor) throws -> Tensor {
        try tensor.narrow(dimension: 0, start: clip, length: 1)
      }
      let condition = try Condition(
        labels: [golden.labels[clip]], known: part(golden.known), mask: part(golden["mask"]))
      let guided = GuidedDenoiser(
        denoiser,
        away: .description(Description(label: golden.configuration.labelCount)),
        guidance: Guidance(scale: 2))
      let denoised = try guided(
        part(golden.noisy), sigma: golden.sigmas[clip], condition: condition)
      #expect(try difference(denoised, part(golden["guided"])) < 2e-5)
    }
  }

  /// A clip comes out the same whatever is beside it, up to the order in which sums are taken.
  @Test(arguments: files) func clipsAreIndependent(_ file: String) throws {
    let golden = try Golden(file)
    let together = try golden.output()
    for clip in golden.labels.indices {
      func part(_ tensor: Tensor) throws -> Tensor {
        try tensor.narrow(dimension: 0, start: clip, length: 1)
      }
      let alone = try golden.network(
        part(golden.noisy), noiseLevels: [log(golden.sigmas[clip]) / 4],
        labels: [golden.labels[clip]], known: part(golden.known), mask: part(golden["mask"]),
        precision: .float32)
      #expect(try difference(alone, part(together)) < 1e-5)
    }
  }

  /// Convolutions and rotary attention take any width.
  @Test(arguments: [16, 48, 80])
  func runsOnOtherWidths(_ frames: Int) throws {
    let shape = [1, 2, 16, frames]
    let output = try golden.network(
      normal(shape, seed: 1), noiseLevels: [0.1], labels: [1], known: .zeros(shape),
      mask: .zeros([1, 1, 16, frames]), precision: .float32)
    #expect(output.shape == shape)
    #expect(try output.allFinite())
  }

  /// Noise level, label, known part and mask each change what comes out.
  @Test func everyInputMatters() throws {
    let base = try golden.output()
    func changed(_ labels: [Int]? = nil, noise: Double = 0, known: Bool = true, mask: Bool = true)
      throws -> Float
    {
      let output = try golden.network(
        golden.noisy, noiseLevels: golden.sigmas.map { log($0) / 4 + noise },
        labels: labels ?? golden.labels, known: known ? golden.known : golden.known * 0,
        mask: mask ? golden["mask"] : golden["mask"] * 0, precision: .float32)
      return try difference(output, base)
    }
    #expect(try changed() == 0)
    #expect(try changed([1, 2, 3]) > 1e-3)
    #expect(try changed(noise: 0.1) > 1e-3)
    #expect(try changed(known: false) > 1e-3)
    #expect(try changed(mask: false) > 1e-3)
  }

  /// A new network's F is 0, so that its loss is 1 on average: the target has unit variance.
  @Test(arguments: [nil, 4]) func newNetworkKnowsNothing(_ detailKernels: Int?) throws {
    var configuration = UNetConfiguration(
      channels: 1, melBins: 32, patchBins: 4, patchFrames: 4, widths: [16, 32], blocks: 1)
    configuration.detailKernels = detailKernels
    let network = try UNet(ParameterStore(seed: 1).root, configuration: configuration)
    let shape = [16, 1, 32, 32]
    let denoiser = Denoiser(
      network: network, preconditioning: Preconditioning(sigmaData: 0.5), precision: .float32)
    let condition = try Condition(
      labels: [Int](repeating: 0, count: 16), shape: shape, device: .cpu)
    let losses = try denoiser.loss(
      signal: normal(shape, seed: 1) * 0.5, noise: normal(shape, seed: 2),
      sigmas: NoiseDistribution().stratifiedSigmas(count: 16, offset: 0.5), condition: condition)
    // The standard error of the mean of 16384 squares is 0.011.
    #expect(try abs(losses.mean().item() - 1) < 0.05)
  }

  /// Each level has as many blocks as it is said to have, down and up, and attention at the lowest alone.
  @Test func levelsHaveTheirOwnBlocks() throws {
    func names(_ blocks: BlockCounts) throws -> [String] {
      let store = ParameterStore(seed: 1)
      let configuration = UNetConfiguration(
        channels: 1, melBins: 32, patchBins: 4, patchFrames: 4, widths: [16, 32], blocks: blocks)
      _ = try UNet(store.root, configuration: configuration)
      let text = String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self)
      #expect(
        try JSONDecoder().decode(UNetConfiguration.self, from: Data(text.utf8)) == configuration)
      #expect(text.contains(blocks == 2 ? "\"blocks\":2" : "\"blocks\":["))
      return store.named.map(\.name)
    }
    #expect(try names(2) == names([2, 2]))
    let found = try names([1, 3])
    for (path, count) in [("down.0.", 1), ("up.0.", 1), ("down.1.", 3), ("up.1.", 3)] {
      for (part, wanted) in [("blocks.", count), ("attention.", path.contains("1") ? count : 0)] {
        let numbers = Set(
          found.filter { $0.hasPrefix(path + part) }
            .compactMap { $0.dropFirst((path + part).count).first })
        #expect(numbers.count == wanted, "\(path)\(part)")
      }
    }
    for blocks in [[], [1, 2, 3], [1, 0], [65, 1]] as [BlockCounts] {
      #expect(throws: ModelError.self) { try names(blocks) }
    }
  }

  @Test func shapesThatDoNotFitAreErrors() throws {
    #expect(throws: TorchError.self) {
      _ = try golden.network(
        normal([1, 2, 16, 20], seed: 1), noiseLevels: [0], labels: [0],
        known: .zeros([1, 2, 16, 20]),
        mask: .zeros([1, 1, 16, 20]), precision: .float32)
    }
    #expect(throws: TorchError.self) {
      _ = try golden.network(
        normal([1, 2, 16, 16], seed: 1), noiseLevels: [0], labels: [4],
        known: .zeros([1, 2, 16, 16]),
        mask: .zeros([1, 1, 16, 16]), precision: .float32)
    }
  }

  @Test func configurationsThatCannotBeBuiltAreErrors() throws {
    let good = golden.configuration
    let changes: [(inout UNetConfiguration) -> Void] = [
      { $0.channels = 0 }, { $0.channels = 257 }, { $0.widths = [] }, { $0.widths = [8, 0] },
      { $0.widths = [12, 16] }, { $0.widths = [8, 1 << 40] }, { $0.blocks = 0 },
      { $0.patchBins = 0 }, { $0.patchFrames = -4 }, { $0.headWidth = 0 }, { $0.headWidth = 12 },
      { $0.embeddingWidth = 0 }, { $0.labelCount = -1 }, { $0.melBins = 20 }, { $0.melBins = 0 },
      { $0.melBins = .max }, { $0.detailKernels = 0 }, { $0.detailKernels = 65 },
    ]
    for change in changes {
      var configuration = good
      change(&configuration)
      do {
        _ = try UNet(ParameterStore(seed: 0).root, configuration: configuration)
        Issue.record("\(configuration) was built")
      } catch ModelError.invalidConfiguration(let reason) {
        #expect(reason.contains("network.") || reason.contains("headWidth"))
      }
    }
  }
}
