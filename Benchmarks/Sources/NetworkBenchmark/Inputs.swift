import Foundation
import MusicDiffusion
import Torch

/// What both sides start from: weights and one batch, in one safetensors file.
struct Inputs {
  static let batchSize = 16

  /// Parameters by their names.
  let weights: [String: Tensor]
  /// `[batch, 1, mel bins, frames]`, as are the noise, the mask and what is known of the signal.
  let signal, noise, known, mask: Tensor
  /// Noise levels, `[batch]`.
  let sigmas: [Double]

  /// The network that is measured: wider than that of the model in `samples/`.
  static var configuration: UNetConfiguration {
    var configuration = Preset.standard.network(labelCount: 0)
    configuration.widths = [96, 160, 224]
    return configuration
  }

  /// Reads the file and keeps the first `batch` clips.
  init(contentsOf path: String, batch: Int) throws {
    let tensors = try SafeTensors.read(path).tensors
    func named(_ name: String) throws -> Tensor {
      guard let tensor = tensors["input." + name] else {
        throw TorchError.file(path, reason: "it has no input.\(name)")
      }
      return try tensor.narrow(dimension: 0, start: 0, length: batch)
    }
    weights = tensors.reduce(into: [:]) { weights, entry in
      guard entry.key.hasPrefix("weights.") else { return }
      weights[String(entry.key.dropFirst("weights.".count))] = entry.value
    }
    (signal, noise) = (try named("signal"), try named("noise"))
    (known, mask) = (try named("known"), try named("mask"))
    sigmas = try named("sigmas").floats().map(Double.init)
  }

  /// Writes random inputs, and weights none of which is 0: a new network's last layers are, and
  /// would hide every difference.
  static func write(to path: String) throws {
    let store = ParameterStore(seed: 1)
    _ = try UNet(store.root, configuration: configuration)
    var random = RandomGenerator(seed: 2)
    var tensors = try store.named.map { name, tensor in
      let shape = tensor.shape
      guard try tensor.floats().allSatisfy({ $0 == 0 }) else {
        return (name: "weights." + name, tensor: try tensor.detach())
      }
      let fanIn = Float(shape.dropFirst().reduce(1, *))
      let deviation = shape.count > 1 ? 0.5 / fanIn.squareRoot() : 0.02
      let drawn = random.normals(tensor.count).map { $0 * deviation }
      return (name: "weights." + name, tensor: try Tensor(drawn, shape: shape))
    }

    let representation = Preset.standard.representation
    let (bins, frames) = (representation.spectrogram.melBins, representation.windowFrames)
    let shape = [batchSize, 1, bins, frames]
    let count = batchSize * bins * frames
    let signal = try Tensor(random.normals(count).map { $0 / 2 }, shape: shape)
    // The first third of every second clip is known.
    let known: [Float] = (0..<count).map { i in
      i / (bins * frames) % 2 == 1 && i % frames < frames / 3 ? 1 : 0
    }
    let mask = try Tensor(known, shape: shape)
    let sigmas = NoiseDistribution().stratifiedSigmas(count: batchSize, offset: 0.5)
    tensors += [
      (name: "input.signal", tensor: signal),
      (name: "input.noise", tensor: try Tensor(random.normals(count), shape: shape)),
      (name: "input.known", tensor: try signal * mask),
      (name: "input.mask", tensor: mask),
      (name: "input.sigmas", tensor: try Tensor(sigmas.map { Float($0) }, shape: [batchSize])),
    ]
    let network = String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self)
    try SafeTensors.write(tensors, metadata: ["network": network], to: path)
  }
}
