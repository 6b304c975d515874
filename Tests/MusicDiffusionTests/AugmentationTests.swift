import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct AugmentationTests {
  private let representation = Representation(
    spectrogram: SpectrogramSettings(sampleRate: 22050, melBins: 128), channels: 1,
    windowFrames: 32, padsShortClips: false)

  private func withSet<R>(
    _ sounds: [(name: String, audio: AudioBuffer)], channels: Int = 1,
    values: ValueTransform = .statistics, _ body: (Dataset) throws -> R
  ) throws -> R {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        at: folder / "data", withIntermediateDirectories: true)
      for sound in sounds {
        try sound.audio.write(to: (folder / "data" / sound.name).path, encoding: .wavFloat)
      }
      var representation = representation
      (representation.channels, representation.values) = (channels, values)
      return try body(
        Dataset(
          folder: AudioFolder((folder / "data").path), representation: representation,
          cache: folder / "cache"))
    }
  }

  /// Log-mel of a clip's window, `[mel bins, frames]`, with a variation.
  private func window(
    _ data: Dataset, clip: Int = 0, start: Int = 5000, partner: (clip: Int, start: Int)? = nil,
    _ change: (inout Variation) -> Void = { _ in }
  ) throws -> [[Float]] {
    var variation = Variation()
    change(&variation)
    var random = RandomGenerator(seed: 1)
    let rows = 128 * data.representation.channels
    var values = [Float](repeating: 0, count: rows * 32)
    try values.withUnsafeMutableBufferPointer {
      try data.spectrograms.write(
        clip: clip, start: start, variation, partner: partner, &random, to: $0.baseAddress!)
    }
    let (scale, shift) = (data.normalization.scale, data.normalization.shift)
    return (0..<rows).map { row in
      values[row * 32..<(row + 1) * 32].map { ($0 - shift[row]) / scale[row] }
    }
  }

  private func tone(_ frequency: Double, seconds: Double = 2, level: Float = 0.25) -> AudioBuffer {
    AudioBuffer(
      channels: [
        (0..<Int(seconds * 22050)).map {
          level * Float(sin(2 * .pi * frequency * Double($0) / 22050))
        }
      ], sampleRate: 22050)
  }

  private func loudest(_ window: [[Float]]) -> Int {
    window.indices.max { window[$0][16] < window[$1][16] }!
  }

  /// 6 dB are ln 4 of power everywhere.
  @Test func gainRaisesAllBins() throws {
    try withSet([("a.wav", sound(seconds: 2, sampleRate: 22050))]) { data in
      let (plain, loud) = (try window(data), try window(data) { $0.gain = 6 })
      for (a, b) in zip(plain.joined(), loud.joined()) {
        #expect(abs(b - a - 0.6 * Float(log(10.0))) < 2e-3)
      }
    }
  }

  /// A tone sent up by 50 cents looks as one that was played so.
  @Test(arguments: [50, -50, 20, 300, -300])
  func pitchIsThatOfAnotherTone(_ cents: Int) throws {
    let shifted = 1500 * pow(2, Double(cents) / 1200)
    try withSet([("a.wav", tone(1500)), ("b.wav", tone(shifted))]) { data in
      let (plain, up) = (try window(data), try window(data) { $0.pitch = cents })
      let played = try window(data, clip: 1)
      let bin = loudest(played)
      #expect(loudest(up) == bin)
      // The window of the transform is as long as before, so the flanks differ, not the height.
      #expect(abs(up[bin][16] - played[bin][16]) < 0.15)
      #expect(abs(plain[bin][16] - played[bin][16]) > 0.3)
    }
  }

  /// Clicks 4 % sooner one after another, at the same pitch.
  @Test func timeMovesFramesAlone() throws {
    func clicks(_ distance: Double) -> AudioBuffer {
      var samples = [Float](repeating: 0, count: 44100)
      for number in 1..<20 { samples[Int((Double(number) * distance).rounded())] = 0.9 }
      return AudioBuffer(channels: [samples], sampleRate: 22050)
    }
    let distance = 2200.0
    try withSet([("a.wav", clicks(distance)), ("b.wav", clicks(distance / 1.04))]) { data in
      let fast = try window(data, start: 2200) { $0.time = 0.04 }
      let played = try window(data, clip: 1, start: Int((2200 / 1.04).rounded()))
      let plain = try window(data, start: 2200)
      func difference(_ a: [[Float]], _ b: [[Float]]) -> Float {
        zip(a.joined(), b.joined()).map { abs($0 - $1) }.reduce(0, +) / Float(128 * 32)
      }
      #expect(difference(fast, played) < 0.2 * difference(plain, played))
    }
    try withSet([("a.wav", tone(1500))]) { data in
      let (slow, plain) = (try window(data) { $0.time = -0.05 }, try window(data))
      #expect(loudest(slow) == loudest(plain))
    }
  }

  /// The sum of both sounds.
  @Test func mixingAdds() throws {
    let (low, high) = (tone(500), tone(3000))
    var both = low
    for index in both.channels[0].indices {
      both.channels[0][index] += 0.5 * high.channels[0][index]
    }
    try withSet([("a.wav", low), ("b.wav", high), ("c.wav", both)]) { data in
      let mixed = try window(data, clip: 0, partner: (clip: 1, start: 5000)) { $0.mix = 0.5 }
      let expected = try window(data, clip: 2)
      // Where the tones are; elsewhere the rounding to 16 bits shows.
      for (a, b) in zip(mixed.joined(), expected.joined()) where b > -14 {
        #expect(abs(a - b) < 0.01)
      }
    }
  }

  /// Masked values are 0, the mean, and no others are touched.
  @Test func masksABandAndAStretch() throws {
    try withSet([("a.wav", sound(seconds: 2, sampleRate: 22050))]) { data in
      let plain = try window(data)
      let masked = try window(data) { ($0.maskedFrames, $0.maskedBins) = (0.125, 0.0625) }
      let mean = data.normalization.mean
      let rows = masked.indices.filter { row in
        masked[row].allSatisfy { abs($0 - mean[row]) < 1e-3 }
      }
      let frames = (0..<32).filter { frame in
        masked.indices.allSatisfy { abs(masked[$0][frame] - mean[$0]) < 1e-3 }
      }
      #expect(rows.count == 8 && frames.count == 4)
      #expect(rows.last! - rows.first! == 7 && frames.last! - frames.first! == 3)
      for row in masked.indices where !rows.contains(row) {
        for frame in 0..<32 where !frames.contains(frame) {
          #expect(abs(masked[row][frame] - plain[row][frame]) < 1e-4)
        }
      }
    }
  }

  /// Of other values than those that statistics bring to 0, too, masked ones are the row's mean.
  @Test(arguments: [ValueTransform.linear, .tanh, .logit])
  func maskedValuesAreTheMean(_ values: ValueTransform) throws {
    try withSet([("a.wav", sound(seconds: 20, sampleRate: 22050))], values: values) { data in
      let (rows, frames) = (128, 32)
      func window(_ start: Int, masked: Bool) throws -> [Float] {
        var variation = Variation()
        if masked { variation.maskedFrames = 1 }
        var random = RandomGenerator(seed: 1)
        var window = [Float](repeating: 0, count: rows * frames)
        try window.withUnsafeMutableBufferPointer {
          try data.spectrograms.write(
            clip: 0, start: start, variation, partner: nil, &random, to: $0.baseAddress!)
        }
        return window
      }
      let masked = try window(0, masked: true)
      var means = [Float](repeating: 0, count: rows)
      for part in 0..<300 {
        let plain = try window(part * 1400, masked: false)
        for row in 0..<rows {
          means[row] += plain[row * frames..<(row + 1) * frames].reduce(0, +) / Float(300 * frames)
        }
      }
      for row in 0..<rows {
        let line = masked[row * frames..<(row + 1) * frames]
        #expect(line.allSatisfy { $0 == line.first })
        #expect(abs(line.first! - means[row]) < 0.05, "row \(row)")
      }
      #expect(means.contains { abs($0) > 0.2 })
    }
  }

  /// Which is why there is no augmentation that swaps left and right.
  @Test func swappingLeftAndRightChangesNothing() throws {
    let stereo = sound(seconds: 2, sampleRate: 22050, channels: 2)
    let swapped = AudioBuffer(channels: stereo.channels.reversed(), sampleRate: 22050)
    try withSet([("a.wav", stereo), ("b.wav", swapped)], channels: 2) { data in
      let (a, b) = (try window(data), try window(data, clip: 1))
      #expect(zip(a.joined(), b.joined()).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  /// Each kind as often as it should be, within its limits, and told by its own number.
  @Test(arguments: Augmentation.Kind.allCases)
  func drawsOneKind(_ kind: Augmentation.Kind) {
    var random = RandomGenerator(seed: 2)
    let augmentation = Augmentation([kind], probability: 0.25)
    let numbers: [Augmentation.Kind: [Int]] = [
      .gain: [0], .pitch: [1], .time: [2], .mask: [3, 4], .mix: [5],
    ]
    var drawn = 0
    for _ in 0..<4000 {
      let vector = augmentation.variation(&random).vector
      #expect(vector.count == Augmentation.vectorWidth)
      #expect(vector.allSatisfy { abs($0) <= 1 })
      for (number, value) in vector.enumerated() where !numbers[kind]!.contains(number) {
        #expect(value == 0)
      }
      if vector.contains(where: { $0 != 0 }) { drawn += 1 }
    }
    // Pitch is in steps, of which a tenth is none.
    let expected = kind == .pitch ? 900.0 : 1000
    #expect(abs(Double(drawn) - expected) < 120)
  }

  /// Wider ranges are drawn from to their ends, evenly on both sides, and the network is told in the
  /// units of the usual ones.
  @Test func drawsFromWiderRanges() {
    var random = RandomGenerator(seed: 3)
    let augmentation = Augmentation(
      [.pitch, .time], probability: 1, pitchRange: 3, timeRange: 0.1)
    let drawn = (0..<2000).map { _ in augmentation.variation(&random) }
    #expect(drawn.allSatisfy { abs($0.pitch) <= 300 && $0.pitch % 10 == 0 })
    #expect(drawn.map(\.pitch).min()! < -280 && drawn.map(\.pitch).max()! > 280)
    #expect(drawn.allSatisfy { abs($0.time) <= 0.1 })
    #expect(drawn.map(\.time).min()! < -0.095 && drawn.map(\.time).max()! > 0.095)
    #expect(abs(drawn.map { Double($0.pitch) }.reduce(0, +) / 2000) < 15)
    #expect(drawn[0].vector[1] == Float(drawn[0].pitch) / 50)
  }

  /// Several kinds are in the batch that the seed decides; none of them where none is wanted.
  @Test func batchesTellWhatWasDone() throws {
    try withDataset { dataset in
      func batch(_ kinds: [Augmentation.Kind]?) throws -> Batch {
        var configuration = TrainingConfiguration(preset: .draft)
        configuration.batchSize = 64
        configuration.augmentation = kinds.map { Augmentation($0, probability: 0.5) }
        return try Batch(step: 1, from: dataset, configuration, device: .cpu)
      }
      let (plain, none) = (try batch(nil), try batch([]))
      #expect(plain.condition.augmentation == nil && none.condition.augmentation == nil)
      #expect(try difference(plain.signal, none.signal) == 0)
      let some = try batch(Augmentation.Kind.allCases)
      let vectors = try #require(some.condition.augmentation)
      #expect(vectors.shape == [64, 6])
      let values = try vectors.floats()
      for number in 0..<6 {
        let done = (0..<64).count { values[$0 * 6 + number] != 0 }
        #expect((8...56).contains(done), "number \(number) in \(done)")
      }
      #expect(try some.signal.floats() == batch(Augmentation.Kind.allCases).signal.floats())
    }
  }

  /// A network without the weights is as it always was; with them, zeros mean nothing, and other
  /// numbers something.
  @Test func networkIsToldWhatWasDone() throws {
    var configuration = Preset.draft.network(labelCount: 0)
    let old = ParameterStore(seed: 1)
    let oldNetwork = try UNet(old.root, configuration: configuration)
    #expect(!old.names.contains { $0.contains("augmentation") })
    configuration.augmentationWidth = 6
    let new = ParameterStore(seed: 1)
    let newNetwork = try UNet(new.root, configuration: configuration)
    #expect(Set(new.names).subtracting(old.names) == ["embedding.augmentation.weight"])
    func run(_ network: UNet, _ vector: [Float]?) throws -> Tensor {
      let shape = [1, 1, 128, 32]
      return try network(
        normal(shape, seed: 3), noiseLevels: [0.1], labels: [0], known: .zeros(shape),
        mask: .zeros(shape),
        augmentation: vector.map { try Tensor($0, shape: [1, 6]) }, precision: .float32)
    }
    // Heads start at zero: these are as if they had learned.
    for store in [old, new] {
      for (name, tensor) in store.named where try tensor.square().sum().item() == 0 {
        let seed = UInt64(name.utf8.reduce(0) { Int($0) &* 31 &+ Int($1) } & 0xFFFF)
        try tensor.detach().copy(from: normal(tensor.shape, seed: seed) * 0.1)
      }
    }
    let expected = try run(oldNetwork, nil)
    #expect(try expected.floats() == run(newNetwork, nil).floats())
    #expect(try difference(expected, run(newNetwork, [0, 0, 0, 0, 0, 0])) < 1e-6)
    #expect(try difference(expected, run(newNetwork, [1, 0, 0, 0, 0, 0])) > 1e-4)
  }
}

@Suite struct BatchLoaderTests {
  /// Batches come in the order they are asked for, the same as without a loader, also after a jump.
  @Test func givesTheBatchesOfTheirSteps() throws {
    try withDataset { dataset in
      var configuration = TrainingConfiguration(preset: .draft)
      configuration.batchSize = 2
      let settings = configuration
      let loader = BatchLoader(threads: 3, depth: 4) { step in
        try Batch(step: step, from: dataset, settings, device: .cpu)
      }
      for step in [5, 6, 7, 8, 9, 30, 31, 2] {
        let batch = try loader.batch(step: step)
        let expected = try Batch(step: step, from: dataset, settings, device: .cpu)
        #expect(try batch.signal.floats() == expected.signal.floats())
        #expect(try batch.noise.floats() == expected.noise.floats())
        #expect(batch.condition.labels == expected.condition.labels)
      }
    }
  }

  /// While one is trained on, as many as the depth are made ahead, and no more.
  @Test(arguments: [1, 3])
  func worksAheadByTheDepth(_ threads: Int) throws {
    try withDataset { dataset in
      var configuration = TrainingConfiguration(preset: .draft)
      configuration.batchSize = 1
      let settings = configuration
      let begun = Count()
      let loader = BatchLoader(threads: threads, depth: 4) { step in
        begun.add()
        return try Batch(step: step, from: dataset, settings, device: .cpu)
      }
      for taken in 1...12 {
        _ = try loader.batch(step: taken)
        begun.wait(for: taken + 4)
        #expect(begun.value == taken + 4)
      }
    }
  }

  @Test func passesErrorsOn() throws {
    let loader = BatchLoader { step in throw ModelError.diverged(step: step, recoveries: 0) }
    #expect(throws: ModelError.diverged(step: 3, recoveries: 0)) { try loader.batch(step: 3) }
    #expect(throws: ModelError.diverged(step: 4, recoveries: 0)) { try loader.batch(step: 4) }
  }

  private final class Count: @unchecked Sendable {
    private let changed = NSCondition()
    private var count = 0

    var value: Int { changed.withLock { count } }

    func add() {
      changed.withLock {
        count += 1
        changed.broadcast()
      }
    }

    /// Returns once so many have been added, or in a minute.
    func wait(for value: Int) {
      changed.withLock {
        let end = Date(timeIntervalSinceNow: 60)
        while count < value, changed.wait(until: end) {}
      }
    }
  }
}
