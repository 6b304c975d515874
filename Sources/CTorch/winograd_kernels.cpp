#include "winograd_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#pragma clang attribute push(                                                                \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), \
    apply_to = function)
#define CT_INLINE static inline __attribute__((always_inline))

namespace ctorch {
namespace {

using Vector = __m512;
/// Floats in a vector, and channels in all loops below.
constexpr int64_t lanes = 16;

CT_INLINE Vector load(const uint16_t *x) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(x)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

CT_INLINE void store(Vector value, uint16_t *out) {
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), (__m256i)_mm512_cvtneps_pbh(value));
}

/// Two vectors as pairs: channel by channel the value of each.
CT_INLINE void storePairs(Vector first, Vector second, uint16_t *out) {
  const __m512i order = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19,
      3, 18, 2, 17, 1, 16, 0);
  __m512i both = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  _mm512_storeu_si512(out, _mm512_permutexvar_epi16(order, both));
}

/// 1 / (1 + e^-z): e^x = 2^n e^r with a Taylor polynomial for e^r, within 2 ulp.
CT_INLINE Vector sigmoid(Vector z) {
  Vector x = _mm512_sub_ps(_mm512_setzero_ps(), z);
  x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-87)), _mm512_set1_ps(87));
  Vector n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  Vector r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  Vector p = _mm512_set1_ps(1.0f / 5040);
  for (float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
  }
  return _mm512_div_ps(_mm512_set1_ps(1),
                       _mm512_add_ps(_mm512_set1_ps(1), _mm512_scalef_ps(p, n)));
}

// MARK: - Rows and tiles

/// The rows of the input that a strip's tiles cover, in float32, with a border of zeros: four of
/// them in turns, so that the strip below finds two of them there.
struct Rows {
  const WinogradShape &shape;
  const WinogradInput &input;
  float *memory;
  int64_t held[4] = {-1, -1, -1, -1};

  static int64_t size(const WinogradShape &shape) {
    return 4 * (2 * shape.tiles() + 2) * shape.inputs;
  }

  Rows(const WinogradShape &shape, const WinogradInput &input, float *memory)
      : shape(shape), input(input), memory(memory) {
    std::memset(memory, 0, size(shape) * sizeof(float));
  }

  int64_t rowSize() const { return (2 * shape.tiles() + 2) * shape.inputs; }

  /// The row `y`, -1 ... height + 1, of a clip. Its first pixel is the border's.
  const float *row(int64_t clip, int64_t y) {
    int64_t slot = (y + 4) & 3, key = clip * (shape.height + 4) + y + 1;
    float *out = memory + slot * rowSize();
    if (held[slot] == key) return out;
    held[slot] = key;
    float *pixels = out + shape.inputs;
    int64_t count = shape.width * shape.inputs;
    if (y < 0 || y >= shape.height) {
      std::memset(pixels, 0, count * sizeof(float));
      return out;
    }
    const uint16_t *x = input.x + (clip * shape.height + y) * count;
    if (!input.a) {
      for (int64_t i = 0; i < count; i += lanes) _mm512_storeu_ps(pixels + i, load(x + i));
      return out;
    }
    const float *a = input.a + clip * shape.inputs, *d = input.d + clip * shape.inputs;
    for (int64_t i = 0; i < count; i += shape.inputs) {
      for (int64_t c = 0; c < shape.inputs; c += lanes) {
        Vector z = _mm512_fmadd_ps(load(x + i + c), _mm512_loadu_ps(a + c), _mm512_loadu_ps(d + c));
        _mm512_storeu_ps(pixels + i + c, _mm512_mul_ps(z, sigmoid(z)));
      }
    }
    return out;
  }
};

/// One column of Bᵀ d.
CT_INLINE void downColumn(const float *const rows[4], int64_t at, Vector out[4]) {
  Vector d0 = _mm512_loadu_ps(rows[0] + at), d1 = _mm512_loadu_ps(rows[1] + at);
  Vector d2 = _mm512_loadu_ps(rows[2] + at), d3 = _mm512_loadu_ps(rows[3] + at);
  out[0] = _mm512_sub_ps(d0, d2);
  out[1] = _mm512_add_ps(d1, d2);
  out[2] = _mm512_sub_ps(d2, d1);
  out[3] = _mm512_sub_ps(d1, d3);
}

/// Bᵀ d B of each tile of a strip: calls body(tile, place, value) for 16 channels at a time.
template <typename Body>
CT_INLINE void inputTiles(Rows &source, int64_t clip, int64_t strip, int64_t c, Body body) {
  const int64_t step = source.shape.inputs;
  const float *rows[4];
  for (int64_t i = 0; i < 4; ++i) rows[i] = source.row(clip, 2 * strip - 1 + i);
  Vector first[4], second[4], third[4], fourth[4];
  downColumn(rows, c, first);
  downColumn(rows, c + step, second);
  for (int64_t tile = 0; tile < source.shape.tiles(); ++tile) {
    downColumn(rows, c + (2 * tile + 2) * step, third);
    downColumn(rows, c + (2 * tile + 3) * step, fourth);
    for (int64_t i = 0; i < 4; ++i) {
      body(tile, 4 * i, _mm512_sub_ps(first[i], third[i]));
      body(tile, 4 * i + 1, _mm512_add_ps(second[i], third[i]));
      body(tile, 4 * i + 2, _mm512_sub_ps(third[i], second[i]));
      body(tile, 4 * i + 3, _mm512_sub_ps(second[i], fourth[i]));
      first[i] = third[i];
      second[i] = fourth[i];
    }
  }
}

// MARK: - Products

/// Vectors of outputs that one pass of the product computes: all in few and equal parts, each of at
/// most 6.
CT_INLINE int64_t panelWidth(int64_t left) {
  int64_t panels = (left + 5) / 6;
  return (left + panels - 1) / panels;
}

/// c[row, 16 · vectors] = a[row, k] b[k, 16 · vectors], or is added to. Pairs of k are neighbours
/// in a and b; `aRow` is the distance of a's rows and `aStep` that of its pairs, in pairs.
template <int rows, int vectors, bool adds>
CT_INLINE void multiply(const uint32_t *a, int64_t aRow, int64_t aStep, const uint16_t *b,
                        int64_t bStep, int64_t pairs, float *c, int64_t cRow) {
  Vector sums[rows][vectors];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; ++j) {
      sums[i][j] = adds ? _mm512_loadu_ps(c + i * cRow + j * lanes) : _mm512_setzero_ps();
    }
  }
  for (int64_t k = 0; k < pairs; ++k, a += aStep, b += bStep) {
    __m512bh right[vectors];
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; ++j) {
      right[j] = (__m512bh)_mm512_loadu_si512(b + j * 2 * lanes);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; ++i) {
      __m512bh left = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[i * aRow]));
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; ++j) {
        sums[i][j] = _mm512_dpbf16_ps(sums[i][j], left, right[j]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; ++j) _mm512_storeu_ps(c + i * cRow + j * lanes, sums[i][j]);
  }
}

/// `multiply` for any number of rows. All sums but a remainder's fit in the 32 registers, with what
/// they are made of.
template <int vectors, bool adds>
CT_INLINE void multiplyRows(const uint32_t *a, int64_t aRow, int64_t aStep, const uint16_t *b,
                            int64_t bStep, int64_t pairs, float *c, int64_t cRow, int64_t rows) {
  constexpr int most = vectors == 6 ? 4 : vectors == 5 ? 5 : vectors == 4 ? 6 : 8;
  int64_t row = 0;
  for (; row + most <= rows; row += most) {
    multiply<most, vectors, adds>(a + row * aRow, aRow, aStep, b, bStep, pairs, c + row * cRow,
                                  cRow);
  }
  for (; row + 2 <= rows; row += 2) {
    multiply<2, vectors, adds>(a + row * aRow, aRow, aStep, b, bStep, pairs, c + row * cRow, cRow);
  }
  for (; row < rows; ++row) {
    multiply<1, vectors, adds>(a + row * aRow, aRow, aStep, b, bStep, pairs, c + row * cRow, cRow);
  }
}

template <bool adds>
void multiplyPanel(int64_t vectors, const uint32_t *a, int64_t aRow, int64_t aStep,
                   const uint16_t *b, int64_t bStep, int64_t pairs, float *c, int64_t cRow,
                   int64_t rows) {
  switch (vectors) {
    case 6: return multiplyRows<6, adds>(a, aRow, aStep, b, bStep, pairs, c, cRow, rows);
    case 5: return multiplyRows<5, adds>(a, aRow, aStep, b, bStep, pairs, c, cRow, rows);
    case 4: return multiplyRows<4, adds>(a, aRow, aStep, b, bStep, pairs, c, cRow, rows);
    case 3: return multiplyRows<3, adds>(a, aRow, aStep, b, bStep, pairs, c, cRow, rows);
    case 2: return multiplyRows<2, adds>(a, aRow, aStep, b, bStep, pairs, c, cRow, rows);
    default: return multiplyRows<1, adds>(a, aRow, aStep, b, bStep, pairs, c, cRow, rows);
  }
}

/// Aᵀ m A + bias + residual of each tile of a strip.
void outputTiles(const WinogradShape &shape, const float *products, int64_t distance,
                 const float *bias, const uint16_t *residual, int64_t index, uint16_t *y) {
  int64_t clip = index / shape.stripsPerClip(), row = index % shape.stripsPerClip() * 2;
  int64_t step = shape.outputs, line = shape.width * step;
  int64_t base = (clip * shape.height + row) * line;
  bool hasSecondRow = row + 1 < shape.height;
  for (int64_t tile = 0; 2 * tile < shape.width; ++tile) {
    bool hasSecondColumn = 2 * tile + 1 < shape.width;
    for (int64_t c = 0; c < step; c += lanes) {
      const float *from = products + tile * step + c;
      Vector up[4], low[4];
      for (int64_t j = 0; j < 4; ++j) {
        Vector m0 = _mm512_loadu_ps(from + j * distance);
        Vector m1 = _mm512_loadu_ps(from + (4 + j) * distance);
        Vector m2 = _mm512_loadu_ps(from + (8 + j) * distance);
        Vector m3 = _mm512_loadu_ps(from + (12 + j) * distance);
        up[j] = _mm512_add_ps(_mm512_add_ps(m0, m1), m2);
        low[j] = _mm512_sub_ps(_mm512_sub_ps(m1, m2), m3);
      }
      Vector b = bias ? _mm512_loadu_ps(bias + c) : _mm512_setzero_ps();
      int64_t at = base + 2 * tile * step + c;
      auto finish = [&](const Vector *m, int64_t at) __attribute__((always_inline)) {
        Vector left = _mm512_add_ps(b, _mm512_add_ps(_mm512_add_ps(m[0], m[1]), m[2]));
        Vector right = _mm512_add_ps(b, _mm512_sub_ps(_mm512_sub_ps(m[1], m[2]), m[3]));
        if (residual) left = _mm512_add_ps(left, load(residual + at));
        store(left, y + at);
        if (!hasSecondColumn) return;
        if (residual) right = _mm512_add_ps(right, load(residual + at + step));
        store(right, y + at + step);
      };
      finish(up, at);
      if (hasSecondRow) finish(low, at + line);
    }
  }
}

}  // namespace

bool winogradIsSupported() {
  static const bool supported = __builtin_cpu_supports("avx512bf16") &&
                                __builtin_cpu_supports("avx512bw") &&
                                __builtin_cpu_supports("avx512vl");
  return supported;
}

int64_t winogradStripsAtOnce(const WinogradShape &shape) {
  return std::max<int64_t>(1, 24 / shape.tiles());
}

int64_t winogradScratch(const WinogradShape &shape) {
  int64_t tiles = shape.tiles() * winogradStripsAtOnce(shape);
  return Rows::size(shape) + 8 * tiles * shape.inputs + 16 * tiles * shape.outputs;
}

void winogradWeights(const float *w, const int64_t strides[4], int64_t inputs, int64_t outputs,
                     bool reversed, int64_t first, int64_t count, uint16_t *packed) {
  const int64_t inputStep = reversed ? strides[0] : strides[1];
  const int64_t outputStep = reversed ? strides[1] : strides[0];
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i places = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(outputStep)));
  const Vector half = _mm512_set1_ps(0.5f);
  for (int64_t k = first; k < first + count; k += 2) {
    for (int64_t panel = 0; panel < outputs;) {
      const int64_t width = panelWidth((outputs - panel) / lanes) * lanes;
      for (int64_t o = panel; o < panel + width; o += lanes) {
        Vector g[2][4][4];
        for (int64_t pair = 0; pair < 2; ++pair) {
          const float *from = w + (k + pair) * inputStep + o * outputStep;
          Vector down[4][3];
          for (int64_t j = 0; j < 3; ++j) {
            Vector v[3];
            for (int64_t i = 0; i < 3; ++i) {
              int64_t y = reversed ? 2 - i : i, x = reversed ? 2 - j : j;
              v[i] = _mm512_i32gather_ps(places, from + y * strides[2] + x * strides[3], 4);
            }
            Vector ends = _mm512_add_ps(v[0], v[2]);
            down[0][j] = v[0];
            down[1][j] = _mm512_mul_ps(half, _mm512_add_ps(ends, v[1]));
            down[2][j] = _mm512_mul_ps(half, _mm512_sub_ps(ends, v[1]));
            down[3][j] = v[2];
          }
          for (int64_t i = 0; i < 4; ++i) {
            Vector ends = _mm512_add_ps(down[i][0], down[i][2]);
            g[pair][i][0] = down[i][0];
            g[pair][i][1] = _mm512_mul_ps(half, _mm512_add_ps(ends, down[i][1]));
            g[pair][i][2] = _mm512_mul_ps(half, _mm512_sub_ps(ends, down[i][1]));
            g[pair][i][3] = down[i][2];
          }
        }
        uint16_t *out = packed + panel * inputs + k * width + 2 * (o - panel);
        for (int64_t place = 0; place < 16; ++place, out += inputs * outputs) {
          storePairs(g[0][place / 4][place % 4], g[1][place / 4][place % 4], out);
        }
      }
      panel += width;
    }
  }
}

void winogradConvolution(const WinogradShape &shape, const WinogradInput &input,
                         const uint16_t *packed, const float *bias, const uint16_t *residual,
                         int64_t begin, int64_t end, float *scratch, uint16_t *y) {
  const int64_t inputs = shape.inputs, outputs = shape.outputs;
  const int64_t most = winogradStripsAtOnce(shape), distance = shape.tiles() * most;
  Rows rows(shape, input, scratch);
  float *products = scratch + Rows::size(shape);
  uint16_t *tiles = reinterpret_cast<uint16_t *>(products + 16 * distance * outputs);
  for (int64_t strip = begin; strip < end; strip += most) {
    const int64_t count = std::min(most, end - strip);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t clip = (strip + i) / shape.stripsPerClip();
      uint16_t *out = tiles + i * shape.tiles() * inputs;
      for (int64_t c = 0; c < inputs; c += lanes) {
        inputTiles(rows, clip, (strip + i) % shape.stripsPerClip(), c,
                   [&](int64_t tile, int64_t place, Vector value) __attribute__((always_inline)) {
                     store(value, out + (place * distance + tile) * inputs + c);
                   });
      }
    }
    for (int64_t place = 0; place < 16; ++place) {
      auto a = reinterpret_cast<const uint32_t *>(tiles + place * distance * inputs);
      const uint16_t *weights = packed + place * inputs * outputs;
      for (int64_t panel = 0; panel < outputs;) {
        const int64_t vectors = panelWidth((outputs - panel) / lanes);
        multiplyPanel<false>(vectors, a, inputs / 2, 1, weights + panel * inputs,
                             2 * lanes * vectors, inputs / 2,
                             products + place * distance * outputs + panel, outputs,
                             count * shape.tiles());
        panel += vectors * lanes;
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      outputTiles(shape, products + i * shape.tiles() * outputs, distance * outputs, bias, residual,
                  strip + i, y);
    }
  }
}

void winogradInputTiles(const WinogradShape &shape, const WinogradInput &input, int64_t begin,
                        int64_t end, int64_t first, float *scratch, const WinogradTiles &tiles) {
  const int64_t inputs = shape.inputs, pairs = shape.tiles() / 2;
  Rows rows(shape, input, scratch);
  for (int64_t strip = begin; strip < end; ++strip) {
    uint16_t *out = tiles.values + (strip - first) * pairs * 2 * inputs;
    for (int64_t c = 0; c < inputs; c += lanes) {
      Vector even[16];
      inputTiles(rows, strip / shape.stripsPerClip(), strip % shape.stripsPerClip(), c,
                 [&](int64_t tile, int64_t place, Vector value) __attribute__((always_inline)) {
                   if (tile % 2 == 0) {
                     even[place] = value;
                   } else {
                     storePairs(even[place], value,
                                out + place * tiles.distance + (tile / 2 * inputs + c) * 2);
                   }
                 });
    }
  }
}

void winogradGradientTiles(const WinogradShape &shape, const uint16_t *dy, int64_t strip,
                           int64_t first, const WinogradTiles &tiles, float *sum) {
  const int64_t outputs = shape.outputs, pairs = shape.tiles() / 2;
  const int64_t line = shape.width * outputs;
  const int64_t clip = strip / shape.stripsPerClip(), row = strip % shape.stripsPerClip() * 2;
  const uint16_t *from = dy + (clip * shape.height + row) * line;
  const bool hasSecondRow = row + 1 < shape.height;
  for (int64_t c = 0; c < outputs; c += lanes) {
    Vector total = _mm512_loadu_ps(sum + c);
    for (int64_t pair = 0; pair < pairs; ++pair) {
      Vector g[2][4][4];
      for (int64_t side = 0; side < 2; ++side) {
        const int64_t x = 4 * pair + 2 * side;
        Vector pixels[2][2];
        for (int64_t i = 0; i < 2; ++i) {
          for (int64_t j = 0; j < 2; ++j) {
            const bool inside = x + j < shape.width && (i == 0 || hasSecondRow);
            pixels[i][j] =
                inside ? load(from + i * line + (x + j) * outputs + c) : _mm512_setzero_ps();
            total = _mm512_add_ps(total, pixels[i][j]);
          }
        }
        Vector down[4][2];
        for (int64_t j = 0; j < 2; ++j) {
          down[0][j] = pixels[0][j];
          down[1][j] = _mm512_add_ps(pixels[0][j], pixels[1][j]);
          down[2][j] = _mm512_sub_ps(pixels[0][j], pixels[1][j]);
          down[3][j] = _mm512_sub_ps(_mm512_setzero_ps(), pixels[1][j]);
        }
        for (int64_t i = 0; i < 4; ++i) {
          g[side][i][0] = down[i][0];
          g[side][i][1] = _mm512_add_ps(down[i][0], down[i][1]);
          g[side][i][2] = _mm512_sub_ps(down[i][0], down[i][1]);
          g[side][i][3] = _mm512_sub_ps(_mm512_setzero_ps(), down[i][1]);
        }
      }
      uint16_t *out = tiles.values + (((strip - first) * pairs + pair) * outputs + c) * 2;
      for (int64_t place = 0; place < 16; ++place, out += tiles.distance) {
        storePairs(g[0][place / 4][place % 4], g[1][place / 4][place % 4], out);
      }
    }
    _mm512_storeu_ps(sum + c, total);
  }
}

void winogradWeightProducts(const WinogradShape &shape, const WinogradTiles &inputTiles,
                            const WinogradTiles &gradientTiles, int64_t strips, int64_t place,
                            float *products) {
  const int64_t inputs = shape.inputs, outputs = shape.outputs;
  const int64_t pairs = strips * shape.tiles() / 2;
  // As many tiles as leave the panel of gradients in the fastest cache.
  constexpr int64_t chunk = 64;
  auto a = reinterpret_cast<const uint32_t *>(inputTiles.values + place * inputTiles.distance);
  const uint16_t *b = gradientTiles.values + place * gradientTiles.distance;
  float *c = products + place * inputs * outputs;
  for (int64_t first = 0; first < pairs; first += chunk) {
    const int64_t count = std::min(chunk, pairs - first);
    for (int64_t panel = 0; panel < outputs;) {
      const int64_t vectors = panelWidth((outputs - panel) / lanes);
      multiplyPanel<true>(vectors, a + first * inputs, 1, inputs,
                          b + (first * outputs + panel) * 2, 2 * outputs, count, c + panel,
                          outputs, inputs);
      panel += vectors * lanes;
    }
  }
}

void winogradWeightGradient(const float *products, int64_t inputs, int64_t outputs,
                            const int64_t strides[4], int64_t first, int64_t count, float *dw) {
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i places = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(strides[0])));
  const Vector half = _mm512_set1_ps(0.5f);
  for (int64_t k = first; k < first + count; ++k) {
    for (int64_t o = 0; o < outputs; o += lanes) {
      const float *from = products + k * outputs + o;
      Vector up[3][4];
      for (int64_t j = 0; j < 4; ++j) {
        Vector p[4];
        for (int64_t i = 0; i < 4; ++i) {
          p[i] = _mm512_loadu_ps(from + (4 * i + j) * inputs * outputs);
        }
        Vector sum = _mm512_mul_ps(half, _mm512_add_ps(p[1], p[2]));
        up[0][j] = _mm512_add_ps(p[0], sum);
        up[1][j] = _mm512_mul_ps(half, _mm512_sub_ps(p[1], p[2]));
        up[2][j] = _mm512_add_ps(sum, p[3]);
      }
      for (int64_t i = 0; i < 3; ++i) {
        float *out = dw + o * strides[0] + k * strides[1] + i * strides[2];
        Vector sum = _mm512_mul_ps(half, _mm512_add_ps(up[i][1], up[i][2]));
        _mm512_i32scatter_ps(out, places, _mm512_add_ps(up[i][0], sum), 4);
        _mm512_i32scatter_ps(out + strides[3], places,
                             _mm512_mul_ps(half, _mm512_sub_ps(up[i][1], up[i][2])), 4);
        _mm512_i32scatter_ps(out + 2 * strides[3], places, _mm512_add_ps(sum, up[i][3]), 4);
      }
    }
  }
}

}  // namespace ctorch

#pragma clang attribute pop

#else

namespace ctorch {

bool winogradIsSupported() { return false; }
int64_t winogradStripsAtOnce(const WinogradShape &) { return 1; }
int64_t winogradScratch(const WinogradShape &) { return 0; }
void winogradWeights(const float *, const int64_t[4], int64_t, int64_t, bool, int64_t, int64_t,
                     uint16_t *) {}
void winogradConvolution(const WinogradShape &, const WinogradInput &, const uint16_t *,
                         const float *, const uint16_t *, int64_t, int64_t, float *, uint16_t *) {}
void winogradInputTiles(const WinogradShape &, const WinogradInput &, int64_t, int64_t, int64_t,
                        float *, const WinogradTiles &) {}
void winogradGradientTiles(const WinogradShape &, const uint16_t *, int64_t, int64_t,
                           const WinogradTiles &, float *) {}
void winogradWeightProducts(const WinogradShape &, const WinogradTiles &, const WinogradTiles &,
                            int64_t, int64_t, float *) {}
void winogradWeightGradient(const float *, int64_t, int64_t, const int64_t[4], int64_t, int64_t,
                            float *) {}

}  // namespace ctorch

#endif
