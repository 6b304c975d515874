// How fast prepared data is opened and read.
//
//   data-benchmark generate CLIPS FOLDER   writes a set of so many clips of 5 s with captions and
//                                          numbers, of which all but the sound is real, which is holes
//                                          in files
//   data-benchmark open FOLDER             opens it as training does, draws 500 windows of each view,
//                                          and tells the time and the memory
//   data-benchmark loader FOLDER           clips a second that the loader makes of a prepared set, and
//                                          those that training takes, with the time it waits

import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Torch

let preset = Preset.standard
let arguments = CommandLine.arguments

func usage() -> Never {
  print("usage: data-benchmark generate CLIPS FOLDER | open FOLDER | loader FOLDER")
  exit(64)
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  return start.duration(to: .now) / .seconds(1)
}

/// Resident memory in MB, of all kinds and of this process's own: without files that are mapped.
func memory() -> (all: Int, own: Int) {
  let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
  let pages = fields.split(separator: " ").compactMap { Int($0) }
  return (pages[1] * 4096 / 1_000_000, (pages[1] - pages[2]) * 4096 / 1_000_000)
}

func generate(_ count: Int, _ folder: URL) throws {
  let manager = FileManager.default
  try manager.createDirectory(
    at: folder.appendingPathComponent("shards"), withIntermediateDirectories: true)
  // Statistics of a second of sound, under the name that they have.
  let temporary = manager.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  defer { try? manager.removeItem(at: temporary) }
  let source = temporary.appendingPathComponent("source")
  try manager.createDirectory(at: source, withIntermediateDirectories: true)
  let settings = preset.representation.spectrogram
  let noise = (0..<settings.sampleRate).map { Float(sin(Double($0 * $0))) }
  try AudioBuffer(channels: [noise], sampleRate: settings.sampleRate).write(
    to: source.appendingPathComponent("a.wav").path)
  let set = temporary.appendingPathComponent("set")
  let made = try Preparation(
    folder: AudioFolder(source.path), channels: 1, settings: settings, output: set
  ).run().set
  for name in try manager.contentsOfDirectory(atPath: set.path) where name.contains("statistics") {
    try manager.copyItem(
      at: set.appendingPathComponent(name), to: folder.appendingPathComponent(name))
  }
  let samples = 5 * settings.sampleRate
  let perShard = 10_000
  var index = PreparedIndexWriter()
  for clip in 0..<count {
    index.append(
      path: "label-\(clip % 50)/collection-\(clip / 1000)/clip-\(clip).flac",
      label: "label-\(clip % 50)", samples: samples, scale: 1 / 32768)
    if clip % perShard == perShard - 1 || clip == count - 1 {
      let name = String(format: "shards/%06d.pcm", clip / perShard)
      let file = folder.appendingPathComponent(name).path
      try Data().write(to: URL(fileURLWithPath: file))
      guard truncate(file, (clip % perShard + 1) * samples * 2) == 0 else {
        fatalError("cannot make \(file): \(String(cString: strerror(errno)))")
      }
      index.endShard(checksum: 0)
    }
  }
  try index.write(
    to: folder, format: made.format, name: "synthetic", key: "synthetic", skipped: [])
  var summary = MetadataSummary()
  summary.numbers = [
    .init(name: "tempo", known: count, minimum: 60, maximum: 179),
    .init(name: "brightness", known: count, minimum: 0, maximum: 1),
  ]
  summary.captions = count
  let (moods, sounds) = (["slow", "dark", "warm", "wild"], ["drums", "piano", "pads", "voices"])
  try PreparedSet(folder).writeMetadata(summary, key: "synthetic") { clip in
    ClipMetadata(
      numbers: [Float(60 + clip % 120), Float(clip % 101) / 100],
      caption: "\(moods[clip % 4]) \(sounds[clip / 4 % 4]), take \(clip) of many that sound alike")
  }
  func size(_ name: String) throws -> Int {
    let file = folder.appendingPathComponent(name).path
    return try manager.attributesOfItem(atPath: file)[.size] as? Int ?? 0
  }
  print(
    "\(count) clips, an index of \(try size("index.compose")) bytes, captions and numbers of "
      + "\(try size("metadata.compose"))")
}

func open(_ folder: URL) throws {
  let before = memory()
  var dataset: Dataset?
  let opening = try seconds {
    dataset = try Dataset(
      prepared: folder, representation: preset.representation, heldOut: 0.05)
  }
  guard let dataset else { return }
  let after = memory()
  var configuration = TrainingConfiguration(preset: preset)
  configuration.batchSize = 10
  let drawing = try seconds {
    for windows in [dataset.training, dataset.heldOut ?? dataset.training] {
      for step in 0..<50 {
        _ = try Batch(step: step, from: dataset, configuration, device: .cpu, windows: windows)
      }
    }
  }
  print(
    String(
      format: "%d files to train on and %d held out, %.0f hours: opened in %.2f s",
      dataset.training.fileCount, dataset.heldOut?.fileCount ?? 0, dataset.seconds / 3600, opening))
  print(
    "resident: \(before.all) MB before, \(after.all) MB after, \(memory().all) MB after drawing")
  print(
    "its own:  \(before.own) MB before, \(after.own) MB after, \(memory().own) MB after drawing")
  print(String(format: "%.0f windows drawn a second", 1000 / drawing))
}

func loader(_ folder: URL) throws {
  let dataset = try Dataset(
    prepared: folder, representation: preset.representation, heldOut: 0.05)
  for (name, kinds) in [
    ("as they are", []), ("with the preset's augmentation", Augmentation(for: preset).kinds),
    ("with every augmentation", Augmentation.Kind.allCases),
  ] as [(String, [Augmentation.Kind])] {
    for threads in [1, 2] {
      var configuration = TrainingConfiguration(preset: preset)
      configuration.augmentation = Augmentation(kinds)
      let settings = configuration
      let loader = BatchLoader(threads: threads) { step in
        try Batch(step: step, from: dataset, settings, device: .cpu)
      }
      for step in 0..<8 { _ = try loader.batch(step: step) }
      let batches = 100
      let spent = try seconds {
        for step in 8..<8 + batches { _ = try loader.batch(step: step) }
      }
      let clips = Double(batches * settings.batchSize) / spent
      print(
        String(
          format: "loader, %d thread%@, clips %@: %.0f clips/s, %.0f times real time", threads,
          threads == 1 ? "" : "s", name, clips,
          clips * dataset.representation.windowSeconds))
    }
  }
  let device = Device.cpu
  let model = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  defer { try? FileManager.default.removeItem(at: model) }
  var configuration = TrainingConfiguration(preset: preset)
  configuration.steps = 40
  let trainer = try Trainer(
    folder: model, dataset: dataset, configuration: configuration, device: device,
    precision: device.computesBFloat16 ? .bfloat16 : .float32, resume: false)
  var speed = 0.0
  _ = try trainer.run(onStep: { speed = $0.clipsPerSecond })
  print(
    String(
      format: "training: %.1f clips/s; of %.1f s of steps, %.3f s were spent waiting for batches",
      speed, trainer.state.seconds, trainer.secondsWaiting))
}

switch (arguments.dropFirst().first, arguments.count) {
case ("generate", 4):
  guard let count = Int(arguments[2]) else { usage() }
  try generate(count, URL(fileURLWithPath: arguments[3]))
case ("open", 3): try open(URL(fileURLWithPath: arguments[2]))
case ("loader", 3): try loader(URL(fileURLWithPath: arguments[2]))
default: usage()
}
