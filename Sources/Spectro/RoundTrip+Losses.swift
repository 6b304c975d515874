public import Foundation

extension RoundTrip {
  /// What a copy of a sound has lost, whatever made it: the measures of Docs/inversion.md.
  public struct Losses: Sendable, Equatable {
    /// `20 log10(|| |X| - |Y| || / || |X| ||)` over the magnitudes of transforms of 2048 samples, hop
    /// 512, of all channels together: dB, the lower the better; -120 where nothing is lost, and of
    /// silence, which has nothing to lose.
    public var spectralConvergence: Double
    /// The mean distance of log-mel spectrograms of 128 bins (2048/512, power), in which all that lies
    /// more than 80 dB below the original's loudest value counts as equal: dB.
    public var logMelError: Double
    /// Of the channel with the most attacks; nil where there are none.
    public var attacks: Attacks.Smear?
    /// What became of left and right; nil where there are not two channels, or no sound.
    public var stereo: StereoLoss?
    /// Whether the original has no sound.
    public var isSilent: Bool

    /// Compares a copy with its original, sample beside sample.
    ///
    /// - Parameters:
    ///   - copy, original: `[channels][samples]`, of the same shape.
    ///   - sampleRate: of both, Hz.
    /// - Throws: `SpectroError.invalidSettings` for a sample rate that no spectrogram has.
    public init(
      of copy: [[Float]], against original: [[Float]], sampleRate: Int,
      threads: Int = ProcessInfo.processInfo.activeProcessorCount
    ) throws {
      precondition(
        copy.count == original.count && zip(copy, original).allSatisfy { $0.count == $1.count })
      isSilent = original.allSatisfy { $0.allSatisfy { $0 == 0 } }
      let stft = STFT(threads: threads)
      spectralConvergence = stft.decibelsOfConvergence(of: copy, to: original)
      let settings = SpectrogramSettings(sampleRate: sampleRate, melBins: 128, floor: 1e-20)
      let mel = try MelSpectrogram(settings, threads: threads)
      logMelError = isSilent ? 0 : mel.meanDistance(of: copy, to: original, range: 80)
      attacks = zip(copy, original).compactMap { copy, original in
        Attacks(of: original, sampleRate: sampleRate).smear(of: copy)
      }.max { $0.count < $1.count }
      stereo =
        original.count == 2 && !isSilent
        ? StereoLoss(of: copy, against: original, sampleRate: sampleRate, stft) : nil
    }

    /// How near a spectral convergence is, as one hears it.
    public enum Nearness: Sendable {
      case close, slightlyBlurred, blurred, muchBlurred

      /// - Parameter convergence: dB.
      public init(convergence: Double) {
        switch convergence {
        case ..<(-25): self = .close
        case ..<(-18): self = .slightlyBlurred
        case ..<(-12): self = .blurred
        default: self = .muchBlurred
        }
      }
    }

    /// How near the copy is.
    public var nearness: Nearness { Nearness(convergence: spectralConvergence) }

    /// Whether a copy that is not close owes it to the phase between mid and side: by themselves they
    /// came back better than left and right, by 3 dB or more.
    public var isStereoTheCause: Bool {
      guard let stereo, nearness != .close else { return false }
      return spectralConvergence - stereo.planesConvergence >= 3
    }
  }

  /// The losses of several sounds.
  public struct Summary: Sendable, Equatable {
    /// Means of the sounds that are not silent, dB.
    public var spectralConvergence, logMelError: Double
    /// Index of the sound that converges worst.
    public var worst: Int

    /// Nil where all are silent.
    public init?(_ losses: [Losses]) {
      let audible = losses.indices.filter { !losses[$0].isSilent }
      func mean(_ value: (Losses) -> Double) -> Double {
        audible.reduce(0) { $0 + value(losses[$1]) } / Double(audible.count)
      }
      guard
        let worst = audible.max(by: {
          losses[$0].spectralConvergence < losses[$1].spectralConvergence
        })
      else { return nil }
      self.worst = worst
      spectralConvergence = mean(\.spectralConvergence)
      logMelError = mean(\.logMelError)
    }
  }
}

extension STFT {
  /// The spectral convergence of all channels together, dB, no less than -120.
  func decibelsOfConvergence(of copy: [[Float]], to original: [[Float]]) -> Double {
    var (error, energy) = (0.0, 0.0)
    for (copy, original) in zip(copy, original) {
      for (a, b) in zip(magnitudes(of: copy).values, magnitudes(of: original).values) {
        error += Double((a - b) * (a - b))
        energy += Double(b * b)
      }
    }
    return energy > 0 ? 10 * log10(max(error / energy, 1e-12)) : -120
  }
}

extension MelSpectrogram {
  /// The mean distance of the log-mel values of all channels, dB, those further below the original's
  /// loudest than `range`, in dB, taken to be there.
  fileprivate func meanDistance(
    of copy: [[Float]], to original: [[Float]], range: Double
  ) -> Double {
    let wanted = original.map(logMel(of:))
    guard let loudest = wanted.compactMap({ $0.values.max() }).max() else { return 0 }
    let floor = loudest - Float(range / settings.decibelsPerNeper)
    var (distance, values) = (0.0, 0)
    for (copy, wanted) in zip(copy, wanted) {
      for (a, b) in zip(logMel(of: copy).values, wanted.values) {
        distance += Double(abs(max(a, floor) - max(b, floor)))
      }
      values += wanted.values.count
    }
    return settings.decibelsPerNeper * distance / Double(values)
  }
}
