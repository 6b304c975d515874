import Audio
import Foundation
import Spectro

// usage: inversion-quality run CLIPS [NAME=VALUE ...]
//        inversion-quality score CLIPS RESULTS
//
// How well sound survives the way to a spectrogram and back. `run` sends each file of the folder CLIPS
// there and back with Compose; the names are those of SpectrogramSettings (sampleRate is the file's)
// and iterations, momentum, threads. `score` compares the files of the folder RESULTS, which another
// program made, with those of the same name in CLIPS. Several channels are inverted one by one.
//
// A line of CSV for each clip and channel: clip, spectral convergence against the original's magnitudes
// at 2048/512 (dB), mean difference of 128 log-mel bins within 80 dB of the loudest (dB), number of
// attacks, their rise time in the original and the copy (s) and pre-echo (dB), in the median, and
// seconds of CPU time for a second of sound.

let arguments = Array(CommandLine.arguments.dropFirst())
switch (arguments.first, arguments.count) {
case ("run", 2...): try run(clips: arguments[1], options: arguments.dropFirst(2))
case ("score", 3): try score(clips: arguments[1], results: arguments[2])
default:
  FileHandle.standardError.write(
    Data("inversion-quality: see the first lines of main.swift\n".utf8))
  exit(64)
}

func run(clips: String, options: ArraySlice<String>) throws {
  var settings = SpectrogramSettings()
  var (iterations, momentum, threads) = (32, 0.95, 1)
  for option in options {
    let parts = option.split(separator: "=")
    guard parts.count == 2, let value = Double(parts[1]) else {
      throw QualityError.badOption(option)
    }
    switch parts[0] {
    case "fftSize": settings.fftSize = Int(value)
    case "hopLength": settings.hopLength = Int(value)
    case "melBins": settings.melBins = Int(value)
    case "power": settings.power = value
    case "floor": settings.floor = value
    case "maxFrequency": settings.maxFrequency = value
    case "iterations": iterations = Int(value)
    case "momentum": momentum = value
    case "threads": threads = Int(value)
    default: throw QualityError.badOption(option)
    }
  }
  for file in try files(in: clips) {
    let original = try AudioBuffer(contentsOf: clips + "/" + file)
    settings.sampleRate = original.sampleRate
    let mel = try MelSpectrogram(settings, threads: threads)
    let inverter = try MelInverter(settings, threads: threads)
    for samples in original.channels {
      let logMel = mel.logMel(of: samples)
      let start = clock()
      let copy = try inverter.audio(
        fromLogMel: logMel, iterations: iterations, momentum: momentum,
        sampleCount: samples.count)
      let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
      let scores = try Scores(
        of: copy, original: samples, sampleRate: original.sampleRate,
        cost: seconds / original.duration)
      print(file, scores.line, separator: ",")
    }
  }
}

func score(clips: String, results: String) throws {
  for file in try files(in: results) {
    let original = try AudioBuffer(contentsOf: clips + "/" + file)
    let copy = try AudioBuffer(contentsOf: results + "/" + file)
    for (copy, samples) in zip(copy.channels, original.channels) {
      let scores = try Scores(
        of: copy, original: samples, sampleRate: original.sampleRate, cost: .nan)
      print(file, scores.line, separator: ",")
    }
  }
}

func files(in folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".wav") }
    .sorted()
}

/// What `RoundTrip.Losses` measures, as a line.
struct Scores {
  let line: String

  init(of copy: [Float], original: [Float], sampleRate: Int, cost: Double) throws {
    let losses = try RoundTrip.Losses(
      of: [copy], against: [original], sampleRate: sampleRate, threads: 1)
    let attacks: [Double] =
      losses.attacks.map { [Double($0.count), $0.riseTime, $0.copiedRiseTime, $0.preEcho] }
      ?? [0, .nan, .nan, .nan]
    line = ([losses.spectralConvergence, losses.logMelError] + attacks + [cost])
      .map { String(format: "%.5g", $0) }.joined(separator: ",")
  }
}

enum QualityError: Error {
  case badOption(String)
}
