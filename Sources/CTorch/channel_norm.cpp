#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "channel_norm_kernels.h"
#include "ctorch_fused.h"
#include "internal.h"

namespace ctorch {
namespace {

using at::Tensor;
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

/// How the places of a channels-last tensor are shared among the threads. The cut depends on the
/// shape alone, so the sums over places do too.
struct Places {
  static constexpr int64_t stretch = 512;
  int64_t channels, count, stretches;
  const ChannelNormKernels &kernels;
  int64_t elementSize;

  explicit Places(const Tensor &x)
      : channels(x.size(1)),
        count(x.size(0) * x.size(2) * x.size(3)),
        stretches((count + stretch - 1) / stretch),
        kernels(x.scalar_type() == at::kFloat ? floatChannelNormKernels
                                              : bfloat16ChannelNormKernels),
        elementSize(x.element_size()) {}

  char *address(const Tensor &x, int64_t first) const {
    return static_cast<char *>(x.data_ptr()) + first * channels * elementSize;
  }

  /// Calls body(first place, places, index of the stretch) on all threads.
  template <typename Body>
  void forEachStretch(Body body) const {
    parallelFor(stretches, 1, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; ++index) {
        body(index * stretch, std::min(stretch, count - index * stretch), index);
      }
    });
  }
};

struct ChannelNormSiLU : torch::autograd::Function<ChannelNormSiLU> {
  static Tensor forward(torch::autograd::AutogradContext *context, const Tensor &input,
                        const Tensor &weight, double epsilon) {
    const Tensor x = input.contiguous(kChannelsLast), w = weight.contiguous();
    const Places places(x);
    Tensor y = at::empty_like(x);
    places.forEachStretch([&](int64_t first, int64_t rows, int64_t) {
      places.kernels.apply(places.address(x, first), rows, places.channels, w.data_ptr<float>(),
                           static_cast<float>(epsilon), places.address(y, first));
    });
    context->save_for_backward({x, w});
    context->saved_data["epsilon"] = epsilon;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "channel_norm_silu is differentiable once");
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &w = saved[1];
    const float epsilon = static_cast<float>(context->saved_data["epsilon"].toDouble());
    const Tensor dy = gradients[0].to(x.scalar_type()).contiguous(kChannelsLast);
    const Places places(x);
    Tensor dx = at::empty_like(x);
    std::vector<float> partial(places.stretches * places.channels);
    places.forEachStretch([&](int64_t first, int64_t rows, int64_t index) {
      std::vector<float> scratch(places.channels);
      places.kernels.gradient(places.address(x, first), places.address(dy, first), rows,
                              places.channels, w.data_ptr<float>(), epsilon, scratch.data(),
                              &partial[index * places.channels], places.address(dx, first));
    });
    Tensor dw = at::empty_like(w);
    for (int64_t c = 0; c < places.channels; ++c) {
      double sum = 0;
      for (int64_t index = 0; index < places.stretches; ++index) {
        sum += partial[index * places.channels + c];
      }
      dw.data_ptr<float>()[c] = static_cast<float>(sum);
    }
    return {dx, dw, Tensor()};
  }
};

/// The same out of libtorch's own operations, for devices and types without a kernel of ours.
Tensor composed(const Tensor &x, const Tensor &weight, double epsilon) {
  const auto type = x.scalar_type();
  const Tensor power = x.to(at::kFloat).square().mean(1, /*keepdim=*/true);
  const Tensor normal = x * (power + epsilon).rsqrt().to(type);
  return at::silu(normal * weight.to(type).reshape({1, -1, 1, 1})).contiguous(kChannelsLast);
}

}  // namespace
}  // namespace ctorch

using namespace ctorch;

CTStatus ct_channel_norm_silu(const CTTensor *x, const CTTensor *weight, double epsilon,
                              CTTensor **out) {
  return guarded([&] {
    const at::Tensor &value = x->value, &w = weight->value;
    TORCH_CHECK(value.dim() == 4, "channel_norm_silu takes [N, C, H, W]");
    TORCH_CHECK(w.numel() == value.size(1), "the weight must have a value for each channel");
    TORCH_CHECK(w.device() == value.device(), "x and the weight must be on the same device");
    const bool ours = value.device().is_cpu() && (value.scalar_type() == at::kFloat ||
                                                  value.scalar_type() == at::kBFloat16);
    *out = boxed(ours ? ChannelNormSiLU::apply(value, w.to(at::kFloat), epsilon)
                      : composed(value, w, epsilon));
  });
}
