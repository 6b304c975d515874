// What networks are made of.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/upsample_nearest2d.h>
#if __has_include(<ATen/ops/scaled_dot_product_attention.h>)
#include <ATen/ops/scaled_dot_product_attention.h>
#define FUSED_ATTENTION 1
#endif

#include <cmath>
#include <vector>

#include "convolution.h"
#include "internal.h"

using ctorch::boxed;
using ctorch::castTo;
using ctorch::guarded;
using ctorch::unboxed;

namespace {

const char *paddingMode(CTPadding mode) {
  switch (mode) {
    case CT_PAD_ZEROS: return "constant";
    case CT_PAD_CIRCULAR: return "circular";
    case CT_PAD_REFLECT: return "reflect";
  }
  TORCH_CHECK(false, "no such padding: ", static_cast<int>(mode));
}

at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
#ifdef FUSED_ATTENTION
  return at::scaled_dot_product_attention(q, k, v);
#else
  auto scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  return q.mul(scale).matmul(k.transpose(-2, -1)).softmax(-1).matmul(v);
#endif
}

/// x Wᵀ + b of rows, two at a time. BLAS libraries sum up in another order for another number of rows,
/// and what is drawn of a clip must not depend on the clips beside it.
at::Tensor linearByPairs(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  const int64_t rows = x.size(0);
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < rows; first += 2) {
    const bool isPair = first + 1 < rows;
    const at::Tensor row = x.narrow(0, first, isPair ? 2 : 1);
    const at::Tensor y = at::linear(isPair ? row : at::cat({row, row}), weight, bias);
    parts.push_back(isPair ? y : y.narrow(0, 0, 1));
  }
  return parts.size() == 1 ? parts[0] : at::cat(parts);
}

/// x Wᵀ + b, of each clip on its own: OpenBLAS, which computes float32, sums up a row in another order at another
/// place of the matrix on some processors, so that not even pairs would do.
at::Tensor linearByClips(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  return ctorch::byClips(x, [&](const at::Tensor &clip) { return at::linear(clip, weight, bias); });
}

}  // namespace

at::Tensor ctorch::byClips(const at::Tensor &x,
                           c10::function_ref<at::Tensor(const at::Tensor &)> body) {
  std::vector<at::Tensor> parts;
  for (int64_t clip = 0; clip < x.size(0); ++clip) parts.push_back(body(x.narrow(0, clip, 1)));
  return at::cat(parts);
}

CTStatus ct_matmul(const CTTensor *x, const CTTensor *y, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.matmul(y->value)); });
}

CTStatus ct_linear(const CTTensor *x, const CTTensor *weight, const CTTensor *bias,
                   CTTensor **out) {
  return guarded([&] {
    const auto type = x->value.scalar_type();
    const at::Tensor w = castTo(type, weight), b = castTo(type, bias);
    const at::Tensor &value = x->value;
    const bool isOfClips = value.dim() >= 2 && value.size(0) > 0 && value.device().is_cpu() &&
                           !at::GradMode::is_enabled();
    if (isOfClips && type == at::kFloat) {
      *out = boxed(linearByClips(value, w, b));
    } else if (isOfClips && value.dim() == 2) {
      *out = boxed(linearByPairs(value, w, b));
    } else {
      *out = boxed(at::linear(value, w, b));
    }
  });
}

CTStatus ct_conv2d(const CTTensor *x, const CTTensor *weight, const CTTensor *bias,
                   int64_t stride, int64_t padding, int64_t groups, CTTensor **out) {
  return guarded([&] {
    if (stride == 1 && padding == 1 && groups == 1 &&
        ctorch::convolution3x3Fits(x->value, weight->value)) {
      *out = boxed(ctorch::convolution3x3(x->value, {}, weight, castTo(at::kFloat, bias), {}));
      return;
    }
    const auto type = x->value.scalar_type();
    *out = boxed(ctorch::convolution(x->value, castTo(type, weight), castTo(type, bias), stride,
                                     padding, groups));
  });
}

CTStatus ct_pad2d(const CTTensor *x, int64_t top, int64_t bottom, int64_t left, int64_t right,
                  CTPadding mode, CTTensor **out) {
  return guarded(
      [&] { *out = boxed(at::pad(x->value, {left, right, top, bottom}, paddingMode(mode))); });
}

CTStatus ct_group_norm(const CTTensor *x, int64_t groups, const CTTensor *weight,
                       const CTTensor *bias, double epsilon, CTTensor **out) {
  return guarded([&] {
    *out = boxed(at::group_norm(x->value, groups, unboxed(weight), unboxed(bias), epsilon));
  });
}

CTStatus ct_layer_norm(const CTTensor *x, const CTTensor *weight, const CTTensor *bias,
                       double epsilon, CTTensor **out) {
  return guarded([&] {
    *out = boxed(at::layer_norm(x->value, x->value.size(-1), unboxed(weight), unboxed(bias),
                                epsilon));
  });
}

CTStatus ct_softmax(const CTTensor *x, int64_t dimension, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.softmax(dimension)); });
}

CTStatus ct_attention(const CTTensor *q, const CTTensor *k, const CTTensor *v, CTTensor **out) {
  return guarded([&] { *out = boxed(attention(q->value, k->value, v->value)); });
}

CTStatus ct_upsample_nearest_2x(const CTTensor *x, CTTensor **out) {
  return guarded([&] {
    auto size = {2 * x->value.size(-2), 2 * x->value.size(-1)};
    *out = boxed(at::upsample_nearest2d(x->value, size));
  });
}

CTStatus ct_average_pool_2x(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(at::avg_pool2d(x->value, 2)); });
}

CTStatus ct_embedding(const CTTensor *weight, const CTTensor *indices, CTTensor **out) {
  return guarded([&] { *out = boxed(at::embedding(weight->value, indices->value)); });
}
