import Audio
import Spectro
import Torch

/// A sound as a model hears it, and the windows that it is drawn in.
struct HeardSound {
  /// Log-mel of each channel.
  let planes: [Spectrogram]
  let plan: WindowPlan
  /// Samples at the model's rate.
  let sampleCount: Int
  /// Normalised, all of it standing.
  private let piece: PartialPiece

  /// - Parameter channels: at the model's rate, mono or mid and side; of one length, which is not 0.
  init(_ channels: [[Float]], by generator: Generator) throws {
    let representation = generator.model.configuration.representation
    planes = try generator.logMel(of: channels)
    sampleCount = channels[0].count
    plan = WindowPlan(frames: planes[0].frames, window: representation.windowFrames)
    piece = PartialPiece(
      generator.normalized(planes, columns: plan.columns), channels: planes.count,
      bins: planes[0].bins, columns: plan.columns)
  }

  /// A window, normalised, `[1, channels, bins, width]`.
  func window(_ number: Int, device: Device) throws -> Tensor {
    try piece.window(from: plan.windows[number], width: plan.window, device: device).known
  }

  /// What stands of a window when it is its turn, 0 elsewhere, and where, `[1, 1, bins, width]`.
  func standing(_ number: Int, device: Device) throws -> (known: Tensor, mask: Tensor) {
    let overlap = number == 0 ? 0 : plan.overlap
    let row = (0..<plan.window).map { Float($0 < overlap ? 1 : 0) }
    let mask = try Tensor(row, shape: [1, 1, 1, plan.window], device: device)
      .expand([1, 1, piece.bins, plan.window])
    return (try window(number, device: device) * mask, mask)
  }

  /// Draws all windows in turn.
  ///
  /// - Parameter draw: given a window's number, what stands of it, `[1, channels, bins, window]`, and
  ///   where, `[1, 1, bins, window]`; returns the whole window.
  /// - Returns: log-mel of each channel.
  func drawn(
    by generator: Generator,
    _ draw: (_ window: Int, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws -> [Spectrogram] {
    var pieces = [
      PartialPiece(channels: piece.channels, bins: piece.bins, columns: plan.columns)
    ]
    try WindowPlan.Step.draw(
      plan.steps, of: &pieces, width: plan.window, device: generator.device
    ) { window, _, known, mask in try draw(window, known, mask) }
    return generator.logMel(of: pieces[0].planes, frames: plan.frames)
  }
}
