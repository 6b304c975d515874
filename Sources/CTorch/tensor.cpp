// Creation, inspection, conversion and copies.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <cstring>

#include "internal.h"

using ctorch::boxed;
using ctorch::guarded;

namespace {

constexpr struct {
  CTDType ours;
  at::ScalarType theirs;
} dtypes[] = {
    {CT_FLOAT32, at::kFloat}, {CT_FLOAT16, at::kHalf}, {CT_BFLOAT16, at::kBFloat16},
    {CT_FLOAT64, at::kDouble}, {CT_INT64, at::kLong},  {CT_UINT8, at::kByte},
    {CT_INT8, at::kChar},      {CT_BOOL, at::kBool},
};

at::ScalarType scalarType(CTDType dtype) {
  for (const auto &pair : dtypes) {
    if (pair.ours == dtype) return pair.theirs;
  }
  TORCH_CHECK(false, "no such element type: ", static_cast<int>(dtype));
}

at::Device deviceOf(CTDevice device) {
  if (device == CT_CPU) return at::kCPU;
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device));
}

}  // namespace

CTStatus ct_from_data(const void *data, CTDType dtype, const int64_t *shape, int64_t rank,
                      CTDevice device, CTTensor **out) {
  return guarded([&] {
    ctorch::prepare();
    // From pinned memory, to which the caller's is copied first, nobody waits for a GPU.
    auto options = at::TensorOptions(scalarType(dtype)).pinned_memory(device != CT_CPU);
    auto copy = at::empty(at::IntArrayRef(shape, rank), options);
    if (copy.numel() > 0) std::memcpy(copy.data_ptr(), data, copy.nbytes());
    *out = boxed(device == CT_CPU ? copy : copy.to(deviceOf(device), /*non_blocking=*/true));
  });
}

CTStatus ct_full(double value, CTDType dtype, const int64_t *shape, int64_t rank, CTDevice device,
                 CTTensor **out) {
  return guarded([&] {
    ctorch::prepare();
    auto options = at::TensorOptions(deviceOf(device)).dtype(scalarType(dtype));
    *out = boxed(at::full(at::IntArrayRef(shape, rank), value, options));
  });
}

void ct_free(CTTensor *tensor) { delete tensor; }

int64_t ct_rank(const CTTensor *x) { return x->value.dim(); }

int64_t ct_size(const CTTensor *x, int64_t dimension) { return x->value.sizes()[dimension]; }

int64_t ct_count(const CTTensor *x) { return x->value.numel(); }

CTDevice ct_device(const CTTensor *x) {
  return x->value.is_cpu() ? CT_CPU : static_cast<CTDevice>(x->value.device().index());
}

CTStatus ct_dtype(const CTTensor *x, CTDType *out) {
  return guarded([&] {
    for (const auto &pair : dtypes) {
      if (pair.theirs == x->value.scalar_type()) {
        *out = pair.ours;
        return;
      }
    }
    TORCH_CHECK(false, "unsupported element type: ", x->value.scalar_type());
  });
}

bool ct_is_channels_last(const CTTensor *x) {
  return x->value.is_contiguous(at::MemoryFormat::ChannelsLast);
}

const void *ct_data(const CTTensor *x) {
  bool readable = x->value.is_cpu() && x->value.is_contiguous();
  return readable ? x->value.data_ptr() : nullptr;
}

CTStatus ct_read(const CTTensor *x, CTDType dtype, void *destination, int64_t count) {
  return guarded([&] {
    TORCH_CHECK(count == x->value.numel(), "cannot read ", x->value.numel(), " elements as ", count);
    auto flat = x->value.detach().to(at::kCPU, scalarType(dtype)).contiguous();
    if (count > 0) std::memcpy(destination, flat.data_ptr(), flat.nbytes());
  });
}

CTStatus ct_item(const CTTensor *x, double *out) {
  return guarded([&] { *out = x->value.item().toDouble(); });
}

CTStatus ct_to_dtype(const CTTensor *x, CTDType dtype, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.to(scalarType(dtype))); });
}

CTStatus ct_to_device(const CTTensor *x, CTDevice device, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.to(deviceOf(device))); });
}

CTStatus ct_contiguous(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.contiguous()); });
}

CTStatus ct_channels_last(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.contiguous(at::MemoryFormat::ChannelsLast)); });
}

CTStatus ct_clone(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.clone()); });
}

CTStatus ct_detach(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.detach()); });
}

CTStatus ct_copy(CTTensor *x, const CTTensor *source) {
  return guarded([&] {
    TORCH_CHECK(x->value.sizes() == source->value.sizes(), "shapes differ");
    at::NoGradGuard noGradient;
    x->value.copy_(source->value);
  });
}

CTStatus ct_set_data(CTTensor *x, const CTTensor *source) {
  return guarded([&] { x->value.set_data(source->value.detach()); });
}
