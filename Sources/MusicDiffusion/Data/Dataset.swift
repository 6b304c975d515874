public import Audio
public import Corpus
public import Foundation
import Spectro
public import Torch

/// A prepared set as a network sees it: windows of log-mel spectrograms that start at any sample.
///
/// The set holds samples; a window's spectrogram is made when it is drawn. Some files can be held
/// out, as a whole: ``training`` has none of them, ``heldOut`` no others.
public final class Dataset: Sendable {
  public let path: String
  public let representation: Representation
  public let source: PreparedSet
  /// What to train on.
  public let training: Windows
  /// What to measure a loss on; nil where there is too little, or nothing is to be held out.
  public let heldOut: Windows?
  /// Files that could not be used, then those too short, at most ``skippedLimit`` of these.
  public let skipped: [Skipped]
  /// All that could not be used or are too short.
  public let skippedCount: Int
  public let normalization: Normalization
  /// Distinct labels of ``training``, in alphabetical order.
  public let labels: [String]
  /// What is said about the files of ``training`` beside labels; nil where nothing is, or nothing that
  /// differs.
  public let conditioning: Conditioning?

  /// Too short files that are named.
  public static let skippedLimit = 1000

  package let spectrograms: WindowSpectrograms
  /// What makes codes of its windows; nil where spectrograms are drawn as they are.
  public let coder: AutoencoderModel?
  private let coderPrecision: DType
  /// What a network draws that learns from it.
  public var space: DrawingSpace { coder?.description.space ?? DrawingSpace(representation) }

  /// Files that are used.
  public var fileCount: Int { training.fileCount + (heldOut?.fileCount ?? 0) }
  public var seconds: Double { training.seconds + (heldOut?.seconds ?? 0) }
  /// Equal for the same data, also in another place.
  public var fingerprint: String { source.fingerprint }

  /// Prepares a folder in the cache, or finds it prepared.
  ///
  /// - Parameters:
  ///   - heldOut: the part of the files that is not trained on, 0 to 0.5.
  ///   - cache: where prepared data is kept; by default `compose` in the user's cache folder.
  ///   - progress: called with the number of files done, of all files. From several threads, one at
  ///     a time.
  ///   - check: called now and then while preparing; what it throws ends it, to go on later.
  /// - Throws: ``ModelError``, `CorpusError` when there is nothing to train on.
  public convenience init(
    folder: AudioFolder, representation: Representation, heldOut: Double = 0,
    cache: URL = Dataset.defaultCache,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in },
    check: @Sendable () throws -> Void = {}
  ) throws {
    try representation.validate()
    let home = cache.appendingPathComponent(
      try Self.cacheKey(folder, representation), isDirectory: true)
    let preparation = try Preparation(
      folder: folder, channels: representation.channels, settings: representation.spectrogram,
      output: home)
    try self.init(
      preparation.run(progress: progress, check: check).set, path: folder.path,
      representation: representation, heldOut: heldOut)
  }

  /// A folder that `compose dataset prepare` has made.
  ///
  /// - Throws: ``ModelError``, `CorpusError`.
  public convenience init(
    prepared folder: URL, representation: Representation, heldOut: Double = 0
  ) throws {
    try self.init(
      PreparedSet(folder), path: folder.path, representation: representation, heldOut: heldOut)
  }

  private init(
    _ set: PreparedSet, path: String, representation: Representation, heldOut: Double
  ) throws {
    try representation.validate()
    let format = SoundFormat(
      sampleRate: representation.sampleRate, channels: representation.channels)
    guard set.format == format else {
      throw CorpusError.otherFormat(path, found: set.format, wanted: format)
    }
    let statistics = try set.statistics(for: representation.spectrogram)
    let split = try Split(set, representation: representation, heldOut: heldOut)
    let unreadable = try set.skipped()
    guard split.training.fileCount > 0 else {
      throw ModelError.allTooShort(
        path, longest: Double(split.longest) / Double(format.sampleRate),
        window: representation.windowSeconds)
    }
    self.path = path
    self.representation = representation
    (coder, coderPrecision) = (nil, .float32)
    source = set
    training = split.training
    self.heldOut = split.heldOut
    labels = split.labels
    conditioning =
      split.numbers.isEmpty && set.tokenizer == nil
      ? nil : Conditioning(numbers: split.numbers, tokenizer: set.tokenizer)
    skipped =
      try unreadable
      + split.tooShort.map { clip in
        Skipped(
          path: try set.path(of: clip),
          reason: String(
            format: "%.2f s, shorter than the window of %.2f s",
            Double(try set.samples(of: clip)) / Double(format.sampleRate),
            representation.windowSeconds),
          isTooShort: true)
      }
    skippedCount = unreadable.count + split.tooShortCount
    let rows = representation.channels * representation.spectrogram.melBins
    let ofLogMel = Normalization(
      mean: statistics.mean.map(Float.init),
      standardDeviation: statistics.standardDeviation.map(Float.init))
    guard (try? ofLogMel.validate(rows: rows)) != nil else {
      throw CorpusError.damaged(path, reason: "its statistics are none")
    }
    let mean: [Float]
    if representation.values == .statistics {
      (normalization, mean) = (ofLogMel, [Float](repeating: 0, count: rows))
    } else {
      (normalization, mean) = try Self.sample(set, representation, from: split.training)
    }
    spectrograms = try WindowSpectrograms(
      set, representation: representation, normalization: normalization, mean: mean)
  }

  /// The same files, seen otherwise.
  private init(
    _ other: Dataset, windowFrames: Int, normalization: Normalization, coder: AutoencoderModel?,
    precision: DType
  ) throws {
    (path, source, self.normalization) = (other.path, other.source, normalization)
    (self.coder, coderPrecision) = (coder, precision)
    (training, heldOut) = (other.training, other.heldOut)
    (labels, conditioning) = (other.labels, other.conditioning)
    (skipped, skippedCount) = (other.skipped, other.skippedCount)
    var representation = other.representation
    representation.windowFrames = windowFrames
    self.representation = representation
    spectrograms = try WindowSpectrograms(
      source, representation: representation, normalization: normalization,
      mean: other.spectrograms.mean)
  }

  /// The same files in windows of half the length. A file that is too short for a whole one stays
  /// left out.
  func halved() throws -> Dataset {
    try Dataset(
      self, windowFrames: representation.windowFrames / 2, normalization: normalization,
      coder: coder, precision: coderPrecision)
  }

  /// The same files, of whose windows codes are learned.
  ///
  /// - Parameter precision: the type that its networks compute in.
  /// - Throws: ``ModelError/invalidArgument(_:)`` for an autoencoder of other spectrograms.
  public func coded(by coder: AutoencoderModel, precision: DType = .float32) throws -> Dataset {
    guard coder.description.representation == representation else {
      throw ModelError.invalidArgument(
        "the autoencoder is of other spectrograms than those that \(path) is prepared as")
    }
    return try Dataset(
      self, windowFrames: representation.windowFrames,
      normalization: coder.description.normalization, coder: coder, precision: precision)
  }

  /// What a network learns of windows.
  ///
  /// - Parameter values: normalised log-mel, `[count, channels, mel bins, frames]`.
  /// - Returns: that, or its code, `[count, channels, bins, columns]` of ``space``.
  func signal(_ values: [Float], count: Int, device: Device) throws -> Tensor {
    let windows = try Tensor(
      values,
      shape: [
        count, representation.channels, representation.spectrogram.melBins,
        representation.windowFrames,
      ], device: device)
    return try coder?.code(of: windows, precision: coderPrecision) ?? windows
  }

  /// The root mean square of transformed values and the mean of each row, from windows that are always
  /// the same ones.
  private static func sample(
    _ set: PreparedSet, _ representation: Representation, from windows: Windows
  ) throws -> (Normalization, mean: [Float]) {
    let rows = representation.channels * representation.spectrogram.melBins
    var sums = [Double](repeating: 0, count: rows)
    let spectrograms = try WindowSpectrograms(
      set, representation: representation, normalization: .unchanged(rows: rows, sigmaData: 1),
      mean: [Float](repeating: 0, count: rows))
    var random = RandomGenerator(seed: 0)
    var values = [Float](repeating: 0, count: rows * representation.windowFrames)
    let count = 256
    var squares = 0.0
    for _ in 0..<count {
      let place = try windows.random(&random)
      var variation = Variation()
      let start = spectrograms.start(in: place.samples, &variation, &random)
      try values.withUnsafeMutableBufferPointer {
        try spectrograms.write(
          clip: place.clip, start: start, variation, partner: nil, &random, to: $0.baseAddress!)
      }
      squares += values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)
      for row in 0..<rows {
        let line = values[
          row * representation.windowFrames..<(row + 1) * representation.windowFrames]
        sums[row] += line.reduce(0) { $0 + Double($1) } / Double(line.count)
      }
    }
    let sigmaData = Float((squares / Double(count)).squareRoot())
    return (
      .unchanged(rows: rows, sigmaData: sigmaData), sums.map { Float($0 / Double(count)) }
    )
  }

  /// `compose/datasets` in `$XDG_CACHE_HOME` or `~/.cache`.
  public static var defaultCache: URL {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0, isDirectory: true) }
      ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
    return base.appendingPathComponent("compose/datasets", isDirectory: true)
  }

  /// The name of a folder's prepared data in the cache; the same for presets of the same rate and
  /// channels.
  package static func cacheKey(
    _ folder: AudioFolder, _ representation: Representation
  ) throws -> String {
    try Preparation.key(
      folder,
      SoundFormat(sampleRate: representation.sampleRate, channels: representation.channels))
  }

  /// Writes a window's normalised values, `[channels, mel bins, frames]`.
  ///
  /// - Parameters:
  ///   - augmentation: what may be done to it.
  ///   - random: decides the augmentation, and where in its clip the window starts.
  /// - Returns: how it was augmented, `[Augmentation.vectorWidth]`.
  package func copyWindow(
    _ window: Windows.Place, of windows: Windows, augmentation: Augmentation,
    _ random: inout RandomGenerator, to destination: UnsafeMutablePointer<Float>
  ) throws -> [Float] {
    var variation = augmentation.variation(&random)
    let start = spectrograms.start(in: window.samples, &variation, &random)
    var partner: (clip: Int, start: Int)?
    if variation.mix > 0, let other = try windows.partner(of: window, &random) {
      var other = (place: other, variation: variation)
      let start = spectrograms.start(in: other.place.samples, &other.variation, &random)
      // A shorter file may not last for a window of this tempo.
      if other.variation.time == variation.time { partner = (other.place.clip, start) }
    }
    if partner == nil { variation.mix = 0 }
    try spectrograms.write(
      clip: window.clip, start: start, variation, partner: partner, &random, to: destination)
    return variation.vector
  }

  /// Writes a window as it is.
  ///
  /// - Parameter start: a sample.
  package func copyWindow(
    clip: Int, start: Int, to destination: UnsafeMutablePointer<Float>
  ) throws {
    var random = RandomGenerator(seed: 0)
    try spectrograms.write(
      clip: clip, start: start, Variation(), partner: nil, &random, to: destination)
  }
}
