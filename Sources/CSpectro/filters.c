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

DISPATCHED void sp_spread(const float *restrict values, const SPSegment *restrict segments,
                          ptrdiff_t count, const float *restrict falling,
                          const float *restrict rising, float *restrict output) {
  for (const SPSegment *segment = segments; segment < segments + count; segment++) {
    float lower = values[segment->lower], upper = values[segment->upper];
    for (ptrdiff_t i = segment->start; i < segment->end; i += lanes) {
      f8 down, up;
      LOAD(down, falling + i);
      LOAD(up, rising + i);
      f8 sum = lower * down + upper * up;
      STORE(output + i, sum);
    }
  }
}
