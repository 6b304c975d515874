#include "group_norm_kernels.h"

#include "elementwise_kernels.h"

namespace ctorch {
namespace {

template <typename T>
CT_INLINE void sums(const T *x, int64_t rows, int64_t channels, float *__restrict sum,
                    float *__restrict squares) {
  for (int64_t row = 0; row < rows; ++row, x += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      float value = load(x[c]);
      sum[c] += value;
      squares[c] += value * value;
    }
  }
}

template <typename T, bool silu>
CT_INLINE void apply(const T *__restrict x, int64_t rows, int64_t channels,
                     const float *__restrict a, const float *__restrict d, T *__restrict y) {
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      float z = load(x[c]) * a[c] + d[c];
      store(silu ? z * sigmoid(z) : z, &y[c]);
    }
  }
}

template <typename T, bool silu>
CT_INLINE void gradientSums(const T *__restrict x, const T *__restrict dy, int64_t rows,
                            int64_t channels, const float *__restrict a, const float *__restrict d,
                            float *__restrict sum, float *__restrict products) {
  for (int64_t row = 0; row < rows; ++row, x += channels, dy += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      float value = load(x[c]);
      float dz = load(dy[c]);
      if (silu) dz *= siluSlope(value * a[c] + d[c]);
      sum[c] += dz;
      products[c] += dz * value;
    }
  }
}

template <typename T, bool silu>
CT_INLINE void gradientApply(const T *__restrict x, const T *__restrict dy, int64_t rows,
                             int64_t channels, const float *__restrict a,
                             const float *__restrict d, const float *__restrict q,
                             const float *__restrict r, T *__restrict dx) {
  for (int64_t row = 0; row < rows; ++row, x += channels, dy += channels, dx += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      float value = load(x[c]);
      float dz = load(dy[c]);
      if (silu) dz *= siluSlope(value * a[c] + d[c]);
      store(dz * a[c] + value * q[c] + r[c], &dx[c]);
    }
  }
}

// The four kernels of one element type. Not templates: those cannot be multiversioned.
#define CT_NORM_KERNELS(Name, T)                                                                  \
  CT_MULTIVERSION void sums##Name(const void *x, int64_t rows, int64_t channels, float *sum,      \
                                  float *squares) {                                               \
    sums(static_cast<const T *>(x), rows, channels, sum, squares);                                \
  }                                                                                               \
  CT_MULTIVERSION void apply##Name(const void *x, int64_t rows, int64_t channels, const float *a, \
                                   const float *d, bool silu, void *y) {                          \
    auto in = static_cast<const T *>(x);                                                          \
    auto out = static_cast<T *>(y);                                                               \
    silu ? apply<T, true>(in, rows, channels, a, d, out)                                          \
         : apply<T, false>(in, rows, channels, a, d, out);                                        \
  }                                                                                               \
  CT_MULTIVERSION void gradientSums##Name(const void *x, const void *dy, int64_t rows,            \
                                          int64_t channels, const float *a, const float *d,       \
                                          bool silu, float *sum, float *products) {               \
    auto in = static_cast<const T *>(x);                                                          \
    auto slope = static_cast<const T *>(dy);                                                      \
    silu ? gradientSums<T, true>(in, slope, rows, channels, a, d, sum, products)                  \
         : gradientSums<T, false>(in, slope, rows, channels, a, d, sum, products);                \
  }                                                                                               \
  CT_MULTIVERSION void gradientApply##Name(const void *x, const void *dy, int64_t rows,           \
                                           int64_t channels, const float *a, const float *d,      \
                                           const float *q, const float *r, bool silu,             \
                                           void *dx) {                                            \
    auto in = static_cast<const T *>(x);                                                          \
    auto slope = static_cast<const T *>(dy);                                                      \
    auto out = static_cast<T *>(dx);                                                              \
    silu ? gradientApply<T, true>(in, slope, rows, channels, a, d, q, r, out)                     \
         : gradientApply<T, false>(in, slope, rows, channels, a, d, q, r, out);                   \
  }

CT_NORM_KERNELS(Float, float)
CT_NORM_KERNELS(BFloat16, BFloat16)

}  // namespace

const NormKernels floatNormKernels = {sumsFloat, applyFloat, gradientSumsFloat,
                                      gradientApplyFloat};
const NormKernels bfloat16NormKernels = {sumsBFloat16, applyBFloat16, gradientSumsBFloat16,
                                         gradientApplyBFloat16};

}  // namespace ctorch
