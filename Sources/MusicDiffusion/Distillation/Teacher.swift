package import Torch

/// The model that a ``Distillation`` learns from.
struct Teacher: Sendable {
  /// Guided as it draws by default.
  let denoiser: GuidedDenoiser
  let distillation: Distillation

  init(_ model: Model, _ distillation: Distillation, precision: DType) {
    let weaker = model.guide.map { Denoiser($0, precision: precision) }
    let none = Description(label: model.configuration.labels.count)
    denoiser = GuidedDenoiser(
      Denoiser(model, precision: precision),
      away: weaker.map(GuidedDenoiser.Reference.weaker) ?? .description(none),
      guidance: model.sampling.guidance)
    self.distillation = distillation
  }

  /// What the student is to estimate.
  ///
  /// - Parameters:
  ///   - x: signal + sigma · noise, `[batch, channels, mel bins, frames]`.
  ///   - sigmas: the noise level of each clip, of the grid.
  ///   - student: as it is now.
  func target(
    _ x: Tensor, sigmas: [Double], condition: Condition, student: Denoiser
  ) throws -> Tensor {
    try withoutGradient {
      try distillation.target(x, sigmas: sigmas) { x, sigmas in
        try denoiser(x, sigmas: sigmas, condition: condition)
      } student: { x, sigmas in
        try condition.completed(by: student.estimate(x, sigmas: sigmas, condition))
      }
    }
  }
}

extension Distillation {
  /// An estimate of clean signals, shaped as `x`, whose clips have these noise levels.
  package typealias Estimate = (_ x: Tensor, _ sigmas: [Double]) throws -> Tensor

  /// The estimate D from which one step of Euler's method leads to the end b of x's segment, at the place
  /// where the teacher leads: a step of his to the next level s of the grid, and from there on where the
  /// student says now.
  ///
  /// With z the place at s, and X that at b: X = z where s is b, else (b / s) z + (1 − b / s) D_student(z; s);
  /// D = (X − (b / sigma) x) / (1 − b / sigma).
  ///
  /// - Parameter sigmas: the noise level of each clip, of the grid.
  package func target(
    _ x: Tensor, sigmas: [Double], teacher: Estimate, student: Estimate
  ) throws -> Tensor {
    let grid = grid
    let places = places(of: sigmas)
    func perClip(_ value: (Int) -> Double) throws -> Tensor {
      try Tensor(
        places.map { Float(value($0)) }, shape: [places.count, 1, 1, 1], device: x.device)
    }
    /// The end of the segment in which a place lies, relative to the level at another place.
    func end(of place: Int, to other: Int) -> Double {
      grid[(place / substeps + 1) * substeps] / grid[other]
    }
    func isLast(_ place: Int) -> Bool { place % substeps == substeps - 1 }
    let z = try x + (x - teacher(x, sigmas)) * perClip { grid[$0 + 1] / grid[$0] - 1 }
    let arrived: Tensor
    if places.allSatisfy(isLast) {
      arrived = z
    } else {
      // Where z is at the end already, the student is asked for nothing.
      let further = try student(z, places.map { isLast($0) ? grid[$0] : grid[$0 + 1] })
      let kept = try perClip { isLast($0) ? 1 : end(of: $0, to: $0 + 1) }
      arrived = try z * kept + further * (1 - kept)
    }
    let ratio = try perClip { end(of: $0, to: $0) }
    return try (arrived - x * ratio) / (1 - ratio)
  }

  /// Where in the grid noise levels lie.
  private func places(of sigmas: [Double]) -> [Int] {
    let grid = grid
    return sigmas.map { sigma in
      // To the nearest, for what went through a file.
      grid.indices.dropLast().min { abs(grid[$0] - sigma) < abs(grid[$1] - sigma) }!
    }
  }

  /// The noise levels at which the segments end that these levels lie in.
  package func ends(of sigmas: [Double]) -> [Double] {
    places(of: sigmas).map { grid[($0 / substeps + 1) * substeps] }
  }

  /// Where one step of Euler's method leads by an estimate D, at the end b of each clip's segment:
  /// (b / sigma) x + (1 − b / sigma) D.
  package func arrival(_ x: Tensor, sigmas: [Double], estimate: Tensor) throws -> Tensor {
    let ratio = try x.perClip(zip(ends(of: sigmas), sigmas).map { $0 / $1 })
    return try x * ratio + estimate * (1 - ratio)
  }
}
