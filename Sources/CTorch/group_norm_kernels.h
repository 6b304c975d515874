#pragma once

#include <cstdint>

namespace ctorch {

/// One stretch of rows of a channels-last tensor, for float and bfloat16 (as raw bits) alike.
/// `rows` positions of `channels` values each; all per-channel arrays have `channels` entries.
/// With z = x · a + d the normalised, scaled and shifted value, dz the gradient that reaches it.
struct NormKernels {
  /// sum[c] += Σ x, squares[c] += Σ x².
  void (*sums)(const void *x, int64_t rows, int64_t channels, float *sum, float *squares);
  /// y = act(x · a + d).
  void (*apply)(const void *x, int64_t rows, int64_t channels, const float *a, const float *d,
                bool silu, void *y);
  /// sum[c] += Σ dz, products[c] += Σ dz · x.
  void (*gradientSums)(const void *x, const void *dy, int64_t rows, int64_t channels,
                       const float *a, const float *d, bool silu, float *sum, float *products);
  /// dx = dz · a + x · q + r.
  void (*gradientApply)(const void *x, const void *dy, int64_t rows, int64_t channels,
                        const float *a, const float *d, const float *q, const float *r, bool silu,
                        void *dx);
};

extern const NormKernels floatNormKernels;
extern const NormKernels bfloat16NormKernels;

}  // namespace ctorch
