#include "convolution.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "group_norm.h"
#include "internal.h"
#include "winograd_kernels.h"

namespace ctorch {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;
/// Pairs of tiles that the gradient of the weights takes at once: few enough that they stay in a
/// cache between being made and being multiplied, many enough to share the work.
constexpr int64_t pairsAtOnce = 256;

uint16_t *bits(const Tensor &x) { return static_cast<uint16_t *>(x.data_ptr()); }

const float *floatsOrNull(const Tensor &x) { return x.defined() ? x.data_ptr<float>() : nullptr; }

/// A convolution's weights, transformed and packed.
Tensor packed(const Tensor &weight, bool reversed) {
  const int64_t inputs = weight.size(reversed ? 0 : 1), outputs = weight.size(reversed ? 1 : 0);
  Tensor result = at::empty({winogradWeightCount(inputs, outputs)}, at::kBFloat16);
  parallelFor(inputs, 2, [&](int64_t begin, int64_t end) {
    winogradWeights(weight.data_ptr<float>(), weight.strides().data(), inputs, outputs, reversed,
                    begin, end - begin, bits(result));
  });
  return result;
}

Tensor convolve(const WinogradShape &shape, const WinogradInput &input, const Tensor &weights,
                const Tensor &bias, const Tensor &residual) {
  auto options = at::TensorOptions(at::kBFloat16).memory_format(kChannelsLast);
  Tensor y = at::empty({shape.clips, shape.outputs, shape.height, shape.width}, options);
  parallelFor(shape.strips(), winogradStripsAtOnce(shape), [&](int64_t begin, int64_t end) {
    Tensor scratch = at::empty({winogradScratch(shape)}, at::kFloat);
    winogradConvolution(shape, input, bits(weights), floatsOrNull(bias),
                        residual.defined() ? bits(residual) : nullptr, begin, end,
                        scratch.data_ptr<float>(), bits(y));
  });
  return y;
}

/// The gradients of the weights, laid out as they are, and of the bias.
std::pair<Tensor, Tensor> parameterGradients(const WinogradShape &shape,
                                             const WinogradInput &input, const Tensor &dy,
                                             const Tensor &weight) {
  const int64_t inputs = shape.inputs, outputs = shape.outputs;
  const int64_t most = std::max<int64_t>(1, 2 * pairsAtOnce / shape.tiles());
  auto makeTiles = [&](int64_t channels) {
    return at::empty({16 * WinogradTiles::distanceOf(shape, most, channels)}, at::kBFloat16);
  };
  Tensor inputMemory = makeTiles(inputs), gradientMemory = makeTiles(outputs);
  const WinogradTiles inputTiles = {bits(inputMemory),
                                    WinogradTiles::distanceOf(shape, most, inputs)};
  const WinogradTiles gradientTiles = {bits(gradientMemory),
                                       WinogradTiles::distanceOf(shape, most, outputs)};
  Tensor products = at::zeros({16, inputs, outputs}, at::kFloat);
  Tensor sums = at::zeros({shape.strips(), outputs}, at::kFloat);
  for (int64_t first = 0; first < shape.strips(); first += most) {
    const int64_t count = std::min(most, shape.strips() - first);
    parallelFor(count, 1, [&](int64_t begin, int64_t end) {
      Tensor scratch = at::empty({winogradScratch(shape)}, at::kFloat);
      winogradInputTiles(shape, input, first + begin, first + end, first,
                         scratch.data_ptr<float>(), inputTiles);
      for (int64_t strip = first + begin; strip < first + end; ++strip) {
        winogradGradientTiles(shape, bits(dy), strip, first, gradientTiles,
                              sums.data_ptr<float>() + strip * outputs);
      }
    });
    parallelFor(16, 1, [&](int64_t begin, int64_t end) {
      for (int64_t place = begin; place < end; ++place) {
        winogradWeightProducts(shape, inputTiles, gradientTiles, count, place,
                               products.data_ptr<float>());
      }
    });
  }
  Tensor dw = at::empty_like(weight);
  parallelFor(inputs, 1, [&](int64_t begin, int64_t end) {
    winogradWeightGradient(products.data_ptr<float>(), inputs, outputs, dw.strides().data(), begin,
                           end - begin, dw.data_ptr<float>());
  });
  return {dw, sums.sum(0)};
}

WinogradShape shapeOf(const Tensor &x, const Tensor &weight) {
  return {x.size(0), x.size(2), x.size(3), x.size(1), weight.size(0)};
}

struct Convolution3x3 : torch::autograd::Function<Convolution3x3> {
  /// Here a tensor without elements stands for none: libtorch 1.13 takes no undefined one.
  static Tensor forward(AutogradContext *context, const Tensor &input, const Tensor &scale,
                        const Tensor &shift, const Tensor &weight, const Tensor &bias,
                        const Tensor &residual, const Tensor &transformed, int64_t groups,
                        double epsilon) {
    Tensor x = input.contiguous(kChannelsLast), s, b, statistics;
    const Tensor added = residual.numel() > 0 ? residual.contiguous(kChannelsLast) : Tensor();
    std::optional<NormCoefficients> z;
    if (scale.numel() > 0) {
      s = scale.contiguous();
      b = shift.contiguous();
      const NormLayout layout(x, groups);
      statistics = normStatistics(layout, x, epsilon);
      z.emplace(layout, statistics, s, b);
    }
    const WinogradInput source = {bits(x), z ? z->a.data() : nullptr, z ? z->d.data() : nullptr};
    context->save_for_backward({x, s, b, statistics, weight});
    context->saved_data["groups"] = groups;
    return convolve(shapeOf(x, weight), source, transformed,
                    bias.numel() > 0 ? bias.contiguous() : Tensor(), added);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &scale = saved[1], &shift = saved[2], &statistics = saved[3];
    const Tensor &weight = saved[4];
    const Tensor dy = gradients[0].to(at::kBFloat16).contiguous(kChannelsLast);
    const WinogradShape shape = shapeOf(x, weight);
    const bool isNormed = scale.defined();
    std::optional<NormLayout> layout;
    std::optional<NormCoefficients> z;
    if (isNormed) {
      layout.emplace(x, context->saved_data["groups"].toInt());
      z.emplace(*layout, statistics, scale, shift);
    }
    variable_list result(9);
    if (context->needs_input_grad(3)) {
      const WinogradInput source = {bits(x), z ? z->a.data() : nullptr, z ? z->d.data() : nullptr};
      std::tie(result[3], result[4]) = parameterGradients(shape, source, dy, weight);
    }
    if (isNormed || context->needs_input_grad(0)) {
      const WinogradShape back = {shape.clips, shape.height, shape.width, shape.outputs,
                                  shape.inputs};
      Tensor dx = convolve(back, {bits(dy), nullptr, nullptr}, packed(weight, /*reversed=*/true),
                           Tensor(), Tensor());
      if (isNormed) {
        auto all = normGradients(*layout, x, dx, statistics, scale, shift, /*silu=*/true);
        std::tie(result[0], result[1], result[2]) = std::tie(all.x, all.scale, all.shift);
      } else {
        result[0] = dx;
      }
    }
    if (context->needs_input_grad(5)) result[5] = dy;
    if (!context->needs_input_grad(4)) result[4] = Tensor();
    return result;
  }
};

}  // namespace

/// In float32 on a CPU libtorch computes a clip of few values, and kernels of 1 x 1 on one thread of less than 16
/// clips, by another library than larger batches, which rounds otherwise. So each clip is computed on its own.
Tensor convolution(const Tensor &x, const Tensor &weight, const Tensor &bias, int64_t stride,
                   int64_t padding, int64_t groups) {
  auto convolved = [&](const Tensor &input) {
    return at::conv2d(input, weight, bias, stride, padding, /*dilation=*/1, groups);
  };
  const bool isOfClips = x.device().is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 4 &&
                         x.size(0) > 1 && !at::GradMode::is_enabled();
  return isOfClips ? byClips(x, convolved) : convolved(x);
}

bool convolution3x3Fits(const Tensor &x, const Tensor &weight) {
  return winogradIsSupported() && x.device().is_cpu() && x.scalar_type() == at::kBFloat16 &&
         weight.size(1) == x.size(1) && weight.size(2) == 3 && weight.size(3) == 3 &&
         weight.size(0) % 16 == 0 && weight.size(1) % 16 == 0;
}

Tensor convolution3x3(const Tensor &x, const ConvolutionInput &input, const CTTensor *weight,
                      const Tensor &bias, const Tensor &residual) {
  const Tensor w = weight->value.to(at::kFloat), none = at::empty({0});
  const Tensor transformed = weight->transformed.get(weight->value, [&] {
    at::NoGradGuard noGradient;
    return packed(w, /*reversed=*/false);
  });
  auto orNone = [&](const Tensor &t) { return t.defined() ? t : none; };
  return Convolution3x3::apply(x, orNone(input.scale), orNone(input.shift), w, orNone(bias),
                               orNone(residual), transformed, input.groups, input.epsilon);
}

}  // namespace ctorch
