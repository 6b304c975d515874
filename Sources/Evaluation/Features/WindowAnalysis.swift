import Foundation
import Spectro

/// What a window of sound is, in features of ours: Docs/evaluation.md has the formulas.
package struct WindowAnalysis: Sendable {
  /// Of the levels over time in bands of frequency: as many as `soundGroups` holds.
  var sound: [Float]
  /// Of pitch classes and onsets: as many as `musicGroups` holds.
  var music: [Float]
  package var traits: Traits
  /// What the encoder sees: the levels of every two frames' mean, row-major `[frames, bands]`.
  var levels: [Float]
}

/// What a musician would count in a window.
package struct Traits: Sendable {
  /// Parts of the whole, C first.
  package var pitchClasses: [Double]
  /// The largest correlation with a key, from -1 to 1.
  package var keyClarity: Double
  /// The perplexity of `pitchClasses`, 1 to 12.
  package var pitchClassesInUse: Double
  /// The mean perplexity of single frames.
  package var pitchClassesAtOnce: Double
  /// The mean part of the pitch classes that is another 0.2 s later.
  package var harmonicChange: Double
  /// Nepers a frame.
  package var onsetStrength: Double
  package var onsetStrengthDeviation: Double
  /// A second.
  package var onsetRate: Double
  package var tempoRegularity: Double
  /// Nothing above -70 dB in it.
  package var isSilent: Bool
}

/// Makes the features of windows at one sample rate. Made once; works in the thread that calls it.
package final class WindowAnalyzer: Sendable {
  static let bands = 40
  static let modulationGroups = 8
  /// Columns of each kind, in their order: means, deviations, fluxes, modulation, flatness.
  static let soundGroups = [
    bands, bands, bands, modulationGroups * Modulation.octaves, Flatness.octaves,
  ]
  /// Pitch classes, then each trait by itself.
  static let musicGroups = [ChromaFilterBank.classes, 1, 1, 1, 1, 1, 1, 1, 1]

  /// Mel energies below this, 70 dB below a full-scale sine, are hardly heard.
  private static let quietest = 1e-9
  private static let silence = Float(pow(10, -70.0 / 20))

  let sampleRate: Int
  let mel: MelSpectrogram
  /// Of transforms long enough to part semitones.
  private let fine: STFT
  private let chromaBank: ChromaFilterBank
  private let modulation: Modulation
  private let flatness: Flatness
  /// The power of a full-scale sine in `fine`.
  private let fullScale: Double

  /// - Throws: `SpectroError.invalidSettings` for a rate that no spectrogram has.
  package init(sampleRate: Int) throws {
    self.sampleRate = sampleRate
    // 93 ms at 22.05 and 44.1 kHz.
    let fftSize = 1 << Int(log2(0.093 * Double(sampleRate)).rounded())
    mel = try MelSpectrogram(
      SpectrogramSettings(
        sampleRate: sampleRate, fftSize: fftSize, hopLength: fftSize / 4, melBins: Self.bands,
        minFrequency: 30), threads: 1)
    fine = STFT(fftSize: 4 * fftSize, hopLength: fftSize, threads: 1)
    fullScale = pow(fine.window.reduce(0) { $0 + Double($1) } / 2, 2)
    flatness = Flatness(
      sampleRate: sampleRate, fftSize: 4 * fftSize, silence: 1e-10 * fullScale)
    chromaBank = ChromaFilterBank(sampleRate: sampleRate, fftSize: 4 * fftSize)
    modulation = Modulation(frameRate: mel.settings.frameRate)
  }

  /// `ln(1 + mel / 1e-9)`, `[frames, bands]`: nepers above what is hardly heard.
  func levels(of samples: [Float]) -> Spectrogram {
    var levels = mel.logMel(of: samples)
    let offset = Float(log(Self.quietest))
    for index in levels.values.indices {
      levels.values[index] = log1p(exp(levels.values[index] - offset))
    }
    return levels
  }

  /// - Parameter samples: a window, of at least one sample.
  package func analyze(_ samples: [Float]) -> WindowAnalysis {
    let levels = levels(of: samples)
    let powers = fine.magnitudes(of: samples, power: 2)
    let traits = traits(samples, levels, powers)
    return WindowAnalysis(
      sound: soundFeatures(levels) + flatness.logarithms(powers),
      music: traits.pitchClasses.map(Float.init)
        + [
          traits.keyClarity, traits.pitchClassesInUse, traits.pitchClassesAtOnce,
          traits.harmonicChange, traits.onsetStrength, traits.onsetStrengthDeviation,
          traits.onsetRate, traits.tempoRegularity,
        ].map(Float.init),
      traits: traits, levels: halved(levels))
  }

  /// The means of every two frames and two bands; a last frame by itself only where it is all.
  private func halved(_ levels: Spectrogram) -> [Float] {
    let next = min(1, levels.frames - 1)
    var halved: [Float] = []
    for frame in stride(from: 0, to: max(levels.frames - 1, 1), by: 2) {
      for band in stride(from: 0, to: levels.bins, by: 2) {
        let sum =
          levels[frame, band] + levels[frame, band + 1] + levels[frame + next, band]
          + levels[frame + next, band + 1]
        halved.append(sum / 4)
      }
    }
    return halved
  }

  private func soundFeatures(_ levels: Spectrogram) -> [Float] {
    var (means, deviations, fluxes): ([Float], [Float], [Float]) = ([], [], [])
    for band in 0..<levels.bins {
      let course = (0..<levels.frames).map { Double(levels[$0, band]) }
      let mean = course.reduce(0, +) / Double(course.count)
      let variance = course.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(course.count)
      let steps = zip(course, course.dropFirst()).reduce(0) { $0 + abs($1.1 - $1.0) }
      means.append(Float(mean))
      deviations.append(Float(variance.squareRoot()))
      fluxes.append(Float(steps / Double(max(course.count - 1, 1))))
    }
    return means + deviations + fluxes
      + modulation.spectrum(levels, groups: Self.modulationGroups)
  }

  private func traits(_ samples: [Float], _ levels: Spectrogram, _ powers: Spectrogram) -> Traits {
    let chromas = chromas(powers)
    let profile = mean(chromas)
    let changes = zip(chromas, chromas.dropFirst(2)).map { a, b in
      zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
    }
    // Before the first frame nothing is known: it does not rise.
    let strength = levels.frames > 1 ? Array(Onsets.strength(levels).dropFirst()) : [0]
    let mean = strength.reduce(0, +) / Double(strength.count)
    let variance =
      strength.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(strength.count)
    let frameRate = mel.settings.frameRate
    func frames(_ seconds: Double) -> Int { Int((seconds * frameRate).rounded()) }
    let peaks = Onsets.peaks(
      strength, before: frames(0.05), after: frames(0.05) + 1, meanBefore: frames(0.1),
      meanAfter: frames(0.1) + 1, delta: Self.onsetThreshold, wait: frames(0.05))
    return Traits(
      pitchClasses: profile, keyClarity: Key.clarity(of: profile),
      pitchClassesInUse: perplexity(profile),
      pitchClassesAtOnce: chromas.isEmpty
        ? 12 : chromas.map(perplexity).reduce(0, +) / Double(chromas.count),
      harmonicChange: changes.isEmpty ? 0 : changes.reduce(0, +) / Double(changes.count),
      onsetStrength: mean, onsetStrengthDeviation: variance.squareRoot(),
      onsetRate: Double(peaks.count) / (Double(samples.count) / Double(sampleRate)),
      tempoRegularity: Onsets.regularity(strength, lags: frames(0.25)...frames(1.5)) ?? 0,
      isSilent: samples.allSatisfy { abs($0) < Self.silence })
  }

  /// By how much the onset strength must stand out, nepers.
  private static let onsetThreshold = 0.08

  /// Of frames 93 ms apart that are not silent, parts of the whole, `[12]` each, C first.
  private func chromas(_ powers: Spectrogram) -> [[Double]] {
    let bank = FeatureMatrix(values: chromaBank.weights, columns: chromaBank.bins)
    let energies = FeatureMatrix(values: powers.values, columns: powers.bins).products(with: bank)
    let frames = (0..<powers.frames).map { frame in
      energies[frame * 12..<(frame + 1) * 12].map(Double.init)
    }
    let sums = frames.map { $0.reduce(0, +) }
    // 60 dB below the loudest, or 80 below a full-scale sine, nobody hears a chord.
    let least = max(1e-6 * (sums.max() ?? 0), 1e-8 * fullScale)
    return zip(frames, sums).compactMap { frame, sum in
      sum > least ? frame.map { $0 / sum } : nil
    }
  }

  /// Alike where there are none.
  private func mean(_ chromas: [[Double]]) -> [Double] {
    guard !chromas.isEmpty else { return [Double](repeating: 1.0 / 12, count: 12) }
    return (0..<12).map { note in
      chromas.reduce(0) { $0 + $1[note] } / Double(chromas.count)
    }
  }
}

/// As many equal parts are as uncertain: `exp(-Σ p ln p)`.
private func perplexity(_ parts: [Double]) -> Double {
  exp(-parts.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) })
}
