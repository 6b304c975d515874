#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

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

/// Sets up the process on the first call. Comes before any other use of libtorch, which looks for
/// CUDA only once: whatever makes a tensor from nothing calls it.
void prepare();

/// Calls body(begin, end) for parts of 0 ..< count, cut at multiples of `grain`, on all threads.
///
/// at::parallel_for would run on one thread here: it is compiled with its caller, and the C++ of a
/// Swift package is not compiled for OpenMP.
void parallelFor(int64_t count, int64_t grain, c10::function_ref<void(int64_t, int64_t)> body);

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
