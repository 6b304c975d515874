import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct SectionPlanTests {
  /// Each section begins within the one before, goes on where what that keeps ends, all are as wide and no wider
  /// than they may be, and the last one reaches the end. What passes is drawn twice.
  @Test(arguments: [1, 2, 15, 16, 17, 100, 255, 256, 257, 500, 507, 508, 1000, 100_000])
  func coversThePiece(_ frames: Int) {
    let plan = SectionPlan(frames: frames, window: 16)
    let width = plan.steps[0].frames.count
    #expect(width >= 16 && width <= 16 * SectionPlan.mostWindows)
    #expect(plan.steps.allSatisfy { $0.frames.count == width })
    #expect(plan.steps[0].frames.lowerBound == 0)
    for (step, next) in zip(plan.steps, plan.steps.dropFirst()) {
      #expect(next.frames.lowerBound == step.frames.upperBound - plan.overlap)
      #expect(next.kept.lowerBound == step.kept.upperBound)
      #expect(step.passing == step.kept.upperBound..<step.frames.upperBound)
      #expect(step.passing.count == 2 && next.kept.lowerBound - next.frames.lowerBound == 5)
    }
    #expect(plan.steps.last!.passing.isEmpty)
    #expect(plan.steps.last!.kept.upperBound == plan.columns)
    #expect(plan.columns >= frames)
    // No section is drawn in vain, and little of one.
    #expect(plan.columns - frames < max(16, plan.steps.count))
  }

  @Test func isOneSectionForAMinute() {
    #expect(SectionPlan(frames: 256, window: 16).steps.count == 1)
    #expect(SectionPlan(frames: 257, window: 16).steps.count == 2)
  }

  /// Each section is told what the one before it has drawn, of its last frames for how long, and stands as it was
  /// drawn, in one piece and in memory of one section.
  @Test func sectionsGoOnFromEachOther() throws {
    let plan = SectionPlan(frames: 500, window: 12)
    #expect(plan.steps.map(\.frames) == [0..<171, 165..<336, 330..<501])
    var pieces = [PartialPiece](
      repeating: PartialPiece(channels: 2, bins: 3, columns: plan.columns), count: 3)
    var batches: [Range<Int>] = []
    func drawn(_ section: Int, _ piece: Int) throws -> Tensor {
      let values = values(frames: plan.steps[section].frames)
      return try Tensor(values, shape: [1, 2, 3, 171]) * Double(1 + piece * 8)
    }
    try SectionPlan.Step.draw(plan.steps, of: &pieces, atOnce: 2, device: .cpu) {
      section, batch, known, mask in
      batches.append(batch)
      #expect(known.shape == [batch.count, 2, 3, 171])
      #expect(mask.shape == [batch.count, 1, 3, 171])
      let standing: [Float] = section > 0 ? [1, 1, 1, 1, 2 / 3.0, 1 / 3.0] : []
      let row = standing + [Float](repeating: 0, count: 171 - standing.count)
      #expect(try mask.floats() == batch.flatMap { _ in row + row + row })
      let drawn = try Tensor.concatenate(batch.map { try drawn(section, $0) }, dimension: 0)
      let stands = try Tensor(
        mask.floats().map { $0 > 0 ? Float(1) : 0 }, shape: mask.shape)
      #expect(try difference(known, drawn * stands) == 0)
      return drawn
    }
    #expect(batches == [0..<2, 2..<3, 0..<2, 2..<3, 0..<2, 2..<3])
    for (number, piece) in pieces.enumerated() {
      let expected = values(frames: 0..<501).map { $0 * Float(1 + number * 8) }
      #expect(piece.planes.joined().elementsEqual(expected))
    }
    var drawing = SectionDrawing(plan, channels: 2, bins: 3, device: .cpu)
    for (number, step) in plan.steps.enumerated() {
      let planes = try drawing.next { section, known, mask in
        #expect(section == number)
        let drawn = try drawn(section, 0)
        let stands = try Tensor(
          mask.floats().map { $0 > 0 ? Float(1) : 0 }, shape: mask.shape)
        #expect(try difference(known, drawn * stands) == 0)
        return drawn
      }
      #expect(planes.joined().elementsEqual(values(frames: step.kept)))
    }
  }

  /// What passes is known as long as its mask says, and then it is not.
  @Test func whatPassesIsLetGo() throws {
    let condition = Condition(
      labels: [0], known: try Tensor([5, 6, 7, 0] as [Float], shape: [1, 1, 1, 4]),
      mask: try Tensor([1, 2 / 3, 1 / 3, 0] as [Float], shape: [1, 1, 1, 4]))
    for (part, known) in [
      (0, [5, 6, 7, 0]), (0.3, [5, 6, 7, 0]), (0.34, [5, 6, 0, 0]), (0.7, [5, 0, 0, 0]),
      (0.99, [5, 0, 0, 0] as [Float]),
    ] {
      let now = try condition.standing(after: part)
      #expect(try now.known.floats() == known)
      #expect(try now.mask.floats() == known.map { $0 > 0 ? 1 : 0 })
    }
  }

  /// Two channels of three bins, in which each value tells where in the piece it stands.
  private func values(frames: Range<Int>) -> [Float] {
    var values: [Float] = []
    for row in [0, 100, 200, 1000, 1100, 1200] {
      values += frames.map { Float(row + $0) }
    }
    return values
  }
}

@Suite struct GeneratorTests {
  /// Sixteen mel bins at 8 kHz, two channels, three labels; weights that no training has made.
  static func model(labels: [String] = ["drums/kick", "drums/snare", "bass"]) throws -> Model {
    let golden = try UNetTests.Golden()
    var sampling = SamplingDefaults()
    sampling.steps = 4
    return Model(
      configuration: ModelConfiguration(
        preset: .draft, representation: .small(channels: 2, windowFrames: 32),
        normalization: Normalization(
          mean: [Float](repeating: -8, count: 32),
          standardDeviation: [Float](repeating: 3, count: 32)),
        network: golden.configuration, labels: labels, noise: NoiseProcess(),
        sampling: sampling, history: TrainingHistory()),
      network: golden.network, parameters: golden.parameters)
  }

  let generator: Generator
  init() throws { generator = Generator(model: try Self.model()) }

  /// One sample, a hop, a window, odd numbers, several windows.
  @Test(arguments: [1, 2, 63, 64, 65, 255, 2047, 2048, 2049, 8001, 12345])
  func lengthIsExact(_ samples: Int) throws {
    let audio = try generator.generate(seconds: Double(samples) / 8000, seed: 1)
    #expect(audio.sampleCount == samples)
    #expect(audio.channelCount == 2)
    #expect(audio.sampleRate == 8000)
    #expect(audio.channels.joined().allSatisfy { $0.isFinite })
  }

  /// A piece that comes in blocks is the piece that is returned as a whole.
  @Test(arguments: [0.01, 1.3, 599 * 64.0 / 8000, 12])
  func blocksAreThePiece(_ seconds: Double) throws {
    let whole = try generator.generate(seconds: seconds, seed: 3)
    var blocks = [[Float]](repeating: [], count: 2)
    var seen = 0
    try generator.generate(
      seconds: seconds, seed: 3,
      onProgress: {
        seen += 1
        #expect($0.evaluations == seen && $0.evaluations <= $0.totalEvaluations)
      },
      write: { block in
        #expect(block.sampleRate == 8000)
        for (channel, samples) in block.channels.enumerated() { blocks[channel] += samples }
      })
    // The whole is turned down where it would clip.
    let sound = AudioBuffer(channels: blocks, sampleRate: 8000)
    #expect(sound.limited(toPeak: 0.98) == whole)
    let sections = SectionPlan(frames: 1 + Int(seconds * 8000) / 64, window: 32).steps.count
    #expect(seen == 4 * sections)
  }

  @Test func blocksHaveTheirLimitsAndErrors() throws {
    for seconds in [0, -1, .nan, .infinity, 86_400.5] {
      #expect(throws: ModelError.self) {
        try generator.generate(seconds: seconds, seed: 1, write: { _ in })
      }
    }
    struct Full: Error {}
    #expect(throws: Full.self) {
      try generator.generate(seconds: 1, seed: 1, write: { _ in throw Full() })
    }
  }

  /// Less than half a sample is still one.
  @Test func shortestPieceIsOneSample() throws {
    #expect(try generator.generate(seconds: 1e-9, seed: 1).sampleCount == 1)
  }

  @Test func seedDecides() throws {
    func sound(_ seed: UInt64, _ options: Generator.Options = .init()) throws -> AudioBuffer {
      try generator.generate(seconds: 0.7, seed: seed, options: options)
    }
    let first = try sound(1)
    #expect(try sound(1) == first)
    #expect(try sound(2) != first)
    #expect(try sound(.max) != first)
    var options = Generator.Options()
    options.sampler = .ddpm
    let ancestral = try sound(1, options)
    #expect(try sound(1, options) == ancestral)
    #expect(ancestral != first)
  }

  @Test func optionsMatter() throws {
    func logMel(_ change: (inout Generator.Options) -> Void) throws -> [Spectrogram] {
      var options = Generator.Options()
      options.label = "bass"
      change(&options)
      return try generator.logMel(seconds: 0.2, seed: 1, options: options)
    }
    let base = try logMel { _ in }
    #expect(try logMel { $0.label = "drums/kick" } != base)
    #expect(try logMel { $0.label = nil } != base)
    #expect(try logMel { $0.guidanceScale = 3 } != base)
    #expect(try logMel { $0.steps = 6 } != base)
    #expect(try logMel { $0.sampler = .heun } != base)
    // What the model's defaults are.
    #expect(
      try logMel { ($0.guidanceScale, $0.steps, $0.sampler) = (1.5, 4, .dpmSolver2MSDE) } == base)
  }

  /// A whole label, or the last part of its path if that is enough.
  @Test func labelsAreFoundByTheirLastPart() throws {
    let configuration = generator.model.configuration
    #expect(try configuration.labelIndex("drums/kick") == 0)
    #expect(try configuration.labelIndex("snare") == 1)
    #expect(try configuration.labelIndex("bass") == 2)
    for unknown in ["kic", "drums", "", "Bass"] {
      let error = ModelError.unknownLabel(unknown, known: configuration.labels)
      #expect(throws: error) { try configuration.labelIndex(unknown) }
      #expect(throws: error) {
        var options = Generator.Options()
        options.label = LabelMix(unknown)
        _ = try generator.generate(seconds: 0.1, seed: 1, options: options)
      }
      #expect(error.description.hasSuffix("it knows drums/kick, drums/snare, bass"))
    }
    let twins = try Self.model(labels: ["a/kick", "b/kick", "bass"])
    #expect(throws: ModelError.self) { try twins.configuration.labelIndex("kick") }
  }

  @Test(arguments: [0, -1, -.infinity, .infinity, .nan, 3600.01, 1e300])
  func impossibleLengthsAreErrors(_ seconds: Double) throws {
    do {
      _ = try generator.generate(seconds: seconds, seed: 1)
      Issue.record("\(seconds) s were generated")
    } catch ModelError.invalidSeconds(let found, let limit) {
      #expect(found.bitPattern == seconds.bitPattern)
      #expect(limit == 3600)
    }
  }

  @Test(arguments: [-1, 0, 10_001])
  func impossibleStepsAreErrors(_ steps: Int) {
    #expect(throws: ModelError.self) {
      var options = Generator.Options()
      options.steps = steps
      _ = try generator.generate(seconds: 0.1, seed: 1, options: options)
    }
  }

  @Test(arguments: Sampler.allCases)
  func reportsEveryEvaluation(_ sampler: Sampler) throws {
    var options = Generator.Options()
    (options.sampler, options.steps) = (sampler, 3)
    var seen: [Int] = []
    // 600 frames are two sections of at most 512 with an overlap of 10.
    _ = try generator.logMel(seconds: 599 * 64.0 / 8000, seed: 1, options: options) {
      seen.append($0.evaluations)
      #expect($0.totalEvaluations == 2 * sampler.evaluations(steps: 3))
    }
    #expect(seen == Array(1...2 * sampler.evaluations(steps: 3)))
  }

  @Test func stopsWhereAskedTo() {
    struct Stop: Error {}
    var evaluations = 0
    #expect(throws: Stop.self) {
      _ = try generator.generate(seconds: 0.5, seed: 1) { _ in
        evaluations += 1
        if evaluations == 2 { throw Stop() }
      }
    }
    #expect(evaluations == 2)
  }

  @Test func nothingIsBelowSilence() throws {
    for plane in try generator.logMel(seconds: 1, seed: 1) {
      #expect(plane.values.allSatisfy { $0 >= Float(log(1e-11)) })
    }
  }

  /// A piece is what its seed alone makes of it, to the bit, whatever pieces are drawn beside it, the
  /// labels that seeds draw and the one kept away from among them.
  @Test(arguments: [DType.float32, .bfloat16])
  func piecesDoNotDependOnEachOther(_ precision: DType) throws {
    let generator = Generator(model: generator.model, precision: precision)
    var options = Generator.Options()
    let seeds: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    for (form, sampler) in [
      (Generator.Form.piece(seconds: 0.5), Sampler.dpmSolver2M), (.piece(seconds: 0.1), .ddpm),
      (.loop(sampleCount: 2100), .dpmSolver2M), (.loop(sampleCount: 1000), .ddpm),
    ] {
      (options.sampler, options.negativeLabel) = (sampler, "bass")
      let together = try generator.generate(form, seeds: seeds, options: options)
      for index in [0, 1, 2, 5, 10] {
        let alone = try generator.generate(form, seeds: [seeds[index]], options: options)
        #expect(alone == [together[index]], "\(form), seed \(seeds[index])")
      }
      #expect(together[0] != together[1])
    }
  }

  /// Where the signal is known the denoiser says just that, at any noise and guidance; elsewhere it
  /// does not pass through.
  @Test func knownRegionIsKept() throws {
    let golden = try UNetTests.Golden()
    let denoiser = Denoiser(
      network: golden.network, preconditioning: Preconditioning(), precision: .float32)
    let (condition, mask) = (try golden.condition, try golden["mask"])
    for sigma in [0.01, 1, 80] {
      for guidanceScale in [1.0, 3] {
        let guided = GuidedDenoiser(
          denoiser, away: .description(Description(label: 3)),
          guidance: Guidance(scale: guidanceScale))
        let denoised = try guided(
          golden.noisy, sigma: sigma, condition: condition)
        #expect(try difference(denoised * mask, condition.known) == 0)
        #expect(try difference(denoised * (1 - mask), golden["signal"] * (1 - mask)) > 0.1)
      }
    }
  }

  /// bfloat16 draws much the same, not noise: differences of less than the deviation of the values.
  @Test func bfloat16DrawsTheSame() throws {
    let half = Generator(model: generator.model, precision: .bfloat16)
    let planes = try [generator, half].map { try $0.logMel(seconds: 0.25, seed: 1)[0].values }
    let mean = planes[0].reduce(0, +) / Float(planes[0].count)
    let deviation = planes[0].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let error = zip(planes[0], planes[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(error < 0.05 * deviation)
  }
}

@Suite struct ModelTests {
  /// A changed byte of the model that ships is noticed.
  @Test func shippedModelIsSealed() throws {
    let shipped =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent() / "samples/chorales-model"
    try withTemporaryFolder { folder in
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(at: shipped / name, to: folder / name)
      }
      #expect(try Model(contentsOf: folder.path).parameters.named.count == 145)
      var weights = try Data(contentsOf: folder / "model.safetensors")
      for place in [20, 9000, weights.count / 2, weights.count - 1] {
        weights[place] ^= 1
        try weights.write(to: folder / "model.safetensors")
        #expect(throws: ModelError.self) { try Model(contentsOf: folder.path) }
        weights[place] ^= 1
      }
    }
  }

  private func withModelFolder(_ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try GeneratorTests.model().write(to: folder)
      try body(folder)
    }
  }

  @Test func comesBackAsItWasWritten() throws {
    try withModelFolder { folder in
      #expect(try contents(folder) == ["config.json", "model.safetensors"])
      let (model, original) = (try Model(contentsOf: folder.path), try GeneratorTests.model())
      #expect(model.configuration == original.configuration)
      for (name, tensor) in original.parameters.named {
        #expect(try tensor.floats() == model.parameters[name]?.floats())
      }
      #expect(
        try Generator(model: model).generate(seconds: 0.1, seed: 1)
          == Generator(model: original).generate(seconds: 0.1, seed: 1))
    }
  }

  @Test func missingFoldersAreErrors() throws {
    try withTemporaryFolder { folder in
      let absent = (folder / "absent").path
      #expect(throws: ModelError.noFolder(absent)) { try Model(contentsOf: absent) }
      try expectDamage(folder, "it has no readable config.json")
    }
  }

  @Test func damagedWeightsAreErrors() throws {
    try withModelFolder { folder in
      let file = folder / "model.safetensors"
      let whole = try Data(contentsOf: file)
      for count in [0, 4, 8, 100, whole.count / 2, whole.count - 1] {
        try whole.prefix(count).write(to: file)
        try expectDamage(folder, "model.safetensors: not a sound safetensors file")
      }
      try (whole + [0]).write(to: file)
      try expectDamage(folder, "model.safetensors: not a sound safetensors file")
      try FileManager.default.removeItem(at: file)
      try expectDamage(folder, "model.safetensors: No such file")
      var tensors = try GeneratorTests.model().parameters.named
      let last = tensors.removeLast()
      try SafeTensors.write(tensors, to: file.path)
      try expectDamage(folder, "1 missing (\(last.name))")
      tensors.append((name: last.name, tensor: try .zeros([1, 2])))
      try SafeTensors.write(tensors, to: file.path)
      try expectDamage(folder, "1 of another shape (\(last.name) [1, 2] for")
    }
  }

  /// Any bit of the header that flips gives the same model or a typed error in one line.
  @Test func flippedBitsAreErrors() throws {
    try withModelFolder { folder in
      let file = folder / "model.safetensors"
      let whole = try Data(contentsOf: file)
      let header = 8 + whole.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
      var random = RandomGenerator(seed: 1)
      var refused = 0
      for number in 0..<150 {
        let bit = number < 64 ? number : random.integer(in: 64..<header * 8)
        var damaged = whole
        damaged[bit / 8] ^= 1 << (bit % 8)
        try damaged.write(to: file)
        do {
          _ = try Model(contentsOf: folder.path)
        } catch ModelError.damagedModel(_, let reason) {
          refused += 1
          #expect(!reason.contains("\n"), "bit \(bit)")
        }
      }
      // What is not refused has changed the metadata or the spelling alone.
      #expect(refused > 140)
    }
  }

  @Test func otherVersionsAreErrors() throws {
    try withModelFolder { folder in
      try change(folder) { $0.replacing("\"formatVersion\" : 1", with: "\"formatVersion\" : 9") }
      #expect(throws: ModelError.otherVersion(folder.path, found: 9, supported: 5)) {
        try Model(contentsOf: folder.path)
      }
    }
  }

  /// Whatever stands in a config.json, it is a model that can draw or an error in one line.
  @Test(arguments: [
    ("\"melBins\" : 16", "\"melBins\" : 32"), ("\"melBins\" : 16", "\"melBins\" : -16"),
    ("\"melBins\" : 16", "\"melBins\" : 9223372036854775807"),
    ("\"patchBins\" : 2", "\"patchBins\" : 0"), ("\"blocks\" : 2", "\"blocks\" : 1"),
    ("\"blocks\" : 2", "\"blocks\" : 64"), ("\"headWidth\" : 8", "\"headWidth\" : 16"),
    ("\"embeddingWidth\" : 16", "\"embeddingWidth\" : 8192"),
    ("\"labelCount\" : 3", "\"labelCount\" : 2"), ("\"channels\" : 2", "\"channels\" : 1"),
    ("\"windowFrames\" : 32", "\"windowFrames\" : 33"),
    ("\"windowFrames\" : 32", "\"windowFrames\" : 0"),
    ("\"hopLength\" : 64", "\"hopLength\" : 0"), ("\"fftSize\" : 256", "\"fftSize\" : 255"),
    ("\"sampleRate\" : 8000", "\"sampleRate\" : -1"), ("\"sigmaMin\" : 0.01", "\"sigmaMin\" : 0"),
    ("\"sigmaMax\" : 40", "\"sigmaMax\" : 0.001"), ("\"steps\" : 4", "\"steps\" : 0"),
    ("\"sampler\" : \"dpm++2m-sde\"", "\"sampler\" : \"magic\""),
    ("\"sigmaData\" : 0.5", "\"sigmaData\" : 0"), ("\"batchSize\" : 0", "\"batchSize\" : -1"),
    ("\"mean\" : [", "\"mean\" : [1,"), ("\"noise\"", "\"nose\""), ("{", "["), ("}", ""),
    ("\"formatVersion\" : 1", "\"formatVersion\" : \"1\""),
  ])
  func impossibleConfigurationsAreErrors(_ part: String, _ replacement: String) throws {
    try withModelFolder { folder in
      try change(folder) { text in
        #expect(text.contains(part))
        return text.replacing(part, with: replacement)
      }
      // A number of heads does not show in the weights, so such a model loads and differs.
      if part.contains("headWidth") {
        _ = try Model(contentsOf: folder.path)
      } else {
        try expectDamage(folder)
      }
    }
  }

  /// A config.json that asks for a network of hundreds of gigabytes is refused as quickly.
  @Test func enormousNetworksAreErrors() throws {
    try withModelFolder { folder in
      try change(folder) { text in
        text.replacing(/"widths" : \[[^\]]*\]/, with: "\"widths\" : [8192,8192,8192]")
      }
      try expectDamage(folder, "of another shape")
    }
  }

  /// Edits a configuration as a person would who knows of its checksum.
  private func change(_ folder: URL, _ edit: (String) -> String) throws {
    let file = folder / "config.json"
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    let unsealed = lines.filter { !$0.contains("\"bytes\" : ") && !$0.contains("\"crc32c\" : ") }
    try Data(edit(unsealed.joined(separator: "\n")).utf8).write(to: file)
  }

  private func expectDamage(
    _ folder: URL, _ text: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    do {
      _ = try Model(contentsOf: folder.path)
      Issue.record("damage was not noticed", sourceLocation: sourceLocation)
    } catch ModelError.damagedModel(let path, let reason) {
      #expect(path == folder.path, sourceLocation: sourceLocation)
      #expect(!reason.contains("\n"), sourceLocation: sourceLocation)
      #expect(text.map(reason.contains) ?? true, "\(reason)", sourceLocation: sourceLocation)
    }
  }
}
