import CFFTW
import CSpectro
import Foundation

/// A real Fourier transform of one size in single precision, and its inverse.
///
/// Made of FFTW's complex transform of half the size, and a pass over its bins of our own (see
/// cspectro.h), which at 2048 samples takes less than half the time of FFTW's real transform: that
/// pass runs in whole vectors, and can do in the same go what the caller wants with each bin. So a
/// transform stays `packed` as long as nobody asks for its spectrum.
///
/// Plans are made once and shared by all threads, as FFTW allows for execution on arrays given
/// with the call. They are estimated, not measured: that takes a fraction of a millisecond instead of
/// a tenth of a second, and gives the same plan, so the same rounding, every time; the plans that
/// FFTW finds by measuring are no faster for these sizes. Buffers must be aligned to
/// `RealFFT.alignment` bytes, like those of `Scratch`.
final class RealFFT: Sendable {
  static let alignment = 64

  let size: Int
  private let half: Int
  private nonisolated(unsafe) let forwardPlan: fftwf_plan
  private nonisolated(unsafe) let inversePlan: fftwf_plan
  /// `[2, (half + 1) / 2]`: exp(-2 pi i k / size).
  private let twiddles: [Float]

  /// FFTW's planner, unlike its execution, must run in one thread at a time.
  static let planner = NSLock()

  var bins: Int { half + 1 }

  init(size: Int) {
    (self.size, half) = (size, size / 2)
    let angles = (0..<(size / 2 + 1) / 2).map { -2 * .pi * Double($0) / Double(size) }
    twiddles = angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
    let scratch = Scratch(size: size)
    let count = Int32(size / 2)
    (forwardPlan, inversePlan) = Self.planner.withLock {
      (
        fftwf_plan_dft_1d(
          count, Self.complex(scratch.samples), Self.complex(scratch.packed), FFTW_FORWARD,
          FFTW_ESTIMATE),
        fftwf_plan_dft_1d(
          count, Self.complex(scratch.packed), Self.complex(scratch.samples), FFTW_BACKWARD,
          FFTW_ESTIMATE)
      )
    }
  }

  deinit {
    Self.planner.withLock {
      fftwf_destroy_plan(forwardPlan)
      fftwf_destroy_plan(inversePlan)
    }
  }

  private static func complex(
    _ values: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<fftwf_complex> {
    UnsafeMutableRawPointer(values).assumingMemoryBound(to: fftwf_complex.self)
  }

  /// `scratch.samples` to `scratch.packed`.
  func forward(_ scratch: Scratch) {
    fftwf_execute_dft(forwardPlan, Self.complex(scratch.samples), Self.complex(scratch.packed))
  }

  /// `scratch.packed`, as `pack` and `impose` leave it, to `scratch.samples`, times `size`.
  func inverse(_ scratch: Scratch) {
    fftwf_execute_dft(inversePlan, Self.complex(scratch.packed), Self.complex(scratch.samples))
  }

  // MARK: - What is done with the bins of a packed transform

  /// The spectrum, `[bins, 2]`, real and imaginary parts.
  func unpack(_ scratch: Scratch, into spectrum: UnsafeMutablePointer<Float>) {
    sp_unpack(scratch.packed, twiddles, spectrum, half)
  }

  /// A spectrum, `[bins, 2]`, ready for `inverse`.
  func pack(_ spectrum: UnsafePointer<Float>, into scratch: Scratch) {
    sp_pack(spectrum, twiddles, scratch.packed, half)
  }

  /// Squares of the magnitudes, `[bins]`.
  func powers(_ scratch: Scratch, into powers: UnsafeMutablePointer<Float>) {
    sp_powers(scratch.packed, twiddles, powers, half)
  }

  /// The square of the magnitude of one bin of the lower half.
  func power(_ scratch: Scratch, bin: Int) -> Float {
    sp_power(scratch.packed, twiddles, half, bin)
  }

  /// The same as `powers`, and `scratch.spectrum` is ready for `imposeMixture`.
  func split(_ scratch: Scratch, powers: UnsafeMutablePointer<Float>) {
    sp_split(scratch.packed, twiddles, scratch.spectrum, powers, half)
  }

  /// Replaces the magnitudes by these, `[bins]`, and keeps the phases; ready for `inverse`.
  func impose(_ magnitudes: UnsafePointer<Float>, on scratch: Scratch) {
    sp_impose(scratch.packed, twiddles, magnitudes, half)
  }

  /// Replaces the squares of the magnitudes by a mean of `powers` and squared `magnitudes`, `[bins]`,
  /// and keeps the phases, those of a transform that was `split`; ready for `inverse`.
  ///
  /// - Parameter weight: of `powers`.
  func imposeMixture(
    powers: UnsafePointer<Float>, weight: Float, magnitudes: UnsafePointer<Float>,
    on scratch: Scratch
  ) {
    sp_impose_mixture(
      scratch.spectrum, twiddles, powers, magnitudes, weight, scratch.packed, half)
  }

  /// One thread's working memory.
  final class Scratch {
    /// `[size]`.
    let samples: UnsafeMutablePointer<Float>
    /// `[bins, 2]`: the transform of the samples taken as pairs.
    let packed: UnsafeMutablePointer<Float>
    /// `[bins, 2]`, for who needs the spectrum, and room for the last pairs of a `split` one.
    let spectrum: UnsafeMutablePointer<Float>
    /// `[bins]`, and at least 7 more, which are 0, so that vectors may reach past the end.
    let magnitudes: UnsafeMutablePointer<Float>

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
      packed = allocate(2 * bins)
      spectrum = allocate(2 * bins + 32)
      magnitudes = allocate(bins + 15)
    }

    deinit {
      samples.deallocate()
      packed.deallocate()
      spectrum.deallocate()
      magnitudes.deallocate()
    }
  }
}
