#pragma once

#include <ATen/core/Tensor.h>

#include "internal.h"

namespace ctorch {

/// What comes before a convolution in the same pass: silu(norm(x) · scale + shift). Undefined
/// tensors for nothing.
struct ConvolutionInput {
  at::Tensor scale, shift;
  int64_t groups = 1;
  double epsilon = 0;
};

/// Any convolution by libtorch. On a CPU, in float32 and without gradients, the
/// result does not depend on the other clips.
at::Tensor convolution(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                       int64_t stride, int64_t padding, int64_t groups);

/// Whether `convolution3x3` computes this convolution, of a 3 x 3 kernel with a border of one zero.
bool convolution3x3Fits(const at::Tensor &x, const at::Tensor &weight);

/// conv(input(x)) + bias + residual by Winograd's algorithm, of which bias and residual may be
/// undefined. x and residual are bfloat16, bias, scale and shift float32. Differentiable in all
/// tensors. The result is channels-last and does not depend on the number of threads or on the other clips.
at::Tensor convolution3x3(const at::Tensor &x, const ConvolutionInput &input,
                          const CTTensor *weight, const at::Tensor &bias,
                          const at::Tensor &residual);

}  // namespace ctorch
