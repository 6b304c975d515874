// What writes to parameters: AdamW, gradient clipping, averaging of weights.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#if __has_include(<ATen/ops/_foreach_lerp.h>) && __has_include(<ATen/ops/_fused_adamw.h>)
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_fused_adamw.h>
#define FOR_ALL_AT_ONCE 1
#endif
#include <c10/core/GradMode.h>

#include <cmath>
#include <vector>

#include "internal.h"

using ctorch::guarded;

namespace {

/// Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2, with the decay scaled by the
/// learning rate as in PyTorch.
struct AdamW {
  double learningRate, beta1, beta2, epsilon, weightDecay;
  double correction1, correction2;  // 1 − βᵗ

  /// In any layout, on any device.
  void update(at::Tensor &p, const at::Tensor &g, at::Tensor &m, at::Tensor &v) const {
    p.mul_(1 - learningRate * weightDecay);
    m.lerp_(g, 1 - beta1);
    v.mul_(beta2).addcmul_(g, g, 1 - beta2);
    auto denominator = v.sqrt().div_(std::sqrt(correction2)).add_(epsilon);
    p.addcdiv_(m, denominator, -learningRate / correction1);
  }

  /// In one pass over float32 on the CPU, which memory bandwidth alone bounds.
  void update(float *p, const float *g, float *m, float *v, int64_t count) const {
    const auto keep = static_cast<float>(1 - learningRate * weightDecay);
    const auto step = static_cast<float>(learningRate / correction1);
    const auto scale = static_cast<float>(1 / std::sqrt(correction2));
    const auto b1 = static_cast<float>(1 - beta1), b2 = static_cast<float>(1 - beta2);
    const auto e = static_cast<float>(epsilon);
    ctorch::parallelFor(count, 1 << 15, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        m[i] += b1 * (g[i] - m[i]);
        v[i] += b2 * (g[i] * g[i] - v[i]);
        p[i] = keep * p[i] - step * m[i] / (std::sqrt(v[i]) * scale + e);
      }
    });
  }
};

/// Whether element i of the memory of both is the same element, with no holes between.
bool alike(const at::Tensor &x, const at::Tensor &y) {
  return y.is_cpu() && y.scalar_type() == at::kFloat && x.strides() == y.strides() &&
         y.is_non_overlapping_and_dense();
}

std::vector<at::Tensor> valuesOf(CTTensor *const *tensors, int64_t count) {
  std::vector<at::Tensor> values;
  for (int64_t i = 0; i < count; i++) values.push_back(tensors[i]->value);
  return values;
}

}  // namespace

CTStatus ct_adamw(CTTensor *const *parameters, CTTensor *const *first, CTTensor *const *second,
                  int64_t count, int64_t step, double learning_rate, double beta1, double beta2,
                  double epsilon, double weight_decay) {
  return guarded([&] {
    at::NoGradGuard noGradient;
#ifdef FOR_ALL_AT_ONCE
    // A GPU would take longer to be told of each parameter's update than it takes for all of them.
    if (count > 0 && parameters[0]->value.is_cuda()) {
      std::vector<at::Tensor> p, g, m, v;
      for (int64_t i = 0; i < count; i++) {
        if (!parameters[i]->value.grad().defined()) continue;
        p.push_back(parameters[i]->value);
        g.push_back(p.back().grad());
        m.push_back(first[i]->value);
        v.push_back(second[i]->value);
      }
      if (p.empty()) return;
      const std::vector<at::Tensor> steps(
          p.size(), at::full({}, step, p[0].options().dtype(at::kFloat)));
      at::_fused_adamw_(p, g, m, v, {}, steps, learning_rate, beta1, beta2, weight_decay, epsilon,
                        /*amsgrad=*/false, /*maximize=*/false);
      for (auto &parameter : p) parameter.unsafeGetTensorImpl()->bump_version();
      return;
    }
#endif
    for (int64_t i = 0; i < count; i++) {
      at::Tensor p = parameters[i]->value, m = first[i]->value, v = second[i]->value;
      at::Tensor g = p.grad();
      if (!g.defined()) continue;
      const AdamW rule{learning_rate, beta1, beta2, epsilon, weight_decay,
                       1 - std::pow(beta1, step), 1 - std::pow(beta2, step)};
      if (alike(p, p) && alike(p, g) && alike(p, m) && alike(p, v)) {
        rule.update(p.data_ptr<float>(), g.data_ptr<float>(), m.data_ptr<float>(),
                    v.data_ptr<float>(), p.numel());
        p.unsafeGetTensorImpl()->bump_version();  // as libtorch's own writes do
      } else {
        rule.update(p, g, m, v);
      }
    }
  });
}

CTStatus ct_clip_gradients(CTTensor *const *parameters, int64_t count, double max_norm,
                           double *norm) {
  return guarded([&] {
    at::NoGradGuard noGradient;
    std::vector<at::Tensor> gradients;
    for (int64_t i = 0; i < count; i++) {
      at::Tensor gradient = parameters[i]->value.grad();
      if (gradient.defined()) gradients.push_back(gradient);
    }
    const double total =
        gradients.empty() ? 0 : at::stack(at::_foreach_norm(gradients)).norm().item<double>();
    if (std::isfinite(total) && total > max_norm) at::_foreach_mul_(gradients, max_norm / total);
    *norm = total;
  });
}

CTStatus ct_update_average(CTTensor *const *averages, CTTensor *const *parameters, int64_t count,
                           double decay) {
  return guarded([&] {
    at::NoGradGuard noGradient;
    auto targets = valuesOf(averages, count);
    const auto sources = valuesOf(parameters, count);
#ifdef FOR_ALL_AT_ONCE
    at::_foreach_lerp_(targets, sources, 1 - decay);
#else
    for (int64_t i = 0; i < count; i++) targets[i].lerp_(sources[i], 1 - decay);
#endif
  });
}
