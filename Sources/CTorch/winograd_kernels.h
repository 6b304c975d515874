#pragma once

#include <cstdint>

namespace ctorch {

/// The parts of a 3 x 3 convolution with a border of one zero by Winograd's F(2x2, 3x3) (Lavin and
/// Gray 2016, arXiv:1509.09308, section 4.1): of each 2 x 2 tile of the output, 16 products for each
/// pair of channels instead of 36. In bfloat16 (as raw bits) with sums in float32, for processors
/// with AVX512-BF16.
///
/// Images are channels-last, all numbers of channels multiples of 16. A strip is a row of tiles, two
/// rows of the output.
struct WinogradShape {
  int64_t clips, height, width, inputs, outputs;

  int64_t stripsPerClip() const { return (height + 1) / 2; }
  int64_t strips() const { return clips * stripsPerClip(); }
  /// Even, so that tiles go in pairs; the last may lie outside.
  int64_t tiles() const { return ((width + 1) / 2 + 1) / 2 * 2; }
};

/// What is done to the input of a convolution on the way: x, or silu(x · a + d) with the clip's own
/// coefficients for each channel, [clips, inputs].
struct WinogradInput {
  const uint16_t *x;
  const float *a, *d;
};

/// Whether this processor runs the functions below.
bool winogradIsSupported();

/// Values of the transformed weights, for a convolution and for its gradient alike.
inline int64_t winogradWeightCount(int64_t inputs, int64_t outputs) {
  return 16 * inputs * outputs;
}

/// G w Gᵀ of the inputs `first` ..< `first + count`, both multiples of 2, packed for
/// `winogradConvolution`. `w` [outputs, inputs, 3, 3] with these strides. For the gradient of the
/// input, `reversed`, the roles of inputs and outputs change and the kernel is turned around:
/// `inputs` and `outputs` are those of that convolution.
void winogradWeights(const float *w, const int64_t strides[4], int64_t inputs, int64_t outputs,
                     bool reversed, int64_t first, int64_t count, uint16_t *packed);

/// Strips that `winogradConvolution` multiplies at once: enough tiles that the weights, read once for
/// all of them, cost little.
int64_t winogradStripsAtOnce(const WinogradShape &shape);

/// Floats of working memory for one call of `winogradConvolution`.
int64_t winogradScratch(const WinogradShape &shape);

/// The strips `begin` ..< `end` of y = conv(input) + bias + residual, of which the last two may be
/// null.
void winogradConvolution(const WinogradShape &shape, const WinogradInput &input,
                         const uint16_t *packed, const float *bias, const uint16_t *residual,
                         int64_t begin, int64_t end, float *scratch, uint16_t *y);

/// Transformed tiles of some strips, [16, strips, tiles / 2, channels, 2]: the 16 places `distance`
/// values apart, which keeps them out of each other's lines in the cache.
struct WinogradTiles {
  uint16_t *values;
  int64_t distance;

  static int64_t distanceOf(const WinogradShape &shape, int64_t strips, int64_t channels) {
    return strips * shape.tiles() * channels + 160;
  }
};

/// Bᵀ x B for each tile of the strips `begin` ..< `end`, counted from `first` on in `tiles`.
void winogradInputTiles(const WinogradShape &shape, const WinogradInput &input, int64_t begin,
                        int64_t end, int64_t first, float *scratch, const WinogradTiles &tiles);

/// A dy Aᵀ for each tile of a strip, counted from `first` on in `tiles`. Adds dy up into
/// sum [outputs].
void winogradGradientTiles(const WinogradShape &shape, const uint16_t *dy, int64_t strip,
                           int64_t first, const WinogradTiles &tiles, float *sum);

/// Adds the products of both tiles of `strips` strips to the gradient of the transformed weights:
/// of place `place` out of 16, [inputs, outputs].
void winogradWeightProducts(const WinogradShape &shape, const WinogradTiles &inputTiles,
                            const WinogradTiles &gradientTiles, int64_t strips, int64_t place,
                            float *products);

/// Gᵀ p G of the inputs `first` ..< `first + count`: products [16, inputs, outputs] to the gradient
/// of the weights, [outputs, inputs, 3, 3] with these strides.
void winogradWeightGradient(const float *products, int64_t inputs, int64_t outputs,
                            const int64_t strides[4], int64_t first, int64_t count, float *dw);

}  // namespace ctorch
