// Gradients.

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "internal.h"

using ctorch::boxed;
using ctorch::guarded;

bool ct_gradient_is_enabled(void) { return c10::GradMode::is_enabled(); }

void ct_set_gradient_enabled(bool enabled) { c10::GradMode::set_enabled(enabled); }

bool ct_requires_gradient(const CTTensor *x) { return x->value.requires_grad(); }

CTStatus ct_set_requires_gradient(CTTensor *x, bool value) {
  return guarded([&] { x->value.set_requires_grad(value); });
}

CTStatus ct_backward(const CTTensor *x) {
  return guarded([&] { x->value.backward(); });
}

CTStatus ct_gradients(const CTTensor *y, CTTensor *const *inputs, int64_t count, bool recorded,
                      CTTensor **out) {
  return guarded([&] {
    std::vector<at::Tensor> variables;
    variables.reserve(count);
    std::transform(inputs, inputs + count, std::back_inserter(variables),
                   [](const CTTensor *input) { return input->value; });
    auto gradients = torch::autograd::grad({y->value}, variables, {}, /*retain_graph=*/true,
                                           /*create_graph=*/recorded);
    std::transform(gradients.begin(), gradients.end(), out,
                   [](at::Tensor &gradient) { return boxed(std::move(gradient)); });
  });
}

CTTensor *ct_gradient(const CTTensor *x) {
  const at::Tensor &gradient = x->value.grad();
  return gradient.defined() ? boxed(gradient) : nullptr;
}

void ct_drop_gradient(CTTensor *x) { x->value.mutable_grad().reset(); }
