public import Audio
import Corpus
import Foundation
import Spectro

/// Sounds of one's own, and how like them another one is.
public final class SoundCollection: Sendable {
  private let analyzer: WindowAnalyzer
  private let space: FeatureSpace
  private let features: FeatureMatrix
  /// The mean distance of its own sounds to their nearest others.
  private let unit: Double

  private static let neighbours = 3
  private static let longest = 10.0

  /// Measures the first 10 s from the onset of each file.
  ///
  /// - Parameter sampleRate: at which sounds are compared, Hz.
  /// - Throws: ``EvaluationError/tooFewSounds(_:count:needed:)``; `AudioError` for a folder that cannot be
  ///   listed. Files that cannot be read, or are silent, are left out.
  public init(_ folder: AudioFolder, sampleRate: Int) throws {
    analyzer = try WindowAnalyzer(sampleRate: sampleRate)
    var matrix = FeatureMatrix(columns: WindowAnalyzer.soundGroups.reduce(0, +))
    for file in folder.files {
      guard let reader = try? AudioReader(folder.fullPath(file)),
        let sound = try? reader.read(upTo: Int(Self.longest * Double(reader.sampleRate))),
        let trim = sound.trim()
      else { continue }
      matrix.append(try Self.row(of: sound.trimmed(to: trim), analyzer))
    }
    guard matrix.rows > Self.neighbours else {
      throw EvaluationError.tooFewSounds(
        folder.path, count: matrix.rows, needed: Self.neighbours + 1)
    }
    space = FeatureSpace(of: matrix, groups: WindowAnalyzer.soundGroups)
    features = space.standardized(matrix)
    let distances = features.squaredDistances(to: features)
    let rows = features.rows
    let own = (0..<rows).map { row in
      // The first is the sound itself.
      Self.nearest(distances[row * rows..<(row + 1) * rows], from: 1)
    }
    unit = max(own.reduce(0, +) / Double(rows), 1e-6)
  }

  /// The mean distance to the three nearest sounds, in the features of sound of Docs/evaluation.md, each in
  /// units of its deviation in the collection; divided by what the collection's own sounds have to each
  /// other, so that 1 is as near as these.
  ///
  /// - Parameter sound: from its onset on.
  /// - Throws: `AudioError.resampling`.
  public func distance(of sound: AudioBuffer) throws -> Double {
    var row = FeatureMatrix(columns: features.columns)
    row.append(try Self.row(of: sound, analyzer))
    let distances = space.standardized(row).squaredDistances(to: features)
    return Self.nearest(distances[...], from: 0) / unit
  }

  private static func row(of sound: AudioBuffer, _ analyzer: WindowAnalyzer) throws -> [Float] {
    let mono = try sound.mono().resampled(to: analyzer.sampleRate)
    // As loud as every other: packs are matched.
    let peak = max(mono.peak, 1e-9)
    return analyzer.analyze(mono.scaled(by: 1 / peak).channels[0]).sound
  }

  private static func nearest(_ squared: ArraySlice<Float>, from first: Int) -> Double {
    let near = squared.sorted()[first..<first + neighbours]
    return near.reduce(0) { $0 + Double($1).squareRoot() } / Double(neighbours)
  }
}
