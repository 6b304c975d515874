import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// Ten sounds of a low and a high band in one or two folders, with a caption and a pitch each, small
/// enough for the network of the draft preset to train on quickly.
///
/// - Parameters:
///   - columns: of `metadata.csv`: `caption`, `pitch`, and others that are the same for all.
///   - isGraded: whether the balance of the bands goes by the pitch, not by the caption alone, whose
///     words are always the same then.
func withDescribedDataset<R>(
  columns: [String] = ["caption", "pitch", "same"], labels: Bool = true, isGraded: Bool = true,
  heldOut: Double = 0, _ body: (Dataset) throws -> R
) throws -> R {
  try withTemporaryFolder { folder in
    var table = "file,\(columns.joined(separator: ","))\n"
    for (index, pitch) in ConditioningTests.pitches.enumerated() {
      let label = index < 5 ? "low" : "high"
      let name = (labels ? "\(label)/" : "") + "\(index).wav"
      let balance = isGraded ? pitch : index < 5 ? -9 : 9
      try (folder / "data").write(bands(balance, seed: UInt64(index)), to: name)
      let caption =
        switch isGraded ? 0 : index % 3 {
        case 0: "A \(label), steady tone"
        case 1: "\(label) tone"
        default: "a steady tone, \(label)"
        }
      let cells = columns.map {
        $0 == "caption" ? "\"\(caption)\"" : $0 == "pitch" ? "\(Int(pitch))" : "7"
      }
      table += "\(name),\(cells.joined(separator: ","))\n"
    }
    try (folder / "data").write(table, to: "metadata.csv")
    return try body(
      Dataset(
        folder: AudioFolder((folder / "data").path),
        representation: Representation(
          spectrogram: ConditioningTests.settings, channels: 1, windowFrames: 16,
          padsShortClips: false),
        heldOut: heldOut, cache: folder / "cache"))
  }
}

/// Half a second of two bands, 150 to 900 and 1600 to 3600 Hz.
///
/// - Parameter balance: -9, the lower one is louder by 30 dB, to 9, the higher one is.
private func bands(_ balance: Double, seed: UInt64) -> AudioBuffer {
  var random = RandomGenerator(seed: seed, stream: 77)
  var samples = [Float](repeating: 0, count: 4000)
  for number in 0..<48 {
    let (part, isLow) = (Double(number % 24) / 23, number < 24)
    let frequency = isLow ? 150 + 750 * part : 1600 + 2000 * part
    let amplitude = 0.01 * pow(10, (isLow ? -0.75 : 0.75) * balance / 9)
    let phase = 2 * Double.pi * random.uniform()
    for index in samples.indices {
      let time = Double(index) / 8000
      samples[index] += Float(amplitude * sin(2 * Double.pi * frequency * time + phase))
    }
  }
  return AudioBuffer(
    channels: [zip(samples, random.normals(4000)).map { $0 + 0.0005 * $1 }], sampleRate: 8000)
}

@Suite(.serialized) struct ConditioningTests {
  static let pitches = [-9.0, -7, -5, -3, -1, 1, 3, 5, 7, 9]
  static let settings = SpectrogramSettings(
    sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 128)

  private func batch(
    _ dataset: Dataset, step: Int, _ change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> Batch {
    var configuration = TrainingConfiguration(preset: .draft)
    (configuration.batchSize, configuration.seed) = (32, 7)
    change(&configuration)
    return try Batch(step: step, from: dataset, configuration, device: .cpu)
  }

  /// Mean, deviation and range are those of the files that are trained on; a column that is the same
  /// everywhere is none.
  @Test(arguments: [0, 0.3]) func numbersAreNormalised(_ heldOut: Double) throws {
    try withDescribedDataset(heldOut: heldOut) { dataset in
      let number = try #require(dataset.conditioning?.numbers.first)
      #expect(dataset.conditioning?.numbers.count == 1 && number.name == "pitch")
      var random = RandomGenerator(seed: 1)
      let clips = Set(try (0..<500).map { _ in try dataset.training.random(&random).clip })
      #expect(clips.count == (heldOut == 0 ? 10 : 7))
      let values = try clips.map { Double(try dataset.source.numbers(of: $0)[0]) }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      #expect(abs(number.mean - mean) < 1e-9)
      #expect(abs(number.standardDeviation - variance.squareRoot()) < 1e-9)
      #expect(number.minimum == values.min() && number.maximum == values.max())
      let batch = try batch(dataset, step: 1) {
        ($0.labelDropout, $0.descriptionDropout) = (0, nil)
      }
      for description in batch.condition.descriptions {
        let value = try #require(description.numbers[0]) * number.standardDeviation + mean
        #expect(Self.pitches.contains { abs($0 - value) < 1e-6 })
        let captions = ["a high, steady tone", "a low, steady tone"]
        let tokens = dataset.conditioning?.tokenizer?.tokens(of: captions[description.label])
        #expect(description.caption == tokens?.tokens && (value < 0) == (description.label == 1))
      }
    }
  }

  /// Each by itself in a tenth of the clips, and all at once in another tenth.
  @Test func descriptionsAreLeftOutNowAndThen() throws {
    try withDescribedDataset { dataset in
      let descriptions = try (0..<100).flatMap {
        try batch(dataset, step: $0).condition.descriptions
      }
      let without = [
        descriptions.map { $0.label == 2 },
        // Dropped with all others, or alone.
        descriptions.map { $0.numbers.allSatisfy { $0 == nil } },
        descriptions.map(\.caption.isEmpty),
      ]
      func share(_ holds: (Int) -> Bool) -> Double {
        Double(descriptions.indices.count(where: holds)) / Double(descriptions.count)
      }
      // Standard deviations are at most 0.007.
      for missing in without { #expect(abs(share { missing[$0] } - 0.19) < 0.03) }
      #expect(abs(share { clip in without.allSatisfy { $0[clip] } } - 0.1009) < 0.025)
      #expect(abs(share { clip in without.allSatisfy { !$0[clip] } } - 0.9 * 0.729) < 0.035)
      // The same for the same step.
      #expect(
        try batch(dataset, step: 3).condition.descriptions
          == batch(dataset, step: 3).condition.descriptions)
      let all = try batch(dataset, step: 0) { $0.descriptionDropout?.all = 1 }
      #expect(all.condition.descriptions.allSatisfy { $0 == Description(label: 2) })
    }
  }

  /// A run with label, numbers and captions that is stopped and resumed ends in the same bytes.
  @Test func resumedRunEqualsUninterruptedOne() throws {
    try withDescribedDataset { dataset in
      try withTemporaryFolder { folder in
        _ = try trainer(folder / "whole", dataset, steps: 5).run()
        var made = 0
        _ = try trainer(folder / "parts", dataset, steps: 5).run(
          onStep: { _ in made += 1 }, shouldStop: { made == 2 })
        _ = try trainer(folder / "parts", dataset, steps: 5, resume: true).run()
        try expectEqualRuns(folder / "whole", folder / "parts")
        let model = try Model(contentsOf: (folder / "whole").path)
        #expect(model.configuration.formatVersion == 3)
        #expect(model.configuration.conditioning == dataset.conditioning)
        // Other captions are other data.
        try withDescribedDataset(columns: ["pitch"]) { other in
          _ = #expect(throws: ModelError.self) {
            try trainer(folder / "parts", other, steps: 6, resume: true)
          }
        }
      }
    }
  }

  /// How much louder the lower half of the mel bins is than the upper half, in the mean, in nepers.
  private func tilt(_ plane: Spectrogram) -> Double {
    let values = plane.values.enumerated().map { index, value in
      Double(index % plane.bins < plane.bins / 2 ? value : -value)
    }
    return values.reduce(0, +) / Double(values.count) * 2
  }

  /// Of a sound of the data.
  private func tilt(ofBalance balance: Double) throws -> Double {
    tilt(try MelSpectrogram(Self.settings).logMel(of: bands(balance, seed: 3).channels[0]))
  }

  private func trained(_ columns: [String], seed: UInt64 = 3, _ body: (Generator) throws -> Void)
    throws
  {
    let isGraded = columns == ["pitch"]
    try withDescribedDataset(columns: columns, labels: false, isGraded: isGraded) { dataset in
      try withTemporaryFolder { folder in
        // What a sound is to be is decided where there is much noise: mostly there.
        let trainer = try trainer(folder, dataset, steps: 140) {
          ($0.batchSize, $0.warmUpSteps, $0.learningRate) = (8, 10, 2e-3)
          ($0.augmentation, $0.knownProbability) = (nil, 0)
          $0.noise.levels = NoiseDistribution(logMean: 1, logStandardDeviation: 1.6)
        }
        _ = try trainer.run()
        try body(Generator(model: Model(contentsOf: folder.path)))
      }
    }
  }

  /// After a short training on sounds with a column `pitch`, what is generated has the balance that
  /// is set.
  @Test func generationFollowsTheNumber() throws {
    let (low, high) = (try tilt(ofBalance: -9), try tilt(ofBalance: 9))
    let (middle, margin) = ((low + high) / 2, (low - high) / 4)
    try trained(["pitch"]) { generator in
      for seed in [UInt64(1), 2, 3] {
        let tilts = try [-9.0, 0, 9].map { pitch in
          var options = Generator.Options()
          (options.numbers, options.steps, options.guidanceScale) = (["pitch": pitch], 10, 2)
          return tilt(try generator.logMel(seconds: 0.25, seed: seed, options: options)[0])
        }
        #expect(tilts[0] > middle + margin, "\(tilts), \(low) to \(high)")
        #expect(tilts[2] < middle - margin, "\(tilts), \(low) to \(high)")
        #expect(tilts[0] > tilts[1] && tilts[1] > tilts[2], "\(tilts)")
      }
    }
  }

  /// After a short training on low and high sounds with captions, what is generated is as low or as
  /// high as the prompt says, also in words that no caption has together, and beside a negative
  /// prompt.
  @Test func generationFollowsThePrompt() throws {
    let (low, high) = (try tilt(ofBalance: -9), try tilt(ofBalance: 9))
    // The middle, and a quarter of the way to either.
    let (middle, margin) = ((low + high) / 2, (low - high) / 4)
    try trained(["caption"]) { generator in
      func tilts(_ word: String, not other: String, seed: UInt64) throws -> [Double] {
        try [
          ("a \(word), steady tone", nil), ("a \(word.uppercased()) tone", nil),
          ("a \(word), steady tone", "a \(other), steady tone"),
        ].map { prompt, negative in
          var options = Generator.Options()
          (options.prompt, options.negativePrompt) = (prompt, negative)
          (options.steps, options.guidanceScale) = (10, 2)
          return tilt(try generator.logMel(seconds: 0.25, seed: seed, options: options)[0])
        }
      }
      for seed in [UInt64(1), 2, 3] {
        let lows = try tilts("low", not: "high", seed: seed)
        let highs = try tilts("high", not: "low", seed: seed)
        #expect(lows.allSatisfy { $0 > middle + margin }, "\(lows), \(low) to \(high)")
        #expect(highs.allSatisfy { $0 < middle - margin }, "\(highs), \(low) to \(high)")
      }
    }
  }

  @Test func whatAModelDoesNotKnowIsAnError() throws {
    let plain = Generator(model: try GeneratorTests.model())
    func draw(_ generator: Generator, _ change: (inout Generator.Options) -> Void) throws {
      var options = Generator.Options()
      change(&options)
      _ = try generator.logMel(seconds: 0.1, seed: 1, options: options)
    }
    #expect(throws: ModelError.noCaptions) { try draw(plain) { $0.prompt = "slow" } }
    #expect(throws: ModelError.noCaptions) { try draw(plain) { $0.negativePrompt = "slow" } }
    #expect(throws: ModelError.unknownNumber("tempo", known: [])) {
      try draw(plain) { $0.numbers = ["tempo": 1] }
    }
    try withDescribedDataset { dataset in
      try withTemporaryFolder { folder in
        _ = try trainer(folder, dataset, steps: 1).run()
        let model = try Model(contentsOf: folder.path)
        let conditioning = try #require(model.configuration.conditioning)
        let generator = Generator(model: model)
        let error = #expect(throws: ModelError.self) {
          try draw(generator) { $0.numbers = ["tempo": 1] }
        }
        #expect(
          error?.description == "the model has no number tempo; it knows pitch -9 to 9")
        try draw(generator) { ($0.numbers, $0.prompt) = (["Pitch": 2.5], "🥁") }
        #expect(
          try conditioning.warnings(numbers: ["pitch": -9], captions: ["low", nil]).isEmpty)
        #expect(
          try conditioning.warnings(
            numbers: ["pitch": 3000], captions: [nil, String(repeating: "low ", count: 300)])
            == [
              "pitch = 3000 lies outside of what the model has learned from, -9 to 9",
              "only the first 128 tokens, of about a word each, are read of "
                + "\"low low low low low low …\"",
            ])
        // Where words say what it is to be, no label is drawn.
        var options = Generator.Options()
        #expect(generator.label(for: options, seed: 1) != nil)
        options.prompt = "low"
        #expect(generator.label(for: options, seed: 1) == nil)
        options.label = "high"
        #expect(generator.label(for: options, seed: 1) == "high")
        // A folder whose parts do not fit.
        for (part, other) in [
          ("\"numberCount\" : 1", "\"numberCount\" : 2"), ("\"length\" : 128", "\"length\" : 64"),
          (
            "\"standardDeviation\" : \(conditioning.numbers[0].standardDeviation)",
            "\"standardDeviation\" : 0"
          ),
        ] {
          try damage(folder / "config.json", part, other)
          #expect(throws: ModelError.self) { try Model(contentsOf: folder.path) }
          try model.write(to: folder)
        }
      }
    }
  }

  /// Changes the first place of a part, as whoever edits a model by hand does.
  private func damage(_ file: URL, _ part: String, _ other: String) throws {
    let text = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      .filter { !$0.contains("\"bytes\" : ") && !$0.contains("\"crc32c\" : ") }
      .joined(separator: "\n")
    let range = try #require(text.range(of: part), "\(part)")
    try text.replacingCharacters(in: range, with: other)
      .write(to: file, atomically: true, encoding: .utf8)
  }
}
