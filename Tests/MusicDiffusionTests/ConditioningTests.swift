import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// Tones of 200 to 2000 Hz in two folders, with a caption and a pitch each, small enough for the
/// network of the draft preset to train on quickly.
///
/// - Parameter table: the columns of `metadata.csv`, of `caption`, `pitch` and `same`.
func withDescribedDataset<R>(
  columns: [String] = ["caption", "pitch", "same"], labels: Bool = true, heldOut: Double = 0,
  _ body: (Dataset) throws -> R
) throws -> R {
  try withTemporaryFolder { folder in
    var table = "file,\(columns.joined(separator: ","))\n"
    for (index, frequency) in ConditioningTests.frequencies.enumerated() {
      let label = index < 5 ? "low" : "high"
      let name = (labels ? "\(label)/" : "") + "\(index).wav"
      let audio = sound(seconds: 1, frequency: frequency, seed: UInt64(index))
      try (folder / "data").write(audio, to: name)
      let cells = columns.map {
        $0 == "caption" ? "\"A \(label), steady tone\"" : $0 == "pitch" ? "\(Int(frequency))" : "7"
      }
      table += "\(name),\(cells.joined(separator: ","))\n"
    }
    try (folder / "data").write(table, to: "metadata.csv")
    return try body(
      Dataset(
        folder: AudioFolder((folder / "data").path),
        representation: Representation(
          spectrogram: SpectrogramSettings(
            sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 128),
          channels: 1, windowFrames: 32, padsShortClips: false),
        heldOut: heldOut, cache: folder / "cache"))
  }
}

@Suite(.serialized) struct ConditioningTests {
  static let frequencies = [200.0, 240, 280, 320, 360, 1500, 1600, 1700, 1800, 1900]

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
      #expect(clips.count == (heldOut == 0 ? 10 : 6))
      let values = try clips.map { Double(try dataset.source.numbers(of: $0)[0]) }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      #expect(abs(number.mean - mean) < 1e-9 * mean)
      #expect(abs(number.standardDeviation - variance.squareRoot()) < 1e-9 * mean)
      #expect(number.minimum == values.min() && number.maximum == values.max())
      let batch = try batch(dataset, step: 1) {
        ($0.labelDropout, $0.descriptionDropout) = (0, nil)
      }
      for description in batch.condition.descriptions {
        let value = try #require(description.numbers[0]) * number.standardDeviation + mean
        #expect(Self.frequencies.contains { abs($0 - value) < 1e-3 })
        let captions = ["a high, steady tone", "a low, steady tone"]
        let tokens = dataset.conditioning?.tokenizer?.tokens(of: captions[description.label])
        #expect(description.caption == tokens?.tokens && (value < 1000) == (description.label == 1))
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
          #expect(throws: ModelError.self) {
            try trainer(folder / "parts", other, steps: 6, resume: true)
          }
        }
      }
    }
  }

  /// Mel bins weighted by what is in them: the middle of what is heard.
  private func centre(_ planes: [Spectrogram]) -> Double {
    let plane = planes[0]
    var (sum, total) = (0.0, 0.0)
    for frame in 0..<plane.frames {
      for bin in 0..<plane.bins {
        let power = exp(Double(plane[frame, bin]))
        (sum, total) = (sum + power * Double(bin), total + power)
      }
    }
    return sum / total
  }

  /// Where a tone of the data lies, which rises by a fifth within its second.
  private func bins(_ frequency: Double) throws -> ClosedRange<Double> {
    let bank = MelFilterBank(sampleRate: 8000, fftSize: 512, melBins: 128)
    func bin(_ frequency: Double) -> Double {
      let row = Int((frequency / 8000 * 512).rounded())
      let weights = (0..<128).map { bank.weights[$0 * 257 + row] }
      return Double(weights.firstIndex(of: weights.max()!)!)
    }
    return bin(frequency)...bin(1.4 * frequency)
  }

  private func trained(
    _ columns: [String], steps: Int, _ body: (Generator) throws -> Void
  ) throws {
    try withDescribedDataset(columns: columns, labels: false) { dataset in
      try withTemporaryFolder { folder in
        let trainer = try trainer(folder, dataset, steps: steps) {
          ($0.batchSize, $0.warmUpSteps, $0.learningRate) = (8, 10, 2e-3)
          ($0.augmentation, $0.knownProbability) = (nil, 0)
        }
        _ = try trainer.run()
        try body(Generator(model: Model(contentsOf: folder.path)))
      }
    }
  }

  /// After a short training on low and high tones with captions, what is generated is as low or as high
  /// as the prompt says, and away from what a negative prompt says.
  @Test func generationFollowsThePrompt() throws {
    try trained(["caption"], steps: 160) { generator in
      func centre(_ prompt: String?, not negative: String? = nil, seed: UInt64) throws -> Double {
        var options = Generator.Options()
        (options.prompt, options.negativePrompt, options.steps) = (prompt, negative, 10)
        options.guidanceScale = 2
        return try self.centre(generator.logMel(seconds: 0.5, seed: seed, options: options))
      }
      let (low, high) = (try bins(280), try bins(1700))
      for seed in [UInt64(1), 2, 3] {
        let values = try [
          centre("a low, steady tone", seed: seed), centre("a high, steady tone", seed: seed),
          centre("High tone", seed: seed), centre(nil, not: "a low, steady tone", seed: seed),
        ]
        print("centres", values, low, high)
        #expect(values[0] < (low.upperBound + high.lowerBound) / 2 - 10)
        for value in values.dropFirst() {
          #expect(value > (low.upperBound + high.lowerBound) / 2 + 10)
        }
      }
    }
  }

  /// After a short training on tones with a column `pitch`, what is generated has the pitch that is
  /// set.
  @Test func generationFollowsTheNumber() throws {
    try trained(["pitch"], steps: 160) { generator in
      for seed in [UInt64(1), 2] {
        let centres = try [200.0, 360, 1500, 1900].map { pitch in
          var options = Generator.Options()
          (options.numbers, options.steps, options.guidanceScale) = (["pitch": pitch], 10, 2)
          return try centre(generator.logMel(seconds: 0.5, seed: seed, options: options))
        }
        print("centres", centres, try bins(200), try bins(360), try bins(1500), try bins(1900))
        #expect(centres == centres.sorted())
        #expect(centres[1] < 40 && centres[2] > 60)
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
          error?.description == "the model has no number tempo; it knows pitch 200 to 1900")
        try draw(generator) { ($0.numbers, $0.prompt) = (["Pitch": 250], "🥁") }
        #expect(
          try conditioning.warnings(numbers: ["pitch": 200], captions: ["low", nil]).isEmpty)
        #expect(
          try conditioning.warnings(
            numbers: ["pitch": 3000], captions: [nil, String(repeating: "low ", count: 300)])
            == [
              "pitch = 3000 lies outside of what the model has learned from, 200 to 1900",
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
