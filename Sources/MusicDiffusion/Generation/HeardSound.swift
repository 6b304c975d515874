import Audio
import Spectro
import Torch

/// A sound as a model hears it, and the sections that it is drawn in.
struct HeardSound {
  /// Log-mel of each channel.
  let planes: [Spectrogram]
  let plan: SectionPlan
  /// Samples at the model's rate.
  let sampleCount: Int
  /// Normalised, all of it standing.
  private let piece: PartialPiece

  /// - Parameters:
  ///   - channels: at the model's rate, mono or mid and side; of one length, which is not 0.
  ///   - passes: whether borders between sections pass; not for a way back through noise.
  init(_ channels: [[Float]], by generator: Generator, passes: Bool = true) throws {
    let configuration = generator.model.configuration
    let space = configuration.space
    planes = try generator.logMel(of: channels)
    sampleCount = channels[0].count
    plan = SectionPlan(
      frames: space.columns(planes[0].frames), window: configuration.windowColumns,
      passes: passes)
    piece = try PartialPiece(
      generator.normalized(planes, columns: plan.columns), channels: space.channels,
      bins: space.bins, columns: plan.columns)
  }

  /// A section, normalised, `[1, channels, bins, width]`.
  func section(_ number: Int, device: Device) throws -> Tensor {
    try piece.standing(in: plan.steps[number].frames, on: device).known
  }

  /// What stands of a section for good when it is its turn, 0 elsewhere, and where, `[1, 1, bins, width]`.
  func standing(_ number: Int, device: Device) throws -> (known: Tensor, mask: Tensor) {
    let overlap = number == 0 ? 0 : plan.overlap
    let width = plan.steps[number].frames.count
    let row = (0..<width).map { Float($0 < overlap ? 1 : 0) }
    let mask = try Tensor(row, shape: [1, 1, 1, width], device: device)
      .expand([1, 1, piece.bins, width])
    return (try section(number, device: device) * mask, mask)
  }

  /// Draws all sections in turn.
  ///
  /// - Parameter draw: given a section's number, what stands of it, `[1, channels, bins, width]`, and
  ///   where, `[1, 1, bins, width]`; returns the whole section.
  /// - Returns: log-mel of each channel.
  func drawn(
    by generator: Generator,
    _ draw: (_ section: Int, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws -> [Spectrogram] {
    var pieces = [
      PartialPiece(channels: piece.channels, bins: piece.bins, columns: plan.columns)
    ]
    try SectionPlan.Step.draw(plan.steps, of: &pieces, atOnce: 1, device: generator.device) {
      section, _, known, mask in try draw(section, known, mask)
    }
    return try generator.logMel(of: pieces[0].planes, frames: planes[0].frames)
  }
}
