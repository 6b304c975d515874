public import Audio
public import Corpus
import Foundation
import Spectro

/// How near generated music is to real music: distances, fidelity and diversity, musical statistics, and
/// what of it is copied. Docs/evaluation.md has the formulas.
public struct EvaluationReport: Codable, Sendable {
  public var version = 1
  public var real: SetSummary
  public var generated: SetSummary
  /// What everything was resampled to, Hz.
  public var sampleRate: Int
  public var windowSeconds: Double
  /// Windows of each set in each comparison; 0 where there are too few.
  public var windowsCompared: Int
  /// How often sets were drawn.
  public var draws: Int
  /// In each kind of features; empty where there are too few windows.
  public var comparisons: [FeatureComparison]
  public var music: MusicComparison
  /// nil where no training set was given.
  public var memorisation: MemorisationAudit?
  /// nil where no weights for it were given.
  public var audioDistance: AudioDistance?
  /// What a reader must know: figures that are missing, and why.
  public var notes: [String]

  /// What a folder holds.
  public struct SetSummary: Codable, Sendable {
    public var path: String
    public var files: Int
    public var seconds: Double
    /// That were looked at.
    public var windows: Int
    public var skipped: [Skipped]

    init(_ set: WindowSet) {
      path = set.folder.path
      (files, seconds, windows) = (set.files.count, set.seconds, set.count)
      skipped = set.skipped
    }
  }

  /// What is being done.
  public enum Stage: Sendable {
    case real, generated, comparing, patches, training
  }

  /// Reads two folders, and the training set's if there is one, and compares them.
  ///
  /// - Parameters:
  ///   - real: music that the model has not been trained on.
  ///   - generated: the model's.
  ///   - training: what it has been trained on.
  ///   - windowSeconds: of a window.
  ///   - vggish: to measure the Fréchet audio distance with.
  ///   - sampleRate: what all is resampled to, Hz; nil for the highest that both sets have, up to 44.1 kHz.
  ///   - progress: called with what has been done of a stage, one call at a time.
  ///   - check: called now and then on every thread; what it throws ends the work.
  /// - Throws: ``EvaluationError``.
  public init(
    real: AudioFolder, generated: AudioFolder, training: AudioFolder? = nil,
    windowSeconds: Double = 3, sampleRate: Int? = nil, vggish: VGGish? = nil,
    progress: @escaping @Sendable (_ stage: Stage, _ done: Int, _ of: Int) -> Void = { _, _, _ in },
    check: @escaping @Sendable () throws -> Void = {}
  ) throws {
    let rate = try sampleRate ?? min(Self.highestRate(real), Self.highestRate(generated), 44100)
    func measure(_ folder: AudioFolder, _ kinds: [WindowSet.Kind], _ stage: Stage) throws
      -> WindowSet
    {
      let set = try WindowSet(
        folder, windowSeconds: windowSeconds, sampleRate: rate, kinds: kinds,
        progress: { progress(stage, $0, $1) }, check: check)
      if set.count == 0, let first = set.skipped.first {
        throw EvaluationError.nothingToCompare(folder.path, count: set.skipped.count, first: first)
      }
      return set
    }
    let realSet = try measure(real, [.inverted, .shuffled, .noise], .real)
    let generatedSet = try measure(generated, [], .generated)
    progress(.comparing, 0, 1)
    let comparison = SetComparison(
      real: zip(realSet.windowsOfFile, realSet.files).map { ($0, $1.label ?? "") },
      generatedCount: generatedSet.count)
    comparisons = try Self.compare(realSet, generatedSet, comparison, check: check)
    music = MusicComparison(real: realSet, generated: generatedSet, halves: comparison.drawnHalves)
    memorisation = try training.map { training in
      try MemorisationAudit(
        generated: generatedSet, real: realSet, training: training, sampleRate: rate,
        progress: { progress(.training, $0, $1) }, check: check)
    }
    audioDistance = try vggish.map {
      try AudioDistance(
        real: realSet, generated: generatedSet, network: $0,
        progress: { progress(.patches, $0, $1) },
        check: check)
    }
    self.real = SetSummary(realSet)
    self.generated = SetSummary(generatedSet)
    self.sampleRate = rate
    self.windowSeconds = windowSeconds
    windowsCompared = comparison.windows
    draws = SetComparison.draws
    notes = []
    notes = makeNotes()
  }

  /// Compares two sets in each kind of features.
  private static func compare(
    _ real: WindowSet, _ generated: WindowSet, _ comparison: SetComparison,
    check: @escaping @Sendable () throws -> Void
  ) throws -> [FeatureComparison] {
    if comparison.windows < SetComparison.fewestForNeighbours { return [] }
    let kinds: [(ComparedSet, WindowSet.Kind)] = [
      (.real, .asItIs), (.inverted, .inverted), (.shuffled, .shuffled), (.noise, .noise),
    ]
    var sets: [ComparedSet: WindowSet.Measured] = [:]
    for (set, kind) in kinds { sets[set] = real.measured[kind] }
    sets[.generated] = generated.measured[.asItIs]
    let encoder = PatchEncoder(
      trainedOn: sets[.real]?.levels ?? [], bands: WindowAnalyzer.bands / 2)
    try check()
    return try [
      comparison.compare(
        "sound", groups: WindowAnalyzer.soundGroups, sets: sets.mapValues(\.sound), check: check),
      comparison.compare(
        "music", groups: WindowAnalyzer.musicGroups, sets: sets.mapValues(\.music), check: check),
      comparison.compare(
        "learned", groups: [Int](repeating: encoder.directions, count: 3),
        sets: sets.mapValues { try $0.encoded(by: encoder) }, check: check),
    ]
  }

  private static func highestRate(_ folder: AudioFolder) throws -> Int {
    let rates = folder.files.compactMap { try? AudioReader(folder.fullPath($0)).sampleRate }
    if let highest = rates.max() { return highest }
    // Says why.
    _ = try AudioReader(folder.fullPath(folder.files[0]))
    return AudioBuffer.sampleRates.lowerBound
  }

  private func makeNotes() -> [String] {
    var notes: [String] = []
    let fewest = SetComparison.fewestForNeighbours
    if real.files < 2 {
      notes.append(
        "too few: the floor takes two halves of the real files, and there is \(real.files) file; "
          + "distances, fidelity and diversity are left out")
    } else if windowsCompared < fewest {
      notes.append(
        "too few: \(windowsCompared) windows of \(formatted(windowSeconds)) s in each set, and distances, "
          + "fidelity and diversity take \(fewest); add files, or shorten --window")
    } else if windowsCompared < SetComparison.fewestForFrechet {
      notes.append(
        "too few: \(windowsCompared) windows in each set, and the Fréchet distance takes "
          + "\(SetComparison.fewestForFrechet)")
    }
    if let audioDistance, audioDistance.generated == nil {
      notes.append(
        "too few: \(audioDistance.realPatches) real and \(audioDistance.generatedPatches) generated patches of "
          + "0.96 s, and the Fréchet audio distance takes \(audioDistance.fewestPatches)")
    }
    for (set, count) in music.silentWindows.sorted(by: { $0.key.rawValue < $1.key.rawValue })
    where count > 0 {
      notes.append(
        "\(count) silent \(set.rawValue) window\(count == 1 ? "" : "s") left out of the musical statistics"
      )
    }
    if let memorisation {
      if let real = memorisation.real, real.excerpts < 100 {
        notes.append(
          "too few: \(real.excerpts) real excerpts, so the nearest 1 % of them is the nearest one")
      }
      if memorisation.realInTraining > 0, let first = memorisation.realMatches.first {
        notes.append(
          "\(memorisation.realInTraining) of the real excerpts that were looked for are in the training set, "
            + "as \(first.file) in \(first.trainingFile), and do not count: REAL-DIR should hold music that "
            + "was kept out of it")
      }
    }
    return notes
  }

  private func formatted(_ number: Double) -> String { String(format: "%g", number) }
}

/// What can keep two sets from being compared, in one line that says what to do.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
  case nothingToCompare(String, count: Int, first: Skipped)
  case tooFewSounds(String, count: Int, needed: Int)
  case unusableWeights(String, reason: String)

  public var description: String {
    switch self {
    case .nothingToCompare(let path, let count, let first):
      "none of the \(count) audio files in \(path) can be used, the first, \(first.path), because: "
        + first.reason
    case .tooFewSounds(let path, let count, let needed):
      "\(path) has \(count) sounds that can be used: to be like a collection takes \(needed)"
    case .unusableWeights(let path, let reason):
      "cannot use the weights in \(path): \(reason)"
    }
  }
}
