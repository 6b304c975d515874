import Dispatch
import FFTW
import Synchronization

/// What FFTW alone costs: real transforms of one size, forward and where asked also back, each on
/// the same thread-local buffers, so that no memory beyond the caches is touched.
final class Transforms: Sendable {
  /// How FFTW chooses a plan.
  enum Planning {
    /// By a guess, as `Spectro` does it.
    case estimated
    /// By trying out.
    case measured
  }

  private nonisolated(unsafe) let forward: fftwf_plan
  private nonisolated(unsafe) let inverse: fftwf_plan
  private let size, threads: Int

  init(size: Int, threads: Int, planning: Planning) {
    (self.size, self.threads) = (size, threads)
    let flags = planning == .measured ? FFTW_MEASURE : FFTW_ESTIMATE
    let (samples, spectrum) = Self.buffers(size)
    defer {
      fftwf_free(samples)
      fftwf_free(spectrum)
    }
    forward = fftwf_plan_dft_r2c_1d(Int32(size), samples, spectrum, UInt32(flags))
    inverse = fftwf_plan_dft_c2r_1d(Int32(size), spectrum, samples, UInt32(flags))
  }

  deinit {
    fftwf_destroy_plan(forward)
    fftwf_destroy_plan(inverse)
  }

  /// Transforms `frames` frames, and back if `andBack`; 32 at a time go to a thread.
  func run(frames: Int, andBack: Bool) {
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      let (samples, spectrum) = Self.buffers(size)
      defer {
        fftwf_free(samples)
        fftwf_free(spectrum)
      }
      while case let start = next.wrappingAdd(32, ordering: .relaxed).oldValue, start < frames {
        for _ in start..<min(start + 32, frames) {
          fftwf_execute_dft_r2c(forward, samples, spectrum)
          if andBack { fftwf_execute_dft_c2r(inverse, spectrum, samples) }
        }
      }
    }
  }

  /// Silence, which keeps any number of transforms finite and costs what sound does.
  private static func buffers(
    _ size: Int
  ) -> (UnsafeMutablePointer<Float>, UnsafeMutablePointer<fftwf_complex>) {
    let samples = fftwf_alloc_real(size)!
    let spectrum = fftwf_alloc_complex(size / 2 + 1)!
    samples.update(repeating: 0, count: size)
    spectrum.update(repeating: (0, 0), count: size / 2 + 1)
    return (samples, spectrum)
  }
}
