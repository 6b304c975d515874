import Audio
public import Corpus
import Foundation
import Synchronization

/// How near generated music lies to the music that a model was trained on, against how near other real
/// music lies to it.
public struct MemorisationAudit: Codable, Sendable {
  /// The nearest passage of the training set to an excerpt.
  public struct Match: Codable, Sendable {
    public var file: String
    /// Seconds into it.
    public var time: Double
    public var trainingFile: String
    public var trainingTime: Double
    /// The correlation of both passages' levels, from -1 to 1.
    public var similarity: Double
  }

  /// How near excerpts of a set are.
  public struct Nearness: Codable, Sendable {
    public var excerpts: Int
    public var median: Double
    public var nearest: Double
    /// More similar than 0.95, as the same chord on the same instrument may be.
    public var veryNear: Int

    init?(_ matches: [Match]) {
      let values = matches.map(\.similarity).sorted()
      guard let last = values.last else { return nil }
      (excerpts, median, nearest) = (values.count, values[values.count / 2], last)
      veryNear = values.count { $0 > 0.95 }
    }
  }

  public var trainingFiles: Int
  public var trainingSeconds: Double
  /// Of a passage.
  public var passageSeconds: Double
  /// Of each generated excerpt, the nearest first.
  public var matches: [Match]
  /// Of each real excerpt that was looked for.
  public var realMatches: [Match]
  public var generated: Nearness?
  public var real: Nearness?
  /// The similarity that the nearest hundredth of real excerpts reach, of those that are not in the training
  /// set themselves; nil where there are none.
  public var threshold: Double?
  /// Generated excerpts that are nearer.
  public var nearer: Int?
  /// Real excerpts that are in the training set, note for note: more similar than 0.99.
  public var realInTraining: Int
  public var skipped: [Skipped]

  static let passageSeconds = 3.0
  /// Excerpts of the real set that are looked for, spread evenly.
  private static let mostReal = 600
  private static let mostGenerated = 2000
  private static let sameSimilarity = 0.99

  /// Looks for every generated excerpt, and for real ones, in the training set.
  ///
  /// - Parameters:
  ///   - sampleRate: what all is resampled to, Hz.
  ///   - progress: called with the number of training files done, of all.
  ///   - check: called now and then on every thread; what it throws ends the work.
  init(
    generated: WindowSet, real: WindowSet, training: AudioFolder, sampleRate: Int,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void,
    check: @escaping @Sendable () throws -> Void
  ) throws {
    let maker = try PassageLevels.Maker(sampleRate: sampleRate)
    func levels(_ set: WindowSet) throws -> [PassageLevels] {
      let results = Mutex([PassageLevels?](repeating: nil, count: set.files.count))
      try forEachInParallel(set.files.count) { number in
        let levels = try maker.levels(
          of: set.folder.fullPath(set.files[number]), dense: true, check: check)
        results.withLock { $0[number] = levels }
      }
      return results.withLock { $0.compactMap(\.self) }
    }
    let realLevels = try levels(real)
    let scale = PassageLevels.Scale(of: realLevels)
    let length = 2 * Int((Self.passageSeconds / 2 * maker.frameRate).rounded(.down))
    let looked = [
      Search(generated, try levels(generated).map(scale.apply), length, limit: Self.mostGenerated),
      Search(real, realLevels.map(scale.apply), length, limit: Self.mostReal),
    ]
    let found = Mutex(
      Found(
        matches: looked.map {
          [Passages.Match](repeating: Passages.Match(), count: $0.passages.all.count)
        }))
    try forEachInParallel(training.files.count, progress: progress) { number in
      let path = training.fullPath(training.files[number])
      let file: PassageLevels
      do {
        file = try maker.levels(of: path, check: check)
      } catch let error as AudioError {
        let skipped = Skipped(path: training.files[number].path, error, in: training)
        return found.withLock { $0.skipped.append(skipped) }
      }
      let scaled = scale.apply(to: file)
      let best = looked.map { $0.passages.bestMatches(in: scaled) }
      let own = looked.map { $0.isOwn(path) }
      found.withLock {
        $0.frames += file.frames
        $0.files += 1
        for set in looked.indices {
          for (index, match) in best[set].enumerated() where !own[set][index] {
            $0.matches[set][index].take(match.similarity, file: number, start: match.start)
          }
        }
      }
    }
    let result = found.withLock { $0 }
    let nearest = zip(looked, result.matches).map { search, matches in
      search.nearest(matches, training: training, frameRate: maker.frameRate)
    }
    matches = nearest[0].sorted { $0.similarity > $1.similarity }
    realMatches = nearest[1].sorted { $0.similarity > $1.similarity }
    trainingFiles = result.files
    trainingSeconds = Double(result.frames) / maker.frameRate
    skipped = result.skipped.sorted { $0.path < $1.path }
    passageSeconds = Double(length) / maker.frameRate
    self.generated = Nearness(nearest[0])
    self.real = Nearness(nearest[1])
    realInTraining = nearest[1].count { $0.similarity > Self.sameSimilarity }
    let similarities = realMatches.map { $0.similarity }.filter { $0 <= Self.sameSimilarity }
    if !similarities.isEmpty {
      let threshold = similarities[max(1, similarities.count / 100) - 1]
      self.threshold = threshold
      nearer = nearest[0].count { $0.similarity > threshold }
    }
  }

  private struct Found: Sendable {
    var matches: [[Passages.Match]]
    var skipped: [Skipped] = []
    var files = 0
    var frames = 0
  }

  /// The passages of a set.
  private struct Search: Sendable {
    let passages: Passages
    private let set: WindowSet
    /// Where the files are, whatever links lead to them.
    private let places: [String]

    init(_ set: WindowSet, _ levels: [PassageLevels], _ length: Int, limit: Int) {
      self.set = set
      passages = Passages(of: levels, length: length, limit: limit)
      places = set.files.map { Self.place(set.folder.fullPath($0)) }
    }

    /// Whether each passage is of this very file, in which everything is found again.
    func isOwn(_ path: String) -> [Bool] {
      let place = Self.place(path)
      return passages.all.map { places[passages.excerpts[$0.excerpt].file] == place }
    }

    private static func place(_ path: String) -> String {
      URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// The match of each excerpt, that of its nearest passage.
    func nearest(
      _ matches: [Passages.Match], training: AudioFolder, frameRate: Double
    ) -> [Match] {
      var best = [Int?](repeating: nil, count: passages.excerpts.count)
      for (index, passage) in passages.all.enumerated() where matches[index].file >= 0 {
        if let known = best[passage.excerpt], matches[known].similarity >= matches[index].similarity
        {
          continue
        }
        best[passage.excerpt] = index
      }
      return best.compactMap { index in
        guard let index else { return nil }
        let (passage, match) = (passages.all[index], matches[index])
        return Match(
          file: set.files[passages.excerpts[passage.excerpt].file].path,
          time: Double(passage.start) / (frameRate * Double(Passages.density)),
          trainingFile: training.files[match.file].path,
          trainingTime: Double(match.start) / frameRate, similarity: Double(match.similarity))
      }
    }
  }
}
