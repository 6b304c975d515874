import Corpus
import Foundation
import Synchronization

/// What a set is compared as: the generated one, and the points that say what its figures mean.
public enum ComparedSet: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
  /// Other files of the real set: the floor.
  case real
  case generated
  /// Real sound through a spectrogram and back.
  case inverted
  case shuffled
  case noise
}

/// A figure over all draws.
public struct Figure: Codable, Sendable, Equatable {
  public var mean: Double
  /// From draw to draw.
  public var deviation: Double

  package init(_ values: [Double]) {
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    deviation =
      (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
  }
}

/// Distances of sets to real music in one kind of features.
public struct Distances: Codable, Sendable {
  public let to: [ComparedSet: Figure]
  /// (shuffled - generated) / (shuffled - real): 0 for what is no nearer to real music than that in the
  /// wrong order, 1 for what is as near as other real music; nil where the order makes no difference.
  public let wayClosed: Double?

  init(to: [ComparedSet: Figure]) {
    self.to = to
    if let real = to[.real]?.mean, let shuffled = to[.shuffled]?.mean,
      let generated = to[.generated]?.mean, shuffled > real
    {
      wayClosed = (shuffled - generated) / (shuffled - real)
    } else {
      wayClosed = nil
    }
  }
}

/// Sets compared with real music in one kind of features.
public struct FeatureComparison: Codable, Sendable {
  public var name: String
  /// Features of a window.
  public var features: Int
  /// Principal components that the Fréchet distance is of.
  public var components: Int?
  /// nil where windows are too few.
  public var frechet: Distances?
  public var kernel: Distances
  public var fidelity: [ComparedSet: Fidelity]
}

/// Draws windows of the real files and of the generated ones, and compares them.
struct SetComparison {
  static let draws = 10
  static let neighbours = 5
  /// Windows that each set has at most: nearest neighbours take the square of it.
  static let limit = 500
  /// The Fréchet distance takes a component for every four windows, up to as many.
  static let mostComponents = 32
  static let fewestForFrechet = 32
  static let fewestForNeighbours = 12

  /// Windows of each set in each draw.
  let windows: Int
  private let halves: [(reference: [Int], other: [Int])]
  private let generatedCount: Int

  /// Parts the real files in two halves, and with them those of each label, in five ways; in one draw a
  /// half is the reference, in another the other one, so that what lies between them cancels out.
  ///
  /// - Parameters:
  ///   - real: the windows of each real file, and its label.
  ///   - generatedCount: windows of the generated files.
  init(real: [(windows: Range<Int>, label: String)], generatedCount: Int) {
    let labels = Dictionary(grouping: real, by: \.label).sorted { $0.key < $1.key }
    halves = (0..<Self.draws).map { draw in
      var generator = SeededGenerator(seed: 2, draw / 2)
      var (reference, other): ([Int], [Int]) = ([], [])
      for (_, files) in labels {
        // Windows of this label that the reference has more than the other half.
        var lead = 0
        for file in files.shuffled(using: &generator) {
          if lead < 0 || (lead == 0 && reference.count <= other.count) {
            reference += file.windows
            lead += file.windows.count
          } else {
            other += file.windows
            lead -= file.windows.count
          }
        }
      }
      let first = reference.shuffled(using: &generator)
      let second = other.shuffled(using: &generator)
      return draw % 2 == 0 ? (first, second) : (second, first)
    }
    let smallest = halves.map { min($0.reference.count, $0.other.count) }.min() ?? 0
    windows = min(smallest, generatedCount, Self.limit)
    self.generatedCount = generatedCount
  }

  /// The windows that each draw takes of the two halves; none where they are too few.
  var drawnHalves: [(reference: [Int], other: [Int])] {
    windows < Self.fewestForNeighbours
      ? [] : halves.map { (Array($0.reference[..<windows]), Array($0.other[..<windows])) }
  }

  /// - Parameters:
  ///   - groups: of columns of one kind.
  ///   - sets: features of all windows: the generated ones, and the real ones by what was done to them.
  ///   - check: what it throws ends the work.
  func compare(
    _ name: String, groups: [Int], sets all: [ComparedSet: FeatureMatrix],
    check: @escaping @Sendable () throws -> Void
  ) throws -> FeatureComparison {
    guard let real = all[.real], let generated = all[.generated] else {
      preconditionFailure("there are real and generated windows")
    }
    precondition(windows >= Self.fewestForNeighbours, "enough windows to compare")
    let components = min(Self.mostComponents, windows / 4, real.columns)
    let draws = Mutex([Draw?](repeating: nil, count: Self.draws))
    let (windows, halves, generatedCount) = (windows, halves, generatedCount)
    try forEachInParallel(Self.draws) { number in
      try check()
      var generator = SeededGenerator(seed: 3, number)
      let chosen = Array((0..<generatedCount).shuffled(using: &generator)[..<windows])
      let other = Array(halves[number].other[..<windows])
      let reference = real.rows(Array(halves[number].reference[..<windows]))
      let space = FeatureSpace(of: reference, groups: groups)
      var sets = all.filter { $0.key != .generated }.mapValues { $0.rows(other) }
      sets[.generated] = generated.rows(chosen)
      let draw = Draw(sets, reference: reference, in: space, components: components)
      draws.withLock { $0[number] = draw }
    }
    let drawn = draws.withLock { $0.compactMap(\.self) }
    func figures(_ value: (Draw) -> [ComparedSet: Double]) -> Distances {
      let values = drawn.map(value)
      return Distances(
        to: Dictionary(
          uniqueKeysWithValues: values[0].keys.map { set in
            (set, Figure(values.compactMap { $0[set] }))
          }))
    }
    let hasFrechet = windows >= Self.fewestForFrechet
    return FeatureComparison(
      name: name, features: real.columns, components: hasFrechet ? components : nil,
      frechet: hasFrechet ? figures(\.frechet) : nil, kernel: figures(\.kernel),
      fidelity: Dictionary(
        uniqueKeysWithValues: drawn[0].fidelity.keys.map { set in
          (set, Fidelity(meanOf: drawn.compactMap { $0.fidelity[set] }))
        }))
  }

  /// One draw's figures.
  private struct Draw: Sendable {
    var (frechet, kernel): ([ComparedSet: Double], [ComparedSet: Double]) = ([:], [:])
    var fidelity: [ComparedSet: Fidelity] = [:]

    init(
      _ sets: [ComparedSet: FeatureMatrix], reference: FeatureMatrix, in space: FeatureSpace,
      components: Int
    ) {
      let reference = space.standardized(reference)
      let main = space.components(reference, count: components)
      for (set, features) in sets {
        let features = space.standardized(features)
        frechet[set] = frechetDistance(space.components(features, count: components), main)
        kernel[set] = kernelDistance(features, reference)
        fidelity[set] = Fidelity(
          of: features, reference: reference, neighbours: SetComparison.neighbours)
      }
    }
  }
}

extension Fidelity {
  fileprivate init(meanOf all: [Fidelity]) {
    func mean(_ value: KeyPath<Fidelity, Double>) -> Double {
      all.reduce(0) { $0 + $1[keyPath: value] } / Double(all.count)
    }
    (precision, recall) = (mean(\.precision), mean(\.recall))
    (density, coverage) = (mean(\.density), mean(\.coverage))
  }
}
