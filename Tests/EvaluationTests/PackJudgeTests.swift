import Audio
import Evaluation
import Foundation
import Testing

@Suite struct PackJudgeTests {
  /// A struck string: partials that fall by 60 dB in `decay` seconds.
  private func pluck(_ hertz: Double, decay: Double = 1, attack: Double = 0, silence: Double = 0.05)
    -> AudioBuffer
  {
    let rate = 22050.0
    let samples = (0..<Int(1.5 * rate)).map { index -> Float in
      let time = Double(index) / rate
      let partials = (1...6).reduce(0.0) {
        $0 + sin(2 * Double.pi * hertz * Double($1) * time) / Double($1)
      }
      let rise = attack > 0 ? min(1, time / attack) : 1
      return Float(0.3 * rise * pow(10, -3 * time / decay) * partials)
    }
    let before = [Float](repeating: 0, count: Int(silence * rate))
    return AudioBuffer(channels: [before + samples], sampleRate: 22050)
  }

  private func noise(_ seed: UInt64, seconds: Double = 1) -> AudioBuffer {
    var generator = SeededGenerator(seed: seed)
    let samples = (0..<Int(22050 * seconds)).map { _ in Float(0.1 * generator.nextNormal()) }
    return AudioBuffer(channels: [samples], sampleRate: 22050)
  }

  private func judged(_ judge: PackJudge, _ sound: AudioBuffer) throws -> PackJudge.Fault? {
    switch try judge.judge(sound) {
    case .success: nil
    case .failure(let fault): fault
    }
  }

  /// The same sound again, softer, later, longer by silence or with a little noise, is no other; another
  /// note, or another decay, is.
  @Test func nearDuplicatesAreLeftOut() throws {
    let judge = try PackJudge(sampleRate: 22050)
    #expect(try judged(judge, pluck(220)) == nil)
    #expect(try judged(judge, pluck(220)) == .nearDuplicate)
    #expect(try judged(judge, pluck(220).scaled(by: 0.1)) == .nearDuplicate)
    #expect(try judged(judge, pluck(220, silence: 0.3)) == .nearDuplicate)
    #expect(try judged(judge, pluck(220, decay: 1.05)) == .nearDuplicate)
    #expect(try judged(judge, pluck(247)) == nil)
    #expect(try judged(judge, pluck(440)) == nil)
    #expect(try judged(judge, pluck(220, decay: 0.3)) == nil)
    #expect(try judged(judge, noise(1)) == nil)
  }

  @Test func soundsThatNobodyHearsAreLeftOut() throws {
    let judge = try PackJudge(sampleRate: 22050)
    #expect(try judged(judge, noise(1).scaled(by: 0)) == .silent)
    #expect(try judged(judge, noise(1).scaled(by: 1e-4)) == .silent)
    var click = noise(1).scaled(by: 0)
    click.channels[0][5000] = 1
    #expect(try judged(judge, click) == .tooShort)
  }

  /// Of white noise ln(geometric mean / arithmetic mean) of powers is minus Euler's constant.
  @Test func whiteNoiseHasNoClarity() {
    #expect(SoundFigures(of: noise(3, seconds: 4)).clarity < 0.06)
  }

  /// Crisp before soft, clear before noisy.
  @Test func figuresTellCrispFromSoft() throws {
    func figures(_ sound: AudioBuffer) throws -> SoundFigures {
      SoundFigures(of: sound.trimmed(to: try #require(sound.trim())))
    }
    let (crisp, soft) = (try figures(pluck(220)), try figures(pluck(220, decay: 5, attack: 0.4)))
    #expect(crisp.attack <= 5)
    #expect(soft.attack > 50)
    #expect(crisp.score > soft.score)
    let hiss = try figures(noise(1))
    #expect(hiss.clarity < 0.1 && crisp.clarity > 0.6)
    #expect(hiss.range < 10 && crisp.range > 40)
    #expect(crisp.score > hiss.score)
  }

  /// A beat before none; nothing of a loop is cut off, silence at its ends least of all.
  @Test func loopsGoByTheirPulse() throws {
    func beat(_ places: [Double]) -> AudioBuffer {
      var loop = AudioBuffer(
        channels: [[Float](repeating: 0, count: 22050 * 3)], sampleRate: 22050)
      let pluck = pluck(440, decay: 0.1)
      for place in places {
        for (index, sample) in pluck.channels[0].prefix(8000).enumerated() {
          let at = (Int(place * 22050) + index) % loop.sampleCount
          loop.channels[0][at] += sample
        }
      }
      return loop
    }
    let judge = try PackJudge(sampleRate: 22050, loops: .init(beatsPerMinute: 120))
    let even = try judge.judge(beat([0.1, 0.6, 1.1, 1.6, 2.1, 2.6])).get()
    let uneven = try judge.judge(beat([0.1, 0.37, 0.97, 1.8, 2.01, 2.73])).get()
    #expect(even.trim == nil)
    let (regular, irregular) = (
      try #require(even.figures.regularity), try #require(uneven.figures.regularity)
    )
    #expect(regular > 0.7 && regular > irregular + 0.3, "\(regular), \(irregular)")
    #expect(even.rank > uneven.rank)
    #expect(try judged(judge, beat([])) == .silent)
    // As regular, but at another tempo than it is to have; without one it is.
    let beats = [0.1, 0.7, 1.3, 1.9, 2.5]
    let other = try judge.judge(beat(beats)).get()
    #expect(try #require(other.figures.regularity) < 0.4)
    let free = try PackJudge(sampleRate: 22050, loops: .init(beatsPerMinute: nil))
    #expect(try #require(free.judge(beat(beats)).get().figures.regularity) > 0.7)
    // Around the joint, too: one beat a round lies a beat of the same length after itself.
    let once = try free.judge(beat([2.9])).get()
    #expect(try #require(once.figures.regularity) < 0.2)
  }

  /// What a collection is made of is nearer to it than other sounds are.
  @Test func collectionsKnowTheirLike() throws {
    try withTemporaryFolder { folder in
      for (index, hertz) in [110.0, 165, 220, 277, 330, 440].enumerated() {
        try pluck(hertz).write(to: folder.appendingPathComponent("\(index).wav").path)
      }
      try Data("no sound".utf8).write(to: folder.appendingPathComponent("broken.wav"))
      let collection = try SoundCollection(AudioFolder(folder.path), sampleRate: 22050)
      func distance(_ sound: AudioBuffer) throws -> Double {
        try collection.distance(of: sound.trimmed(to: try #require(sound.trim())))
      }
      #expect(try distance(pluck(247)) < 1.5)
      #expect(try distance(pluck(247).scaled(by: 0.2)) < 1.5)
      #expect(try distance(noise(1)) > 2 * distance(pluck(247)))
      let judge = try PackJudge(sampleRate: 22050, collection: collection)
      let (like, unlike) = (try judge.judge(pluck(247)).get(), try judge.judge(noise(1)).get())
      #expect(like.rank > unlike.rank)
    }
  }

  @Test func collectionsAreOfSomeSounds() throws {
    try withTemporaryFolder { folder in
      for index in 0..<3 {
        try pluck(220).write(to: folder.appendingPathComponent("\(index).wav").path)
      }
      #expect(
        throws: EvaluationError.tooFewSounds(folder.path, count: 3, needed: 4)
      ) { try SoundCollection(AudioFolder(folder.path), sampleRate: 22050) }
    }
  }

  /// Nine of ten sounds reach it.
  @Test func packsHaveOneLoudness() throws {
    let judge = try PackJudge(sampleRate: 22050)
    let sounds = try (0..<10).map { try judge.judge(pluck(110 * pow(2, Double($0) / 3))).get() }
    let common = PackJudge.commonLoudness(of: sounds)
    let target = NormalizationTarget.loudness(common)
    let reached = sounds.count { abs($0.loudness + $0.gain(to: target) - common) < 1e-9 }
    #expect(reached >= 9)
    #expect(sounds.allSatisfy { $0.level.truePeak + $0.gain(to: target) <= -1 + 1e-9 })
    #expect(common <= -14)
    #expect(sounds.allSatisfy { abs($0.level.samplePeak + $0.gain(to: .peak(-3)) + 3) < 1e-9 })
  }
}
