public import Audio
import Foundation
package import Spectro
package import Torch

/// Several pieces at once.
extension Generator {
  /// How long a piece is, and whether its end leads to its beginning.
  public enum Form: Sendable, Equatable {
    /// Exactly `(seconds · sampleRate).rounded()` samples, at least 1.
    case piece(seconds: Double)
    /// Exactly so many samples at the model's rate, after the last of which the first may follow.
    case loop(sampleCount: Int)
  }

  /// Pieces of one form, drawn beside each other. Each is what its seed alone makes of it, to the bit on
  /// the same machine, whatever pieces are drawn with it.
  ///
  /// - Parameter seeds: one for each piece. All pieces are in memory at once: ``piecesAtOnce(_:)`` says
  ///   how many are good for speed.
  /// - Throws: as ``generate(seconds:seed:options:onProgress:)``.
  public func generate(
    _ form: Form, seeds: [UInt64], options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> [AudioBuffer] {
    let pieces = try logMel(
      form, seeds: seeds, options: options, onProgress: onProgress, observe: { _, _, _ in })
    // Whole pieces are shared out first: threads that work on one wait for each other in each pass.
    let threads = max(1, threadCount / max(1, pieces.count))
    return try mapInParallel(pieces.indices, threads: threadCount) { number in
      Result {
        switch form {
        case .piece(let seconds):
          try audio(
            of: pieces[number], iterations: options.inversionIterations, seed: seeds[number],
            sampleCount: sampleCount(seconds), threads: threads)
        case .loop(let sampleCount):
          try loop(
            of: pieces[number], iterations: options.inversionIterations, seed: seeds[number],
            sampleCount: sampleCount, threads: threads)
        }
      }
    }.map { try $0.get() }
  }

  /// Pieces that the network draws best at once: more of them make it no faster.
  public func piecesAtOnce(_ form: Form) -> Int {
    max(1, windowsAtOnce / fusion(of: form).count)
  }

  /// Windows that the network sees at once.
  var windowsAtOnce: Int {
    let configuration = model.configuration
    let space = configuration.space
    let values = space.channels * space.bins * configuration.windowColumns
    return ClipsAtOnce(ofValues: values, on: device).count
  }

  /// How a section of it is drawn.
  private func fusion(of form: Form) -> WindowFusion {
    let window = model.configuration.windowColumns
    return switch form {
    case .piece(let seconds):
      WindowFusion(.line, frames: plan(seconds).steps[0].frames.count, window: window)
    case .loop(let sampleCount):
      WindowFusion(
        .circle, frames: model.configuration.space.columns(loopFrames(sampleCount)), window: window)
    }
  }

  /// The log-mel spectrogram of each channel of each piece, before it becomes sound.
  ///
  /// - Parameter observe: as of ``logMel(seconds:seed:options:onProgress:observe:)``.
  package func logMel(
    _ form: Form, seeds: [UInt64], options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in },
    observe: (_ x: Tensor, _ sigma: Double, _ denoised: Tensor) throws -> Void = { _, _, _ in }
  ) throws -> [[Spectrogram]] {
    try check(form)
    let pieces = try seeds.map {
      SectionSampler.Piece(seed: $0, description: try description(of: options, seed: $0))
    }
    let isGuided = try pieces.map { try self.isGuided($0.description, options) }
    var result: [[Spectrogram]] = []
    var evaluations = 0
    while result.count < pieces.count {
      // Pieces with guidance and pieces without do not go together.
      let first = result.count
      let count = isGuided[first...].prefix { $0 == isGuided[first] }.count
      let sampler = try SectionSampler(
        self, Array(pieces[first..<first + count]), options: options)
      let perSection = sampler.evaluations(sampler.sigmas)
      result += try planes(form, sampler) { x, sigma, denoised in
        evaluations += x.shape[0]
        try observe(x, sigma, denoised)
        try onProgress(
          Progress(
            evaluations: evaluations,
            totalEvaluations: pieces.count * sections(of: form) * perSection))
      }
    }
    return result
  }

  /// The planes of a sampler's pieces.
  private func planes(
    _ form: Form, _ sampler: SectionSampler, observe: SectionSampler.Observer
  ) throws -> [[Spectrogram]] {
    let space = model.configuration.space
    let (channels, bins) = (space.channels, space.bins)
    switch form {
    case .piece(let seconds):
      let plan = plan(seconds)
      var pieces = sampler.pieces.map { _ in
        PartialPiece(channels: channels, bins: bins, columns: plan.columns)
      }
      try SectionPlan.Step.draw(
        plan.steps, of: &pieces, atOnce: windowsAtOnce, device: device
      ) {
        section, batch, known, mask in
        try sampler.draw(
          section: section, pieces: batch, known: known, mask: mask, observe: observe)
      }
      return try pieces.map { try logMel(of: $0.planes, frames: frames(seconds)) }
    case .loop(let sampleCount):
      let drawn = try sampler.draw(
        loopsOf: space.columns(loopFrames(sampleCount)), channels: channels, bins: bins,
        observe: observe)
      return try loopPlanes(of: drawn)
    }
  }

  func check(_ form: Form, limit: Double = maximumSecondsInMemory) throws {
    let seconds = seconds(form)
    guard seconds > 0 && seconds <= limit else {
      throw ModelError.invalidSeconds(seconds, limit: limit)
    }
    if case .loop = form, seconds < shortestLoop {
      throw ModelError.invalidArgument(
        String(
          format: "a loop of %.2f s is too short for the model: it takes %.2f s", seconds,
          (shortestLoop * 100).rounded(.up) / 100))
    }
  }

  func seconds(_ form: Form) -> Double {
    switch form {
    case .piece(let seconds): seconds
    case .loop(let sampleCount):
      Double(sampleCount) / Double(model.configuration.representation.sampleRate)
    }
  }

  func sampleCount(_ seconds: Double) -> Int {
    max(1, Int((seconds * Double(model.configuration.representation.sampleRate)).rounded()))
  }

  func plan(_ seconds: Double) -> SectionPlan {
    SectionPlan(
      frames: model.configuration.space.columns(frames(seconds)),
      window: model.configuration.windowColumns)
  }

  /// Of a piece's spectrogram.
  func frames(_ seconds: Double) -> Int {
    1 + sampleCount(seconds) / model.configuration.representation.spectrogram.hopLength
  }

  /// That are drawn one after the other.
  private func sections(of form: Form) -> Int {
    switch form {
    case .piece(let seconds): plan(seconds).steps.count
    case .loop: 1
    }
  }
}
