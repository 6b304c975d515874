#pragma once

#include <cstdint>

namespace ctorch {

/// A stretch of rows of a channels-last tensor, for float and bfloat16 (as raw bits) alike: `rows`
/// places of `channels` values each. With r = 1 / √(mean of x² over the channels + epsilon) of
/// each place and z = x · r · weight.
struct ChannelNormKernels {
  /// y = silu(z).
  void (*apply)(const void *x, int64_t rows, int64_t channels, const float *weight, float epsilon,
                void *y);
  /// For dy, the gradient of y: dx, that of x, and dweight[c] += the sum over the rows of that of
  /// the weight. `scratch` has room for `channels` values.
  void (*gradient)(const void *x, const void *dy, int64_t rows, int64_t channels,
                   const float *weight, float epsilon, float *scratch, float *dweight, void *dx);
};

extern const ChannelNormKernels floatChannelNormKernels;
extern const ChannelNormKernels bfloat16ChannelNormKernels;

}  // namespace ctorch
