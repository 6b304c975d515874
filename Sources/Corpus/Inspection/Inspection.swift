public import Audio
import Foundation
public import Spectro
import Synchronization

/// What is in a folder of audio, and what is wrong with it for training: the data's doctor.
public struct Inspection: Codable, Sendable {
  /// The name of the folder.
  public var name: String
  /// Files that can be read, in the order of their paths.
  public var files: [FileReport]
  /// Files that cannot, and why.
  public var unreadable: [Skipped]
  /// Paths of files with the same samples.
  public var duplicates: [[String]]
  /// Paths of files that sound alike, as one recording in two encodings, or cut a little otherwise.
  public var nearDuplicates: [[String]]
  public var labels: [Label]
  /// Of the files' loudness, in LUFS; nil where none has any.
  public var loudness: Spread?
  public var seconds: Double
  /// What is said about the files beside their labels; nil where nothing is.
  public var metadata: MetadataSummary?
  /// Why `metadata.csv` cannot be read.
  public var metadataProblem: String?
  /// The preset that was asked for, or else the one that fits.
  public var preset: SpectrogramPreset
  /// In plain words, what matters most first.
  public var advice: [String]

  public struct Label: Codable, Sendable, Equatable {
    /// Empty for files that are in no sub-folder.
    public var name: String
    public var files: Int
    public var seconds: Double
    /// Seconds that training draws from, short files being filled up if the preset does so.
    public var weight: Double
  }

  /// How values are spread: the middle, and what 5 % are below and above of.
  public struct Spread: Codable, Sendable, Equatable {
    public var median, low, high: Double

    init?(_ values: [Double]) {
      if values.isEmpty { return nil }
      let values = values.sorted()
      func quantile(_ part: Double) -> Double {
        values[Int((part * Double(values.count - 1)).rounded())]
      }
      (median, low, high) = (quantile(0.5), quantile(0.05), quantile(0.95))
    }
  }

  /// Decodes and measures every file, on all processors.
  ///
  /// - Parameters:
  ///   - preset: to tell what is wrong for; nil to choose.
  ///   - progress: called with the number of files done, of all files, one call at a time.
  ///   - check: called now and then on every thread; what it throws ends the work.
  public init(
    of folder: AudioFolder, preset: SpectrogramPreset? = nil,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in },
    check: @Sendable () throws -> Void = {}
  ) throws {
    let results = Mutex(
      [Result<Examination, AudioError>?](repeating: nil, count: folder.files.count))
    try withoutActuallyEscaping(check) { check in
      try forEachInParallel(folder.files.count, progress: progress) { number in
        let file = folder.files[number]
        let result: Result<Examination, AudioError>
        do {
          result = .success(
            try Examination(folder.fullPath(file), file: file, check: check))
        } catch let error as AudioError {
          result = .failure(error)
        }
        results.withLock { $0[number] = result }
      }
    }
    var examined: [Examination] = []
    unreadable = []
    for (file, result) in zip(folder.files, results.withLock { $0 }) {
      switch result {
      case .success(let examination): examined.append(examination)
      case .failure(let error):
        unreadable.append(Skipped(path: file.path, error, in: folder))
      case nil: break
      }
    }
    name = URL(fileURLWithPath: folder.path).lastPathComponent
    files = examined.map(\.report)
    // What is silent is found as such.
    let audible = examined.filter { !$0.report.isSilent }
    let found = Duplicates(
      contents: audible.map(\.content), fingerprints: audible.map(\.fingerprint),
      sounds: audible.map(\.sound))
    duplicates = found.exact.map { $0.map { audible[$0].report.path } }
    nearDuplicates = found.near.map { $0.map { audible[$0].report.path } }
    loudness = Spread(files.compactMap(\.loudness))
    seconds = files.reduce(0) { $0 + $1.seconds }
    do {
      metadata = try FolderMetadata(of: folder)?.summary
    } catch let error as CorpusError {
      metadataProblem = error.description
    }
    let preset = preset ?? Self.fittingPreset(files)
    self.preset = preset
    let least = preset.padsShortClips ? preset.windowSeconds : 0
    labels = Dictionary(grouping: files) { $0.label ?? "" }.map { name, files in
      Label(
        name: name, files: files.count, seconds: files.reduce(0) { $0 + $1.seconds },
        weight: files.reduce(0) { $0 + max($1.seconds, least) })
    }.sorted { $0.name < $1.name }
    advice = []
    advice = makeAdvice()
  }

  /// The standard kind where most files are as long as its window; shorter ones are for a preset that
  /// takes any length.
  private static func fittingPreset(_ files: [FileReport]) -> SpectrogramPreset {
    let lengths = files.map(\.seconds).sorted()
    guard !lengths.isEmpty else { return .standard }
    let standard = SpectrogramPreset.standard
    return lengths[lengths.count / 2] < standard.windowSeconds ? .oneshots : standard
  }

  // MARK: - Findings

  public var silent: [FileReport] { files.filter(\.isSilent) }
  public var mostlySilent: [FileReport] { files.filter(\.isMostlySilent) }
  public var clipped: [FileReport] { files.filter(\.isClipped) }
  public var withOffset: [FileReport] { files.filter(\.hasOffset) }

  /// Shorter than the preset's window, which does not fill them up.
  public var tooShort: [FileReport] {
    let settings = preset.settings
    let least =
      Double((preset.windowFrames - 1) * settings.hopLength) / Double(settings.sampleRate)
    return preset.padsShortClips ? [] : files.filter { $0.seconds < least }
  }

  /// Cut off, or of a rate that ends, well below what the preset could hear.
  public var narrow: [FileReport] {
    let limit = 0.9 * preset.settings.topFrequency
    return files.filter { file in
      !file.isSilent && min(file.wall ?? .infinity, Double(file.sampleRate) / 2) < limit
    }
  }

  /// Far louder or softer than most: by more than 15 LU.
  public var loudnessOutliers: [FileReport] {
    guard let middle = loudness?.median else { return [] }
    return files.filter { $0.loudness.map { abs($0 - middle) > 15 } ?? false }
  }
}

extension Skipped {
  /// The path stands beside the reason already.
  package init(path: String, _ error: AudioError, in folder: AudioFolder) {
    self.init(
      path: path,
      reason: error.description.replacingOccurrences(
        of: "cannot read \(folder.path)/\(path): ", with: ""))
  }
}
