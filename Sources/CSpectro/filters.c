#include "cspectro.h"

#include "vectors.h"

// Lanes of a and b: the sums of neighbours at distance 1, 2 and 4, of a and b in turn.
#define SUM_NEIGHBOURS(a, b)                                                 \
  (__builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +                \
   __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15))
#define SUM_PAIRS(a, b)                                                      \
  (__builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +                 \
   __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15))
#define SUM_HALVES(a, b)                                                     \
  (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +                 \
   __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))

DISPATCHED void sp_filter(const float *restrict spectrum, const int32_t *restrict starts,
                          const int32_t *restrict vectors, const float *restrict weights,
                          float *restrict output, ptrdiff_t filters) {
  for (ptrdiff_t first = 0; first < filters; first += lanes) {
    f8 sums[lanes] = {0};
    const float *inputs[lanes];
    for (int r = 0; r < lanes; r++) inputs[r] = spectrum + starts[first + r];
    for (int32_t i = 0; i < vectors[first / lanes]; i++) {
      for (int r = 0; r < lanes; r++) {
        f8 x, w;
        LOAD(x, inputs[r] + i * lanes);
        LOAD(w, weights);
        weights += lanes;
        sums[r] += w * x;
      }
    }
    f8 a = SUM_NEIGHBOURS(sums[0], sums[1]), b = SUM_NEIGHBOURS(sums[2], sums[3]);
    f8 c = SUM_NEIGHBOURS(sums[4], sums[5]), d = SUM_NEIGHBOURS(sums[6], sums[7]);
    a = SUM_PAIRS(a, b);
    c = SUM_PAIRS(c, d);
    a = SUM_HALVES(a, c);
    if (filters - first >= lanes) {
      STORE(output + first, a);
    } else {
      memcpy(output + first, &a, (filters - first) * sizeof(float));
    }
  }
}

// WHAT(i, lower, upper) for the bins of each segment, eight at a time; what is done to up to seven bins
// behind a segment is done again, rightly, with the next.
#define FOR_SEGMENTS(WHAT)                                           \
  do {                                                               \
    float lower = values[0];                                         \
    for (ptrdiff_t k = 0; k < filters; k++) {                        \
      float upper = k + 1 < filters ? values[k + 1] : 0;             \
      for (ptrdiff_t i = starts[k]; i < starts[k + 1]; i += lanes) { \
        f8 down, up;                                                 \
        LOAD(down, falling + i);                                     \
        LOAD(up, rising + i);                                        \
        f8 sum = lower * down + upper * up;                          \
        WHAT;                                                        \
      }                                                              \
      lower = upper;                                                 \
    }                                                                \
  } while (0)

DISPATCHED void sp_spread(const float *restrict values, const int32_t *restrict starts,
                          ptrdiff_t filters, const float *restrict falling,
                          const float *restrict rising, float *restrict output) {
  FOR_SEGMENTS(STORE(output + i, sum));
}

DISPATCHED void sp_update(const float *restrict input, const float *restrict values,
                          const int32_t *restrict starts, ptrdiff_t filters,
                          const float *restrict falling, const float *restrict rising,
                          float *restrict output) {
  FOR_SEGMENTS({
    f8 x;
    LOAD(x, input + i);
    x *= sum;
    STORE(output + i, x);
  });
}

DISPATCHED void sp_fit(const float *restrict wanted, const float *restrict diagonal,
                       const float *restrict beside, float scale, const float *restrict gains,
                       float *restrict output, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    float sum = diagonal[i] * gains[i] + beside[i] * gains[i + 1] + beside[i - 1] * gains[i - 1];
    float divisor = scale * sum > 1e-30f ? scale * sum : 1e-30f;
    float gain = gains[i] * wanted[i] / divisor;
    output[i] = gain < 1e15f ? gain : 1e15f;
  }
}
