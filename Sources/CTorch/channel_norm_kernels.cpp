#include "channel_norm_kernels.h"

#include <cmath>

#include "elementwise_kernels.h"

namespace ctorch {
namespace {

/// Sums in as many lanes as the widest vector has, so that they become vector code without a licence
/// to reorder other sums.
constexpr int64_t kLanes = 16;

CT_INLINE float total(const float *lanes) {
  float sum = 0;
  for (int64_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

template <typename T>
CT_INLINE float inverseRMS(const T *__restrict x, int64_t channels, float epsilon) {
  float lanes[kLanes] = {};
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    for (int64_t i = 0; i < kLanes; ++i) lanes[i] += load(x[c + i]) * load(x[c + i]);
  }
  for (; c < channels; ++c) lanes[0] += load(x[c]) * load(x[c]);
  return 1.0f / std::sqrt(total(lanes) / static_cast<float>(channels) + epsilon);
}

template <typename T>
CT_INLINE void apply(const T *__restrict x, int64_t rows, int64_t channels,
                     const float *__restrict weight, float epsilon, T *__restrict y) {
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    float r = inverseRMS(x, channels, epsilon);
    for (int64_t c = 0; c < channels; ++c) {
      float z = load(x[c]) * r * weight[c];
      store(z * sigmoid(z), &y[c]);
    }
  }
}

template <typename T>
CT_INLINE void gradient(const T *__restrict x, const T *__restrict dy, int64_t rows,
                        int64_t channels, const float *__restrict weight, float epsilon,
                        float *__restrict scratch, float *__restrict dweight, T *__restrict dx) {
  for (int64_t row = 0; row < rows; ++row, x += channels, dy += channels, dx += channels) {
    float r = inverseRMS(x, channels, epsilon);
    // The gradient of x · r, with r as it is.
    for (int64_t c = 0; c < channels; ++c) {
      float n = load(x[c]) * r;
      float dz = load(dy[c]) * siluSlope(n * weight[c]);
      dweight[c] += dz * n;
      scratch[c] = dz * weight[c];
    }
    // And by r, which all channels have a part in.
    float lanes[kLanes] = {};
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) lanes[i] += scratch[c + i] * load(x[c + i]);
    }
    for (; c < channels; ++c) lanes[0] += scratch[c] * load(x[c]);
    float common = total(lanes) * r * r * r / static_cast<float>(channels);
    for (c = 0; c < channels; ++c) store(scratch[c] * r - load(x[c]) * common, &dx[c]);
  }
}

// The kernels of one element type. Not templates: those cannot be multiversioned.
#define CT_CHANNEL_NORM_KERNELS(Name, T)                                                         \
  CT_MULTIVERSION void apply##Name(const void *x, int64_t rows, int64_t channels,                \
                                   const float *weight, float epsilon, void *y) {                \
    apply(static_cast<const T *>(x), rows, channels, weight, epsilon, static_cast<T *>(y));      \
  }                                                                                              \
  CT_MULTIVERSION void gradient##Name(const void *x, const void *dy, int64_t rows,               \
                                      int64_t channels, const float *weight, float epsilon,      \
                                      float *scratch, float *dweight, void *dx) {                \
    gradient(static_cast<const T *>(x), static_cast<const T *>(dy), rows, channels, weight,      \
             epsilon, scratch, dweight, static_cast<T *>(dx));                                   \
  }

CT_CHANNEL_NORM_KERNELS(Float, float)
CT_CHANNEL_NORM_KERNELS(BFloat16, BFloat16)

}  // namespace

const ChannelNormKernels floatChannelNormKernels = {applyFloat, gradientFloat};
const ChannelNormKernels bfloat16ChannelNormKernels = {applyBFloat16, gradientBFloat16};

}  // namespace ctorch
