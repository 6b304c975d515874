import ArgumentParser
import Audio
import Foundation
import MusicDiffusion
import Terminal

/// Loops, by their tempo.
struct LoopOptions: ParsableArguments {
  @Flag(
    help:
      "Make loops, whose end leads to their beginning: as long as --bars at --bpm to the sample, or --seconds. A .wav gets loop points and tempo."
  )
  var loop = false

  @Option(
    parsing: .unconditional,
    help: "Tempo of a loop, in beats a minute. Default: 120, unless --seconds says how long it is.")
  var bpm: Double?

  @Option(
    parsing: .unconditional,
    help: "Bars of a loop. Default: 4, unless --seconds says how long it is.")
  var bars: Int?

  @Option(parsing: .unconditional, help: "Beats of a bar. Default: 4.")
  var beatsPerBar: Int?

  @Flag(
    help:
      "Give drum loops a beat: strong hits come back every half bar, details differ. Goes by --bars, and takes a sampler that adds noise: where the model's does not, 24 steps of dpm++2m-sde take its place."
  )
  var groove = false

  func validate() throws {
    let given = [
      ("--bpm", bpm != nil), ("--bars", bars != nil), ("--beats-per-bar", beatsPerBar != nil),
      ("--groove", groove),
    ].first(where: \.1)
    if let option = given?.0, !loop { throw ValidationError("\(option) belongs to --loop.") }
    guard bpm.map({ (10...1000).contains($0) }) ?? true else {
      throw ValidationError("--bpm must be 10 to 1000.")
    }
    guard bars.map({ (1...10_000).contains($0) }) ?? true else {
      throw ValidationError("--bars must be 1 to 10000.")
    }
    guard beatsPerBar.map({ (1...64).contains($0) }) ?? true else {
      throw ValidationError("--beats-per-bar must be 1 to 64.")
    }
  }

  /// What is to be made: a loop, or a piece of `seconds`, 10 by default.
  func form(seconds: Double?, sampleRate: Int) throws -> Generator.Form {
    guard loop else { return .piece(seconds: seconds ?? 10) }
    let given = [
      ("--bars", bars != nil), ("--bpm", bpm != nil), ("--beats-per-bar", beatsPerBar != nil),
    ]
    if seconds != nil, let option = given.first(where: \.1)?.0 {
      throw ValidationError("\(option) and --seconds exclude each other: both say how long it is.")
    }
    if seconds != nil, groove {
      throw ValidationError(
        "--groove goes by bars: leave out --seconds (--bars 4 and --bpm 120 are the defaults).")
    }
    let length = seconds ?? Double(beats.bars * beats.beatsPerBar) * 60 / (bpm ?? 120)
    // More than any model can make must still be a number.
    return .loop(sampleCount: Int((min(length, 1e6) * Double(sampleRate)).rounded()))
  }

  /// Beats a minute; nil where only seconds are known.
  private func tempo(seconds: Double?) -> Double? {
    loop && seconds == nil ? bpm ?? 120 : nil
  }

  private var beats: Groove { Groove(bars: bars ?? 4, beatsPerBar: beatsPerBar ?? 4) }

  /// Tells a model of its tempo that has learned about tempo, unless `--set` does, and says where one has
  /// not.
  func set(_ options: inout Generator.Options, seconds: Double?, for model: Model) {
    if groove { setGroove(of: &options, for: model) }
    guard let tempo = tempo(seconds: seconds) else { return }
    let numbers = model.configuration.conditioning?.numbers.map(\.name) ?? []
    guard let name = numbers.first(where: { ["bpm", "tempo"].contains($0.lowercased()) }) else {
      if groove { return }
      Terminal.note(
        "the model knows no tempo (it was not trained on a number named tempo or bpm): \(NamedNumber.text(tempo)) beats "
          + "a minute decide the length alone; for drums, --groove gives a beat")
      return
    }
    let isSet = options.numbers.keys.contains { $0.lowercased() == name.lowercased() }
    if !isSet { options.numbers[name] = tempo }
  }

  /// Where the model's own sampler has no noise to add, one that has takes its place; where one is named, that one
  /// stays.
  private func setGroove(of options: inout Generator.Options, for model: Model) {
    options.groove = beats
    let standard = model.configuration.sampling
    if options.sampler == nil, !standard.sampler.takesEta,
      !standard.sampler.addsNoise(standard.settings)
    {
      let substitute = Sampler.dpmSolver2MSDE
      options.sampler = substitute
      options.steps = options.steps ?? max(standard.steps, Self.stepsOfGroove)
      Terminal.note(
        "\(standard.sampler.rawValue), the model's sampler, adds no noise between its steps: "
          + "\(options.steps ?? 0) steps of \(substitute.rawValue) take its place")
    }
    let sampler = options.sampler ?? standard.sampler
    let settings =
      options.samplerSettings ?? (sampler == standard.sampler ? standard.settings : .init())
    guard !sampler.addsNoise(settings) else { return }
    let name = settings.eta == 0 ? "\(sampler.rawValue) with --eta 0" : sampler.rawValue
    Terminal.note(
      "\(name) adds no noise between its steps: half bars will be nearly the same (--sampler dpm++2m-sde varies them)"
    )
  }

  private static let stepsOfGroove = 24

  /// Tempo and meter for recipes and the metadata of files.
  func meter(seconds: Double?) -> (beatsPerMinute: Double?, beatsPerBar: Int?) {
    (tempo(seconds: seconds), beatsPerBar)
  }

  /// Says what a format does to a loop.
  static func warn(output: String) {
    guard let encoding = AudioEncoding(path: output) else { return }
    switch encoding {
    case .mp3, .opus, .vorbis:
      Terminal.note("\(output): its format does not keep a loop to the sample: use .wav or .flac")
    case .flac16, .flac24, .aiff16:
      Terminal.note("\(output): only .wav keeps loop points and tempo")
    case .wav16, .wav24, .wavFloat: break
    }
  }
}
