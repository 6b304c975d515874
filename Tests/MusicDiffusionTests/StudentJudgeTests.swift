import MusicDiffusion
import Testing
import Torch

/// What judges the steps of a distillation's student: `compose distill --adversary hinge`.
@Suite struct StudentJudgeTests {
  /// A network that says something, for windows of `withDataset`.
  private func denoiser(seed: UInt64, labels: Int) throws -> (Denoiser, ParameterStore) {
    let store = ParameterStore(seed: seed)
    let network = try UNet(
      store.root,
      configuration: UNetConfiguration(
        channels: 1, melBins: 128, patchBins: 4, patchFrames: 4, widths: [32, 32], blocks: 1,
        labelCount: labels))
    let head = try #require(store["head.weight"])
    var random = RandomGenerator(seed: seed)
    try head.detach().copy(
      from: Tensor(random.normals(head.count).map { $0 * 0.1 }, shape: head.shape))
    return (
      Denoiser(network: network, preconditioning: Preconditioning(), precision: .float32), store
    )
  }

  private func configuration(weight: Double) -> TrainingConfiguration {
    var configuration = TrainingConfiguration(preset: .draft)
    (configuration.batchSize, configuration.steps) = (4, 8)
    var adversary = AdversaryConfiguration.ofStudent
    (adversary.weight, adversary.width) = (weight, 8)
    (adversary.start, adversary.rise) = (0, 0)
    configuration.distillation = Distillation(
      steps: 4, sigmaMin: 0.01, sigmaMax: 40, teacher: "")
    configuration.distillation?.adversary = adversary
    return configuration
  }

  /// Lets a judge of so much weight look at a student's answers to batches.
  private func judge(
    weight: Double,
    _ body: (
      _ judge: StudentJudge, _ student: Denoiser, _ students: ParameterStore,
      _ teachers: ParameterStore, _ batch: (Int) throws -> Batch
    ) throws -> Void
  ) throws {
    try withDataset { dataset in
      let configuration = configuration(weight: weight)
      let (teacher, teachers) = try denoiser(seed: 1, labels: dataset.labels.count)
      let (student, students) = try denoiser(seed: 2, labels: dataset.labels.count)
      let judge = try #require(try StudentJudge(configuration, teacher: teacher, device: .cpu))
      try body(judge, student, students, teachers) {
        try Batch(step: $0, from: dataset, configuration, device: .cpu)
      }
    }
  }

  /// After none to three steps of his own, what he follows is as large at his last layer as his own loss's gradient
  /// times the weight, and the teacher learns nothing.
  @Test func studentsFollowTheirJudge() throws {
    try judge(weight: 0.5) { judge, student, students, teachers, batch in
      for index in 0..<4 {
        students.zeroGradients()
        let warning = try judge.addGradients(
          to: student, ownSize: 0.37, batch: batch(index), index: index, progress: 0.5,
          learningRate: 1e-4)
        #expect(warning == nil)
        let gradient = try #require(students["head.weight"]?.gradient)
        let size = try gradient.square().sum().item().squareRoot()
        #expect(abs(size / (0.5 * 0.37) - 1) < 0.01, "\(index): \(size)")
        #expect(teachers.tensors.allSatisfy { $0.gradient == nil })
      }
    }
  }

  /// A student who draws nothing like music is told from it, and learns nothing from the judge's learning.
  @Test func judgesLearnToTell() throws {
    try judge(weight: 0) { judge, student, students, _, batch in
      var losses: [Double] = []
      for index in 0..<120 {
        _ = try judge.addGradients(
          to: student, ownSize: 1, batch: batch(index), index: index, progress: 0.5,
          learningRate: 1e-3)
        losses.append(try #require(judge.adversary.state.loss))
      }
      #expect(losses[119] < 0.8 * losses[0], "\(losses[0]) \(losses[119])")
      #expect(students.tensors.allSatisfy { $0.gradient == nil })
    }
  }

  @Test func othersAreRefused() throws {
    for change in [{ $0.loss = .mmd }, { $0.featureMatching = 0.5 }, { $0.start = 2 }]
      as [(inout AdversaryConfiguration) -> Void]
    {
      var configuration = configuration(weight: 1)
      var adversary = AdversaryConfiguration.ofStudent
      change(&adversary)
      configuration.distillation?.adversary = adversary
      #expect(throws: ModelError.self) { try configuration.validate() }
    }
    try configuration(weight: 1).validate()
  }
}
