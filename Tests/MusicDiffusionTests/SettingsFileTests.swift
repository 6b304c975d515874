import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct SettingsFileTests {
  private func read(_ text: String) throws -> (
    SettingsFile, (Preset?) throws -> TrainingConfiguration
  ) {
    try withTemporaryFolder { folder in
      try folder.write(text, to: "settings.json")
      let file = try SettingsFile((folder / "settings.json").path)
      return (file, { try file.configuration(preset: $0) })
    }
  }

  @Test func overridesThePresetsSettings() throws {
    let (file, configuration) = try read(
      """
      {"preset": "draft", "learningRate": 0.001, "widths": [32, 48, 64], "dropout": 0.1,
       "noise": {"logMean": -1.2, "logStandardDeviation": 1.4}}
      """)
    #expect(file.keys == ["preset", "learningRate", "widths", "dropout", "noise"])
    var expected = TrainingConfiguration(preset: .draft)
    (expected.learningRate, expected.widths, expected.dropout) = (0.001, [32, 48, 64], 0.1)
    expected.noise.levels = NoiseDistribution(logMean: -1.2)
    #expect(try configuration(nil) == expected)
    // A preset that is given counts, with its own augmentation.
    expected.preset = .standard
    expected.augmentation = Augmentation(for: .standard)
    #expect(try configuration(.standard) == expected)
    #expect(try read("{}").1(nil) == TrainingConfiguration(preset: .standard))
  }

  @Test func shapesTheNetwork() throws {
    let (_, configuration) = try read(
      "{\"widths\": [64, 96], \"blocks\": 3, \"patch\": [8, 2]}")
    let network = try configuration(.standard).network(labelCount: 0)
    #expect(network.widths == [64, 96] && network.blocks == 3)
    let (_, each) = try read("{\"blocks\": [1, 2, 4]}")
    #expect(try each(.standard).network(labelCount: 0).blocks == [1, 2, 4])
    #expect(network.patchBins == 8 && network.patchFrames == 2)
    let (_, short) = try read("{\"patch\": [8], \"steps\": 1}")
    #expect(
      throws: ModelError.invalidConfiguration(
        "training.patch must be two numbers: mel bins and frames")
    ) { try short(.standard).validate() }
  }

  /// A filter beside the network where a patch has hardly fewer values than the network channels.
  @Test(
    arguments: [
      ("{}", nil), ("{\"patch\": [8, 8]}", 4), ("{\"patch\": [8, 8], \"detailKernels\": 0}", nil),
      ("{\"widths\": [24, 64]}", 4), ("{\"detailKernels\": 7}", 7),
    ] as [(String, Int?)])
  func filtersDetails(_ json: String, _ kernels: Int?) throws {
    #expect(try read(json).1(.standard).network(labelCount: 0).detailKernels == kernels)
  }

  @Test(
    arguments: [
      "{\"widths\": []}", "{\"patch\": [1000000000000000000, 1000000000000000000]}",
      "{\"detailKernels\": 65}", "{\"detailKernels\": -1}",
    ])
  func networksThatCannotBeBuiltAreErrors(_ json: String) throws {
    #expect(throws: ModelError.self) {
      let configuration = try read("{\"steps\": 1, " + json.dropFirst()).1(.standard)
      try configuration.validate()
      _ = try UNet(
        ParameterStore(seed: 1).root, configuration: configuration.network(labelCount: 0))
    }
  }

  @Test func whatItWritesItReads() throws {
    try withTemporaryFolder { folder in
      var configuration = TrainingConfiguration(preset: .oneshots)
      (configuration.learningRate, configuration.widths) = (0.0012, [64, 104, 160])
      configuration.noise.levels = .cosine
      let path = (folder / "tuned.json").path
      try SettingsFile.write(
        configuration, keys: ["preset", "learningRate", "widths", "noise"], to: path)
      let file = try SettingsFile(path)
      #expect(file.keys == ["preset", "learningRate", "widths", "noise"])
      #expect(try file.configuration(preset: nil) == configuration)
    }
  }

  @Test(arguments: [
    (
      "{\"learningrate\": 1}",
      "unknown key \"learningrate\"; known are accumulation, augmentation, "
    ),
    (
      "{\"noise\": {\"level\": \"cosine\"}}",
      "unknown key \"level\" in noise; known are levels, logMean, "
    ),
    (
      "{\"augmentation\": {\"kind\": []}}",
      "unknown key \"kind\" in augmentation; known are kinds, pitchRange, probability, timeRange"
    ),
    ("[1]", "it is not a JSON object"), ("{", "it is not a JSON object"),
    ("{\"learningRate\": \"high\"}", "learningRate: "), ("{\"preset\": \"huge\"}", "preset: "),
    ("{\"noise\": {\"levels\": \"pink\"}}", "noise.levels: "),
    ("{\"batchSize\": 2.5}", ""),
  ])
  func whatCannotBeUsedIsAnError(_ text: String, _ reason: String) throws {
    do {
      _ = try read(text).1(nil)
      Issue.record("\(text) was taken")
    } catch let error as ModelError {
      #expect("\(error)".contains(": " + reason) && !"\(error)".contains("\n"))
    }
  }

  /// What would change nothing, alone or beside what counts more, and what is said of it.
  @Test(arguments: [
    (
      #"{"noise": {"levels": "cosine", "logMean": -1.2, "logStandardDeviation": 1}}"#, nil,
      "noise.logMean means nothing to noise levels cosine: take it out, or choose log-normal"
    ),
    (
      #"{"noise": {"levels": "laplace", "mean": 0, "scale": 1, "standardDeviation": 2}}"#, nil,
      "noise.standardDeviation means nothing to noise levels laplace: take it out, or choose logit-normal"
    ),
    (
      #"{"noise": {"logMean": -1.2, "logStandardDeviation": 1, "mean": 0}}"#, nil,
      "noise.mean means nothing to noise levels log-normal: take it out, or choose laplace or logit-normal"
    ),
    (#"{"noise": {"logMean": -1.2, "logStandardDeviation": 1}}"#, nil, nil),
    (
      #"{"noise": {"logMean": -1.2, "logStandardDeviation": 1}}"#, NoiseDistribution.linear,
      "noise.logMean means nothing to noise levels linear: take it out, or choose log-normal"
    ),
    (#"{"noise": {"levels": "logit-normal", "mean": 1, "standardDeviation": 1}}"#, nil, nil),
    (
      #"{"augmentation": {"kinds": ["gain", "time"], "probability": 0.2, "pitchRange": 2}}"#, nil,
      "augmentation.pitchRange means nothing where pitch is not augmented: take it out, or add pitch to the kinds"
    ),
    (
      #"{"augmentation": {"kinds": ["pitch"], "probability": 0.2, "timeRange": 0.1}}"#, nil,
      "augmentation.timeRange means nothing where time is not augmented: take it out, or add time to the kinds"
    ),
    (
      #"{"augmentation": {"kinds": [], "probability": 0.2}}"#, nil,
      "augmentation.probability means nothing where nothing is augmented: take it out, or name kinds"
    ),
    (#"{"augmentation": {"kinds": [], "probability": 0.15, "pitchRange": null}}"#, nil, nil),
    (
      #"{"augmentation": {"kinds": ["pitch", "time"], "probability": 1, "pitchRange": 2, "timeRange": 0.1}}"#,
      nil, nil
    ),
  ])
  func whatChangesNothingIsAnError(
    _ text: String, _ levels: NoiseDistribution?, _ reason: String?
  ) throws {
    let (file, configuration) = try read(text)
    var settings = try configuration(nil)
    settings.noise.levels = levels ?? settings.noise.levels
    do {
      try file.checkEffects(in: settings)
      #expect(reason == nil)
    } catch let error as ModelError {
      #expect("\(error)".hasSuffix("settings.json: " + (reason ?? "nothing")))
    }
  }

  @Test func missingFileIsAnError() {
    #expect(throws: ModelError.self) { try SettingsFile("/nowhere/settings.json") }
  }

  private func readAutoencoder(_ text: String) throws -> AutoencoderSettingsFile {
    try withTemporaryFolder { folder in
      try folder.write(text, to: "settings.json")
      return try AutoencoderSettingsFile((folder / "settings.json").path)
    }
  }

  @Test func autoencodersHaveFilesToo() throws {
    let file = try readAutoencoder(
      """
      {"preset": "draft", "batchSize": 4, "augmentation": null,
       "network": {"patchBins": 2, "patchFrames": 8, "bottleneck": {"kind": "sparse", "weight": 0.5}},
       "adversary": {"loss": "wgan", "start": 0.5}}
      """)
    var expected = AutoencoderTraining(
      preset: .draft, bottleneck: Bottleneck(.sparse, weight: 0.5))
    (expected.batchSize, expected.augmentation) = (4, nil)
    (expected.network.patchBins, expected.network.patchFrames) = (2, 8)
    expected.adversary = AdversaryConfiguration(.wgan)
    expected.adversary?.start = 0.5
    #expect(try file.settings(preset: nil, bottleneck: nil) == expected)
    let other = try file.settings(preset: .studio, bottleneck: .variational)
    #expect(other.preset == .studio && other.network.bottleneck == Bottleneck(.variational))
    #expect(other.network.widths == [96, 160] && other.network.patchFrames == 8)
    // The same kind leaves the file's weight.
    #expect(
      try file.settings(preset: nil, bottleneck: .sparse).network.bottleneck
        == Bottleneck(.sparse, weight: 0.5))
    let sparse = try readAutoencoder("{\"network\": {\"bottleneck\": {\"kind\": \"sparse\"}}}")
    #expect(
      try sparse.settings(preset: nil, bottleneck: nil).network.bottleneck == Bottleneck(.sparse))
    let alone = try readAutoencoder("{\"adversary\": null}")
    #expect(try alone.settings(preset: nil, bottleneck: nil).adversary == nil)
  }

  @Test(
    arguments: [
      ("{\"widths\": [64, 96]}", "unknown key \"widths\"; known are adversary, "),
      (
        "{\"network\": {\"melBins\": 64}}", "unknown key \"melBins\" in network; known are blocks, "
      ),
      ("{\"adversary\": {\"kind\": \"wgan\"}}", "unknown key \"kind\" in adversary; known are "),
      ("{\"network\": {\"widths\": 64}}", "network.widths"),
      ("[]", "it is not a JSON object"),
      (
        "{\"network\": {\"bottleneck\": {\"wieght\": 1}}}",
        "unknown key \"wieght\" in network.bottleneck; known are kind, weight"
      ),
      ("{\"network\": {\"patchBins\": 0}}", "autoencoder.patchBins must be 1 to 64"),
      (
        "{\"network\": {\"patchBins\": 1000000000000000000}}",
        "autoencoder.patchBins must be 1 to 64"
      ),
      ("{\"network\": {\"patchBins\": 5}}", "place of the code of 10 mel bins"),
      ("{\"network\": {\"patchFrames\": 5}}", "place of the code of 10 frames, and 192 are not 4"),
      ("{\"network\": {\"patchFrames\": 16}}", "place of the code of 32 frames, and 192 are not 4"),
      (
        "{\"network\": {\"patchBins\": 64}}", "place of the code of 128 mel bins, and 256 are not 4"
      ),
      ("{\"heldOut\": 1e20}", "heldOut must be 0 to 0.5"),
      ("{\"learningRate\": -1}", "learningRate must be positive"),
      ("{\"betas\": []}", "betas must be two numbers"),
      ("{\"adversary\": {\"start\": 2}}", "adversary.start must be from 0 to below 1"),
    ])
  func unusableAutoencoderSettings(_ text: String, _ reason: String) throws {
    let error = try #require(throws: ModelError.self) {
      try readAutoencoder(text).settings(preset: nil, bottleneck: nil)
    }
    #expect("\(error)".contains(reason), "\(error)")
  }
}
