// What the two directions of the ternary codecs share.
#pragma once
#include "bits.h"
#include "ccodecs_ternary.h"
#include "classes.h"

enum {
  BUCKET_BYTES = WEIR_BLOCK_ELEMENTS / 8 + 8 * CLASS_COUNT + 16,
  // Blocks from here on are coded by eight states at once; for smaller ones their bytes would be too many.
  INTERLEAVED = 1 << 16,
};

static inline uint32_t states_of(const weir_block *block) { return block->count >= INTERLEAVED ? STATES : 1; }

// The byte after the last one whose first element lies before element `end`.
static inline uint32_t byte_end(const weir_block *block, uint64_t end) {
  return (uint32_t)(((end < block->count ? end : block->count) + 7) / 8);
}

static inline uint32_t group_end(const weir_block *block, const weir_grouping *grouping, uint32_t first) {
  uint32_t left = block->count - first;
  return grouping->length && grouping->length < left ? first + grouping->length : block->count;
}

static inline int group_class(const weir_grouping *grouping, uint32_t group) {
  return grouping->classes[grouping->length ? group : 0];
}

// Where each class's bucket begins, from the number of its elements; each begins at a word. Returns the words of all.
static inline uint32_t place_buckets(weir_bucket buckets[CLASS_COUNT], uint8_t *bytes) {
  uint32_t words = 0;
  for (int class = 0; class < CLASS_COUNT; class++) {
    buckets[class].bytes = bytes + 8 * words;
    words += (buckets[class].count + 63) / 64;
  }
  return words;
}

static inline void shifted_classes(const weir_contexts *contexts, const int8_t *offsets, int class,
                                   uint8_t classes[CONTEXTS]) {
  for (int i = 0; i < contexts->count; i++) classes[i] = weir_shifted_class(class, offsets[i]);
}
