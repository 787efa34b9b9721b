// Blocks of a few values among many: which elements a mask keeps, gathered into lists and scattered again. And factors of
// matrices of low rank.
//
// A mask has a bit per element, element i in bit i % 64 of word i / 64; bits after the last element are 0.
#pragma once
#include "ccodecs.h"

/// Sets the bits of numbers other than 0, and returns how many there are.
uint32_t weir_mask_nonzero(const float *values, uint32_t count, uint64_t *mask);

/// Sets the bits of elements of `width` (2 or 4) bytes that differ, and returns how many there are.
uint32_t weir_mask_differing(const void *tuned, const void *base, uint32_t width, uint32_t count, uint64_t *mask);

/// The number of elements that a mask keeps.
uint32_t weir_mask_kept(const uint64_t *mask, uint32_t count);

/// Whether a mask keeps all that another one does.
int weir_mask_covers(const uint64_t *mask, const uint64_t *other, uint32_t count);

/// Lists the elements of `width` bytes that a mask keeps.
void weir_gather(const void *elements, uint32_t width, const uint64_t *mask, uint32_t count, void *list);

/// Puts listed elements back in their places, and leaves the others.
void weir_scatter_list(const void *list, uint32_t width, const uint64_t *mask, uint32_t count, void *elements);

/// Lists the upper halves, which are bf16, of the numbers that a mask keeps. Returns 0, or WEIR_CODEC_RANGE where one has lower
/// bits.
int weir_gather_bf16(const float *values, const uint64_t *mask, uint32_t count, uint16_t *list);

/// Writes listed bf16 where a mask keeps, and +0 elsewhere.
void weir_scatter_bf16(const uint16_t *list, const uint64_t *mask, uint32_t count, float *values);

/// Widens bf16 to Float32.
void weir_widen_bf16(const void *halves, size_t count, float *values);

/// Narrows numbers to bf16; returns 0, or WEIR_CODEC_RANGE where one has lower bits.
int weir_narrow_bf16(const float *values, size_t count, void *halves);

/// Rounds numbers to bf16, to nearest even; returns 0, or WEIR_CODEC_RANGE where one is not finite, or no longer is.
int weir_round_bf16(const float *values, size_t count, void *halves);

/// Quantises a matrix of `rows` by `columns`, with a scale per row or per column: q = value / scale to the nearest even,
/// -127 ... 127. Returns 0, or WEIR_CODEC_RANGE where a number is not finite.
int weir_quantise(const float *values, uint32_t rows, uint32_t columns, int is_per_column, float *scales, int8_t *quantised);

/// The numbers again: scale · q. Returns 0, or WEIR_CODEC_RANGE where a q is -128, or WEIR_CODEC_SCALE.
int weir_dequantise(const float *scales, const int8_t *quantised, uint32_t rows, uint32_t columns, int is_per_column,
                    float *values);

/// The product of matrices `rows` × `rank` and `rank` × `columns`. Every sum begins with +0 and takes its products in order,
/// each rounded, as is the sum after each.
void weir_multiply(const float *left, const float *right, uint32_t rows, uint32_t rank, uint32_t columns, float *product);

/// Separates the bytes of elements: first the least significant of all, then the next. `width` divides `byte_count`.
void weir_split_bytes(const uint8_t *bytes, size_t byte_count, uint32_t width, uint8_t *planes);

/// Joins separated bytes again.
void weir_join_bytes(const uint8_t *planes, size_t byte_count, uint32_t width, uint8_t *bytes);
