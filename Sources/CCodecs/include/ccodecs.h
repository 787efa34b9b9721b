// What the codecs of archives share: the place of a block, the planes of a ternary one, and the results of decoding.
//
// Decoders take any bytes whatever: they read and write nothing outside what they are given, and return WEIR_CODEC_OK or
// the reason for a refusal. All tables come from integer arithmetic, so that every machine has the same ones.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The most elements that a block has.
enum { WEIR_BLOCK_ELEMENTS = 1 << 19 };

/// What a decoder found; everything but the first is negative.
enum weir_codec_result {
  WEIR_CODEC_OK = 0,
  WEIR_CODEC_SHORT = -1,     // the payload ends before the block does
  WEIR_CODEC_TRAILING = -2,  // bytes are left over
  WEIR_CODEC_FLAGS = -3,     // a flag or a number of the block's header is none that this version knows
  WEIR_CODEC_RANGE = -4,     // a class, count or symbol outside its range
  WEIR_CODEC_STATE = -5,     // the entropy coder does not end where it began
  WEIR_CODEC_SCALE = -6,     // a scale is negative, infinite or NaN
};

/// Where a block lies in its tensor. Rows are `row_length` elements; the parts of rows inside the block are its segments.
typedef struct {
  uint64_t first;       // index in the tensor of the block's first element
  uint32_t count;       // elements, 1 ... WEIR_BLOCK_ELEMENTS
  uint64_t row_length;  // at least 1
} weir_block;

/// The number of segments of a block.
uint32_t weir_block_segments(const weir_block *block);
