import CSoxr

/// Changes the sample rate of a stream of blocks, with libsoxr at the quality of librosa's
/// default, `soxr_hq`: 20 bits, linear phase, flat to 91 % of the lower Nyquist frequency.
///
/// The blocks together have exactly `round(input · outputRate / inputRate)` samples, aligned with
/// the input, however it is divided.
public final class Resampler {
  public let inputRate: Int
  public let outputRate: Int
  /// One resampler a channel: libsoxr takes planar blocks of one channel without copies.
  private let states: [soxr_t]
  private var consumed = 0
  private var produced = 0

  /// - Parameters:
  ///   - inputRate: in Hz, one of `AudioBuffer.sampleRates`.
  ///   - outputRate: in Hz, one of `AudioBuffer.sampleRates`.
  /// - Throws: `AudioError.resampling` for other rates, or where libsoxr fails.
  public init(from inputRate: Int, to outputRate: Int, channelCount: Int) throws {
    let rates = AudioBuffer.sampleRates
    guard rates.contains(inputRate), rates.contains(outputRate) else {
      throw AudioError.resampling(
        from: inputRate, to: outputRate,
        reason: "sample rates are from \(rates.lowerBound) to \(rates.upperBound) Hz")
    }
    self.inputRate = inputRate
    self.outputRate = outputRate
    var quality = soxr_quality_spec(UInt(SOXR_20_BITQ), 0)
    var states: [soxr_t] = []
    for _ in 0..<channelCount {
      var error: soxr_error_t?
      guard
        let state = soxr_create(
          Double(inputRate), Double(outputRate), 1, &error, nil, &quality, nil)
      else {
        for state in states { soxr_delete(state) }
        throw AudioError.resampling(
          from: inputRate, to: outputRate, reason: error.map { String(cString: $0) } ?? "refused")
      }
      states.append(state)
    }
    self.states = states
  }

  deinit {
    for state in states { soxr_delete(state) }
  }

  /// Takes the next samples of every channel and returns what can be told of the output so far,
  /// which may be nothing.
  public func process(_ channels: [[Float]]) throws -> [[Float]] {
    precondition(channels.count == states.count, "one array of samples per channel")
    consumed += channels[0].count
    let output = try zip(states, channels).map { state, samples in
      try run(state, samples)
    }
    produced += output[0].count
    return output
  }

  /// Ends the stream and returns the rest of the output. The resampler takes no more input.
  public func finish() throws -> [[Float]] {
    let missing = outputCount(of: consumed) - produced
    let output = try states.map { state in
      var rest = try run(state, nil)
      rest += [Float](repeating: 0, count: max(0, missing - rest.count))
      return Array(rest[..<missing])
    }
    produced += missing
    return output
  }

  /// Samples per channel that come of so many.
  public func outputCount(of inputCount: Int) -> Int {
    let (high, low) = inputCount.multipliedFullWidth(by: outputRate)
    let (quotient, remainder) = inputRate.dividingFullWidth((high, low))
    return remainder * 2 >= inputRate ? quotient + 1 : quotient
  }

  /// Gives all of `samples`, or the end when nil, and takes all that comes back, in small blocks,
  /// since libsoxr is slower with large ones.
  private func run(_ state: soxr_t, _ samples: [Float]?) throws -> [Float] {
    if samples?.isEmpty == true { return [] }
    let inputLimit = 1 << 14
    let outputLimit = min(outputCount(of: inputLimit) + 1, 1 << 17)
    let inputCount = samples?.count ?? 0
    var output: [Float] = []
    output.reserveCapacity(outputCount(of: inputCount) + 1)
    try withUnsafeTemporaryAllocation(of: Float.self, capacity: outputLimit) { block in
      var given = 0
      var taken: Int
      repeat {
        var used = 0
        taken = 0
        let failure =
          if let samples {
            samples.withUnsafeBufferPointer { input in
              soxr_process(
                state, input.baseAddress! + given, min(inputLimit, inputCount - given),
                &used, block.baseAddress!, outputLimit, &taken)
            }
          } else {
            soxr_process(state, nil, 0, nil, block.baseAddress!, outputLimit, &taken)
          }
        if let failure {
          throw AudioError.resampling(
            from: inputRate, to: outputRate, reason: String(cString: failure))
        }
        given += used
        output.append(contentsOf: block[..<taken])
      } while given < inputCount || taken == outputLimit || (samples == nil && taken > 0)
    }
    return output
  }
}

extension AudioBuffer {
  /// The same sound at another rate, of `round(sampleCount · rate / sampleRate)` samples.
  ///
  /// - Throws: `AudioError.resampling` for a rate outside `sampleRates`.
  public func resampled(to rate: Int) throws -> AudioBuffer {
    if rate == sampleRate { return self }
    let resampler = try Resampler(from: sampleRate, to: rate, channelCount: channelCount)
    let body = try resampler.process(channels)
    let rest = try resampler.finish()
    return AudioBuffer(channels: zip(body, rest).map { $0 + $1 }, sampleRate: rate)
  }
}
