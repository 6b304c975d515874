#pragma once

#include "ctorch.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Group norm, a scale and a shift per channel, and SiLU if `silu` is not 0, in one pass over the
/// memory: y = silu(norm(x) · scale + shift). Differentiable in x, scale and shift.
///
/// x [N, C, H, W]; scale and shift [N, C] or [1, C]; `groups` divides C. The result has the type of
/// x and is channels-last. Statistics are float32 and do not depend on the number of threads.
/// On CT_OK the caller owns *out; on failure *out is untouched.
CTStatus ct_group_norm_silu(const CTTensor *_Nonnull x, const CTTensor *_Nonnull scale,
                            const CTTensor *_Nonnull shift, int64_t groups, double epsilon,
                            int silu, CTTensor *_Nullable *_Nonnull out);

/// conv(silu(norm(x) · scale + shift)) + bias + residual, the convolution 3 x 3 with a border of one
/// zero: the residual block's, without its intermediate images in memory where x is bfloat16, the
/// processor has AVX512-BF16 and 16 divides C and O. Differentiable in all tensors.
///
/// x [N, C, H, W]; scale and shift [N, C] or [1, C]; weight [O, C, 3, 3] and bias [O] float32;
/// residual [N, O, H, W] or NULL. The result has the type of x.
/// On CT_OK the caller owns *out; on failure *out is untouched.
CTStatus ct_group_norm_silu_conv2d(const CTTensor *_Nonnull x, const CTTensor *_Nonnull scale,
                                   const CTTensor *_Nonnull shift, int64_t groups, double epsilon,
                                   const CTTensor *_Nonnull weight,
                                   const CTTensor *_Nullable bias,
                                   const CTTensor *_Nullable residual,
                                   CTTensor *_Nullable *_Nonnull out);

/// The channels at each place to a root mean square of 1, a scale per channel, and SiLU, in one pass
/// over the memory: y = silu(x / √(mean of x² over the channels + epsilon) · weight).
/// Differentiable once, in x and weight.
///
/// x [N, C, H, W]; `weight` has C values. The result has the type of x and is channels-last. A place
/// depends on no other one. On CT_OK the caller owns *out; on failure *out is untouched.
CTStatus ct_channel_norm_silu(const CTTensor *_Nonnull x, const CTTensor *_Nonnull weight,
                              double epsilon, CTTensor *_Nullable *_Nonnull out);

#ifdef __cplusplus
}
#endif
