// The codecs whose elements are 0 or a signed scale: ternary, sign and seeded.
#pragma once
#include "ccodecs.h"

/// Bit planes of a block: element i is bit i % 64 of word i / 64. Bits after the last element are 0, and so are the signs
/// of elements that are not kept.
typedef struct {
  uint64_t *mask;        // kept
  uint64_t *sign;        // negative
  float *scales;         // one, or one per segment
  uint32_t scale_count;  // how many there are
  uint32_t is_per_row;   // whether they are one per segment
} weir_planes;

/// Writes elements from ..< from + count of the block as Float32: 0, or the scale with its sign.
void weir_planes_expand(const weir_block *block, const weir_planes *planes, uint32_t from, uint32_t count, float *values);

/// Bytes of memory, aligned to 64, that coders work in beside the planes.
enum { WEIR_TERNARY_WORK_BYTES = 4 << 20 };
