#include "cspectro.h"

#include "vectors.h"

enum { tile = 4 };

// The products of four rows of a with four of b.
INLINE void multiply_tile(const float *restrict a, ptrdiff_t a_stride, const float *restrict b,
                          ptrdiff_t b_stride, ptrdiff_t columns, float *restrict sums) {
  f16 wide[tile * tile] = {0};
  ptrdiff_t c = 0;
  for (; c + 16 <= columns; c += 16) {
    f16 x[tile], y[tile];
    for (int i = 0; i < tile; i++) LOAD(x[i], a + i * a_stride + c);
    for (int j = 0; j < tile; j++) LOAD(y[j], b + j * b_stride + c);
    for (int i = 0; i < tile; i++)
      for (int j = 0; j < tile; j++) wide[i * tile + j] += x[i] * y[j];
  }
  for (int k = 0; k < tile * tile; k++) {
    f8 half = wide[k].lo + wide[k].hi;
    float sum = 0;
    for (int lane = 0; lane < lanes; lane++) sum += half[lane];
    const float *left = a + k / tile * a_stride, *right = b + k % tile * b_stride;
    for (ptrdiff_t rest = c; rest < columns; rest++) sum += left[rest] * right[rest];
    sums[k] = sum;
  }
}

// Rows of b pass by four rows of a, which stay in the nearest cache: overlapping ones do, too.
DISPATCHED void sp_row_products(const float *restrict a, ptrdiff_t a_stride, ptrdiff_t a_rows,
                                const float *restrict b, ptrdiff_t b_stride, ptrdiff_t b_rows,
                                ptrdiff_t columns, float *restrict output) {
  for (ptrdiff_t i = 0; i < a_rows; i += tile) {
    ptrdiff_t down = a_rows - i < tile ? a_rows - i : tile;
    for (ptrdiff_t j = 0; j < b_rows; j += tile) {
      ptrdiff_t across = b_rows - j < tile ? b_rows - j : tile;
      const float *left = a + i * a_stride, *right = b + j * b_stride;
      float sums[tile * tile];
      if (down == tile && across == tile) {
        multiply_tile(left, a_stride, right, b_stride, columns, sums);
      } else {
        for (ptrdiff_t r = 0; r < down; r++)
          for (ptrdiff_t s = 0; s < across; s++) {
            float single[tile * tile];
            multiply_tile(left + r * a_stride, 0, right + s * b_stride, 0, columns, single);
            sums[r * tile + s] = single[0];
          }
      }
      for (ptrdiff_t r = 0; r < down; r++)
        for (ptrdiff_t s = 0; s < across; s++)
          output[(i + r) * b_rows + j + s] = sums[r * tile + s];
    }
  }
}
