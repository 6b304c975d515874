import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct LabelMixTests {
  let configuration: ModelConfiguration
  init() throws { configuration = try GeneratorTests.model().configuration }

  private func weights(_ mix: LabelMix) throws -> [WeightedLabel] {
    try configuration.weights(of: mix)
  }

  @Test func weightsArePartsOfTheirSum() throws {
    #expect(
      try weights("bass:3,kick:1")
        == [WeightedLabel(0, weight: 0.25), WeightedLabel(2, weight: 0.75)])
    #expect(try weights(" drums/kick : 0.5 , bass:0.5") == weights("bass,kick"))
    #expect(try weights(["bass": 3, "kick": 1]) == weights("bass:3,kick:1"))
    #expect(try weights("bass:1e-3,kick:1e-3") == weights("bass,kick"))
  }

  @Test(arguments: ["bass", "bass:1", "bass:0.1", "bass:1,kick:0", "kick:0,bass:7,snare:0"])
  func oneIsThatLabel(_ text: String) throws {
    #expect(try weights(LabelMix(text)) == [WeightedLabel(2, weight: 1)])
  }

  /// The name of a label as a whole is that label; within a mix a backslash helps.
  @Test func namesMayHoldWhatPartsThem() throws {
    let names = ["a:1", "a", "a,b", #"c\d"#]
    let configuration = try GeneratorTests.model(labels: names).configuration
    for (index, name) in names.enumerated() {
      #expect(try configuration.weights(of: LabelMix(name)) == [WeightedLabel(index, weight: 1)])
    }
    let mixed = try configuration.weights(of: #"a\:1:1,a:2,a\,b:3,c\\d:4"#)
    #expect(mixed.map(\.label) == [0, 1, 2, 3])
    #expect(mixed.map(\.weight) == [0.1, 0.2, 0.3, 0.4])
    #expect(
      try configuration.weights(of: ["a:1": 1, "a": 2, "a,b": 3, #"c\d"#: 4]) == mixed)
  }

  @Test(arguments: [
    ("bass:-1,kick:2", "the weight of bass is below 0"),
    ("bass:0,kick:0", "all weights are 0"),
    ("bass:0", "all weights are 0"),
    ("bass:x", "the weight of bass is not a number"),
    ("bass:nan,kick", "the weight of bass is not a number"),
    ("bass:inf,kick", "the weight of bass is not a number"),
    ("bass:1:2,kick", "the weight of bass is not a number"),
    ("bass:", "the weight of bass is not a number"),
    (",kick", "a label is missing"),
    ("kick,", "a label is missing"),
    (":1", "a label is missing"),
  ])
  func whatIsNoMixIsAnError(_ text: String, _ reason: String) {
    let line = "--label \(text): \(reason); labels are mixed as in flute:0.7,organ:0.3"
    #expect(throws: ModelError.invalidArgument(line)) { try weights(LabelMix(text)) }
  }

  @Test func labelsMustBeKnownAndOnlyOnceThere() {
    #expect(throws: ModelError.unknownLabel("flute", known: configuration.labels)) {
      try weights("bass:1,flute:0")
    }
    #expect(throws: ModelError.unknownLabel("flute", known: configuration.labels)) {
      try weights("flute:1")
    }
    #expect(
      throws: ModelError.invalidArgument(
        "--label kick,drums/kick:2: drums/kick is there twice")
    ) { try weights("kick,drums/kick:2") }
  }
}

@Suite struct MixedLabelTests {
  let model: Model
  let generator: Generator
  init() throws {
    model = try GeneratorTests.model()
    generator = Generator(model: model)
  }

  private func drawn(_ mix: LabelMix) throws -> [[Float]] {
    var options = Generator.Options()
    options.label = mix
    return try generator.logMel(seconds: 0.2, seed: 1, options: options).map(\.values)
  }

  /// To the bit, as tests with goldens see that a label by itself draws what it always has.
  @Test func weightsOneAndZeroAreTheOneLabel() throws {
    let bass = try drawn("bass")
    #expect(try drawn("bass:1,kick:0") == bass)
    #expect(try drawn("bass:0.3") == bass)
    #expect(try drawn("kick") != bass)
  }

  @Test func orderDoesNotMatterAndWeightsDo() throws {
    let mixed = try drawn("bass:0.7,kick:0.2,snare:0.1")
    #expect(try drawn("snare:0.1,bass:0.7,kick:0.2") == mixed)
    #expect(try drawn("snare:1,bass:7,kick:2") == mixed)
    #expect(try drawn("bass:0.2,kick:0.7,snare:0.1") != mixed)
    #expect(try drawn("bass:0.7,kick:0.3") != mixed)
  }

  /// The network hears a label whose vector is the mean of the others'.
  @Test func embeddingIsTheWeightedMean() throws {
    let name = "embedding.labels.weight"
    var tensors = Dictionary(
      uniqueKeysWithValues: try model.parameters.named.map { ($0.name, try $0.tensor.detach()) })
    let table = try #require(tensors[name])
    let width = table.shape[1]
    var values = try table.floats()
    for column in 0..<width {
      values[width + column] = 0.25 * values[column] + 0.75 * values[2 * width + column]
    }
    tensors[name] = try Tensor(values, shape: table.shape)
    let network = try UNet(
      ParameterStore(loading: tensors).root, configuration: model.configuration.network)
    let x = try normal([1, 2, 16, 32], seed: 1)
    func estimate(_ description: Description) throws -> Tensor {
      try network(
        x, noiseLevels: [0.1], condition: Condition([description], shape: x.shape, device: .cpu),
        precision: .float32)
    }
    var mixed = Description(label: 0)
    mixed.furtherLabels = [WeightedLabel(2, weight: 0.75)]
    let (mean, first) = try (estimate(Description(label: 1)), estimate(Description(label: 0)))
    #expect(try difference(estimate(mixed), mean) < 1e-5)
    #expect(try difference(first, mean) > 1e-2)
  }

  /// A clip is the same, within the rounding of another batch, whatever the clips beside it are said to be.
  @Test func clipsDependOnTheirOwnLabelsAlone() throws {
    let network = model.network
    let x = try normal([3, 2, 16, 32], seed: 1)
    func estimate(_ descriptions: [Description], _ x: Tensor) throws -> [Float] {
      try network(
        x, noiseLevels: descriptions.map { _ in 0.1 },
        condition: Condition(descriptions, shape: x.shape, device: .cpu), precision: .float32
      ).floats()
    }
    var two = Description(label: 0)
    two.furtherLabels = [WeightedLabel(2, weight: 0.4)]
    var three = Description(label: 0)
    three.furtherLabels = [WeightedLabel(1, weight: 0.2), WeightedLabel(2, weight: 0.5)]
    let clips = [Description(label: 1), two, three]
    let all = try estimate(clips, x)
    let area = all.count / 3
    for (index, clip) in clips.enumerated() {
      let alone = try estimate([clip], x.narrow(dimension: 0, start: index, length: 1))
      let errors = zip(all[index * area..<(index + 1) * area], alone).map { abs($0 - $1) }
      #expect(errors.max()! < 1e-5)
    }
  }
}
