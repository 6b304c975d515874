// Operations on each element.

#include <ATen/ops/gelu.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/silu.h>

#include "internal.h"

using ctorch::boxed;
using ctorch::guarded;

namespace {

at::Tensor apply(CTUnary operation, const at::Tensor &x) {
  switch (operation) {
    case CT_NEGATE: return x.neg();
    case CT_ABS: return x.abs();
    case CT_EXP: return x.exp();
    case CT_LOG: return x.log();
    case CT_SQRT: return x.sqrt();
    case CT_SQUARE: return x.square();
    case CT_RECIPROCAL: return x.reciprocal();
    case CT_SIN: return x.sin();
    case CT_COS: return x.cos();
    case CT_TANH: return x.tanh();
    case CT_SIGMOID: return x.sigmoid();
    case CT_SILU: return at::silu(x);
    case CT_GELU: return at::gelu(x);
    case CT_RELU: return x.relu();
  }
  TORCH_CHECK(false, "no such operation: ", static_cast<int>(operation));
}

at::Tensor apply(CTBinary operation, const at::Tensor &x, const at::Tensor &y) {
  switch (operation) {
    case CT_ADD: return x.add(y);
    case CT_SUBTRACT: return x.sub(y);
    case CT_MULTIPLY: return x.mul(y);
    case CT_DIVIDE: return x.div(y);
    case CT_MAXIMUM: return at::maximum(x, y);
    case CT_MINIMUM: return at::minimum(x, y);
    case CT_POWER: return x.pow(y);
  }
  TORCH_CHECK(false, "no such operation: ", static_cast<int>(operation));
}

at::Tensor apply(CTBinary operation, const at::Tensor &x, double y) {
  switch (operation) {
    case CT_ADD: return x.add(y);
    case CT_SUBTRACT: return x.sub(y);
    case CT_MULTIPLY: return x.mul(y);
    case CT_DIVIDE: return x.div(y);
    case CT_MAXIMUM: return x.clamp_min(y);
    case CT_MINIMUM: return x.clamp_max(y);
    case CT_POWER: return x.pow(y);
  }
  TORCH_CHECK(false, "no such operation: ", static_cast<int>(operation));
}

}  // namespace

CTStatus ct_unary(CTUnary operation, const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(apply(operation, x->value)); });
}

CTStatus ct_binary(CTBinary operation, const CTTensor *x, const CTTensor *y, CTTensor **out) {
  return guarded([&] { *out = boxed(apply(operation, x->value, y->value)); });
}

CTStatus ct_binary_scalar(CTBinary operation, const CTTensor *x, double y, CTTensor **out) {
  return guarded([&] { *out = boxed(apply(operation, x->value, y)); });
}
