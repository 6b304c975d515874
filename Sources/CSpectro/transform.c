#include "cspectro.h"

#include "vectors.h"

// Eight bins k ... k + 7 of a spectrum or of its packed form, and half - k ... half - k - 7.
// (Structures, since a vector as a parameter would be another one on each processor.)
typedef struct {
  f8 re, im, mirror_re, mirror_im;
} Pairs;

// The same of an array of reals.
typedef struct {
  f8 low, high;
} Reals;

typedef struct {
  f8 re, im;
} Twiddles;

#define EVEN(v) __builtin_shufflevector(v, v, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(v) __builtin_shufflevector(v, v, 1, 3, 5, 7, 9, 11, 13, 15)
#define EVEN_REVERSED(v) __builtin_shufflevector(v, v, 14, 12, 10, 8, 6, 4, 2, 0)
#define ODD_REVERSED(v) __builtin_shufflevector(v, v, 15, 13, 11, 9, 7, 5, 3, 1)
#define INTERLEAVED(a, b) \
  __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
#define INTERLEAVED_REVERSED(a, b) \
  __builtin_shufflevector(a, b, 7, 15, 6, 14, 5, 13, 4, 12, 3, 11, 2, 10, 1, 9, 0, 8)
#define REVERSED(a) __builtin_shufflevector(a, a, 7, 6, 5, 4, 3, 2, 1, 0)

// `low` points at bin k, `high` at bin half - k - 7.
INLINE Pairs load(const float *low, const float *high) {
  f16 a, b;
  LOAD(a, low);
  LOAD(b, high);
  return (Pairs){EVEN(a), ODD(a), EVEN_REVERSED(b), ODD_REVERSED(b)};
}

INLINE void store(Pairs p, float *low, float *high) {
  f16 a = INTERLEAVED(p.re, p.im), b = INTERLEAVED_REVERSED(p.mirror_re, p.mirror_im);
  STORE(low, a);
  STORE(high, b);
}

// Z to 2 X, so that no step needs to halve.
INLINE Pairs unpacked(Pairs z, Twiddles w) {
  f8 er = z.re + z.mirror_re, ei = z.im - z.mirror_im;
  f8 or = z.im + z.mirror_im, oi = z.mirror_re - z.re;
  f8 tr = w.re * or - w.im * oi, ti = w.re * oi + w.im * or;
  return (Pairs){er + tr, ei + ti, er - tr, ti - ei};
}

// X to 2 Z.
INLINE Pairs packed_again(Pairs x, Twiddles w) {
  f8 er = x.re + x.mirror_re, ei = x.im - x.mirror_im;
  f8 tr = x.re - x.mirror_re, ti = x.im + x.mirror_im;
  f8 or = w.re * tr + w.im * ti, oi = w.re * ti - w.im * tr;
  return (Pairs){er - oi, ei + or, er + oi, or - ei};
}

INLINE Pairs scaled(Pairs x, Reals gains) {
  return (Pairs){gains.low * x.re, gains.low * x.im, gains.high * x.mirror_re,
                 gains.high * x.mirror_im};
}

INLINE Reals squares(Pairs x) {
  return (Reals){x.re * x.re + x.im * x.im,
                 x.mirror_re * x.mirror_re + x.mirror_im * x.mirror_im};
}

// 1 / sqrt(x) to within 5e-6, finite at 0: a first guess from the bits of the number, as is well
// known, and two steps of Newton's method.
#define RECIPROCAL_SQUARE_ROOT(x, result)                               \
  do {                                                                  \
    i8 bits = 0x5f3759df - (__builtin_bit_cast(i8, x) >> 1);            \
    f8 y = __builtin_bit_cast(f8, bits), h = 0.5f * (x);                \
    y *= 1.5f - h * y * y;                                              \
    (result) = y * (1.5f - h * y * y);                                  \
  } while (0)

// Copies of eight pairs' bins for where fewer are left: the low ones first, the high ones last.
typedef struct {
  float low[2 * lanes], high[2 * lanes];
} Rest;

INLINE Pairs load_pairs(const float *array, ptrdiff_t k, ptrdiff_t half, ptrdiff_t count) {
  if (count == lanes) return load(array + 2 * k, array + 2 * (half - k - lanes + 1));
  Rest rest = {0};
  memcpy(rest.low, array + 2 * k, 2 * count * sizeof(float));
  memcpy(rest.high + 2 * (lanes - count), array + 2 * (half - k - count + 1),
         2 * count * sizeof(float));
  return load(rest.low, rest.high);
}

INLINE void store_pairs(Pairs p, float *array, ptrdiff_t k, ptrdiff_t half, ptrdiff_t count) {
  if (count == lanes) {
    store(p, array + 2 * k, array + 2 * (half - k - lanes + 1));
    return;
  }
  Rest rest;
  store(p, rest.low, rest.high);
  memcpy(array + 2 * k, rest.low, 2 * count * sizeof(float));
  memcpy(array + 2 * (half - k - count + 1), rest.high + 2 * (lanes - count),
         2 * count * sizeof(float));
}

INLINE Reals load_reals(const float *array, ptrdiff_t k, ptrdiff_t half, ptrdiff_t count) {
  Reals r;
  if (count == lanes) {
    LOAD(r.low, array + k);
    LOAD(r.high, array + half - k - lanes + 1);
  } else {
    float low[lanes] = {0}, high[lanes] = {0};
    memcpy(low, array + k, count * sizeof(float));
    memcpy(high + lanes - count, array + half - k - count + 1, count * sizeof(float));
    LOAD(r.low, low);
    LOAD(r.high, high);
  }
  r.high = REVERSED(r.high);
  return r;
}

INLINE void store_reals(Reals r, float *array, ptrdiff_t k, ptrdiff_t half, ptrdiff_t count) {
  r.high = REVERSED(r.high);
  if (count == lanes) {
    STORE(array + k, r.low);
    STORE(array + half - k - lanes + 1, r.high);
    return;
  }
  float low[lanes], high[lanes];
  STORE(low, r.low);
  STORE(high, r.high);
  memcpy(array + k, low, count * sizeof(float));
  memcpy(array + half - k - count + 1, high + lanes - count, count * sizeof(float));
}

INLINE Twiddles load_twiddles(const float *array, ptrdiff_t k, ptrdiff_t half, ptrdiff_t count) {
  const float *imaginary = array + (half + 1) / 2;
  Twiddles w = {0};
  if (count == lanes) {
    LOAD(w.re, array + k);
    LOAD(w.im, imaginary + k);
  } else {
    memcpy(&w.re, array + k, count * sizeof(float));
    memcpy(&w.im, imaginary + k, count * sizeof(float));
  }
  return w;
}

// So that the first pair is like the others.
INLINE void close_circle(float *packed, ptrdiff_t half) {
  packed[2 * half] = packed[0];
  packed[2 * half + 1] = packed[1];
}

// STEP(a, twiddles, b, half, k, count) for all pairs: eight at a time, and the few that are left.
#define FOR_PAIRS(STEP, a, twiddles, b, half)                                             \
  do {                                                                                    \
    ptrdiff_t pairs = (half + 1) / 2, k = 0;                                              \
    for (; k + lanes <= pairs; k += lanes) STEP(a, twiddles, b, half, k, lanes);          \
    if (k < pairs) STEP(a, twiddles, b, half, k, pairs - k);                              \
  } while (0)

INLINE void unpack(const float *packed, const float *twiddles, float *spectrum, ptrdiff_t half,
                   ptrdiff_t k, ptrdiff_t count) {
  Twiddles w = load_twiddles(twiddles, k, half, count);
  Pairs x = unpacked(load_pairs(packed, k, half, count), w);
  store_pairs(scaled(x, (Reals){0.5f, 0.5f}), spectrum, k, half, count);
}

DISPATCHED void sp_unpack(float *packed, const float *restrict twiddles, float *restrict spectrum,
                          ptrdiff_t half) {
  close_circle(packed, half);
  FOR_PAIRS(unpack, packed, twiddles, spectrum, half);
  if (half % 2 == 0) {
    spectrum[half] = packed[half];
    spectrum[half + 1] = -packed[half + 1];
  }
}

INLINE void powers_of(const float *packed, const float *twiddles, float *powers, ptrdiff_t half,
                      ptrdiff_t k, ptrdiff_t count) {
  Twiddles w = load_twiddles(twiddles, k, half, count);
  Reals r = squares(unpacked(load_pairs(packed, k, half, count), w));
  store_reals((Reals){0.25f * r.low, 0.25f * r.high}, powers, k, half, count);
}

DISPATCHED void sp_powers(float *packed, const float *restrict twiddles, float *restrict powers,
                          ptrdiff_t half) {
  close_circle(packed, half);
  FOR_PAIRS(powers_of, packed, twiddles, powers, half);
  if (half % 2 == 0) {
    powers[half / 2] = packed[half] * packed[half] + packed[half + 1] * packed[half + 1];
  }
}

float sp_power(const float *packed, const float *twiddles, ptrdiff_t half, ptrdiff_t bin) {
  const float *z = packed + 2 * bin, *mirror = packed + (bin > 0 ? 2 * (half - bin) : 0);
  float er = z[0] + mirror[0], ei = z[1] - mirror[1];
  float or = z[1] + mirror[1], oi = mirror[0] - z[0];
  float wr = twiddles[bin], wi = twiddles[bin + (half + 1) / 2];
  float re = er + wr * or - wi * oi, im = ei + wr * oi + wi * or;
  return 0.25f * (re * re + im * im);
}

// Where `sp_split` writes to.
typedef struct {
  float *pairs, *powers;
} Split;

INLINE void split(const float *packed, const float *twiddles, Split output, ptrdiff_t half,
                  ptrdiff_t k, ptrdiff_t count) {
  Twiddles w = load_twiddles(twiddles, k, half, count);
  Pairs x = unpacked(load_pairs(packed, k, half, count), w);
  memcpy(output.pairs + 4 * k, &x, sizeof(x));
  Reals r = squares(x);
  store_reals((Reals){0.25f * r.low, 0.25f * r.high}, output.powers, k, half, count);
}

DISPATCHED void sp_split(float *packed, const float *restrict twiddles, float *restrict pairs,
                         float *restrict powers, ptrdiff_t half) {
  Split output = {pairs, powers};
  close_circle(packed, half);
  FOR_PAIRS(split, packed, twiddles, output, half);
  if (half % 2 == 0) {
    powers[half / 2] = packed[half] * packed[half] + packed[half + 1] * packed[half + 1];
  }
}

INLINE void pack(float *packed, const float *twiddles, const float *spectrum, ptrdiff_t half,
                 ptrdiff_t k, ptrdiff_t count) {
  Twiddles w = load_twiddles(twiddles, k, half, count);
  Pairs x = load_pairs(spectrum, k, half, count);
  store_pairs(packed_again(x, w), packed, k, half, count);
}

DISPATCHED void sp_pack(const float *restrict spectrum, const float *restrict twiddles,
                        float *restrict packed, ptrdiff_t half) {
  FOR_PAIRS(pack, packed, twiddles, spectrum, half);
  // The first and the last bin of a real signal are real, whatever a spectrum says.
  packed[0] = spectrum[0] + spectrum[2 * half];
  packed[1] = spectrum[0] - spectrum[2 * half];
  if (half % 2 == 0) {
    packed[half] = 2 * spectrum[half];
    packed[half + 1] = -2 * spectrum[half + 1];
  }
}

// A bin of no magnitude has no phase and stays 0.
static const float tiny = 1e-30f;

INLINE void impose(float *packed, const float *twiddles, const float *magnitudes, ptrdiff_t half,
                   ptrdiff_t k, ptrdiff_t count) {
  Twiddles w = load_twiddles(twiddles, k, half, count);
  Pairs x = unpacked(load_pairs(packed, k, half, count), w);
  Reals gains = load_reals(magnitudes, k, half, count), r = squares(x), inverse;
  RECIPROCAL_SQUARE_ROOT(r.low + tiny, inverse.low);
  RECIPROCAL_SQUARE_ROOT(r.high + tiny, inverse.high);
  (gains.low *= inverse.low, gains.high *= inverse.high);
  store_pairs(packed_again(scaled(x, gains), w), packed, k, half, count);
}

DISPATCHED void sp_impose(float *packed, const float *restrict twiddles,
                          const float *restrict magnitudes, ptrdiff_t half) {
  close_circle(packed, half);
  FOR_PAIRS(impose, packed, twiddles, magnitudes, half);
  if (half % 2 == 0) {
    float re = packed[half], im = packed[half + 1];
    float gain = 2 * magnitudes[half / 2] / __builtin_sqrtf(re * re + im * im + tiny);
    packed[half] = gain * re;
    packed[half + 1] = gain * im;
  }
}

// What to impose: weight * powers + (1 - weight) * magnitudes^2.
typedef struct {
  const float *powers, *magnitudes;
  float weight;
} Mixture;

INLINE void impose_mixture(const float *pairs, const float *twiddles, Mixture mixture,
                           float *packed, ptrdiff_t half, ptrdiff_t k, ptrdiff_t count) {
  Twiddles w = load_twiddles(twiddles, k, half, count);
  Pairs x;
  memcpy(&x, pairs + 4 * k, sizeof(x));
  Reals p = load_reals(mixture.powers, k, half, count);
  Reals m = load_reals(mixture.magnitudes, k, half, count), r = squares(x), root;
  p.low = mixture.weight * p.low + (1 - mixture.weight) * m.low * m.low;
  p.high = mixture.weight * p.high + (1 - mixture.weight) * m.high * m.high;
  // sqrt(p / r) = p / sqrt(p r).
  RECIPROCAL_SQUARE_ROOT(p.low * r.low + tiny, root.low);
  RECIPROCAL_SQUARE_ROOT(p.high * r.high + tiny, root.high);
  (p.low *= root.low, p.high *= root.high);
  store_pairs(packed_again(scaled(x, p), w), packed, k, half, count);
}

DISPATCHED void sp_impose_mixture(const float *restrict pairs, const float *restrict twiddles,
                                  const float *restrict powers, const float *restrict magnitudes,
                                  float weight, float *restrict packed, ptrdiff_t half) {
  Mixture mixture = {powers, magnitudes, weight};
  ptrdiff_t count = (half + 1) / 2, k = 0;
  for (; k + lanes <= count; k += lanes) {
    impose_mixture(pairs, twiddles, mixture, packed, half, k, lanes);
  }
  if (k < count) impose_mixture(pairs, twiddles, mixture, packed, half, k, count - k);
  if (half % 2 == 0) {
    float re = packed[half], im = packed[half + 1], m = magnitudes[half / 2];
    float power = weight * powers[half / 2] + (1 - weight) * m * m;
    float gain = 2 * power / __builtin_sqrtf(power * (re * re + im * im) + tiny);
    packed[half] *= gain;
    packed[half + 1] *= gain;
  }
}
