#include "group_norm.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "convolution.h"
#include "ctorch_fused.h"

namespace ctorch {

using at::Tensor;
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

Tensor normStatistics(const NormLayout &layout, const Tensor &x, double epsilon) {
  const int64_t groups = layout.groups;
  std::vector<float> partial(layout.clips * layout.stretches * 2 * layout.channels);
  layout.forEachStretch([&](int64_t, int64_t first, int64_t rows, int64_t index) {
    float *sum = &partial[index * 2 * layout.channels];
    layout.kernels.sums(layout.address(x, first), rows, layout.channels, sum,
                        sum + layout.channels);
  });
  auto [sum, squares] = layout.total(partial);
  Tensor statistics = at::empty({2, layout.clips * groups}, x.options().dtype(at::kFloat));
  float *mean = statistics.data_ptr<float>(), *rstd = mean + layout.clips * groups;
  double count = static_cast<double>(layout.positions * layout.groupWidth());
  for (int64_t g = 0; g < layout.clips * groups; ++g) {
    double total = 0, totalSquares = 0;
    for (int64_t c = g * layout.groupWidth(); c < (g + 1) * layout.groupWidth(); ++c) {
      total += sum[c];
      totalSquares += squares[c];
    }
    double centre = total / count;
    double variance = std::max(0.0, totalSquares / count - centre * centre);
    mean[g] = static_cast<float>(centre);
    rstd[g] = static_cast<float>(1 / std::sqrt(variance + epsilon));
  }
  return statistics;
}

NormCoefficients::NormCoefficients(const NormLayout &layout, const Tensor &statistics,
                                   const Tensor &scale, const Tensor &shift)
    : a(layout.clips * layout.channels), d(a.size()) {
  const float *mean = statistics.data_ptr<float>(), *rstd = mean + layout.clips * layout.groups;
  const float *s = scale.data_ptr<float>(), *b = shift.data_ptr<float>();
  int64_t scaleStep = scale.size(0) == 1 ? 0 : layout.channels;
  int64_t shiftStep = shift.size(0) == 1 ? 0 : layout.channels;
  for (int64_t n = 0; n < layout.clips; ++n) {
    for (int64_t c = 0; c < layout.channels; ++c) {
      int64_t g = n * layout.groups + c / layout.groupWidth(), i = n * layout.channels + c;
      a[i] = rstd[g] * s[n * scaleStep + c];
      d[i] = b[n * shiftStep + c] - mean[g] * a[i];
    }
  }
}

NormGradients normGradients(const NormLayout &layout, const Tensor &x, const Tensor &dy,
                            const Tensor &statistics, const Tensor &scale, const Tensor &shift,
                            bool silu) {
  const int64_t groups = layout.groups;
  const float *mean = statistics.data_ptr<float>(), *rstd = mean + layout.clips * groups;
  const NormCoefficients z(layout, statistics, scale, shift);
  std::vector<float> partial(layout.clips * layout.stretches * 2 * layout.channels);
  layout.forEachStretch([&](int64_t clip, int64_t first, int64_t rows, int64_t index) {
    float *sum = &partial[index * 2 * layout.channels];
    layout.kernels.gradientSums(layout.address(x, first), layout.address(dy, first), rows,
                                layout.channels, &z.a[clip * layout.channels],
                                &z.d[clip * layout.channels], silu, sum,
                                sum + layout.channels);
  });
  auto [sum, products] = layout.total(partial);

  // With n(x) the normalised value: dshift = Σ dz, dscale = Σ dz · n(x), and
  // dx = rstd (dz scale − mean(dz scale) − n(x) mean(dz scale n(x))), the means over a group.
  auto options = x.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous);
  Tensor dscale = at::empty({layout.clips, layout.channels}, options);
  Tensor dshift = at::empty({layout.clips, layout.channels}, options);
  float *ds = dscale.data_ptr<float>(), *db = dshift.data_ptr<float>();
  std::vector<float> q(layout.clips * layout.channels), r(q.size());
  const float *s = scale.data_ptr<float>();
  double count = static_cast<double>(layout.positions * layout.groupWidth());
  for (int64_t n = 0; n < layout.clips; ++n) {
    const float *row = s + (scale.size(0) == 1 ? 0 : n * layout.channels);
    for (int64_t g = 0; g < groups; ++g) {
      double centre = mean[n * groups + g], inverse = rstd[n * groups + g];
      double first = 0, second = 0;
      for (int64_t c = g * layout.groupWidth(); c < (g + 1) * layout.groupWidth(); ++c) {
        int64_t i = n * layout.channels + c;
        double slope = inverse * (products[i] - centre * sum[i]);
        ds[i] = static_cast<float>(slope);
        db[i] = static_cast<float>(sum[i]);
        first += sum[i] * row[c];
        second += slope * row[c];
      }
      first /= count;
      second /= count;
      for (int64_t c = g * layout.groupWidth(); c < (g + 1) * layout.groupWidth(); ++c) {
        int64_t i = n * layout.channels + c;
        q[i] = static_cast<float>(-inverse * inverse * second);
        r[i] = static_cast<float>(inverse * inverse * second * centre - inverse * first);
      }
    }
  }
  Tensor dx = at::empty_like(x);
  layout.forEachStretch([&](int64_t clip, int64_t first, int64_t rows, int64_t) {
    int64_t base = clip * layout.channels;
    layout.kernels.gradientApply(layout.address(x, first), layout.address(dy, first), rows,
                                 layout.channels, &z.a[base], &z.d[base], &q[base], &r[base],
                                 silu, const_cast<char *>(layout.address(dx, first)));
  });
  if (scale.size(0) == 1) dscale = dscale.sum(0, /*keepdim=*/true);
  if (shift.size(0) == 1) dshift = dshift.sum(0, /*keepdim=*/true);
  return {dx, dscale, dshift};
}

namespace {

struct GroupNormSiLU : torch::autograd::Function<GroupNormSiLU> {
  static Tensor forward(torch::autograd::AutogradContext *context, const Tensor &input,
                        const Tensor &scale, const Tensor &shift, int64_t groups, double epsilon,
                        bool silu) {
    Tensor x = input.contiguous(kChannelsLast);
    Tensor s = scale.contiguous(), b = shift.contiguous();
    const NormLayout layout(x, groups);
    Tensor statistics = normStatistics(layout, x, epsilon);
    const NormCoefficients z(layout, statistics, s, b);
    Tensor y = at::empty_like(x);
    layout.forEachStretch([&](int64_t clip, int64_t first, int64_t rows, int64_t) {
      layout.kernels.apply(layout.address(x, first), rows, layout.channels,
                           &z.a[clip * layout.channels], &z.d[clip * layout.channels], silu,
                           const_cast<char *>(layout.address(y, first)));
    });
    context->save_for_backward({x, s, b, statistics});
    context->saved_data["groups"] = groups;
    context->saved_data["silu"] = silu;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &scale = saved[1], &shift = saved[2];
    bool silu = context->saved_data["silu"].toBool();
    const NormLayout layout(x, context->saved_data["groups"].toInt());
    Tensor dy = gradients[0].to(x.scalar_type()).contiguous(kChannelsLast);
    auto [dx, dscale, dshift] = normGradients(layout, x, dy, saved[3], scale, shift, silu);
    return {dx, dscale, dshift, Tensor(), Tensor(), Tensor()};
  }
};

/// The same out of libtorch's own operations, for devices and types without a kernel of ours.
Tensor composed(const Tensor &x, const Tensor &scale, const Tensor &shift, int64_t groups,
                double epsilon, bool silu) {
  Tensor normal = at::group_norm(x, groups, {}, {}, epsilon);
  Tensor z = normal * scale.to(x.scalar_type()).unsqueeze(-1).unsqueeze(-1) +
             shift.to(x.scalar_type()).unsqueeze(-1).unsqueeze(-1);
  return (silu ? at::silu(z) : z).contiguous(kChannelsLast);
}

/// The norm and SiLU on their own.
Tensor normed(const Tensor &x, const Tensor &scale, const Tensor &shift, int64_t groups,
              double epsilon, bool silu) {
  bool ours = x.device().is_cpu() &&
              (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  if (!ours) return composed(x, scale, shift, groups, epsilon, silu);
  return GroupNormSiLU::apply(x, scale.to(at::kFloat), shift.to(at::kFloat), groups, epsilon, silu);
}

void check(const Tensor &x, const Tensor &scale, const Tensor &shift, int64_t groups) {
  TORCH_CHECK(x.dim() == 4, "group_norm_silu takes [N, C, H, W]");
  TORCH_CHECK(groups > 0 && x.size(1) % groups == 0, "groups must divide the channels");
  for (const Tensor &t : {scale, shift}) {
    TORCH_CHECK(t.dim() == 2 && (t.size(0) == 1 || t.size(0) == x.size(0)) &&
                    t.size(1) == x.size(1),
                "scale and shift must be [N, C] or [1, C]");
  }
}

}  // namespace
}  // namespace ctorch

using namespace ctorch;

CTStatus ct_group_norm_silu(const CTTensor *x, const CTTensor *scale, const CTTensor *shift,
                            int64_t groups, double epsilon, int silu, CTTensor **out) {
  return guarded([&] {
    check(x->value, scale->value, shift->value, groups);
    *out = boxed(normed(x->value, scale->value, shift->value, groups, epsilon, silu != 0));
  });
}

CTStatus ct_group_norm_silu_conv2d(const CTTensor *x, const CTTensor *scale,
                                   const CTTensor *shift, int64_t groups, double epsilon,
                                   const CTTensor *weight, const CTTensor *bias,
                                   const CTTensor *residual, CTTensor **out) {
  return guarded([&] {
    const Tensor &value = x->value;
    const Tensor added = unboxed(residual);
    check(value, scale->value, shift->value, groups);
    if (convolution3x3Fits(value, weight->value)) {
      const ConvolutionInput input = {scale->value.to(at::kFloat), shift->value.to(at::kFloat),
                                      groups, epsilon};
      *out = boxed(convolution3x3(value, input, weight, castTo(at::kFloat, bias), added));
      return;
    }
    const auto type = value.scalar_type();
    const Tensor h = normed(value, scale->value, shift->value, groups, epsilon, /*silu=*/true);
    const Tensor y = convolution(h, castTo(type, weight), castTo(type, bias), 1, 1, 1);
    *out = boxed(added.defined() ? added + y : y);
  });
}
