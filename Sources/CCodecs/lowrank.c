// Factors of matrices of low rank: eight-bit forms, and the product.
#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ccodecs_values.h"
#include "clones.h"

enum { MOST = 127 };

// Adding and taking away 1.5 · 2²³ leaves a small number rounded to a whole one, to nearest even.
static const float rounding = 0x1.8p23f;

int weir_quantise(const float *values, uint32_t rows, uint32_t columns, int is_per_column, float *scales, int8_t *quantised) {
  uint32_t scale_count = is_per_column ? columns : rows;
  memset(scales, 0, scale_count * sizeof *scales);
  for (uint32_t row = 0; row < rows; row++) {
    for (uint32_t column = 0; column < columns; column++) {
      float *scale = &scales[is_per_column ? column : row], size = __builtin_fabsf(values[(size_t)row * columns + column]);
      if (!(size < __builtin_inff())) return WEIR_CODEC_RANGE;
      if (size > *scale) *scale = size;
    }
  }
  for (uint32_t i = 0; i < scale_count; i++) scales[i] /= MOST;
  for (uint32_t row = 0; row < rows; row++) {
    for (uint32_t column = 0; column < columns; column++) {
      float scale = scales[is_per_column ? column : row];
      float q = scale > 0 ? values[(size_t)row * columns + column] / scale : 0;
      // Where the scale is subnormal, the quotient may be more than it should.
      q = q > MOST ? MOST : q < -MOST ? -MOST : q;
      quantised[(size_t)row * columns + column] = (int8_t)((q + rounding) - rounding);
    }
  }
  return WEIR_CODEC_OK;
}

int weir_dequantise(const float *scales, const int8_t *quantised, uint32_t rows, uint32_t columns, int is_per_column,
                    float *values) {
  uint32_t scale_count = is_per_column ? columns : rows;
  for (uint32_t i = 0; i < scale_count; i++) {
    uint32_t bits;
    memcpy(&bits, &scales[i], sizeof bits);
    if (bits >= 0x7F800000) return WEIR_CODEC_SCALE;
  }
  int least = 0;
  for (uint32_t row = 0; row < rows; row++) {
    for (uint32_t column = 0; column < columns; column++) {
      int q = quantised[(size_t)row * columns + column];
      least = q < least ? q : least;
      values[(size_t)row * columns + column] = scales[is_per_column ? column : row] * (float)q;
    }
  }
  return least < -MOST ? WEIR_CODEC_RANGE : WEIR_CODEC_OK;
}

// MARK: Product

typedef float lanes __attribute__((ext_vector_type(16)));

enum {
  TILE = 16,       // columns whose sums stay in registers
  ROWS = 6,        // rows that share what is loaded of the right factor
  PRODUCTS = 256,  // of the right factor's rows that are packed at a time, into what the first cache holds
};

// Adds the products of `count` packed rows to the sums of `rows` rows of one tile, which begin with 0 or with what is there.
__attribute__((always_inline)) static inline void add_products(const float *left, uint32_t rank, const lanes *packed,
                                                               uint32_t count, int is_first, float *sums, uint32_t columns,
                                                               const uint32_t rows) {
  lanes sum[ROWS];
  for (uint32_t row = 0; row < rows; row++) {
    sum[row] = 0;
    if (!is_first) memcpy(&sum[row], sums + (size_t)row * columns, sizeof(lanes));
  }
  for (uint32_t k = 0; k < count; k++) {
    for (uint32_t row = 0; row < rows; row++) sum[row] += (lanes)left[(size_t)row * rank + k] * packed[k];
  }
  for (uint32_t row = 0; row < rows; row++) memcpy(sums + (size_t)row * columns, &sum[row], sizeof(lanes));
}

// One tile whose `width` columns may be fewer than the lanes: sums pass through a full one.
WEIR_CLONES static void multiply_tile(const float *left, uint32_t rows, uint32_t rank, const lanes *packed, uint32_t count,
                                      int is_first, float *sums, uint32_t columns, uint32_t width) {
#pragma STDC FP_CONTRACT OFF
  if (width == TILE) {
    for (; rows >= ROWS; rows -= ROWS, left += (size_t)ROWS * rank, sums += (size_t)ROWS * columns) {
      add_products(left, rank, packed, count, is_first, sums, columns, ROWS);
    }
    for (; rows; rows--, left += rank, sums += columns) {
      add_products(left, rank, packed, count, is_first, sums, columns, 1);
    }
    return;
  }
  for (; rows; rows--, left += rank, sums += columns) {
    float full[TILE] = {0};
    memcpy(full, sums, width * sizeof *full);
    add_products(left, rank, packed, count, is_first, full, TILE, 1);
    memcpy(sums, full, width * sizeof *full);
  }
}

void weir_multiply(const float *left, const float *right, uint32_t rows, uint32_t rank, uint32_t columns, float *product) {
  lanes packed[PRODUCTS];
  for (uint32_t k = 0; k < rank; k += PRODUCTS) {
    uint32_t count = rank - k < PRODUCTS ? rank - k : PRODUCTS;
    for (uint32_t column = 0; column < columns; column += TILE) {
      uint32_t width = columns - column < TILE ? columns - column : TILE;
      if (width < TILE) memset(packed, 0, sizeof packed);
      const float *from = right + (size_t)k * columns + column;
      for (uint32_t i = 0; i < count; i++, from += columns) memcpy(&packed[i], from, width * sizeof *from);
      multiply_tile(left + k, rows, rank, packed, count, k == 0, product + column, columns, width);
    }
  }
}
