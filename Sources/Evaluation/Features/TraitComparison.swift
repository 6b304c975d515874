/// One thing that a musician would count, in real and generated windows. Silent windows do not count.
public struct TraitComparison: Codable, Sendable {
  public var name: String
  public var unit: String
  /// Over windows.
  public var real: Figure
  public var generated: Figure
  /// How far apart the means of two halves of the real files are, on average over the draws: what is chance.
  /// nil where windows are too few.
  public var betweenHalves: Double?
  /// Of the means, generated less real.
  public var difference: Double
  /// The same in parts of the real mean; nil where that means nothing, as for decibels.
  public var relativeDifference: Double?
}

/// Which pitch classes sound, in real and generated windows.
public struct PitchClassComparison: Codable, Sendable {
  /// Parts of the whole, C first: the mean over windows that are not silent.
  public var real: [Double]
  public var generated: [Double]
  /// What both have in common, from 0 to 1: `Σ min(real, generated)`.
  public var overlap: Double
  /// The same of two halves of the real files, on average; nil where windows are too few.
  public var overlapOfHalves: Double?
}

/// Musical statistics, real against generated.
public struct MusicComparison: Codable, Sendable {
  public var traits: [TraitComparison]
  /// nil where either set is silent.
  public var pitchClasses: PitchClassComparison?
  public var silentWindows: [ComparedSet: Int]

  init(real: WindowSet, generated: WindowSet, halves: [(reference: [Int], other: [Int])]) {
    func values(_ set: WindowSet, _ windows: [Int], _ value: (WindowSet, Int) -> Double?)
      -> [Double]
    {
      windows.compactMap { set.traits[$0].isSilent ? nil : value(set, $0) }
    }
    let (allReal, allGenerated) = (Array(0..<real.count), Array(0..<generated.count))
    silentWindows = [
      .real: real.traits.count(where: \.isSilent),
      .generated: generated.traits.count(where: \.isSilent),
    ]
    traits = Self.kinds.compactMap { kind in
      let realValues = values(real, allReal, kind.value)
      let generatedValues = values(generated, allGenerated, kind.value)
      guard !realValues.isEmpty, !generatedValues.isEmpty else { return nil }
      let gaps = halves.compactMap { half -> Double? in
        let (a, b) = (
          values(real, half.reference, kind.value), values(real, half.other, kind.value)
        )
        return a.isEmpty || b.isEmpty ? nil : abs(Figure(a).mean - Figure(b).mean)
      }
      let (a, b) = (Figure(realValues), Figure(generatedValues))
      return TraitComparison(
        name: kind.name, unit: kind.unit, real: a, generated: b,
        betweenHalves: gaps.isEmpty ? nil : Figure(gaps).mean, difference: b.mean - a.mean,
        relativeDifference: kind.isRatio && a.mean != 0 ? (b.mean - a.mean) / abs(a.mean) : nil)
    }
    func profile(_ set: WindowSet, _ windows: [Int]) -> [Double]? {
      let sounding = windows.filter { !set.traits[$0].isSilent }
      guard !sounding.isEmpty else { return nil }
      return (0..<12).map { note in
        sounding.reduce(0) { $0 + set.traits[$1].pitchClasses[note] } / Double(sounding.count)
      }
    }
    func overlap(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + min($1.0, $1.1) }
    }
    if let a = profile(real, allReal), let b = profile(generated, allGenerated) {
      let ofHalves = halves.compactMap { half -> Double? in
        guard let a = profile(real, half.reference), let b = profile(real, half.other) else {
          return nil
        }
        return overlap(a, b)
      }
      pitchClasses = PitchClassComparison(
        real: a, generated: b, overlap: overlap(a, b),
        overlapOfHalves: ofHalves.isEmpty ? nil : Figure(ofHalves).mean)
    }
  }

  private struct Kind {
    var name: String
    var unit = ""
    var isRatio = true
    var value: (WindowSet, Int) -> Double?
  }

  private static var kinds: [Kind] {
    [
      Kind(name: "key clarity") { $0.traits[$1].keyClarity },
      Kind(name: "pitch classes in use") { $0.traits[$1].pitchClassesInUse },
      Kind(name: "pitch classes at once") { $0.traits[$1].pitchClassesAtOnce },
      Kind(name: "harmonic change") { $0.traits[$1].harmonicChange },
      Kind(name: "onset rate", unit: "/s") { $0.traits[$1].onsetRate },
      Kind(name: "onset strength") { $0.traits[$1].onsetStrength },
      Kind(name: "tempo regularity") { $0.traits[$1].tempoRegularity },
      Kind(name: "loudness", unit: "LUFS", isRatio: false) { $0.loudness[$1] },
    ]
  }
}
