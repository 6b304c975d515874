// Sums, means, extremes.

#include <ATen/ops/isfinite.h>

#include "internal.h"

using ctorch::boxed;
using ctorch::guarded;

CTStatus ct_sum(const CTTensor *x, const int64_t *dimensions, int64_t count, bool keep,
                CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.sum(at::IntArrayRef(dimensions, count), keep)); });
}

CTStatus ct_mean(const CTTensor *x, const int64_t *dimensions, int64_t count, bool keep,
                 CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.mean(at::IntArrayRef(dimensions, count), keep)); });
}

CTStatus ct_max(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.max()); });
}

CTStatus ct_min(const CTTensor *x, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.min()); });
}

CTStatus ct_all_finite(const CTTensor *x, bool *out) {
  return guarded([&] { *out = at::isfinite(x->value).all().item<bool>(); });
}
