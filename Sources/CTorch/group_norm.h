#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "group_norm_kernels.h"
#include "internal.h"

namespace ctorch {

/// How a channels-last tensor is cut for the threads: by clip, and each clip by stretches of
/// positions. The cut depends on the shape alone, so the sums do too.
struct NormLayout {
  int64_t clips, channels, positions, stretch, stretches, groups;
  const NormKernels &kernels;
  int64_t elementSize;

  NormLayout(const at::Tensor &x, int64_t groups)
      : clips(x.size(0)),
        channels(x.size(1)),
        positions(x.size(2) * x.size(3)),
        stretch(512),
        stretches((positions + 511) / 512),
        groups(groups),
        kernels(x.scalar_type() == at::kFloat ? floatNormKernels : bfloat16NormKernels),
        elementSize(x.element_size()) {}

  int64_t groupWidth() const { return channels / groups; }

  const char *address(const at::Tensor &x, int64_t first) const {
    return static_cast<const char *>(x.data_ptr()) + first * channels * elementSize;
  }

  /// Calls body(clip, first position, rows, index of the stretch) on all threads.
  template <typename Body>
  void forEachStretch(Body body) const {
    parallelFor(clips * stretches, 1, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; ++index) {
        int64_t clip = index / stretches, start = (index % stretches) * stretch;
        body(clip, clip * positions + start, std::min(stretch, positions - start), index);
      }
    });
  }

  /// Adds up two sums per channel of each stretch: [clips · channels] each, in double.
  std::pair<std::vector<double>, std::vector<double>> total(
      const std::vector<float> &partial) const {
    std::vector<double> first(clips * channels), second(clips * channels);
    for (int64_t index = 0; index < clips * stretches; ++index) {
      const float *row = &partial[index * 2 * channels];
      int64_t base = index / stretches * channels;
      for (int64_t c = 0; c < channels; ++c) {
        first[base + c] += row[c];
        second[base + c] += row[channels + c];
      }
    }
    return {std::move(first), std::move(second)};
  }
};

/// Mean and 1 / deviation of each group, [2, clips · groups], float32. They do not depend on the
/// number of threads.
at::Tensor normStatistics(const NormLayout &layout, const at::Tensor &x, double epsilon);

/// z = x · a + d for each clip and channel: the group norm of x, scaled and shifted.
struct NormCoefficients {
  std::vector<float> a, d;

  NormCoefficients(const NormLayout &layout, const at::Tensor &statistics, const at::Tensor &scale,
                   const at::Tensor &shift);
};

struct NormGradients {
  at::Tensor x, scale, shift;
};

/// The gradients of act(z) for `dy`, its own. `scale` and `shift` are [clips or 1, channels].
NormGradients normGradients(const NormLayout &layout, const at::Tensor &x, const at::Tensor &dy,
                            const at::Tensor &statistics, const at::Tensor &scale,
                            const at::Tensor &shift, bool silu);

}  // namespace ctorch
