/// The inner loops of Spectro, in C so that one program runs as AVX-512, as AVX2 or as plain SSE or
/// NEON code, whatever the processor has. All arrays are single precision, of any alignment, and do
/// not overlap unless they are the same parameter.
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// MARK: - Signals

/// output[i] = a[i] * b[i].
void sp_multiply(const float *a, const float *b, float *output, ptrdiff_t count);

/// sum[i] += a[i] * b[i].
void sp_add_product(const float *a, const float *b, float *sum, ptrdiff_t count);

/// sum[i] += a[i].
void sp_add(const float *a, float *sum, ptrdiff_t count);

/// values[i] *= gains[i].
void sp_amplify(float *values, const float *gains, ptrdiff_t count);

/// A step of relaxed and accelerated iteration: with t = last[i] + relaxation * (next[i] - last[i]),
/// last[i] = t + momentum * (t - previous[i]) and previous[i] = t.
void sp_extrapolate(float *last, const float *next, float *previous, float relaxation,
                    float momentum, ptrdiff_t count);

/// values[i] = ln(max(scale * values[i], floor)), to within 2 units in the last place, or 1e-7 near
/// ln 1; not a number becomes ln(floor), infinity 88.7. The floor must be a normal number.
void sp_log(float *values, float scale, float floor, ptrdiff_t count);

/// Asks for values that will be read soon.
void sp_prefetch(const float *values, ptrdiff_t count);

/// values[i] = sqrt(values[i]).
void sp_square_root(float *values, ptrdiff_t count);

/// Complex numbers [count, 2] of these magnitudes and phases; 2^32 make a turn.
void sp_polar(const float *magnitudes, const uint32_t *phases, float *output, ptrdiff_t count);

// MARK: - Real transforms by complex ones of half the size
//
// A real signal x of n = 2 half samples is packed as z[j] = x[2j] + i x[2j+1]. `packed` holds its
// transform Z, [half + 1, 2], of which the last entry is room to work in. The spectrum X of x,
// [half + 1, 2], is
//   X[k] = E + w O,  X[half - k] = conj(E - w O),  w = exp(-2 pi i k / n),
//   E = (Z[k] + conj Z[half - k]) / 2,  O = (Z[k] - conj Z[half - k]) / 2i,  Z[half] = Z[0],
// and the way back E = (X[k] + conj X[half - k]) / 2, w O = (X[k] - conj X[half - k]) / 2,
// Z[k] = E + i O. (Press et al., Numerical Recipes, section 12.3.)
// `twiddles` are the real parts of w for k = 0 ... (half - 1) / 2, then the imaginary ones.

/// The spectrum [half + 1, 2].
void sp_unpack(float *packed, const float *twiddles, float *spectrum, ptrdiff_t half);

/// |X|^2, [half + 1].
void sp_powers(float *packed, const float *twiddles, float *powers, ptrdiff_t half);

/// What an unscaled complex inverse transform makes n x of, from a spectrum [half + 1, 2].
void sp_pack(const float *spectrum, const float *twiddles, float *packed, ptrdiff_t half);

/// Gives X the magnitudes [half + 1], keeps its phases (0 stays 0), and packs it for the way back as
/// sp_pack does. To within 5e-6 of the magnitudes.
void sp_impose(float *packed, const float *twiddles, const float *magnitudes, ptrdiff_t half);

/// |X[bin]|^2 of one bin up to (half - 1) / 2.
float sp_power(const float *packed, const float *twiddles, ptrdiff_t half, ptrdiff_t bin);

/// |X|^2, [half + 1], and `pairs` for `sp_impose_mixture`: 2 X in the order in which vectors take it, of
/// which nobody else need know; 4 numbers for each pair, and those of up to seven pairs more.
void sp_split(float *packed, const float *twiddles, float *pairs, float *powers, ptrdiff_t half);

/// As `sp_impose` with squared magnitudes weight * powers[i] + (1 - weight) * magnitudes[i]^2 for what
/// `sp_split` left in `pairs` and `packed`. Products of them with the squares of 2 X below 1e-30 count as
/// silence.
void sp_impose_mixture(const float *pairs, const float *twiddles, const float *powers,
                       const float *magnitudes, float weight, float *packed, ptrdiff_t half);

// MARK: - Filter banks

/// Products of a spectrum with filters of which most weights are 0. Filters go in groups of eight,
/// and each in its group has as many weights, a multiple of eight; the last group is filled up.
///
/// - starts: for each filter, the bin of its first weight.
/// - vectors: for each group, an eighth of its filters' weights.
/// - weights: group by group, eight of each filter in turn.
void sp_filter(const float *spectrum, const int32_t *starts, const int32_t *vectors,
               const float *weights, float *output, ptrdiff_t filters);

/// output[i] = values[k] * falling[i] + values[k + 1] * rising[i] for the bins i from starts[k] on,
/// [filters + 1] of which the last is where bins end. Reads and writes up to seven more.
void sp_spread(const float *values, const int32_t *starts, ptrdiff_t filters, const float *falling,
               const float *rising, float *output);

/// output[i] = input[i] * what sp_spread would write there. Reads and writes up to seven more.
void sp_update(const float *input, const float *values, const int32_t *starts, ptrdiff_t filters,
               const float *falling, const float *rising, float *output);

/// output[i] = gains[i] * wanted[i] / (scale * (T gains)[i]) for a symmetric tridiagonal matrix T with
/// T[i][i] = diagonal[i] and T[i][i + 1] = beside[i]; at most 1e15. `beside` is read from -1 to
/// count - 1 and `gains` from -1 to count: 0 or anything finite beside a 0.
void sp_fit(const float *wanted, const float *diagonal, const float *beside, float scale,
            const float *gains, float *output, ptrdiff_t count);

// MARK: - Matrices

/// output[i * b_rows + j] = the sum over c of a[i * a_stride + c] * b[j * b_stride + c], for c below
/// `columns`. Rows may overlap: with a stride of one frame, b is every passage of a spectrogram.
void sp_row_products(const float *a, ptrdiff_t a_stride, ptrdiff_t a_rows, const float *b,
                     ptrdiff_t b_stride, ptrdiff_t b_rows, ptrdiff_t columns, float *output);

#pragma clang assume_nonnull end
