/// What gives a loop its beat: how much noise its parts have in common.
///
/// A sampler decides what is large while there is much noise and details at the end. So while the noise is stronger
/// than the data every half bar gets the same, a little longer every bar, and then each place its own: hits come back
/// in time, bars resemble each other, and no two are the same. A sampler that adds no noise between its steps has no
/// noise of a place's own to give, and makes every half bar nearly the same.
public struct Groove: Codable, Sendable, Equatable {
  /// Of the whole loop.
  public var bars: Int
  public var beatsPerBar: Int

  /// Of the data's standard deviation: the noise levels above which half bars, and above which bars are alike.
  /// Docs/editing.md has what others gave.
  static let alike = (halfBars: 1.0, bars: 0.4)

  /// - Parameters:
  ///   - bars: 1 to 10,000.
  ///   - beatsPerBar: 1 to 64. Where they are odd, single beats are alike in place of half bars.
  public init(bars: Int, beatsPerBar: Int = 4) {
    (self.bars, self.beatsPerBar) = (bars, beatsPerBar)
  }

  var isPossible: Bool { (1...10_000).contains(bars) && (1...64).contains(beatsPerBar) }

  private var partsOfBar: Int { beatsPerBar.isMultiple(of: 2) ? 2 : beatsPerBar }

  /// - Throws: ``ModelError/invalidArgument(_:)`` for what is no groove of a loop of so many frames.
  func check(frames: Int) throws {
    guard isPossible else {
      throw ModelError.invalidArgument("a groove has 1 to 10000 bars of 1 to 64 beats")
    }
    guard 2 * bars * partsOfBar <= frames else {
      throw ModelError.invalidArgument("the loop is too short for the beat of so many bars")
    }
  }

  /// For each frame of the loop the one whose noise it gets.
  ///
  /// - Parameters:
  ///   - frames: at least two for each part.
  ///   - level: of the noise, in standard deviations of the data.
  package func sources(frames: Int, level: Double) -> [Int] {
    let parts = level > Self.alike.halfBars ? bars * partsOfBar : level > Self.alike.bars ? bars : 1
    let starts = (0...parts).map { ($0 * frames + parts / 2) / parts }
    return zip(starts, starts.dropFirst()).flatMap { Array(0..<$1 - $0) }
  }
}
