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
    let columns = plan.windows[plan.windows.count - 1] + plan.window
    piece = PartialPiece(
      generator.normalized(planes, columns: columns), channels: planes.count,
      bins: planes[0].bins, columns: columns)
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
  /// - Parameter draw: as of ``WindowPlan/draw(channels:bins:device:_:)``.
  /// - Returns: log-mel of each channel.
  func drawn(
    by generator: Generator,
    _ draw: (_ window: Int, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws -> [Spectrogram] {
    let values = try withoutGradient {
      try plan.draw(
        channels: piece.channels, bins: piece.bins, device: generator.device, draw)
    }
    return generator.logMel(of: values, frames: plan.frames)
  }
}
