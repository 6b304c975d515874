/// What a checkpoint takes, by a rule over measured speeds: the held-out loss, the files, the samples
/// that are drawn, and the report.
public struct CheckpointCost: Sendable, Equatable {
  public var seconds: Double
  /// Bytes that a run leaves on the disk, with all its snapshots.
  public var bytesOfRun: Double

  /// - Parameters:
  ///   - labels: of the dataset; samples are drawn of at most four.
  ///   - noise: of the model, on which its way of drawing depends.
  ///   - hasHeldOut: whether there are files to measure a loss on.
  public init(
    _ speed: MeasuredSpeed, _ representation: Representation, _ noise: NoiseProcess, labels: Int,
    hasHeldOut: Bool
  ) {
    let heldOut = hasHeldOut ? Double(HeldOutBatches.evaluations) * speed.secondsPerEvaluation : 0
    // A window, twice as much where a label guides it; a window by itself takes longer than one of a
    // batch.
    let steps = SamplingDefaults(for: noise, sigmaData: 0.5).steps
    let drawing = Double(steps * (labels > 0 ? 2 : 1)) * 1.5 * speed.secondsPerEvaluation
    let sounds = Double(min(max(labels, 1), Self.labelsDrawn))
    // The way back to sound, its picture and its MP3 for the report.
    let inverting = 0.15 * Double(representation.channels) * representation.windowSeconds
    let parameters = Double(speed.parameterCount)
    let writing = 0.1 + Self.bytesWritten * parameters / 300e6
    seconds = heldOut + sounds * (drawing + inverting) + writing
    bytesOfRun = parameters * (20 + 2 + 4 * Double(AverageSnapshots.limit))
  }

  private static let labelsDrawn = 4
  /// For each parameter: weights, two averages and two moments in float32, two averages and the model
  /// in float16.
  private static let bytesWritten = 26.0
}
