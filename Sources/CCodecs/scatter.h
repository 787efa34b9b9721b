// Bits that are moved by masks: signs to and from kept elements, masks to and from the buckets of density classes.
//
// Each kernel is compiled for several instruction sets (scatter.inc) and chosen when it is called: moving bits by a mask is
// one instruction with BMI2, and a loop without.
#pragma once
#include <string.h>

#include "ccodecs.h"
#include "ckernels.h"

// The base's exponents as contexts: context of an element = min(max(exponent - least, 0), count - 1).
typedef struct {
  const uint8_t *base;  // elements of the block, at any alignment
  int dtype;            // WEIR_F32, WEIR_F16 or WEIR_BF16
  uint8_t least;
  uint8_t count;        // 1 ... CONTEXTS
} weir_contexts;

enum { CONTEXTS = 16 };

// The exponent field of element `i` of the base.
static inline uint32_t weir_exponent(const weir_contexts *contexts, uint32_t i) {
  if (contexts->dtype == WEIR_F32) {
    uint32_t bits;
    memcpy(&bits, contexts->base + 4 * (size_t)i, sizeof bits);
    return bits >> 23 & 0xFF;
  }
  uint16_t bits;
  memcpy(&bits, contexts->base + 2 * (size_t)i, sizeof bits);
  return contexts->dtype == WEIR_F16 ? bits >> 10 & 0x1F : bits >> 7 & 0xFF;
}

// The bits of a density class, appended or taken in the order of the elements.
typedef struct {
  uint8_t *bytes;
  uint64_t pending;  // bits that are not yet stored, when appending
  uint32_t count;    // bits appended or taken
} weir_bucket;

typedef struct {
  // Moves bits, in their order, to the places where the mask is 1; `bits` is followed by 8 readable bytes.
  void (*deposit)(const uint64_t *mask, uint32_t words, const uint8_t *bits, uint64_t *plane);
  // Moves the bits where the mask is 1 together, and returns how many; may write 8 bytes more than they need.
  uint32_t (*extract)(const uint64_t *mask, uint32_t words, const uint64_t *plane, uint8_t *bits);
  // Adds up elements, and those of them whose mask is 1, of each context in first ..< end; `mask` may be NULL.
  void (*count)(const weir_contexts *contexts, uint32_t first, uint32_t end, const uint64_t *mask, uint32_t *total,
                uint32_t *kept);
  // Appends the mask of first ..< end to the buckets that `classes` names for each context.
  void (*partition)(const weir_contexts *contexts, uint32_t first, uint32_t end, const uint64_t *mask,
                    const uint8_t *classes, weir_bucket *buckets);
  // The inverse: ORs into the mask what the buckets have; they are followed by 8 readable bytes.
  void (*merge)(const weir_contexts *contexts, uint32_t first, uint32_t end, uint64_t *mask, const uint8_t *classes,
                weir_bucket *buckets);
} weir_scatter_kernels;

const weir_scatter_kernels *weir_scatter(void);
