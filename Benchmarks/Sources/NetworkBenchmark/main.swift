import Foundation
import Harness
import MusicDiffusion
import Torch

// usage: network-benchmark inputs FILE
//        network-benchmark forward|train BATCH float32|bfloat16 INPUTS OUTPUT THREADS

let arguments = Array(CommandLine.arguments.dropFirst())
switch (arguments.first, arguments.count) {
case ("inputs", 2):
  try Inputs.write(to: arguments[1])
case ("forward", 6), ("train", 6):
  guard let batch = Int(arguments[1]), let threads = Int(arguments[5]) else { fallthrough }
  try setThreadCount(threads)
  let inputs = try Inputs(contentsOf: arguments[3], batch: batch)
  let precision: DType = arguments[2] == "bfloat16" ? .bfloat16 : .float32
  let measure = arguments[0] == "forward" ? measureForward : measureTraining
  try measure(inputs, precision, arguments[4])
default:
  FileHandle.standardError.write(
    Data("network-benchmark: see the first lines of main.swift\n".utf8))
  exit(64)
}

/// The network alone, as a sampler calls it; saves its output.
func measureForward(_ inputs: Inputs, _ precision: DType, _ output: String) throws {
  let store = ParameterStore(loading: inputs.weights)
  let network = try UNet(store.root, configuration: Inputs.configuration)
  try store.finishLoading()
  let noiseLevels = inputs.sigmas.map(Preconditioning().cNoise)
  let condition = Condition(
    labels: inputs.sigmas.map { _ in 0 }, known: inputs.known, mask: inputs.mask)
  try serve(version: libtorchVersion) {
    try withoutGradient {
      try network(
        inputs.noise, noiseLevels: noiseLevels, condition: condition, precision: precision)
    }
  } save: {
    try SafeTensors.write([(name: "output", tensor: $0)], to: output)
  }
}

/// Loss, gradients, clipping, AdamW and the average of the weights; saves the first step's loss and
/// norm of the gradients.
func measureTraining(_ inputs: Inputs, _ precision: DType, _ output: String) throws {
  let weights = ParameterStore(loading: inputs.weights)
  let network = try UNet(weights.root, configuration: Inputs.configuration)
  try weights.finishLoading()
  let average = ParameterStore(loading: inputs.weights)
  _ = try UNet(average.root, configuration: Inputs.configuration)
  let denoiser = Denoiser(
    network: network, preconditioning: Preconditioning(), precision: precision)
  let optimizer = try AdamW(parameters: weights, betas: (0.9, 0.99))
  let labels = inputs.sigmas.map { _ in 0 }
  try serve(version: libtorchVersion) {
    let loss = try denoiser.loss(
      signal: inputs.signal, noise: inputs.noise, sigmas: inputs.sigmas,
      condition: Condition(labels: labels, known: inputs.known, mask: inputs.mask)
    ).mean()
    try loss.backward()
    let norm = try clipGradients(of: weights, maxNorm: 1)
    try optimizer.step(learningRate: 5e-4)
    weights.zeroGradients()
    try updateEMA(average, from: weights, decay: 0.99)
    return [Float(try loss.item()), Float(norm)]
  } save: {
    try SafeTensors.write([(name: "output", tensor: Tensor($0, shape: [2]))], to: output)
  }
}
