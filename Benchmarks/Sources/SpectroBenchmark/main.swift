import Foundation
import Harness
import Spectro

// usage: spectro-benchmark WORK ENGINE SAMPLE_RATE CHANNELS INPUT OUTPUT THREADS
//
// WORK is mel, griffin-lim or mel-to-audio; ENGINE is ours, fftw or fftw-measured, and for griffin-lim
// also phase-gradient: ours with another start than the peers have. Input and output are single
// precision numbers, one channel after another: sound, or spectrograms frame by frame.

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 7, let sampleRate = Int(arguments[3]), let channels = Int(arguments[4]),
  let threads = Int(arguments[7])
else {
  FileHandle.standardError.write(
    Data("spectro-benchmark: see the first lines of main.swift\n".utf8))
  exit(64)
}
let (work, engine, output) = (arguments[1], arguments[2], arguments[6])

let iterations = 32
let settings = SpectrogramSettings(
  sampleRate: sampleRate, fftSize: 2048, hopLength: 512, melBins: work == "mel" ? 128 : 256,
  power: 2, floor: 1e-11)
let stft = STFT(fftSize: settings.fftSize, hopLength: settings.hopLength, threads: threads)

/// Each channel's values.
func readInput() throws -> [[Float]] {
  let file = try Data(contentsOf: URL(fileURLWithPath: arguments[5]), options: .alwaysMapped)
  return file.withUnsafeBytes { bytes in
    let values = bytes.bindMemory(to: Float.self)
    let count = values.count / channels
    return (0..<channels).map { Array(values[$0 * count..<($0 + 1) * count]) }
  }
}

func write(_ channels: [[Float]]) throws {
  let values = Array(channels.joined())
  try values.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: output)) }
}

func spectrograms(bins: Int) throws -> [Spectrogram] {
  try readInput().map { Spectrogram(values: $0, frames: $0.count / bins, bins: bins) }
}

switch (work, engine) {
case ("mel", "ours"):
  let mel = try MelSpectrogram(settings, threads: threads)
  let sounds = try readInput()
  try serve(version: "this commit") {
    sounds.map { mel.logMel(of: $0).values }
  } save: {
    try write($0)
  }
case ("griffin-lim", "ours"), ("griffin-lim", "phase-gradient"):
  let griffinLim = GriffinLim(stft, iterations: iterations, momentum: 0.99)
  let start: GriffinLim.Start = engine == "ours" ? .random : .phaseGradient
  let magnitudes = try spectrograms(bins: stft.bins)
  try serve(version: "this commit") {
    magnitudes.map { griffinLim.audio(from: $0, start: start, seed: 1) }
  } save: {
    try write($0)
  }
case ("mel-to-audio", "ours"):
  let inverter = try MelInverter(settings, threads: threads)
  let logMels = try spectrograms(bins: settings.melBins)
  try serve(version: "this commit") {
    try inverter.audio(fromLogMel: logMels, iterations: iterations, seed: 1)
  } save: {
    try write($0)
  }
default:
  let transforms = Transforms(
    size: settings.fftSize, threads: threads,
    planning: engine == "fftw" ? .estimated : .measured)
  let bytes = try FileManager.default.attributesOfItem(atPath: arguments[5])[.size] as? Int ?? 0
  let values = bytes / MemoryLayout<Float>.stride / channels
  let frames =
    switch work {
    case "mel": 1 + values / settings.hopLength
    case "griffin-lim": values / stft.bins
    default: values / settings.melBins
    }
  try serve(version: "libfftw3f") {
    for _ in 0..<channels * (work == "mel" ? 1 : iterations) {
      transforms.run(frames: frames, andBack: work != "mel")
    }
  } save: {
  }
}
