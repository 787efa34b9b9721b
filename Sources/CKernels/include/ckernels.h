// The few loops that need the machine's own instructions: conversion, elementwise arithmetic, reductions, key counts.
//
// Every function comes in a float and a double form, is pure, and gives the same bits on every CPU: no contraction to fused
// multiply-add, no reassociation. Pointers into files need not be aligned.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "compare.h"
#include "ranking.h"

// Element types in files, as the Swift side knows them too.
enum weir_dtype { WEIR_F32, WEIR_F16, WEIR_BF16, WEIR_F64, WEIR_U8 };  // the last is only decoded

// A block whose elements are 0 or a signed scale: element i is bit i % 64 of word i / 64 of each plane.
struct weir_plane_window {
  const uint64_t *mask;  // kept
  const uint64_t *sign;  // negative
  const float *scales;   // one, or one per row of which the block has a part
  size_t row_length;     // 0: one scale for all
  size_t first_column;   // the column of the block's first element
};

// Binary operations; comparisons give 1 or 0.
enum weir_binary { WEIR_ADD, WEIR_SUB, WEIR_MUL, WEIR_DIV, WEIR_MIN, WEIR_MAX, WEIR_GT, WEIR_GE, WEIR_EQ };

// Unary operations; the sign of a zero is 0, its direction 1. The last three are computed in double by additions,
// multiplications and divisions alone, to within three units in its last place: the same bits on every CPU.
enum weir_unary { WEIR_NEG, WEIR_ABS, WEIR_SIGN, WEIR_SQRT, WEIR_DIRECTION, WEIR_EXP, WEIR_LOG, WEIR_TANH };

#define WEIR_DECLARE(T, K, S)                                                                                           \
  /* Decodes n elements of `dtype`; returns whether any is a NaN or an infinity. */                                     \
  int weir_decode_##S(int dtype, T *dst, const void *src, size_t n);                                                    \
  /* The differences of n elements of the types `left` and `right`; returns whether any may be a NaN or an infinity. */  \
  int weir_difference_##S(int left, int right, T *dst, const void *a, const void *b, size_t n);                         \
  /* Decodes n elements, times `scale`, plus `others` unless that is null; returns what decoding does. */                \
  int weir_decode_scaled_##S(int dtype, T *dst, const T *others, const void *src, T scale, size_t n);                   \
  /* Writes n elements of a plane window, from its element `first` on: 0, or the scale with its sign. */                \
  void weir_load_planes_##S(T *dst, const struct weir_plane_window *planes, size_t first, size_t n);                    \
  /* Encodes n elements as `dtype`, rounding once to nearest even. */                                                   \
  void weir_encode_##S(int dtype, void *dst, const T *src, size_t n);                                                   \
  void weir_binary_##S(int op, T *dst, const T *a, const T *b, size_t n);                                               \
  void weir_binary_right_##S(int op, T *dst, const T *a, T b, size_t n);                                                \
  void weir_binary_left_##S(int op, T *dst, T a, const T *b, size_t n);                                                 \
  void weir_unary_##S(int op, T *dst, const T *a, size_t n);                                                            \
  /* Rounds to what `dtype` can hold, once, to nearest even. */                                                         \
  void weir_round_##S(int dtype, T *dst, const T *src, size_t n);                                                       \
  /* dst = a + b * s, rounded after the product and after the sum. */                                                   \
  void weir_add_scaled_##S(T *dst, const T *a, const T *b, T s, size_t n);                                              \
  /* dst = sum of the w[k] * x[k] that have the sign of the sum of all, over the sum of their weights if `normalize`;    \
     where |x[k]| as a key is below least[k], x[k] counts as 0. */                                                      \
  void weir_elected_sum_##S(T *dst, const T *const *x, const K *least, const T *w, size_t models, int normalize,        \
                            size_t n);                                                                                  \
  /* The same of plane windows, from their element `first` on. */                                                       \
  void weir_elected_planes_##S(T *dst, const struct weir_plane_window *const *planes, const T *w, size_t models,        \
                               int normalize, size_t first, size_t n);                                                  \
  void weir_fill_##S(T *dst, T value, size_t n);                                                                        \
  /* dst = mask != 0 ? a : b */                                                                                         \
  void weir_select_##S(T *dst, const T *mask, const T *a, const T *b, size_t n);                                        \
  void weir_select_right_##S(T *dst, const T *mask, const T *a, T b, size_t n);                                         \
  void weir_select_left_##S(T *dst, const T *mask, T a, const T *b, size_t n);                                          \
  /* dst = |a| as a key >= least ? a : 0 */                                                                             \
  void weir_trim_##S(T *dst, const T *a, K least, size_t n);                                                            \
  /* dst = the sign of what that leaves, times s */                                                                    \
  void weir_trim_sign_##S(T *dst, const T *a, K least, T s, size_t n);                                                  \
  /* dst = the generator's bits of element first + i < limit ? a : 0; limit 2^53 keeps all. */                          \
  void weir_drop_##S(T *dst, const T *a, uint64_t key, uint64_t first, uint64_t limit, size_t n);                       \
  /* lanes[(phase + i) % 16] += x[i], or += x[i] * y[i], in Double. */                                                  \
  void weir_sum_##S(double *lanes, const T *x, size_t phase, size_t n);                                                 \
  void weir_dot_##S(double *lanes, const T *x, const T *y, size_t phase, size_t n);                                     \
  /* The same of x * x, x * y and y * y at once. */                                                                     \
  void weir_products_##S(double *xx, double *xy, double *yy, const T *x, const T *y, size_t phase, size_t n);           \
  /* lanes[(phase + i) % 16] = the larger of it and x[i]. */                                                            \
  void weir_max_##S(double *lanes, const T *x, size_t phase, size_t n);                                                 \
  /* sums[(column + i) % columns] += x[i], or += x[i] * y[i], in Double. */                                             \
  void weir_column_sum_##S(double *sums, const T *x, size_t column, size_t columns, size_t n);                          \
  void weir_column_dot_##S(double *sums, const T *x, const T *y, size_t column, size_t columns, size_t n);              \
  /* Counts keys, of magnitudes or of signed numbers: those >= upper into *above, those in [lower, upper) into           \
     bins[(key - lower) >> shift]. */                                                                                   \
  void weir_count_keys_##S(const T *x, size_t n, int is_signed, K lower, K upper, int shift, uint32_t *bins,            \
                           uint64_t *above);                                                                            \
  /* The key of a signed number: the order of keys is that of numbers. None is the greatest K. */                       \
  K weir_signed_key_##S(T x);

// How many of n F16 numbers are infinite.
size_t weir_count_infinite_f16(const void *src, size_t n);

// The elements of others + src * scale, where both what is read and what is written is `dtype`, WEIR_F16 or WEIR_BF16: what decoding,
// scaling, adding and encoding give one after the other. Returns what decoding does.
int weir_store_added_f32(int dtype, void *dst, const float *others, const void *src, float scale, size_t n);

WEIR_DECLARE(float, uint32_t, f32)
WEIR_DECLARE(double, uint64_t, f64)
#undef WEIR_DECLARE
