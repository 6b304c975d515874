import Foundation
import Harness
import Spectro

// usage: spectro-benchmark WORK ENGINE INPUT.npy OUTPUT.npy THREADS
//
// WORK is mel or griffin-lim; ENGINE is ours, fftw or fftw-measured, and for griffin-lim also
// phase-gradient: ours with another start than the peers have. The input of mel is sound,
// [1, samples]; that of griffin-lim are magnitudes, [bins, frames].

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 5, let threads = Int(arguments[5]) else {
  FileHandle.standardError.write(
    Data("spectro-benchmark: see the first lines of main.swift\n".utf8))
  exit(64)
}
let (work, engine, output) = (arguments[1], arguments[2], arguments[4])
let input = try Spectrogram.readNPY(from: arguments[3]).spectrogram

let settings = SpectrogramSettings(
  sampleRate: 22050, fftSize: 2048, hopLength: 512, melBins: 128, power: 2, floor: 1e-11)
let iterations = 32

switch (work, engine) {
case ("mel", "ours"):
  let mel = try MelSpectrogram(settings, threads: threads)
  try serve(version: "this commit") {
    mel.logMel(of: input.values)
  } save: {
    try $0.writeNPY(to: output, overwrite: true)
  }
case ("griffin-lim", "ours"), ("griffin-lim", "phase-gradient"):
  let stft = STFT(fftSize: settings.fftSize, hopLength: settings.hopLength, threads: threads)
  let griffinLim = GriffinLim(stft, iterations: iterations, momentum: 0.99)
  let start: GriffinLim.Start = engine == "ours" ? .random : .phaseGradient
  try serve(version: "this commit") {
    griffinLim.audio(from: input, start: start, seed: 1)
  } save: {
    try Spectrogram(values: $0, frames: $0.count, bins: 1).writeNPY(to: output, overwrite: true)
  }
default:
  let transforms = Transforms(
    size: settings.fftSize, threads: threads,
    planning: engine == "fftw" ? .estimated : .measured)
  let isMel = work == "mel"
  let frames = isMel ? 1 + input.frames / settings.hopLength : input.frames
  try serve(version: "libfftw3f") {
    for _ in 0..<(isMel ? 1 : iterations) { transforms.run(frames: frames, andBack: !isMel) }
  } save: {
  }
}
