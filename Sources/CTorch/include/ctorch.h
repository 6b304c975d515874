#pragma once

// A plain C view of libtorch: the only part of the package that sees it.
//
// Tensors are opaque. A function returns CT_OK and writes what it made through `out`, which the
// caller then owns and frees with ct_free; on any other status `out` is untouched and
// ct_last_error says why. No C++ exception leaves this library.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

typedef struct CTTensor CTTensor;

typedef enum CTStatus { CT_OK, CT_ERROR, CT_OUT_OF_MEMORY } CTStatus;

typedef enum CTDType {
  CT_FLOAT32,
  CT_FLOAT16,
  CT_BFLOAT16,
  CT_FLOAT64,
  CT_INT64,
  CT_UINT8,
  CT_INT8,
  CT_BOOL,
} CTDType;

/// The processor, or from 0 up a CUDA device.
typedef int32_t CTDevice;
#define CT_CPU ((CTDevice)-1)

// MARK: Runtime (runtime.cpp)

/// The first line of the message of the last failure on this thread, valid until the next one.
const char *ct_last_error(void);
/// The version of libtorch that this library was compiled against, such as "1.13.0".
const char *ct_version(void);
/// Whether libtorch has CUDA and finds a device.
bool ct_cuda_is_available(void);
/// Threads that one operation may use on the CPU.
int32_t ct_thread_count(void);
CTStatus ct_set_thread_count(int32_t count);
/// Gives memory that was freed, and is kept for later, back to the system.
void ct_release_memory(void);

// MARK: Creation, inspection, copies (tensor.cpp)

/// A copy of row-major numbers of `dtype`, on `device`; `data` may go when the call returns.
CTStatus ct_from_data(const void *data, CTDType dtype, const int64_t *shape, int64_t rank,
                      CTDevice device, CTTensor *_Nullable *_Nonnull out);
/// Every element `value`.
CTStatus ct_full(double value, CTDType dtype, const int64_t *shape, int64_t rank, CTDevice device,
                 CTTensor *_Nullable *_Nonnull out);
void ct_free(CTTensor *tensor);

int64_t ct_rank(const CTTensor *x);
int64_t ct_size(const CTTensor *x, int64_t dimension);
int64_t ct_count(const CTTensor *x);
CTDevice ct_device(const CTTensor *x);
/// Fails for a type that CTDType has not.
CTStatus ct_dtype(const CTTensor *x, CTDType *out);
bool ct_is_channels_last(const CTTensor *x);
/// The first element of a contiguous tensor on the CPU; NULL for any other tensor.
const void *_Nullable ct_data(const CTTensor *x);
/// Copies all elements, as `dtype` and in row-major order, to `destination`, which holds `count`.
CTStatus ct_read(const CTTensor *x, CTDType dtype, void *destination, int64_t count);
/// The value of a tensor of one element.
CTStatus ct_item(const CTTensor *x, double *out);

CTStatus ct_to_dtype(const CTTensor *x, CTDType dtype, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_to_device(const CTTensor *x, CTDevice device, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_contiguous(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_channels_last(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_clone(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_detach(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
/// Writes the elements of `source` into `x`, whatever its type, device or layout. No gradient.
CTStatus ct_copy(CTTensor *x, const CTTensor *source);
/// Makes `x`, and whatever shares its identity, hold the storage of `source`. No gradient.
CTStatus ct_set_data(CTTensor *x, const CTTensor *source);

// MARK: Element-wise (elementwise.cpp)

typedef enum CTUnary {
  CT_NEGATE,
  CT_ABS,
  CT_EXP,
  CT_LOG,
  CT_SQRT,
  CT_SQUARE,
  CT_RECIPROCAL,
  CT_SIN,
  CT_COS,
  CT_TANH,
  CT_SIGMOID,
  CT_SILU,
  CT_GELU,
  CT_RELU,
} CTUnary;

typedef enum CTBinary {
  CT_ADD,
  CT_SUBTRACT,
  CT_MULTIPLY,
  CT_DIVIDE,
  CT_MAXIMUM,
  CT_MINIMUM,
  CT_POWER,
} CTBinary;

CTStatus ct_unary(CTUnary operation, const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
/// With broadcasting and torch's type promotion.
CTStatus ct_binary(CTBinary operation, const CTTensor *x, const CTTensor *y,
                   CTTensor *_Nullable *_Nonnull out);
/// The scalar does not change a floating-point tensor's type.
CTStatus ct_binary_scalar(CTBinary operation, const CTTensor *x, double y,
                          CTTensor *_Nullable *_Nonnull out);

// MARK: Shapes (shape.cpp)

CTStatus ct_reshape(const CTTensor *x, const int64_t *shape, int64_t rank,
                    CTTensor *_Nullable *_Nonnull out);
CTStatus ct_expand(const CTTensor *x, const int64_t *shape, int64_t rank,
                   CTTensor *_Nullable *_Nonnull out);
CTStatus ct_permute(const CTTensor *x, const int64_t *dimensions, int64_t count,
                    CTTensor *_Nullable *_Nonnull out);
CTStatus ct_transpose(const CTTensor *x, int64_t first, int64_t second,
                      CTTensor *_Nullable *_Nonnull out);
CTStatus ct_unsqueeze(const CTTensor *x, int64_t dimension, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_squeeze(const CTTensor *x, int64_t dimension, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_narrow(const CTTensor *x, int64_t dimension, int64_t start, int64_t length,
                   CTTensor *_Nullable *_Nonnull out);
CTStatus ct_index_select(const CTTensor *x, int64_t dimension, const CTTensor *indices,
                         CTTensor *_Nullable *_Nonnull out);
CTStatus ct_flip(const CTTensor *x, int64_t dimension, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_roll(const CTTensor *x, int64_t shift, int64_t dimension,
                 CTTensor *_Nullable *_Nonnull out);
CTStatus ct_concatenate(const CTTensor *_Nonnull const *_Nonnull tensors, int64_t count,
                        int64_t dimension, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_stack(const CTTensor *_Nonnull const *_Nonnull tensors, int64_t count,
                  int64_t dimension, CTTensor *_Nullable *_Nonnull out);

// MARK: Reductions (reduction.cpp)

/// Over the given dimensions, or over all if there are none.
CTStatus ct_sum(const CTTensor *x, const int64_t *dimensions, int64_t count, bool keep,
                CTTensor *_Nullable *_Nonnull out);
CTStatus ct_mean(const CTTensor *x, const int64_t *dimensions, int64_t count, bool keep,
                 CTTensor *_Nullable *_Nonnull out);
CTStatus ct_max(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
CTStatus ct_min(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
/// Whether no element is infinite or NaN.
CTStatus ct_all_finite(const CTTensor *x, bool *out);

// MARK: Neural networks (network.cpp)

typedef enum CTPadding { CT_PAD_ZEROS, CT_PAD_CIRCULAR, CT_PAD_REFLECT } CTPadding;

CTStatus ct_matmul(const CTTensor *x, const CTTensor *y, CTTensor *_Nullable *_Nonnull out);
/// x [..., I], weight [O, I], bias [O] or NULL, of the type of x or float32; *out [..., O] of the
/// type of x.
CTStatus ct_linear(const CTTensor *x, const CTTensor *weight, const CTTensor *_Nullable bias,
                   CTTensor *_Nullable *_Nonnull out);
/// x [N, C, H, W], weight [O, C / groups, kH, kW], bias [O] or NULL, of the type of x or float32;
/// *out [N, O, H', W'] of the type of x.
CTStatus ct_conv2d(const CTTensor *x, const CTTensor *weight, const CTTensor *_Nullable bias,
                   int64_t stride, int64_t padding, int64_t groups,
                   CTTensor *_Nullable *_Nonnull out);
/// x [N, C, H, W]; *out [N, C, top + H + bottom, left + W + right].
CTStatus ct_pad2d(const CTTensor *x, int64_t top, int64_t bottom, int64_t left, int64_t right,
                  CTPadding mode, CTTensor *_Nullable *_Nonnull out);
/// x [N, C, ...], weight and bias [C] or NULL.
CTStatus ct_group_norm(const CTTensor *x, int64_t groups, const CTTensor *_Nullable weight,
                       const CTTensor *_Nullable bias, double epsilon,
                       CTTensor *_Nullable *_Nonnull out);
/// Over the last dimension, of C elements; weight and bias [C] or NULL.
CTStatus ct_layer_norm(const CTTensor *x, const CTTensor *_Nullable weight,
                       const CTTensor *_Nullable bias, double epsilon,
                       CTTensor *_Nullable *_Nonnull out);
CTStatus ct_softmax(const CTTensor *x, int64_t dimension, CTTensor *_Nullable *_Nonnull out);
/// softmax(q kᵀ / √D) v. q [..., L, D], k [..., S, D], v [..., S, E]; *out [..., L, E].
CTStatus ct_attention(const CTTensor *q, const CTTensor *k, const CTTensor *v,
                      CTTensor *_Nullable *_Nonnull out);
/// x [N, C, H, W]; *out [N, C, 2H, 2W].
CTStatus ct_upsample_nearest_2x(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
/// x [N, C, H, W]; *out [N, C, H / 2, W / 2].
CTStatus ct_average_pool_2x(const CTTensor *x, CTTensor *_Nullable *_Nonnull out);
/// weight [V, C], indices int64 [...]; *out [..., C].
CTStatus ct_embedding(const CTTensor *weight, const CTTensor *indices,
                      CTTensor *_Nullable *_Nonnull out);

// MARK: Gradients (autograd.cpp)

/// Of the calling thread; true at first.
bool ct_gradient_is_enabled(void);
void ct_set_gradient_enabled(bool enabled);
bool ct_requires_gradient(const CTTensor *x);
CTStatus ct_set_requires_gradient(CTTensor *x, bool value);
/// Adds to the gradient of every leaf that x, one element, depends on.
CTStatus ct_backward(const CTTensor *x);
/// The gradients of y, one element, with respect to `count` tensors that it depends on, into `out`: the
/// caller owns each. They leave the gradients of leaves as they are and keep the history of y; with
/// `recorded` they have a history of their own, for gradients of gradients.
CTStatus ct_gradients(const CTTensor *y, CTTensor *_Nonnull const *_Nonnull inputs, int64_t count,
                      bool recorded, CTTensor *_Nullable *_Nonnull out);
/// The gradient, which the caller owns; NULL if there is none.
CTTensor *_Nullable ct_gradient(const CTTensor *x);
/// Drops the gradient, and its memory.
void ct_drop_gradient(CTTensor *x);

// MARK: Optimization (optimizer.cpp)

/// One AdamW update, step counting from 1. `first` and `second` are the running moments, float32
/// and shaped as the parameters. Parameters without a gradient are passed over.
CTStatus ct_adamw(CTTensor *_Nonnull const *_Nonnull parameters,
                  CTTensor *_Nonnull const *_Nonnull first,
                  CTTensor *_Nonnull const *_Nonnull second, int64_t count, int64_t step,
                  double learning_rate, double beta1, double beta2, double epsilon,
                  double weight_decay);
/// Scales all gradients by min(1, max_norm / norm), and gives the norm of all before. If that is
/// not finite the gradients stay as they are.
CTStatus ct_clip_gradients(CTTensor *_Nonnull const *_Nonnull parameters, int64_t count,
                           double max_norm, double *norm);
/// average ← decay · average + (1 − decay) · parameter.
CTStatus ct_update_average(CTTensor *_Nonnull const *_Nonnull averages,
                           CTTensor *_Nonnull const *_Nonnull parameters, int64_t count,
                           double decay);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
