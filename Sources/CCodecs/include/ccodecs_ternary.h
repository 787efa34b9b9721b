// The codecs whose elements are 0 or a signed scale: ternary, sign and seeded. docs/archive-format.md has their bytes.
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

/// Bytes of memory that coders work in beside the planes, aligned to 64. It is zero before its first use; tables that are
/// built in it serve the blocks after.
enum { WEIR_TERNARY_DECODE_BYTES = 1 << 20, WEIR_TERNARY_ENCODE_BYTES = 6 << 20 };

/// How the first byte of a block says which elements are kept; its upper bits are flags.
enum weir_mask_kind {
  WEIR_MASK_NONE = 0,
  WEIR_MASK_ALL = 1,
  WEIR_MASK_PLAIN = 2,     // a bit each
  WEIR_MASK_CLASSES = 3,   // by density classes
  WEIR_MASK_CONTEXTS = 4,  // by density classes of the row and the base's exponent
  WEIR_MASK_ZSTD = 5,      // a bit each, in a zstd frame
  WEIR_MASK_SEEDED = 6,    // not at all: drawn again
  WEIR_MASK_KINDS = 7,
  WEIR_SCALE_PER_ROW = 8,  // a flag
};

/// What all magnitudes but zero have in common: they are equal where `any` is `all`.
typedef struct {
  uint32_t any, all;
} weir_common_bits;

/// The state of a split whose numbers come in parts.
typedef struct {
  weir_common_bits block;    // of all numbers so far
  weir_common_bits segment;  // of the last segment that has begun, where scales are per row
  uint32_t count;            // numbers so far
  uint32_t segments;         // how many have ended, where scales are per row
  int is_per_row;
  int is_wrong;              // no scale fits
} weir_split;

/// Splits numbers into planes and scales: one scale where all magnitudes are equal, else one per segment. They come in parts, in
/// order, between a start and a finish, which returns 0, or WEIR_CODEC_SCALE where neither holds or a number is not finite.
void weir_split_start(weir_split *split);
void weir_split_add(weir_split *split, const weir_block *block, const float *values, uint32_t count, weir_planes *planes);
int weir_split_finish(const weir_split *split, weir_planes *planes);

/// Gives planes a mask that may keep more, as codecs must that do not store one: elements of a segment that has no value but
/// 0 are kept with a scale of 0. Returns 0, or WEIR_CODEC_SCALE where a segment has some of the mask's elements only.
int weir_planes_impose(const weir_block *block, const uint64_t *mask, weir_planes *planes);

/// Writes elements from ..< from + count of the block as Float32: 0, or the scale with its sign.
void weir_planes_expand(const weir_block *block, const weir_planes *planes, uint32_t from, uint32_t count, float *values);

/// The number of elements that a block keeps.
uint32_t weir_planes_kept(const weir_block *block, const weir_planes *planes);

/// Encodes planes as a block of codec 3 or, where `base` has the base's elements of the block, of codec 5. Returns a pointer
/// into `work`, valid until its next use, and sets `byte_count`.
const uint8_t *weir_ternary_encode(const weir_block *block, const weir_planes *planes, const void *base, int dtype,
                                   void *work, size_t *byte_count);

/// Decodes a block of one of `kinds` (bits 1 << weir_mask_kind), of which WEIR_MASK_ZSTD is none. A block of WEIR_MASK_SEEDED
/// finds its mask in the planes; one of WEIR_MASK_CONTEXTS needs the base's elements of the block.
int weir_ternary_decode(const uint8_t *payload, size_t byte_count, const weir_block *block, unsigned kinds, const void *base,
                        int dtype, weir_planes *planes, void *work);

/// Writes what follows the mask in every block of these codecs, scales and signs of the elements that are kept, and returns
/// the number of bytes; `bytes` has room for WEIR_TAIL_BYTES.
size_t weir_tail_encode(const weir_block *block, const weir_planes *planes, uint8_t *bytes);

/// Reads it for the elements that `planes->mask` keeps; `byte_count` bytes are all there may be.
int weir_tail_decode(const uint8_t *bytes, size_t byte_count, const weir_block *block, int is_per_row, weir_planes *planes,
                     void *work);

enum { WEIR_TAIL_BYTES = 4 * WEIR_BLOCK_ELEMENTS + WEIR_BLOCK_ELEMENTS / 8 + 64 };

/// Draws the mask of a seeded block: element i of the tensor is kept where its random bits are less than `limit`.
void weir_seeded_mask(const weir_block *block, uint64_t key, uint64_t limit, uint64_t *mask);
