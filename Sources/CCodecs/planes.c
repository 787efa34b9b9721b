// Geometry of blocks, and planes as numbers.
#include "ccodecs_ternary.h"

uint32_t weir_block_segments(const weir_block *block) {
  uint64_t last = block->first + block->count - 1;
  return (uint32_t)(last / block->row_length - block->first / block->row_length + 1);
}

void weir_planes_expand(const weir_block *block, const weir_planes *planes, uint32_t from, uint32_t count, float *values) {
  uint64_t first_row = block->first / block->row_length;
  uint32_t end = from + count;
  for (uint32_t i = from; i < end;) {
    // A run has one scale: the rest of a row, or of the range.
    uint32_t run = end - i;
    float scale = planes->scales[0];
    if (planes->is_per_row) {
      uint64_t element = block->first + i, row = element / block->row_length;
      uint64_t left = (row + 1) * block->row_length - element;
      if (left < run) run = (uint32_t)left;
      scale = planes->scales[row - first_row];
    }
    for (uint32_t stop = i + run; i < stop; i++) {
      uint64_t kept = planes->mask[i / 64] >> (i % 64) & 1, negative = planes->sign[i / 64] >> (i % 64) & 1;
      *values++ = kept ? (negative ? -scale : scale) : 0;
    }
  }
}
