#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <c10/util/FunctionRef.h>

#include <mutex>

#include "ctorch.h"

namespace ctorch {

/// What was made of a weight for inference, kept until the weight changes.
class Prepared {
 public:
  /// What `make` gives, or gave for this very weight; while gradients are gathered always anew,
  /// because every step changes the weights.
  at::Tensor get(const at::Tensor &weight, c10::function_ref<at::Tensor()> make) {
    if (c10::GradMode::is_enabled()) return make();
    std::lock_guard<std::mutex> lock(mutex);
    if (!value.defined() || version != weight._version() || data != weight.data_ptr()) {
      value = make();
      version = weight._version();
      data = weight.data_ptr();
    }
    return value;
  }

 private:
  std::mutex mutex;
  at::Tensor value;
  int64_t version = 0;
  const void *data = nullptr;
};

}  // namespace ctorch

struct CTTensor {
  at::Tensor value;
  /// For a convolution of 3 x 3: its transformed weights.
  mutable ctorch::Prepared transformed = {};
  /// In the type that a network computes in.
  mutable ctorch::Prepared cast = {};
};

namespace ctorch {

/// Hands a tensor to C, which owns it until ct_free.
inline CTTensor *boxed(at::Tensor value) { return new CTTensor{std::move(value)}; }

/// The weight, or an undefined tensor for none, in the type of what it is multiplied with.
inline at::Tensor castTo(at::ScalarType type, const CTTensor *weight) {
  if (!weight || weight->value.scalar_type() == type) return weight ? weight->value : at::Tensor();
  at::Tensor result =
      weight->cast.get(weight->value, [&] { return weight->value.to(type); });
  return result.scalar_type() == type ? result : weight->value.to(type);
}

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

/// `body` of each clip on its own, the first dimension of x, one after the other.
at::Tensor byClips(const at::Tensor &x, c10::function_ref<at::Tensor(const at::Tensor &)> body);

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
