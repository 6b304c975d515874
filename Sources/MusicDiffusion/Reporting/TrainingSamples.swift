import Audio
package import Foundation
import Pages
import Spectro

/// What a model made at a checkpoint: `samples/step-000250-LABEL.wav` in its folder, and a picture
/// beside it.
package struct TrainingSample: Sendable, Equatable {
  package var step: Int
  /// With `-` for `/`, or what is left of a caption as a name; nil for a model without either.
  package var label: String?
  package var file: URL

  /// All in a model's folder, by label and step. Those after `step` were made by a run that was
  /// killed before it came as far again.
  package static func all(in folder: URL, through step: Int) -> [TrainingSample] {
    let samples = folder.appendingPathComponent("samples", isDirectory: true)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: samples.path)) ?? []
    return names.compactMap { name -> TrainingSample? in
      guard let match = name.wholeMatch(of: /step-(\d+)(?:-(.+))?\.wav/), let made = Int(match.1),
        made <= step
      else { return nil }
      return TrainingSample(
        step: made, label: match.2.map(String.init), file: samples.appendingPathComponent(name))
    }.sorted { ($0.label ?? "", $0.step) < ($1.label ?? "", $1.step) }
  }

  /// A caption's letters and digits, such as a file may be called.
  static func name(of caption: String) -> String {
    let words = caption.lowercased().split { !$0.isLetter && !$0.isNumber }
    let name = words.joined(separator: "-").prefix(32)
    return name.isEmpty ? "caption" : String(name)
  }

  /// At most `count` steps, the first and the last among them, nearer to each other at the beginning,
  /// where a model changes faster.
  package static func spread(_ steps: [Int], count: Int) -> [Int] {
    let steps = Set(steps).sorted()
    guard steps.count > count, let first = steps.first, let last = steps.last else { return steps }
    let ratio = Double(last) / Double(max(1, first))
    let chosen = (0..<count).map { number in
      let wanted = Double(max(1, first)) * pow(ratio, Double(number) / Double(count - 1))
      return steps.min { abs(Double($0) - wanted) < abs(Double($1) - wanted) } ?? last
    }
    return Set(chosen).sorted()
  }
}

extension Trainer {
  /// Of a label's sound and picture, without their extensions.
  private func sampleName(_ label: String?) -> String {
    String(format: "step-%06d", state.steps)
      + (label.map { "-" + $0.replacingOccurrences(of: "/", with: "-") } ?? "")
  }

  /// Draws the samples of the checkpoint that the run goes on from, if it was killed before it had
  /// drawn them all. A checkpoint that an interruption made has none.
  public func drawMissingSamples() throws {
    guard snapshots.files().last?.step == state.steps else { return }
    let names = try sampleOptions().flatMap { label, _ in
      [".wav", ".png"].map { "samples/" + sampleName(label) + $0 }
    }
    let isWhole = names.allSatisfy {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
    }
    if !isWhole { try drawSamples() }
  }

  /// Draws sound and a picture of what the model makes now, one for each of at most four labels, or
  /// captions where there are no labels, into `samples/` and TensorBoard's log.
  public func drawSamples() throws {
    let samples = folder.appendingPathComponent("samples", isDirectory: true)
    try FileManager.default.createDirectory(at: samples, withIntermediateDirectories: true)
    let model = model
    let settings = model.configuration.representation.spectrogram
    let generator = Generator(model: model, device: device, precision: precision)
    for (label, options) in try sampleOptions() {
      let audio = try generator.generate(
        seconds: model.configuration.representation.windowSeconds,
        seed: model.configuration.history.seed, options: options)
      let name = sampleName(label)
      let sound = samples.appendingPathComponent(name + ".wav")
      try audio.write(to: sound.path, overwrite: true)
      let logMel = try MelSpectrogram(settings).logMel(of: audio.mono().channels[0])
      try logMel.writePNG(
        to: samples.appendingPathComponent(name + ".png").path, settings: settings, title: name,
        overwrite: true)
      let picture = Canvas(of: logMel, range: logMel.pictureRange(settings))
      let tag = label ?? "sample"
      try log.add(
        [
          (
            "spectrograms/\(tag)",
            .picture(png: try picture.png(), width: picture.width, height: picture.height)
          ),
          (
            "sounds/\(tag)",
            .sound(
              wav: try Data(contentsOf: sound), sampleRate: audio.sampleRate,
              channels: audio.channelCount, samples: audio.sampleCount)
          ),
        ], step: state.steps)
    }
  }

  private func sampleOptions() throws -> [(label: String?, options: Generator.Options)] {
    var options = Generator.Options()
    let labels = state.model.labels.prefix(4)
    if !labels.isEmpty {
      return labels.map { label in
        options.label = LabelMix(label)
        return (label, options)
      }
    }
    var named: [(label: String?, options: Generator.Options)] = []
    for caption in try dataset.captions(count: 4) {
      let name = TrainingSample.name(of: caption)
      if named.contains(where: { $0.label == name }) { continue }
      options.prompt = caption
      named.append((name, options))
    }
    return named.isEmpty ? [(nil, options)] : named
  }
}
