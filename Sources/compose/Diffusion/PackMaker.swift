import Audio
import Evaluation
import Foundation
import MusicDiffusion
import Terminal

/// Makes sounds until there are enough to choose from, and a pack of the best of them.
struct PackMaker {
  let generator: Generator
  let sources: RecipeSources
  let form: Generator.Form
  /// Of loops.
  let tempo: (beatsPerMinute: Double?, beatsPerBar: Int?)
  let options: Generator.Options
  let firstSeed: UInt64
  let count: Int
  /// To choose from.
  let candidates: Int
  let loudness: NormalizationTarget?
  /// The name of what they are to be like; nil for nothing.
  let like: String?

  /// The sounds of one label.
  private struct Shelf {
    var label: LabelMix?
    /// How many of the pack's sounds, and of those to choose from.
    var wanted: Int
    var candidates: Int
    var attempts = 0
    var sounds: [(seed: UInt64, judged: PackJudge.Candidate)] = []

    /// Of labels of which a model makes the same again and again, or nothing.
    var mostAttempts: Int { 4 * candidates + 16 }
    var isDone: Bool { sounds.count >= candidates || attempts >= mostAttempts }
  }

  struct Result {
    var manifest: PackManifest
    /// Why there are fewer than asked for.
    var why: String
  }

  /// - Parameter isStopped: asked before each sound; what is there then becomes the pack.
  func make(in folder: PackFolder, judge: PackJudge, isStopped: () -> Bool) throws -> Result {
    var shelves = try self.shelves
    let progress = PackProgress(of: shelves.reduce(0) { $0 + $1.candidates })
    defer { progress.finish() }
    var seed = firstSeed
    var leftOut: [PackJudge.Fault: Int] = [:]
    var made = 0
    // In turn, so that whoever stops has some of each.
    while !isStopped(), shelves.contains(where: { !$0.isDone }) {
      for index in shelves.indices where !shelves[index].isDone && !isStopped() {
        var options = options
        options.label = shelves[index].label
        let piece: AudioBuffer
        do {
          piece = try generator.generate(form, seeds: [seed], options: options) {
            progress.update($0)
            if isStopped() { throw CommandError.stopped }
          }[0]
        } catch CommandError.stopped { break }
        shelves[index].attempts += 1
        made += 1
        switch try judge.judge(piece) {
        case .success(let judged):
          shelves[index].sounds.append((seed, judged))
          try (judged.trim.map(piece.trimmed) ?? piece).write(
            to: folder.candidate(seed), encoding: .wavFloat)
          progress.add()
        case .failure(let fault):
          leftOut[fault, default: 0] += 1
          progress.leaveOut()
        }
        seed &+= 1
      }
    }
    let faults = leftOut.sorted { $0.key.rawValue < $1.key.rawValue }
    let short = shelves.filter { $0.sounds.count < $0.wanted }
      .map { "\($0.sounds.count) of \($0.wanted) \($0.label?.text ?? "sounds")" }
    let why =
      "of \(made) that were made "
      + (faults.isEmpty
        ? "none was left out"
        : faults.map { "\($0.value) were \($0.key.words)" }.joined(separator: ", "))
      + (short.count > 1 ? " (\(short.joined(separator: ", ")))" : "")
    return Result(
      manifest: try write(shelves, made: made, leftOut: leftOut, to: folder), why: why)
  }

  /// One for each label of the model, or for the one that is asked for.
  private var shelves: [Shelf] {
    get throws {
      let configuration = generator.model.configuration
      let avoided = try options.negativeLabel.map(configuration.labelIndex)
      let labels = configuration.labels.indices.filter { $0 != avoided }
        .map { configuration.labels[$0] }
      if options.label != nil || options.prompt != nil || labels.isEmpty {
        return [Shelf(label: options.label, wanted: count, candidates: candidates)]
      }
      func share(_ total: Int, _ index: Int) -> Int {
        total / labels.count + (index < total % labels.count ? 1 : 0)
      }
      return labels.enumerated().map { index, label in
        Shelf(
          label: LabelMix(label), wanted: share(count, index), candidates: share(candidates, index))
      }.filter { $0.wanted > 0 }
    }
  }

  /// Writes the best of each shelf, equally loud, and what tells of them.
  private func write(
    _ shelves: [Shelf], made: Int, leftOut: [PackJudge.Fault: Int], to folder: PackFolder
  ) throws -> PackManifest {
    let chosen = shelves.map { shelf in
      Array(shelf.sounds.sorted { $0.judged.rank > $1.judged.rank }.prefix(shelf.wanted))
    }
    let target = loudness ?? .loudness(PackJudge.commonLoudness(of: chosen.joined().map(\.judged)))
    let digits = max(3, String(chosen.map(\.count).max() ?? 0).count)
    var sounds: [PackManifest.Sound] = []
    for (stem, (shelf, best)) in zip(Self.stems(shelves.map(\.label)), zip(shelves, chosen)) {
      for (place, sound) in best.enumerated() {
        let number = String(place + 1)
        let name =
          "\(stem)-" + tempoInNames + String(repeating: "0", count: digits - number.count) + number
        sounds.append(
          try write(sound.judged, seed: sound.seed, shelf.label, as: name, target, to: folder))
      }
    }
    let manifest = PackManifest(
      program: "compose \(programVersion)", modelFingerprint: sources.model.fingerprint,
      dataset: sources.model.dataset, firstSeed: firstSeed, asked: count, made: made,
      leftOut: Dictionary(uniqueKeysWithValues: leftOut.map { ($0.key.words, $0.value) }),
      beatsPerMinute: tempo.beatsPerMinute,
      ranking: like.map { "likeness to \($0)" }
        ?? (isLoop ? "regularity and clarity" : "attack, range and clarity"),
      matchedTo: target.description
        + (loudness.map { if case .peak = $0 { true } else { false } } == true
          ? "" : " in the loudest 400 ms"),
      sounds: sounds)
    let rate = generator.model.configuration.representation.spectrogram.sampleRate
    let page = try PackPage(manifest, sampleRate: rate) {
      try AudioBuffer(contentsOf: folder.file($0.file))
    }
    try writeAtomically(
      manifest.json(), to: URL(fileURLWithPath: folder.file("manifest.json")))
    try writeAtomically(
      Data(page.html.utf8), to: URL(fileURLWithPath: folder.file("index.html")))
    return manifest
  }

  private func write(
    _ judged: PackJudge.Candidate, seed: UInt64, _ label: LabelMix?, as name: String,
    _ target: NormalizationTarget, to folder: PackFolder
  ) throws -> PackManifest.Sound {
    let sound = try AudioBuffer(contentsOf: folder.candidate(seed))
    let gain = judged.gain(to: target)
    var options = options
    options.label = label
    var recipe = try sources.recipe(by: generator, form, tempo: tempo, seed: seed, options)
    (recipe.trim, recipe.gain) = (judged.trim, gain)
    let file = "\(name).wav"
    let level = try sound.amplified(by: gain).writeUnclipped(
      to: folder.file(file), encoding: .wav24, metadata: recipe.metadata, overwrite: false)
    try recipe.write(
      of: folder.file(file), encoding: .wav24, normalizedTo: nil,
      to: folder.file("recipes/\(name).json"))
    return PackManifest.Sound(
      file: file, recipe: "recipes/\(name).json", label: recipe.label?.text, seed: seed,
      seconds: sound.duration, loudness: judged.loudness + gain,
      truePeak: level.loudness.truePeak, figures: judged.figures, distance: judged.distance)
  }

  private var isLoop: Bool { if case .loop = form { true } else { false } }

  /// `120bpm-`, where people look for it.
  private var tempoInNames: String {
    tempo.beatsPerMinute.map { String(format: "%gbpm-", $0) } ?? ""
  }

  /// What the files of each label are called: the last part of its path where no other has the same.
  static func stems(_ labels: [LabelMix?]) -> [String] {
    func safe(_ text: String) -> String {
      let name = String(text.map { $0.isLetter || $0.isNumber || "_.+#".contains($0) ? $0 : "-" })
        .drop { $0 == "." || $0 == "-" }
      return name.isEmpty ? "sound" : String(name.prefix(60))
    }
    let whole = labels.map { safe($0?.text ?? "") }
    let last = labels.map { safe($0?.text.split(separator: "/").last.map(String.init) ?? "") }
    let stems = Set(last).count == last.count ? last : whole
    return stems.enumerated().map { index, stem in
      stems[..<index].contains(stem) ? "\(stem)-\(index + 1)" : stem
    }
  }
}

/// How many sounds there are, and how long the others will take.
private final class PackProgress {
  private let line = ProgressLine()
  private let total: Int
  private let start = ContinuousClock.now
  private var (found, leftOut) = (0, 0)

  init(of total: Int) { self.total = total }

  func add() { found += 1 }
  func leaveOut() { leftOut += 1 }

  func update(_ progress: Generator.Progress) {
    let part = Double(progress.evaluations) / Double(progress.totalEvaluations)
    let spent = start.duration(to: .now) / .seconds(1)
    // One that is being drawn may be left out, too.
    let yield = Double(found + 1) / Double(found + leftOut + 1)
    let done = (Double(found + leftOut) + part) * yield
    line.update(
      "\(found) of \(total) sounds\(leftOut > 0 ? ", \(leftOut) left out" : ""), "
        + "\(duration(spent / max(done, 1e-3) * (Double(total) - done))) left")
  }

  func finish() { line.finish() }
}
