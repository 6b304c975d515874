import MusicDiffusion
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

  /// Windows of a section are told at each step what stands then.
  @Test func windowsAreToldWhatStands() throws {
    let model = try GeneratorTests.model()
    let denoiser = GuidedDenoiser(
      Denoiser(
        network: model.network, preconditioning: model.configuration.preconditioning,
        precision: .float32), away: .description(Description(label: 3)),
      guidance: Guidance())
    let (shape, sigmas) = ([1, 2, 16, 64], [8.0, 4, 2, 1, 0])
    var row = [Float](repeating: 0, count: 64)
    for frame in 0..<16 { row[frame] = frame < 8 ? 1 : Float(16 - frame) / 9 }
    let rows = [[Float]](repeating: row, count: 16)
    let mask = try Tensor(Array(rows.joined()), shape: [1, 1, 16, 64])
    let ones = [Float](repeating: 1, count: 16) + [Float](repeating: 0, count: 48)
    let standing = try Tensor(ones, shape: [1, 1, 1, 64])
    let condition = Condition(
      labels: [1], known: try normal(shape, seed: 1) * standing, mask: mask)
    func fused(_ condition: Condition, _ x: Tensor, sigma: Double) throws -> Tensor {
      try FusedDenoiser(denoiser, .line, condition, sigmas: sigmas, window: 32, atOnce: 2)(
        x, sigma: sigma)
    }
    let x = try normal(shape, seed: 2)
    for (step, sigma) in sigmas.dropLast().enumerated() {
      let now = try condition.standing(after: Double(step) / 4)
      let passing = try fused(condition, x, sigma: sigma)
      #expect(try difference(passing, fused(now, x, sigma: sigma)) == 0)
      let stands = try passing.narrow(dimension: 3, start: 0, length: 8)
      #expect(try difference(stands, now.known.narrow(dimension: 3, start: 0, length: 8)) < 1e-5)
      let later = try condition.standing(after: Double(step + 2) / 4)
      #expect(try difference(passing, fused(later, x, sigma: sigma)) > 1e-3)
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
