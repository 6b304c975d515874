// Views, joins and other rearrangements.

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include <vector>

#include "internal.h"

using ctorch::boxed;
using ctorch::guarded;

namespace {

std::vector<at::Tensor> unboxedList(const CTTensor *const *tensors, int64_t count) {
  std::vector<at::Tensor> list;
  list.reserve(count);
  for (int64_t i = 0; i < count; i++) list.push_back(tensors[i]->value);
  return list;
}

}  // namespace

CTStatus ct_reshape(const CTTensor *x, const int64_t *shape, int64_t rank, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.reshape(at::IntArrayRef(shape, rank))); });
}

CTStatus ct_expand(const CTTensor *x, const int64_t *shape, int64_t rank, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.expand(at::IntArrayRef(shape, rank))); });
}

CTStatus ct_permute(const CTTensor *x, const int64_t *dimensions, int64_t count, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.permute(at::IntArrayRef(dimensions, count))); });
}

CTStatus ct_transpose(const CTTensor *x, int64_t first, int64_t second, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.transpose(first, second)); });
}

CTStatus ct_unsqueeze(const CTTensor *x, int64_t dimension, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.unsqueeze(dimension)); });
}

CTStatus ct_squeeze(const CTTensor *x, int64_t dimension, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.squeeze(dimension)); });
}

CTStatus ct_narrow(const CTTensor *x, int64_t dimension, int64_t start, int64_t length,
                   CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.narrow(dimension, start, length)); });
}

CTStatus ct_index_select(const CTTensor *x, int64_t dimension, const CTTensor *indices,
                         CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.index_select(dimension, indices->value)); });
}

CTStatus ct_flip(const CTTensor *x, int64_t dimension, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.flip(dimension)); });
}

CTStatus ct_roll(const CTTensor *x, int64_t shift, int64_t dimension, CTTensor **out) {
  return guarded([&] { *out = boxed(x->value.roll(shift, dimension)); });
}

CTStatus ct_concatenate(const CTTensor *const *tensors, int64_t count, int64_t dimension,
                        CTTensor **out) {
  return guarded([&] { *out = boxed(at::cat(unboxedList(tensors, count), dimension)); });
}

CTStatus ct_stack(const CTTensor *const *tensors, int64_t count, int64_t dimension,
                  CTTensor **out) {
  return guarded([&] { *out = boxed(at::stack(unboxedList(tensors, count), dimension)); });
}
