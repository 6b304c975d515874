import Audio
import Foundation
import Spectro

/// What a sound looks like: for each 12 ms, 32 signs of how the differences between neighbouring
/// bands of frequency change. Loudness and encoding leave most of them as they are (Haitsma and Kalker
/// 2002, "A Highly Robust Audio Fingerprinting System").
///
/// All words of the first 12 s are kept, and of a longer sound some, 512 to 1024 from all of its length: those
/// whose hash is smallest. So of a recording and of a part of it the same are kept, wherever the part begins.
package struct SpectralFingerprint: Sendable, Equatable {
  /// A word, and the number of its frame, counted from where sound begins.
  struct Mark: Sendable, Equatable {
    var word: UInt32
    var position: Int32
  }

  /// The words of the first frames, 4 KB.
  private(set) var opening: [UInt32] = []
  /// In order of position; of every frame where ``level`` is 0.
  private(set) var marks: [Mark] = []
  /// Words whose hash begins with so many zeros are kept.
  private(set) var level = 0
  /// Of the whole sound.
  package private(set) var frameCount = 0

  package var keptCount: Int { marks.count }
  /// 8 KB.
  static let mostMarks = 1024
  private static let highestLevel = 31
  static let framesPerSecond = Double(sampleRate) / Double(hopLength)
  fileprivate static let sampleRate = 11025
  fileprivate static let fftSize = 2048
  fileprivate static let hopLength = 128
  private static let bands = 33
  private static let lowest = 60.0
  private static let highest = 5000.0

  private static let edges = (0...bands).map { band in
    let hertz = lowest * pow(highest / lowest, Double(band) / Double(bands))
    return Int((hertz * Double(fftSize) / Double(sampleRate)).rounded())
  }

  /// - Parameter frames: words of all frames.
  package init(frames: [UInt32]) {
    for frame in frames { add(frame) }
  }

  private mutating func add(_ word: UInt32) {
    defer { frameCount += 1 }
    if opening.count < Self.mostMarks { opening.append(word) }
    // One without any sign says nothing, and there may be any number of them.
    guard word != 0, Self.isKept(word, at: level) else { return }
    marks.append(Mark(word: word, position: Int32(frameCount)))
    // At the highest level few words are left, but each may come again and again.
    if level == Self.highestLevel { marks.removeLast(max(0, marks.count - Self.mostMarks)) }
    while marks.count > Self.mostMarks, level < Self.highestLevel {
      level += 1
      marks.removeAll { !Self.isKept($0.word, at: level) }
    }
  }

  private static func isKept(_ word: UInt32, at level: Int) -> Bool {
    level == 0 || (word &* 0x9E37_79B1) >> UInt32(32 - level) == 0
  }

  /// Those that are kept at a level, which is not below the fingerprint's own.
  private func marks(at level: Int) -> [Mark] {
    level == self.level ? marks : marks.filter { Self.isKept($0.word, at: level) }
  }

  /// Of fingerprints with more frames than this only a part leads to pairs, the same in every file.
  private static let mostFrames = 256
  private static let pairingLevel = 2

  /// What leads to others that are alike: words of the opening, and those that are kept of the rest. One
  /// without any sign says nothing.
  var leads: [Mark] {
    let level = frameCount > Self.mostFrames ? Self.pairingLevel : 0
    let first = opening.enumerated().lazy.filter { Self.isKept($1, at: level) }
      .map { Mark(word: $1, position: Int32($0)) }
    return (first + marks.filter { $0.position >= opening.count }).filter { $0.word != 0 }
  }

  /// Signs of one frame's change against the one before.
  private static func word(_ differences: [Float], after previous: [Float]) -> UInt32 {
    var bits: UInt32 = 0
    for (bit, (now, before)) in zip(differences, previous).enumerated() where now > before {
      bits |= 1 << UInt32(bit)
    }
    return bits
  }

  /// Takes a sound in blocks, in memory that does not grow with its length.
  struct Maker {
    private let resampler: Resampler?
    private let stft = STFT(fftSize: fftSize, hopLength: hopLength, threads: 1)
    private var print = SpectralFingerprint(frames: [])
    /// What is not done with yet; begins at a whole hop, half a window before the next frame where there
    /// is as much.
    private var samples: [Float] = []
    private var isAtStart = true
    private var hasBegun = false
    private var previous: [Float] = []

    private static let framesAtOnce = 256

    init(sampleRate: Int) throws {
      resampler =
        sampleRate == SpectralFingerprint.sampleRate
        ? nil
        : try Resampler(
          from: sampleRate, to: SpectralFingerprint.sampleRate, channelCount: 1)
    }

    /// - Parameter block: the next samples of one channel.
    mutating func add(_ block: [Float]) throws {
      append(try resampler?.process([block])[0] ?? block)
    }

    private mutating func append(_ block: [Float]) {
      // Sound begins at -60 dB.
      let start = hasBegun ? 0 : block.firstIndex { abs($0) > 1e-3 } ?? block.count
      hasBegun = hasBegun || start < block.count
      samples += block[start...]
      let enough = fftSize + Self.framesAtOnce * hopLength
      while samples.count >= enough { analyze(samples.prefix(enough), isLast: false) }
    }

    mutating func finish() throws -> SpectralFingerprint {
      if let resampler { append(try resampler.finish()[0]) }
      if !samples.isEmpty { analyze(samples[...], isLast: true) }
      return print
    }

    /// Takes the frames whose windows lie in a piece of what is at hand, and those that reach beyond the
    /// ends of the sound.
    private mutating func analyze(_ piece: ArraySlice<Float>, isLast: Bool) {
      let powers = stft.magnitudes(of: Array(piece), power: 2)
      let margin = fftSize / 2 / hopLength
      let first = isAtStart ? 0 : margin
      let end = isLast ? powers.frames : (piece.count - fftSize / 2) / hopLength + 1
      for frame in first..<max(first, end) {
        let row = frame * powers.bins
        let energies = (0..<bands).map { band in
          powers.values[row + edges[band]..<row + edges[band + 1]].reduce(0, +)
        }
        let differences = (0..<bands - 1).map { energies[$0] - energies[$0 + 1] }
        if !previous.isEmpty { print.add(word(differences, after: previous)) }
        previous = differences
      }
      samples.removeFirst(isLast ? samples.count : (end - margin) * hopLength)
      isAtStart = false
    }
  }

  // MARK: - Comparing

  /// Whether the overlap of two sounds, this one's frame `offset` standing at the other's first, is enough
  /// to call them alike: half of the shorter one, and 3 s or half of the longer one, so that a drum is
  /// not like each loop that it sounds in.
  private func overlap(with other: SpectralFingerprint, offset: Int) -> Range<Int>? {
    let start = max(0, offset)
    let range = start..<max(start, min(frameCount, other.frameCount + offset))
    let (shorter, longer) = (min(frameCount, other.frameCount), max(frameCount, other.frameCount))
    let isLong = Double(range.count) >= 3 * Self.framesPerSecond || range.count >= longer / 2
    return range.count >= max(8, shorter / 2) && isLong ? range : nil
  }

  /// The part of differing bits where the openings of two overlap; nil where too little of both does.
  func difference(from other: SpectralFingerprint, offset: Int) -> (part: Double, frames: Int)? {
    guard overlap(with: other, offset: offset) != nil else { return nil }
    let start = max(0, offset)
    let range = start..<max(start, min(opening.count, other.opening.count + offset))
    guard range.count >= min(opening.count, other.opening.count) / 2 else { return nil }
    var (bits, count) = (0, 0)
    for index in range {
      let (a, b) = (opening[index], other.opening[index - offset])
      if a == 0 && b == 0 { continue }
      bits += (a ^ b).nonzeroBitCount
      count += 1
    }
    return count >= 8 ? (Double(bits) / Double(32 * count), count) : nil
  }

  /// How many words of two that overlap are the same at the same place, give or take a frame; nil where too
  /// little of both does.
  ///
  /// - Returns: `part` of the words that could be; `sections`, of eight into which the overlap is cut, that
  ///   have any.
  func agreement(
    with other: SpectralFingerprint, offset: Int
  ) -> (part: Double, words: Int, sections: Int)? {
    guard let range = overlap(with: other, offset: offset) else { return nil }
    let level = max(level, other.level)
    let mine = marks(at: level).filter { range.contains(Int($0.position)) }
    let theirs = other.marks(at: level).filter {
      range.contains(Int($0.position) + offset)
    }
    var (words, sections) = (0, Set<Int>())
    var first = 0
    for mark in mine {
      let place = Int(mark.position) - offset
      while first < theirs.count && Int(theirs[first].position) < place - 1 { first += 1 }
      var next = first
      while next < theirs.count && Int(theirs[next].position) <= place + 1 {
        if theirs[next].word == mark.word {
          words += 1
          sections.insert(8 * (Int(mark.position) - range.lowerBound) / range.count)
          break
        }
        next += 1
      }
    }
    let possible = min(mine.count, theirs.count)
    return possible > 0 ? (Double(words) / Double(possible), words, sections.count) : nil
  }
}
