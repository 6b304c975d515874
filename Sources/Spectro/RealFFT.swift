import CFFTW
import Foundation

/// A real Fourier transform of one size in single precision, and its inverse.
///
/// Plans are made once and shared by all threads, as FFTW allows for execution on arrays given
/// with the call. They are estimated, not measured: that takes milliseconds instead of a third of a
/// second, and the same plan, so the same rounding, every time; measured plans ran 20 % faster.
/// Buffers must be aligned to `RealFFT.alignment` bytes, like those of `Scratch`.
final class RealFFT: Sendable {
  static let alignment = 64

  let size: Int
  private nonisolated(unsafe) let forwardPlan: fftwf_plan
  private nonisolated(unsafe) let inversePlan: fftwf_plan

  /// FFTW's planner, unlike its execution, must run in one thread at a time.
  private static let planner = NSLock()

  var bins: Int { size / 2 + 1 }

  init(size: Int) {
    self.size = size
    let scratch = Scratch(size: size)
    defer { scratch.free() }
    (forwardPlan, inversePlan) = Self.planner.withLock {
      (
        fftwf_plan_dft_r2c_1d(Int32(size), scratch.samples, scratch.complexBins, FFTW_ESTIMATE),
        fftwf_plan_dft_c2r_1d(Int32(size), scratch.complexBins, scratch.samples, FFTW_ESTIMATE)
      )
    }
  }

  deinit {
    Self.planner.withLock {
      fftwf_destroy_plan(forwardPlan)
      fftwf_destroy_plan(inversePlan)
    }
  }

  /// `scratch.samples` to `scratch.spectrum`.
  func forward(_ scratch: Scratch) {
    fftwf_execute_dft_r2c(forwardPlan, scratch.samples, scratch.complexBins)
  }

  /// `scratch.spectrum` to `scratch.samples`, times `size`; the spectrum is lost.
  func inverse(_ scratch: Scratch) {
    fftwf_execute_dft_c2r(inversePlan, scratch.complexBins, scratch.samples)
  }

  /// One thread's working memory: a frame of samples and its spectrum, padded with zeros to whole
  /// vectors.
  struct Scratch {
    /// `[size]`.
    let samples: UnsafeMutablePointer<Float>
    /// `[bins, 2]`, real and imaginary parts, and room for up to 7 more bins.
    let spectrum: UnsafeMutablePointer<Float>
    /// `[bins]`, and room for up to 15 more.
    let magnitudes: UnsafeMutablePointer<Float>

    var complexBins: UnsafeMutablePointer<fftwf_complex> {
      UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftwf_complex.self)
    }

    init(size: Int) {
      func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        let raw = UnsafeMutableRawPointer.allocate(
          byteCount: count * MemoryLayout<Float>.stride, alignment: RealFFT.alignment)
        let pointer = raw.bindMemory(to: Float.self, capacity: count)
        pointer.initialize(repeating: 0, count: count)
        return pointer
      }
      let bins = size / 2 + 1
      samples = allocate(size)
      spectrum = allocate(2 * (bins + 7))
      magnitudes = allocate(bins + 15)
    }

    func free() {
      samples.deallocate()
      spectrum.deallocate()
      magnitudes.deallocate()
    }
  }
}
