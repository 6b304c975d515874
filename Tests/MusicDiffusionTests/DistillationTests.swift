import Foundation
import MusicDiffusion
import Testing
import Torch

/// Models of few steps: `compose distill`.
@Suite struct DistillationTests {
  private func normals(_ seed: UInt64, _ count: Int) -> [Float] {
    var random = RandomGenerator(seed: seed)
    return random.normals(count)
  }

  private func distillation(_ steps: Int) -> Distillation {
    Distillation(steps: steps, sigmaMin: 0.01, sigmaMax: 40, teacher: "")
  }

  /// The new model's steps are every so many of the teacher's, which are Karras et al.'s.
  @Test(arguments: [1, 2, 3, 4, 8, 16]) func segmentsAreTheNewModelsSteps(_ steps: Int) throws {
    let distillation = distillation(steps)
    let grid = distillation.grid
    #expect(grid.count == steps * distillation.substeps + 1)
    #expect(abs(grid[0] - 40) < 1e-9 && grid.last == 0)
    let all = SigmaSchedule.karras(steps: grid.count, min: 0.01, max: 40)
    #expect(zip(grid.dropLast(), all).allSatisfy { abs($0 - $1) < 1e-12 })
    var sampling = SamplingDefaults()
    (sampling.guidanceScale, sampling.sampler) = (3, .dpmSolver2MSDE)
    sampling = distillation.sampling(as: sampling)
    try sampling.validate()
    #expect(sampling.sampler == .euler && sampling.guidance == Guidance())
    let sigmas = try sampling.sigmas(sigmaData: 0.5)
    #expect(sigmas.count == steps + 1)
    for (step, sigma) in sigmas.enumerated() {
      #expect(abs(sigma - grid[step * distillation.substeps]) < 1e-9 * 40)
    }
  }

  /// More steps than segments lie between the same noise levels, and add noise.
  @Test func moreStepsThanSegmentsAddNoise() throws {
    var distillation = distillation(4)
    let few = try distillation.sampling(as: SamplingDefaults()).sigmas(sigmaData: 0.5)
    distillation.drawingSteps = 10
    try distillation.validate()
    let sampling = distillation.sampling(as: SamplingDefaults())
    try sampling.validate()
    #expect(sampling.sampler == .eulerAncestral && sampling.steps == 10)
    let many = try sampling.sigmas(sigmaData: 0.5)
    #expect(many.count == 11 && many[0] == few[0] && many.last == 0)
    #expect(abs(many[9] - few[3]) < 1e-9)
    // Said twice, as of a run that goes on, it is the same.
    #expect(distillation.sampling(as: sampling) == sampling)
    distillation.drawingSteps = 3
    #expect(throws: ModelError.self) { try distillation.validate() }
  }

  /// What is guided up to the level that a schedule starts at is guided from the start on.
  @Test func firstStepIsGuided() {
    let start = SigmaSchedule.karras(steps: 12, min: 0.01, max: 40)[0]
    let guidance = Guidance(scale: 1.4, interval: 1...40)
    #expect(guidance.isActive(at: start) && !guidance.isActive(at: 40.001))
    #expect(!guidance.isActive(at: 1) && guidance.isActive(at: 1.001))
  }

  /// Each level of the grid above 0 is learned at as often as the others.
  @Test func levelsAreEquallyLikely() {
    let distillation = distillation(4)
    var counts: [Double: Int] = [:]
    for batch in 0..<64 {
      let offset = (Double(batch) + 0.5) / 64
      for sigma in distillation.sigmas(count: 4, offset: offset) { counts[sigma, default: 0] += 1 }
    }
    #expect(counts.keys.sorted(by: >) == Array(distillation.grid.dropLast()))
    #expect(counts.values.allSatisfy { $0 == 8 })
  }

  /// A student that says what it is to say, everywhere, is by its few steps where the teacher is by all of
  /// his, whatever the teacher says: the two sides of the identity are Euler's method on two grids.
  @Test(arguments: [1, 2, 4, 8]) func fewStepsLeadWhereManyDo(_ steps: Int) throws {
    let distillation = distillation(steps)
    let start = try Tensor(
      normals(5, 2 * 3 * 4).map { $0 * 40 }, shape: [2, 1, 3, 4])
    /// Of no Gaussian: what is nearer to one of two peaks goes there.
    func teacher(_ x: Tensor, _ sigmas: [Double]) throws -> Tensor {
      let variance = 1 / (0.04 + sigmas[0] * sigmas[0])
      return try (x * variance).tanh() * (1 - 0.04 * variance) + x * (0.04 * variance)
    }
    func student(_ x: Tensor, _ sigmas: [Double]) throws -> Tensor {
      try distillation.target(x, sigmas: sigmas, teacher: teacher, student: student)
    }
    let many = try Sampling.euler(start, sigmas: distillation.grid) { try teacher($0, [$1, $1]) }
    let sampling = distillation.sampling(as: SamplingDefaults())
    let few = try Sampling.euler(start, sigmas: sampling.sigmas(sigmaData: 0.5)) {
      try student($0, [$1, $1])
    }
    let plain = try Sampling.euler(start, sigmas: sampling.sigmas(sigmaData: 0.5)) {
      try teacher($0, [$1, $1])
    }
    #expect(try (few - many).abs().max().item() < 2e-4)
    #expect(try (plain - many).abs().max().item() > 0.01)
  }

  /// Of data that are normal, with a mean m and a deviation s, the teacher is known, and where he leads, too: a step
  /// of Euler's method from sigma to t takes x − m times (s² + sigma · t) / (s² + sigma²), and the flow itself takes
  /// it times the root of (s² + t²) / (s² + sigma²) (Karras et al. 2022, arXiv:2206.00364, equation 1).
  @Test(arguments: [1, 2, 4, 8, 16]) func targetsOfNormalDataAreTheClosedForm(_ steps: Int) throws {
    let (mean, deviation) = (0.3, 0.5)
    let distillation = distillation(steps)
    let (grid, substeps) = (distillation.grid, distillation.substeps)
    let variance = deviation * deviation
    /// What is left of x − m at the end of the segment of a place of the grid.
    func left(_ place: Int) -> Double {
      (place..<(place / substeps + 1) * substeps).reduce(1) {
        $0 * (variance + grid[$1] * grid[$1 + 1]) / (variance + grid[$1] * grid[$1])
      }
    }
    /// The estimate from which one step leads there, of m + x.
    func estimate(_ x: Tensor, _ place: Int) throws -> Tensor {
      let ratio = grid[(place / substeps + 1) * substeps] / grid[place]
      return try x * ((left(place) - ratio) / (1 - ratio)) + mean
    }
    func place(_ sigma: Double) -> Int { grid.firstIndex(of: sigma)! }
    let noise = try Tensor(normals(9, 6), shape: [1, 1, 2, 3])
    for (number, sigma) in grid.dropLast().enumerated() {
      let x = try noise * sigma + mean
      let target = try distillation.target(x, sigmas: [sigma]) { x, sigmas in
        let part = variance / (variance + sigmas[0] * sigmas[0])
        return try (x - mean) * part + mean
      } student: { x, sigmas in
        try estimate(x - mean, place(sigmas[0]))
      }
      let error = try (target - estimate(noise * sigma, number)).abs().max().item()
      #expect(error < 1e-4, "\(sigma)")
    }
    // Many small steps are near to the flow: of these, whole segments to within 8 %.
    for first in stride(from: 0, to: grid.count - 1, by: substeps) {
      let end = grid[first + substeps]
      let flow = ((variance + end * end) / (variance + grid[first] * grid[first])).squareRoot()
      #expect(abs(left(first) / flow - 1) < 0.08)
    }
  }

  /// Followed in small steps a student leads back to noise, and from there to where that came from: of normal data,
  /// where what it is to say is known.
  @Test(arguments: [1, 2, 4, 8]) func studentsHaveAWayBack(_ steps: Int) throws {
    let (mean, variance) = (0.3, 0.25)
    let starts = distillation(steps).starts + [0]
    func student(_ x: Tensor, _ sigma: Double) throws -> Tensor {
      let end = starts.first { $0 < sigma * (1 - 1e-9) } ?? 0
      let left = ((variance + end * end) / (variance + sigma * sigma)).squareRoot()
      return try (x - mean) * ((left - end / sigma) / (1 - end / sigma)) + mean
    }
    let x = try Tensor(normals(10, 600).map { $0 * 0.5 + 0.3 }, shape: [1, 1, 20, 30])
    let sigmas = SigmaSchedule.karras(steps: 32, min: 0.01, max: 40)
    let noise = try Sampling.inverted(x, sigmas: sigmas, denoise: student)
    let power = try noise.square().mean().item().squareRoot()
    #expect((20...60).contains(power), "\(power)")
    let back = try Sampling.heun(noise, sigmas: sigmas, denoise: student) { _ in noise }
    let error = try (back - x).abs().max().item()
    #expect(error < 0.1, "\(error)")
  }

  /// An adversary judges where a step arrives: of an estimate that is the target, where the teacher leads.
  @Test func stepsArriveWhereTheTeacherLeads() throws {
    let distillation = distillation(4)
    let grid = distillation.grid
    // The last places of the four segments, where the teacher alone decides.
    let levels = [7, 15, 23, 31].map { grid[$0] }
    #expect(distillation.ends(of: levels) == [8, 16, 24, 32].map { grid[$0] })
    #expect(distillation.ends(of: [grid[0], grid[9], grid[30]]) == [8, 16, 32].map { grid[$0] })
    let x = try Tensor(normals(8, 4 * 6), shape: [4, 1, 2, 3])
    func teacher(_ x: Tensor, _ sigmas: [Double]) throws -> Tensor { try x.tanh() * 0.5 }
    let target = try distillation.target(x, sigmas: levels, teacher: teacher) { x, _ in
      Issue.record("the student was asked")
      return x
    }
    let arrived = try distillation.arrival(x, sigmas: levels, estimate: target)
    for clip in 0..<4 {
      let start = try x.narrow(dimension: 0, start: clip, length: 1)
      let led = try Sampling.euler(start, sigmas: Array(grid[8 * clip + 7...8 * clip + 8])) {
        try teacher($0, [$1])
      }
      let difference = try (arrived.narrow(dimension: 0, start: clip, length: 1) - led).abs().max()
      #expect(try difference.item() < 1e-5, "\(clip)")
    }
  }

  /// A variation begins where its strength says and goes on by the steps that the model knows.
  @Test func variationsKeepTheLevels() throws {
    let sigmas = try distillation(4).sampling(as: SamplingDefaults()).sigmas(sigmaData: 0.5)
    func end(_ strength: Double) -> [Double] {
      SigmaSchedule.end(of: sigmas, strength: strength, keepsLevels: true)
    }
    #expect(end(0) == [0] && end(1) == sigmas && end(0.5) == Array(sigmas[2...]))
    let between = end(0.6)
    #expect(Array(between[1...]) == Array(sigmas[2...]))
    #expect(between[0] > sigmas[2] && between[0] < sigmas[1])
    #expect(end(0.1).count == 2 && end(0.1)[0] < sigmas[3])
  }

  /// Clips of a batch have levels of their own: each is told what it is told by itself.
  @Test func clipsDoNotDependOnEachOther() throws {
    let distillation = distillation(4)
    let levels = [0, 7, 8, 13, 30, 31].map { distillation.grid[$0] }
    let x = try Tensor(
      normals(6, 6 * 8), shape: [6, 1, 2, 4])
    func level(_ sigmas: [Double]) throws -> Tensor {
      try Tensor(sigmas.map { Float(1 / (1 + $0)) }, shape: [sigmas.count, 1, 1, 1])
    }
    func target(_ x: Tensor, _ sigmas: [Double]) throws -> Tensor {
      try distillation.target(x, sigmas: sigmas) {
        try $0 * level($1) + 0.1
      } student: {
        try $0.square() * level($1)
      }
    }
    let together = try target(x, levels).floats()
    let alone = try levels.indices.flatMap {
      try target(x.narrow(dimension: 0, start: $0, length: 1), [levels[$0]]).floats()
    }
    #expect(together == alone)
  }

  /// What is guided clip by clip is what is guided with one level for all.
  @Test func guidanceIsEachClips() throws {
    let configuration = UNetConfiguration(
      channels: 1, melBins: 16, patchBins: 4, patchFrames: 4, widths: [32, 32], blocks: 1,
      labelCount: 2)
    let networks = try [1, 2].map { seed in
      let store = ParameterStore(seed: UInt64(seed))
      let network = try UNet(store.root, configuration: configuration)
      // A new network says nothing.
      for (name, tensor) in store.named where name.hasPrefix("head.") {
        try tensor.detach().copy(
          from: Tensor(
            normals(UInt64(seed), tensor.count).map { $0 * 0.1 },
            shape: tensor.shape))
      }
      return Denoiser(network: network, preconditioning: Preconditioning(), precision: .float32)
    }
    let sigmas = [3, 0.6, 0.05]
    let shape = [3, 1, 16, 16]
    let x = try Tensor(normals(7, shape.reduce(1, *)), shape: shape)
    let condition = try Condition(labels: [0, 1, 2], shape: shape, device: .cpu)
    let guidance = Guidance(scale: 2, interval: 0.1...1)
    for reference in [
      GuidedDenoiser.Reference.weaker(networks[1]), .description(Description(label: 2)),
    ] {
      let guided = GuidedDenoiser(networks[0], away: reference, guidance: guidance)
      let together = try withoutGradient { try guided(x, sigmas: sigmas, condition: condition) }
      for (clip, sigma) in sigmas.enumerated() {
        let alone = try withoutGradient { try guided(x, sigma: sigma, condition: condition) }
        let difference = try (together - alone).narrow(dimension: 0, start: clip, length: 1)
        #expect(try difference.abs().max().item() < 1e-5, "\(sigma)")
      }
    }
  }

  /// What a distilled model draws in two steps is nearer to what its teacher draws in many than what the
  /// teacher draws in two; it is saved, read and resumed like any other.
  @Test func studentsDrawAsTheirTeachers() throws {
    try withDataset(files: 3) { dataset in
      try withTemporaryFolder { folder in
        _ = try trainer(folder / "teacher", dataset, steps: 120) { $0.learningRate = 3e-3 }.run()
        let teacher = try Model(contentsOf: (folder / "teacher").path)
        let fingerprint = try Recipe.Source(contentsOf: (folder / "teacher").path, name: nil)
          .fingerprint
        func student(
          _ name: String, updates: Int, resume: Bool = false,
          change: (inout TrainingConfiguration) -> Void = { _ in }
        ) throws -> Trainer {
          var settings = try TrainingConfiguration(
            distilling: teacher, fingerprint: fingerprint, steps: 2)
          (settings.steps, settings.hours, settings.batchSize) = (updates, nil, 4)
          (settings.learningRate, settings.warmUpSteps) = (1e-3, 10)
          (settings.augmentation, settings.emaWidth) = (nil, 0.1)
          (settings.wideEMAWidth, settings.heldOut) = (nil, 1.0 / 3)
          change(&settings)
          return try Trainer(
            folder: folder / name, dataset: dataset, configuration: settings, device: .cpu,
            precision: .float32, resume: resume,
            from: resume ? nil : StartingPoint(teacher, name: "teacher"), teacher: teacher)
        }
        var losses: [Double] = []
        let whole = try student("student", updates: 150)
        _ = try whole.run(onEvaluate: { losses.append($0.last.mean) })
        let new = try Model(contentsOf: (folder / "student").path)
        #expect(new.configuration.history.distilledSteps == 2)
        #expect(new.configuration.history.startedFrom == "teacher")
        #expect(new.configuration.history.distillationAdversary == nil)
        #expect(new.configuration.sampling.steps == 2)

        func drawn(_ model: Model, _ change: (inout Generator.Options) -> Void) throws -> [Float] {
          var options = Generator.Options()
          options.label = "low"
          change(&options)
          return try (1...4).flatMap {
            try Generator(model: model).logMel(seconds: 0.48, seed: $0, options: options)[0].values
          }
        }
        let many = try drawn(teacher) {
          ($0.sampler, $0.steps) = (.euler, 33)
        }
        func distance(_ values: [Float]) -> Double {
          let squares = zip(values, many).map { Double(($0 - $1) * ($0 - $1)) }
          return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
        }
        let plain = distance(try drawn(teacher) { ($0.sampler, $0.steps) = (.euler, 2) })
        let few = distance(try drawn(new) { _ in })
        #expect(few < 0.85 * plain, "\(few) \(plain)")

        // A run that was cut ends in the same bytes.
        let cut = try student("cut", updates: 8)
        _ = try cut.run(shouldStop: { cut.state.steps == 4 })
        _ = try student("cut", updates: 8, resume: true).run()
        _ = try student("uncut", updates: 8).run()
        try expectEqualRuns(folder / "cut", folder / "uncut")
        // So does one that is judged, and the judge is heard.
        for name in ["cut", "uncut", "alone"] {
          let judged = name + " judged"
          func run(_ updates: Int, resume: Bool = false) throws -> Trainer {
            try student(judged, updates: updates, resume: resume) {
              var adversary = AdversaryConfiguration.ofStudent
              (adversary.start, adversary.rise, adversary.width) = (0.2, 0, 8)
              $0.distillation?.adversary = name == "alone" ? nil : adversary
            }
          }
          let first = try run(8)
          _ = try first.run(shouldStop: { name == "cut" && first.state.steps == 4 })
          if name == "cut" { _ = try run(8, resume: true).run() }
        }
        try expectEqualRuns(folder / "cut judged", folder / "uncut judged")
        func weights(_ name: String) throws -> Data {
          try Data(contentsOf: folder / name / "model.safetensors")
        }
        #expect(try weights("cut judged") != weights("alone judged"))
        #expect(try weights("cut") == weights("alone judged"))

        // One beside which his loss became twice its least is lowered, and the run goes on.
        func astray(resume: Bool) throws -> Trainer {
          try student("astray", updates: 8, resume: resume) {
            var adversary = AdversaryConfiguration.ofStudent
            (adversary.start, adversary.width) = (0, 8)
            $0.distillation?.adversary = adversary
          }
        }
        let begun = try astray(resume: false)
        _ = try begun.run(shouldStop: { begun.state.steps == 4 })
        let file = (folder / "astray/training/checkpoint.safetensors").path
        var (tensors, metadata) = try SafeTensors.read(file)
        metadata["state"]?.replace(/"leastLoss":[0-9.e-]+/, with: "\"leastLoss\":1e-9")
        let named = tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
        try SafeTensors.write(
          named, metadata: metadata.filter { $0.key == "state" }, sealed: true, to: file)
        var warnings: [AdversaryWarning] = []
        let outcome = try astray(resume: true).run(onWarning: { warnings.append($0) })
        #expect(outcome == .finished && warnings.count == 1)
        let warning = try #require(warnings.first)
        #expect(warning.reason == .leadsAstray(times: 2) && warning.weight == 0.5)
        #expect("\(warning)".contains("the loss is over 100 % more than it was beside it"))

        // By compose train it cannot go on.
        #expect(throws: ModelError.self) {
          try trainer(folder / "cut", dataset, steps: 9, resume: true)
        }
        // What lies between two sounds comes nearer to the other one, piece by piece.
        let ends = [sound(seconds: 1, frequency: 220), sound(seconds: 1, frequency: 1400)]
        var pieces: [[Float]] = []
        let generator = Generator(model: new)
        try generator.interpolation(from: ends[0], to: ends[1], count: 3, seed: 1) {
          _, planes, sampleCount in
          #expect(sampleCount == 8000)
          pieces.append(planes[0].values)
        }
        let heard = try ends.map { try generator.logMel(of: $0.channels)[0].values }
        func nearness(_ piece: [Float]) -> Float {
          zip(piece, zip(heard[0], heard[1])).reduce(0) {
            $0 + abs($1.0 - $1.1.0) - abs($1.0 - $1.1.1)
          }
        }
        let nearnesses = pieces.map(nearness)
        #expect(nearnesses == nearnesses.sorted(), "\(nearnesses)")
        #expect(nearnesses[0] < 0 && nearnesses[2] > 0)
      }
    }
  }
}
