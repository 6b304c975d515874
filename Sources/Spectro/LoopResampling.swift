import CFFTW

/// A loop of another number of samples that is the same periodic signal: its Fourier series, cut off or
/// filled up with zeros. Unlike a resampler with a finite filter it knows no beginning and no end.
///
/// - Parameters:
///   - loop: one channel.
///   - count: samples wanted, at least 1.
public func resampledLoop(_ loop: [Float], to count: Int) -> [Float] {
  precondition(count > 0, "a loop has samples")
  if loop.count == count || loop.isEmpty { return loop }
  let (from, to) = (loop.count / 2 + 1, count / 2 + 1)
  var input = loop
  var spectrum = [fftwf_complex](repeating: (0, 0), count: max(from, to))
  var output = [Float](repeating: 0, count: count)
  input.withUnsafeMutableBufferPointer { input in
    spectrum.withUnsafeMutableBufferPointer { spectrum in
      output.withUnsafeMutableBufferPointer { output in
        let plans = RealFFT.planner.withLock {
          (
            fftwf_plan_dft_r2c_1d(
              Int32(input.count), input.baseAddress, spectrum.baseAddress, FFTW_ESTIMATE),
            fftwf_plan_dft_c2r_1d(
              Int32(count), spectrum.baseAddress, output.baseAddress, FFTW_ESTIMATE)
          )
        }
        fftwf_execute(plans.0)
        let scale = 1 / Float(input.count)
        for bin in spectrum.indices {
          // What only one of the two can hold, their half rates included, would not be the same.
          let isShared = 2 * bin < min(input.count, count)
          let (re, im) = spectrum[bin]
          spectrum[bin] = isShared ? (re * scale, im * scale) : (0, 0)
        }
        fftwf_execute(plans.1)
        RealFFT.planner.withLock {
          fftwf_destroy_plan(plans.0)
          fftwf_destroy_plan(plans.1)
        }
      }
    }
  }
  return output
}
