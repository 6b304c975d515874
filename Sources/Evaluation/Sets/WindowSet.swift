import Audio
import Corpus
import Foundation
import Spectro
import Synchronization

/// The windows of a folder's files, and what was measured in them.
struct WindowSet: Sendable {
  /// What was done to the sound.
  enum Kind: CaseIterable, Sendable { case asItIs, inverted, shuffled, noise }

  struct Measured: Sendable {
    var sound: FeatureMatrix
    var music: FeatureMatrix
    /// What an encoder sees of each window.
    var levels: [[Float]] = []

    /// What an encoder makes of it.
    func encoded(by encoder: PatchEncoder) throws -> FeatureMatrix {
      let rows = Mutex([[Float]](repeating: [], count: levels.count))
      try forEachInParallel(levels.count) { number in
        let row = encoder.encode(levels[number])
        rows.withLock { $0[number] = row }
      }
      return FeatureMatrix(values: rows.withLock { $0.flatMap(\.self) }, columns: encoder.columns)
    }
  }

  let folder: AudioFolder
  /// Those with a window, in the order of their paths.
  private(set) var files: [AudioFolder.File] = []
  /// The windows of each.
  private(set) var windowsOfFile: [Range<Int>] = []
  private(set) var skipped: [Skipped] = []
  private(set) var seconds = 0.0
  /// Of sound as it is, each window's; `loudness` in LUFS, nil where there is none.
  private(set) var traits: [Traits] = []
  private(set) var loudness: [Double?] = []
  private(set) var measured: [Kind: Measured] = [:]

  /// Windows that are looked at, spread evenly over longer sets: an hour of 3 s each.
  static let limit = 1200
  /// Seconds; shorter files hold nothing that could be compared.
  static let shortest = 0.25

  /// Reads all files, on all processors.
  ///
  /// - Parameters:
  ///   - windowSeconds: of a window; a shorter file is one window of its own length.
  ///   - sampleRate: what all is resampled to, Hz.
  ///   - kinds: to measure beside the sound as it is.
  ///   - check: called now and then on every thread; what it throws ends the work.
  init(
    _ folder: AudioFolder, windowSeconds: Double, sampleRate: Int, kinds: [Kind],
    progress: @Sendable (_ done: Int, _ of: Int) -> Void,
    check: @escaping @Sendable () throws -> Void
  ) throws {
    self.folder = folder
    let analyzer = try WindowAnalyzer(sampleRate: sampleRate)
    let references = try ReferencePoints(sampleRate: sampleRate)
    let length = Int((windowSeconds * Double(sampleRate)).rounded())
    let headers = folder.files.map { try? AudioReader(folder.fullPath($0)).duration }
    let windows = headers.map { duration in duration.map { max(1, Int($0 / windowSeconds)) } ?? 1 }
    let total = windows.reduce(0, +)
    let stride = max(1, Double(total) / Double(Self.limit))
    let firsts = windows.indices.map { windows[..<$0].reduce(0, +) }
    let results = Mutex(
      [Result<FileMeasurement, AudioError>?](repeating: nil, count: windows.count))
    try forEachInParallel(folder.files.count, progress: progress) { number in
      let reader = FileMeasurement.Reader(
        analyzer: analyzer, references: references, kinds: kinds, windowLength: length)
      let result: Result<FileMeasurement, AudioError>
      do {
        result = .success(
          try reader.measure(folder.fullPath(folder.files[number]), number: number, check: check) {
            // The windows nearest to even steps through the whole set.
            let position = Double(firsts[number] + $0)
            return stride == 1
              || Int(position / stride) != Int((position - 1) / stride) || position == 0
          })
      } catch let error as AudioError {
        result = .failure(error)
      }
      results.withLock { $0[number] = result }
    }
    for kind in [.asItIs] + kinds {
      measured[kind] = Measured(
        sound: FeatureMatrix(columns: WindowAnalyzer.soundGroups.reduce(0, +)),
        music: FeatureMatrix(columns: WindowAnalyzer.musicGroups.reduce(0, +)))
    }
    for (file, result) in zip(folder.files, results.withLock { $0 }) {
      switch result {
      case .success(let found): append(found, of: file)
      case .failure(let error): skipped.append(Skipped(path: file.path, error, in: folder))
      case nil: break
      }
    }
  }

  private mutating func append(_ found: FileMeasurement, of file: AudioFolder.File) {
    guard !found.windows.isEmpty else {
      // One of which no window was chosen is no failure.
      if found.isTooShort {
        skipped.append(
          Skipped(
            path: file.path, reason: String(format: "shorter than %g s", Self.shortest),
            isTooShort: true))
      }
      return
    }
    files.append(file)
    windowsOfFile.append(traits.count..<traits.count + found.windows.count)
    seconds += found.seconds
    for window in found.windows {
      traits.append(window.traits)
      loudness.append(window.loudness)
      for (kind, analysis) in window.analyses {
        measured[kind]?.sound.append(analysis.sound)
        measured[kind]?.music.append(analysis.music)
        measured[kind]?.levels.append(analysis.levels)
      }
    }
  }

  var count: Int { traits.count }
}

/// What was measured in one file.
struct FileMeasurement: Sendable {
  struct Window: Sendable {
    var traits: Traits
    var loudness: Double?
    var analyses: [WindowSet.Kind: WindowAnalysis]
  }

  var windows: [Window] = []
  var seconds = 0.0
  var isTooShort = false

  struct Reader: Sendable {
    let analyzer: WindowAnalyzer
    let references: ReferencePoints
    let kinds: [WindowSet.Kind]
    /// Samples.
    let windowLength: Int

    /// - Parameters:
    ///   - number: of the file, which decides what is random.
    ///   - isChosen: whether the window of this number is measured.
    func measure(
      _ path: String, number: Int, check: () throws -> Void, isChosen: (Int) -> Bool
    ) throws -> FileMeasurement {
      let stream = try AudioStream(
        path, layout: .mono, sampleRate: analyzer.sampleRate, blockLength: windowLength)
      var measurement = FileMeasurement()
      var index = 0
      while let block = try stream.next() {
        try check()
        measurement.seconds += block.duration
        if block.sampleCount < windowLength {
          // What is left of a file that has windows tells less than they do.
          if index > 0 { continue }
          if block.duration < WindowSet.shortest {
            measurement.isTooShort = true
            continue
          }
        }
        if isChosen(index) {
          measurement.windows.append(try measure(block, seed: [number, index]))
        }
        index += 1
      }
      if measurement.seconds == 0 { throw AudioError.empty(path: path) }
      return measurement
    }

    private func measure(_ window: AudioBuffer, seed: [Int]) throws -> Window {
      let samples = window.channels[0]
      let asItIs = analyzer.analyze(samples)
      var analyses: [WindowSet.Kind: WindowAnalysis] = [.asItIs: asItIs]
      for kind in kinds {
        var generator = SeededGenerator(seed: 1, seed[0], seed[1])
        let changed =
          switch kind {
          case .asItIs: samples
          case .inverted: try references.inverted(samples)
          case .shuffled: references.shuffled(samples, using: &generator)
          case .noise: references.noise(like: samples, using: &generator)
          }
        analyses[kind] = analyzer.analyze(changed)
      }
      return Window(
        traits: asItIs.traits, loudness: try window.loudness().integrated.value, analyses: analyses)
    }
  }
}

extension AudioReader {
  /// Seconds; nil where only reading tells.
  fileprivate var duration: Double? { sampleCount.map { Double($0) / Double(sampleRate) } }
}
