import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Torch

extension Subject {
  /// Whether an error is one that the package documents.
  static func isTyped(_ error: any Error) -> Bool {
    error is AudioError || error is SpectroError || error is TorchError || error is ModelError
      || error is CorpusError
  }

  /// The readers of tensors, models, checkpoints and prepared data.
  static func models() throws -> [Subject] {
    let small = try SmallModel()
    let tensors = try seeds(in: "TorchTests/Goldens")
      .filter { $0.url.pathExtension == "safetensors" && $0.bytes.count < 1 << 16 }.map(\.bytes)
    let published = repository.appendingPathComponent("samples/chorales-model/config.json")
    return [
      Subject("safetensors", structure: .safetensors, seeds: tensors + [small.weights]) { path in
        for (name, tensor) in try SafeTensors.read(path).tensors {
          guard tensor.shape.reduce(1, *) == tensor.count else {
            throw Defect("\(name) has other elements than its shape")
          }
        }
      },
      Subject("weights", structure: .safetensors, seeds: [small.weights, small.int8Weights]) {
        path in
        _ = try Model(contentsOf: small.folder(with: path, as: "model.safetensors"))
      },
      // The small model's, whose weights fit, and the published one's, as it is written.
      Subject(
        "config", structure: .wholeText,
        seeds: [small.configuration]
      ) { path in
        _ = try Model(contentsOf: small.folder(with: path, as: "config.json"))
      },
      Subject(
        "settings", structure: .wholeText, seeds: [[UInt8](try Data(contentsOf: published))]
      ) { path in
        let folder = try small.folder(with: path, as: "config.json")
        _ = try Model.readConfiguration(in: folder)
      },
      Subject("checkpoint", structure: .safetensors, seeds: [small.checkpoint]) { path in
        let folder = try small.folder(with: path, as: "training/checkpoint.safetensors")
        _ = try TrainingState.saved(in: URL(fileURLWithPath: folder))
      },
      Subject("index", structure: .preparedIndex, seeds: [small.index]) { path in
        let dataset = try small.dataset(withIndex: path)
        var random = RandomGenerator(seed: 1)
        var window = [Float](repeating: 0, count: 16 * 16)
        for _ in 0..<20 {
          let place = try dataset.training.random(&random)
          try window.withUnsafeMutableBufferPointer {
            try dataset.copyWindow(clip: place.clip, start: 100, to: $0.baseAddress!)
          }
        }
      },
    ]
  }
}

/// A model, a checkpoint and a prepared data set of a few kilobytes, in a folder that goes with
/// them.
private final class SmallModel: Sendable {
  let weights, int8Weights, configuration, checkpoint, index: [UInt8]
  private let home: URL
  private let indexFile: URL
  private let representation = Representation(
    spectrogram: SpectrogramSettings(sampleRate: 8000, fftSize: 256, hopLength: 64, melBins: 16),
    channels: 1, windowFrames: 16, padsShortClips: false)

  init() throws {
    home = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("fuzz-model-" + UUID().uuidString, isDirectory: true)
    let model = home.appendingPathComponent("model", isDirectory: true)
    let data = home.appendingPathComponent("data", isDirectory: true)
    for folder in [model.appendingPathComponent("training"), data] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    func bytes(_ url: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

    let network = UNetConfiguration(
      channels: 1, melBins: 16, patchBins: 2, patchFrames: 2, widths: [8, 16], blocks: 1,
      headWidth: 8, embeddingWidth: 8, labelCount: 1)
    var history = TrainingHistory()
    history.steps = 1
    let settings = ModelConfiguration(
      preset: .draft, representation: representation,
      normalization: Normalization(
        mean: [Float](repeating: -10, count: 16),
        standardDeviation: [Float](repeating: 3, count: 16)),
      network: network, labels: ["drums"], noise: NoiseProcess(),
      sampling: SamplingDefaults(), history: history)
    let store = ParameterStore(seed: 1)
    let small = Model(
      configuration: settings, network: try UNet(store.root, configuration: network),
      parameters: store)
    let weightsFile = model.appendingPathComponent("model.safetensors")
    func weights(_ format: WeightFormat) throws -> [UInt8] {
      try small.write(to: model, weights: format)
      // Without their checksums, behind which no reader would see any damage.
      try SafeTensors.write(
        SafeTensors.read(weightsFile.path).tensors.map { (name: $0.key, tensor: $0.value) },
        metadata: ["format": "compose"], to: weightsFile.path)
      return try bytes(weightsFile)
    }
    int8Weights = try weights(.int8)
    self.weights = try weights(.float16)
    let configurationFile = model.appendingPathComponent("config.json")
    configuration = Array(
      try String(contentsOf: configurationFile, encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false)
        .filter { !$0.contains("\"bytes\" : ") && !$0.contains("\"crc32c\" : ") }
        .joined(separator: "\n").utf8)

    var training = TrainingConfiguration(preset: .draft)
    training.steps = 2
    let encoder = JSONEncoder()
    let parts = try [encoder.encode(training), encoder.encode(settings)].map {
      String(decoding: $0, as: UTF8.self)
    }
    let state =
      #"{"configuration":\#(parts[0]),"model":\#(parts[1]),"dataset":"a","steps":1,"seconds":0.5}"#
    let file = model.appendingPathComponent("training/checkpoint.safetensors")
    try SafeTensors.write(
      [(name: "weights.a", tensor: Tensor([Float](arrayLiteral: 1, 2), shape: [2]))],
      metadata: ["state": state],
      to: file.path)
    checkpoint = try bytes(file)

    for name in ["one", "two"] {
      let sound = (0..<8000).map { Float($0 % 57) / 57 }
      try AudioBuffer(channels: [sound], sampleRate: 8000).write(
        to: data.appendingPathComponent(name + ".wav").path, encoding: .wav16)
    }
    let cache = home.appendingPathComponent("cache", isDirectory: true)
    let dataset = try Dataset(
      folder: AudioFolder(data.path), representation: representation, cache: cache)
    indexFile = dataset.source.folder.appendingPathComponent("index.compose")
    index = try bytes(indexFile)
  }

  deinit { try? FileManager.default.removeItem(at: home) }

  /// The model's folder, with the file at `path` in place of one of its own.
  func folder(with path: String, as name: String) throws -> String {
    let folder = home.appendingPathComponent("model")
    // The others as they were.
    try Data(weights).write(to: folder.appendingPathComponent("model.safetensors"))
    try Data(configuration).write(to: folder.appendingPathComponent("config.json"))
    try Data(contentsOf: URL(fileURLWithPath: path)).write(to: folder.appendingPathComponent(name))
    return folder.path
  }

  func dataset(withIndex path: String) throws -> Dataset {
    try Data(contentsOf: URL(fileURLWithPath: path)).write(to: indexFile)
    return try Dataset(
      folder: AudioFolder(home.appendingPathComponent("data").path),
      representation: representation, cache: home.appendingPathComponent("cache"))
  }
}
