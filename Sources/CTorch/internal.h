#pragma once

#include <ATen/core/Tensor.h>

#include "ctorch.h"

struct CTTensor {
  at::Tensor value;
};

namespace ctorch {

/// Hands a tensor to C, which owns it until ct_free.
inline CTTensor *boxed(at::Tensor value) { return new CTTensor{std::move(value)}; }

/// The tensor, or an undefined one, which is how libtorch spells "none".
inline at::Tensor unboxed(const CTTensor *tensor) {
  return tensor ? tensor->value : at::Tensor();
}

/// Keeps the message of the exception being handled for ct_last_error.
CTStatus recordException() noexcept;

/// Runs `body`; an exception becomes a status. Every function that can fail goes through here.
template <typename Body>
CTStatus guarded(Body &&body) noexcept {
  try {
    body();
    return CT_OK;
  } catch (...) {
    return recordException();
  }
}

}  // namespace ctorch
