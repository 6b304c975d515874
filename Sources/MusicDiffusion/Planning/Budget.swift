import Foundation
import Spectro

/// A time that a run may take as a whole, and the rules by which everything else follows from it.
public struct Budget: Sendable, Equatable {
  public let seconds: Double

  public init(seconds: Double) { self.seconds = seconds }

  /// `"2h"`, `"30m"`, `"1.5d"`, `"90s"`, or several as `"1h30m"`; nil for anything else, and for what is not
  /// more than 0 and at most ten years.
  public init?(_ text: String) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    var (rest, sum) = (text[...], 0.0)
    while let end = rest.firstIndex(where: { units[$0] != nil }), let unit = units[rest[end]] {
      let digits = rest[..<end]
      guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }),
        let value = Double(digits)
      else { return nil }
      sum += value * unit
      rest = rest[rest.index(after: end)...]
    }
    guard rest.isEmpty, sum > 0, sum <= 3650 * 86400 else { return nil }
    seconds = sum
  }

  // MARK: - Rules

  /// What is planned for, so that a machine a little slower than it was measured to be is still in time.
  static let share = 0.95
  /// Windows that `standard` needs before notes and attacks stand clearly in what it makes.
  static let leastClips = 20_000.0
  /// Updates of a run that would be better with more of them and fewer windows in each.
  static let fewUpdates = 2000.0

  /// The preset: one-shots by the length of the files, as `compose dataset inspect` advises; `studio`
  /// for stereo on a GPU; `standard` if the budget is enough for it, else `draft`.
  ///
  /// - Parameters:
  ///   - glance: at the data.
  ///   - hasGPU: whether one computes.
  ///   - clipsPerSecond: measures how fast a preset trains; asked for where it matters.
  /// - Returns: it, and why, as part of a sentence.
  public func preset(
    for glance: DatasetGlance, hasGPU: Bool, clipsPerSecond: (Preset) throws -> Double
  ) rethrows -> (preset: Preset, reason: String) {
    let choices = glance.presets
    if choices.count == 1, let only = choices.first {
      return (only, "which the data was prepared for")
    }
    if glance.medianSeconds < SpectrogramPreset.standard.windowSeconds, choices.contains(.oneshots)
    {
      return (
        .oneshots,
        String(format: "half of the files are below %.2g s", max(0.01, glance.medianSeconds))
      )
    }
    func clips(_ preset: Preset) throws -> Double { try seconds * clipsPerSecond(preset) }
    func windows(_ count: Double) -> String {
      let digit = pow(10, floor(log10(max(count, 10))) - 1)
      return "time for about \(Int((count / digit).rounded() * digit)) windows"
    }
    if hasGPU, glance.stereoShare > 0.5, choices.contains(.studio) {
      let count = try clips(.studio)
      if count >= Self.leastClips { return (.studio, "stereo on a GPU, \(windows(count))") }
    }
    let count = try clips(.standard)
    return count >= Self.leastClips
      ? (.standard, "\(windows(count)), and it needs 20000")
      : (.draft, "\(windows(count)) of standard, which needs 20000")
  }

  /// The size of batches: 8, or 4 where there is time for fewer than 2000 updates of 8; twice as large, up
  /// to 64, while that makes training a quarter faster, fits into half of the free memory and leaves 2000
  /// updates.
  ///
  /// - Parameters:
  ///   - spent: seconds of the budget.
  ///   - memory: bytes that batches of a size take.
  ///   - available: bytes that are free; nil where that is not known.
  ///   - secondsPerStep: measures batches of a size; nil where these do not fit.
  /// - Returns: it, and the seconds of its steps.
  public func batchSize(
    spent: Double, memory: (Int) -> Double, available: Double?,
    secondsPerStep: (Int) throws -> Double?
  ) rethrows -> (size: Int, secondsPerStep: Double)? {
    guard var best = try secondsPerStep(8).map({ (size: 8, secondsPerStep: $0) }) else {
      return nil
    }
    func updates(_ seconds: Double) -> Double { (self.seconds - spent) / seconds }
    if updates(best.secondsPerStep) < Self.fewUpdates {
      return try secondsPerStep(4).map { (4, $0) } ?? best
    }
    for size in [16, 32, 64] {
      if let available, memory(size) > available / 2 { break }
      guard let seconds = try secondsPerStep(size) else { break }
      let gain = best.secondsPerStep * Double(size) / (seconds * Double(best.size))
      if gain < 1.25 || updates(seconds) < Self.fewUpdates { break }
      best = (size, seconds)
    }
    return best
  }

  /// How long a run can be, and how often it saves.
  public struct Length: Sendable, Equatable {
    public var steps: Int
    public var saveInterval: Int
    /// Of training steps, after which the run ends though it has not made all: a machine that became
    /// slower.
    public var hours: Double
  }

  /// The run that fills the budget: 95 % of it at the measured speed, of which checkpoints, at most 24
  /// and at least one, take a twentieth.
  ///
  /// - Parameters:
  ///   - spent: seconds of the budget that are over: data prepared, speeds measured.
  ///   - saveInterval: if it is given and not to be chosen.
  /// - Returns: nil where not even one step fits.
  public func length(
    spent: Double, secondsPerStep: Double, secondsPerCheckpoint: Double, saveInterval: Int? = nil
  ) -> Length? {
    let planned = Self.share * seconds - spent
    var steps: Double
    let interval: Double
    if let saveInterval {
      let whole = Double(saveInterval) * secondsPerStep + secondsPerCheckpoint
      let count = (planned / whole).rounded(.down)
      let rest = planned - count * whole - secondsPerCheckpoint
      steps = count * Double(saveInterval) + max(0, (rest / secondsPerStep).rounded(.down))
      interval = Double(saveInterval)
    } else {
      let count = min(24, max(1, (planned / 20 / secondsPerCheckpoint).rounded(.down)))
      steps = ((planned - count * secondsPerCheckpoint) / secondsPerStep).rounded(.down)
      interval = (steps / count).rounded(.up)
    }
    steps = min(steps, 1e9)
    guard steps >= 1 else { return nil }
    let checkpoints = (steps / interval).rounded(.up)
    return Length(
      steps: Int(steps), saveInterval: Int(min(interval, 1e9)),
      hours: (seconds - spent - checkpoints * secondsPerCheckpoint) / 3600)
  }
}
