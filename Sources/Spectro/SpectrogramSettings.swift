/// How sound becomes a log-mel spectrogram and back. Kept with a model and in pictures, so that
/// either alone says what its values mean.
public struct SpectrogramSettings: Codable, Sendable, Equatable {
  /// Samples per second, Hz.
  public var sampleRate: Int
  /// Samples per Fourier transform, and the length of the Hann window.
  public var fftSize: Int
  /// Samples from one frame to the next.
  public var hopLength: Int
  public var melBins: Int
  /// Lower edge of the lowest mel filter, Hz.
  public var minFrequency: Double
  /// Upper edge of the highest mel filter, Hz; nil is half the sample rate.
  public var maxFrequency: Double?
  public var melScale: MelScale
  /// What the mel filters add up: 1 for magnitudes, 2 for powers.
  public var power: Double
  /// Smallest mel value that is told from silence, in the mel spectrogram's unit, where a full-scale
  /// sine is about 0.01. On chorales 1e-11 of power costs nothing after inversion against any lower
  /// floor, is 20 dB above the noise of 16 bits, and 1e-9 quadruples the error.
  public var floor: Double

  public init(
    sampleRate: Int = 22050, fftSize: Int = 2048, hopLength: Int = 512, melBins: Int = 256,
    minFrequency: Double = 0, maxFrequency: Double? = nil, melScale: MelScale = .slaney,
    power: Double = 2, floor: Double = 1e-11
  ) {
    self.sampleRate = sampleRate
    self.fftSize = fftSize
    self.hopLength = hopLength
    self.melBins = melBins
    self.minFrequency = minFrequency
    self.maxFrequency = maxFrequency
    self.melScale = melScale
    self.power = power
    self.floor = floor
  }

  /// Frames per second.
  public var frameRate: Double { Double(sampleRate) / Double(hopLength) }

  /// The mel bins whose filters have their peaks within a band of frequencies, Hz.
  public func melBins(within band: ClosedRange<Double>) -> Range<Int> {
    let (low, high) = (melScale.mel(hertz: minFrequency), melScale.mel(hertz: topFrequency))
    let inside = (0..<melBins).filter {
      let peak = low + (high - low) * Double($0 + 1) / Double(melBins + 1)
      return band.contains(melScale.hertz(mel: peak))
    }
    return inside.isEmpty ? 0..<0 : inside[0]..<inside[inside.count - 1] + 1
  }

  /// The upper edge of the highest mel filter, Hz.
  public var topFrequency: Double { maxFrequency ?? Double(sampleRate) / 2 }

  /// Hz. Below, nothing above 500 Hz is left of music; above, there is no converter.
  private static let sampleRates = 1000...768_000

  /// Filter weights, `melBins * (fftSize / 2 + 1)`, that a filter bank may hold: 256 MB of them.
  private static let maximumWeights = 1 << 26

  /// Throws `SpectroError.invalidSettings` for what no spectrogram can have.
  public func validate() throws {
    func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
      if !condition { throw SpectroError.invalidSettings(reason()) }
    }
    let rates = Self.sampleRates
    try require(
      rates.contains(sampleRate),
      "sampleRate must be from \(rates.lowerBound) to \(rates.upperBound) Hz, not \(sampleRate)")
    try require(
      (2...1 << 20).contains(fftSize) && fftSize % 2 == 0,
      "fftSize must be even, from 2 to \(1 << 20), not \(fftSize)")
    try require(
      hopLength > 0 && hopLength <= fftSize / 2,
      "hopLength must be from 1 to half of fftSize (\(fftSize / 2)), not \(hopLength)")
    let mostMelBins = min(1 << 16, Self.maximumWeights / (fftSize / 2 + 1))
    try require(
      (1...mostMelBins).contains(melBins),
      "melBins must be from 1 to \(mostMelBins) where fftSize is \(fftSize), not \(melBins)")
    try require(
      minFrequency >= 0 && minFrequency < topFrequency
        && topFrequency <= Double(sampleRate) / 2,
      "frequencies must rise from 0 to at most \(sampleRate / 2) Hz, not from \(minFrequency) to "
        + "\(topFrequency)")
    try require(power == 1 || power == 2, "power must be 1 or 2, not \(power)")
    try require(
      Float(floor).isNormal && floor > 0, "floor must be a positive number, not \(floor)")
  }
}
