#include "cspectro.h"

#include <math.h>

#include "vectors.h"

DISPATCHED void sp_multiply(const float *restrict a, const float *restrict b,
                            float *restrict output, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) output[i] = a[i] * b[i];
}

DISPATCHED void sp_add_product(const float *restrict a, const float *restrict b,
                               float *restrict sum, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) sum[i] += a[i] * b[i];
}

DISPATCHED void sp_add(const float *restrict a, float *restrict sum, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) sum[i] += a[i];
}

DISPATCHED void sp_amplify(float *restrict values, const float *restrict gains, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) values[i] *= gains[i];
}

DISPATCHED void sp_extrapolate(float *restrict last, const float *restrict next,
                               float *restrict previous, float relaxation, float momentum,
                               ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    float t = last[i] + relaxation * (next[i] - last[i]);
    last[i] = t + momentum * (t - previous[i]);
    previous[i] = t;
  }
}

void sp_prefetch(const float *values, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += 16) __builtin_prefetch(values + i);
}

DISPATCHED void sp_square_root(float *values, ptrdiff_t count) {
  ptrdiff_t i = 0;
  f8 x = 0;
  for (; i + lanes <= count; i += lanes) {
    LOAD(x, values + i);
    x = __builtin_elementwise_sqrt(x);
    STORE(values + i, x);
  }
  x = 0;
  memcpy(&x, values + i, (count - i) * sizeof(float));
  x = __builtin_elementwise_sqrt(x);
  memcpy(values + i, &x, (count - i) * sizeof(float));
}

// Cody and Waite's reduction of x to m 2^e with m in [sqrt(1/2), sqrt(2)), and
// ln m = t - t^2 / 2 + t^3 p(t), t = m - 1, with the polynomial p fitted for the least largest error,
// 8e-10 of the logarithm. A macro, since a vector as a parameter would be another one on each
// processor.
#define LOGARITHM(x)                                                            \
  do {                                                                          \
    i8 bits = __builtin_bit_cast(i8, x) - 0x3f3504f3;                           \
    f8 exponent = __builtin_convertvector(bits >> 23, f8);                      \
    f8 t = __builtin_bit_cast(f8, (bits & 0x007fffff) + 0x3f3504f3) - 1;        \
    f8 p = 6.746641788e-02f * t - 1.167565749e-01f;                             \
    p = p * t + 1.188816483e-01f;                                               \
    p = p * t - 1.240558823e-01f;                                               \
    p = p * t + 1.421955194e-01f;                                               \
    p = p * t - 1.666799587e-01f;                                               \
    p = p * t + 2.000211868e-01f;                                               \
    p = p * t - 2.500000960e-01f;                                               \
    p = p * t + 3.333331260e-01f;                                               \
    f8 square = t * t;                                                          \
    /* ln 2 in two parts, the greater of ten bits, so that its product is exact. */ \
    f8 rest = p * t * square - 2.12194440e-4f * exponent - 0.5f * square;       \
    (x) = t + rest + 0.693359375f * exponent;                                   \
  } while (0)

DISPATCHED void sp_log(float *values, float scale, float floor, ptrdiff_t count) {
  const f8 low = floor, log_floor = logf(floor);
  ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    f8 x;
    LOAD(x, values + i);
    x *= scale;
    i8 above = x > low;
    LOGARITHM(x);
    x = above && x > log_floor ? x : log_floor;
    STORE(values + i, x);
  }
  f8 x = low;
  memcpy(&x, values + i, (count - i) * sizeof(float));
  x *= scale;
  i8 above = x > low;
  LOGARITHM(x);
  x = above && x > log_floor ? x : log_floor;
  memcpy(values + i, &x, (count - i) * sizeof(float));
}

// The nearest quarter turn is taken off; Taylor's series of sine and cosine do for the eighth of a
// turn that is left at most, to within 3e-8.
#define POLAR(magnitude, turns, result)                                                          \
  do {                                                                                           \
    u8 quarter = ((turns) + (1u << 29)) >> 30;                                                   \
    i8 odd = (quarter & 1) != 0, rest = __builtin_bit_cast(i8, (turns) - (quarter << 30));       \
    f8 x = __builtin_convertvector(rest, f8) * 1.4629180793e-9f;                                 \
    f8 square = x * x;                                                                           \
    f8 sine = 2.7557319e-6f * square - 1.9841270e-4f;                                            \
    sine = (sine * square + 8.3333333e-3f) * square - 0.16666667f;                               \
    sine = sine * square * x + x;                                                                \
    f8 cosine = (2.4801587e-5f * square - 1.3888889e-3f) * square + 4.1666667e-2f;               \
    cosine = (cosine * square - 0.5f) * square + 1;                                              \
    f8 re = odd ? -sine : cosine, im = odd ? cosine : sine;                                      \
    f8 signed_magnitude = (quarter & 2) != 0 ? -(magnitude) : (magnitude);                       \
    (re *= signed_magnitude, im *= signed_magnitude);                                            \
    (result) = __builtin_shufflevector(re, im, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, \
                                       15);                                                      \
  } while (0)

DISPATCHED void sp_polar(const float *restrict magnitudes, const uint32_t *restrict phases,
                         float *restrict output, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    f8 magnitude;
    u8 turns;
    f16 result;
    LOAD(magnitude, magnitudes + i);
    LOAD(turns, phases + i);
    POLAR(magnitude, turns, result);
    STORE(output + 2 * i, result);
  }
  f8 magnitude = 0;
  u8 turns = 0;
  f16 result;
  memcpy(&magnitude, magnitudes + i, (count - i) * sizeof(float));
  memcpy(&turns, phases + i, (count - i) * sizeof(float));
  POLAR(magnitude, turns, result);
  memcpy(output + 2 * i, &result, 2 * (count - i) * sizeof(float));
}
