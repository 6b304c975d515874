#include "group_norm_kernels.h"

#include <cstring>

// Compiled once for each of these instruction sets; the loader picks one.
#if defined(__x86_64__) && defined(__ELF__)
#define CT_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CT_MULTIVERSION
#endif
#define CT_INLINE static inline __attribute__((always_inline))

namespace ctorch {
namespace {

struct BFloat16 {
  uint16_t bits;
};

CT_INLINE float load(float value) { return value; }

CT_INLINE float load(BFloat16 value) {
  uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

CT_INLINE void store(float value, float *out) { *out = value; }

/// Rounds to nearest, ties to even. A NaN stays one: its payload is cut, but its top bit is kept
/// because arithmetic makes quiet NaNs only.
CT_INLINE void store(float value, BFloat16 *out) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  uint32_t chosen = value == value ? rounded : bits;
  out->bits = static_cast<uint16_t>(chosen >> 16);
}

/// e^x within 2 ulp on [-87, 87], clamped outside: x = n ln 2 + r, e^r by its Taylor polynomial.
/// Branch-free, so that the loops around it become vector code.
CT_INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  const float shifter = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer
  float n = (x * 1.44269504f + shifter) - shifter;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t power = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &power, sizeof scale);
  return p * scale;
}

CT_INLINE float sigmoid(float z) { return 1.0f / (1.0f + exponential(-z)); }

/// d silu(z) / dz.
CT_INLINE float siluSlope(float z) {
  float s = sigmoid(z);
  return s * (1.0f + z * (1.0f - s));
}

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
