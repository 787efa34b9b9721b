// Density classes: the static models of bytes of eight mask bits, and their tables for the coder.
#pragma once
#include <stdint.h>

// Class 0 keeps nothing and class 74 everything; neither codes any bit. Classes 1 ... 37 have the densities of a table, and
// classes 38 ... 73 are the mirror images of 36 ... 1: they code the complement of a byte.
enum {
  CLASS_EMPTY = 0,
  CLASS_HALF = 37,
  CLASS_LAST = 73,
  CLASS_FULL = 74,
  CLASS_COUNT = 75,
  SLOT_BITS = 12,
  SLOTS = 1 << SLOT_BITS,
};

// Densities of classes 1 ... CLASS_HALF, times 65536; class 0 is a filler.
extern const uint16_t weir_densities[CLASS_HALF + 1];

// The model of a class and its tables, all derived from its density by integer arithmetic.
//
// Bytes are ordered by their number of ones, then by value; those with equal numbers are a group, and have one probability.
// A group that gets fewer slots than it has bytes is one symbol, an escape, after which the byte's place in the group
// follows. Groups that get no slot at all are one group, the tail, with one slot.
typedef struct {
  uint32_t decode[SLOTS];     // of each slot: byte, or group of an escape | (slot - first slot) << 8 | slots << 20
  uint32_t encode[256];       // of each byte: first slot | slots << 16, its own or its escape's
  uint64_t inverse[256];      // of each byte: what divides by those slots, see weir_inverse
  uint32_t direct_end;        // slots from here on are escapes
  uint16_t place[9];          // of each group that escapes: how many bytes come before it in the order
  uint16_t size[9];           // of each group that escapes: its bytes
  uint8_t group[9];           // of each number of ones: its group (the tail's is its first)
  uint8_t first_escape;       // the first group that escapes
  uint8_t is_built;
} weir_class_model;

// Models are built when they are first needed, in memory that was zero before.
typedef struct {
  weir_class_model models[CLASS_HALF + 1];
  uint8_t order[256];  // bytes by number of ones, then value
  uint8_t rank[256];   // their places in `order`
  uint8_t is_ordered;
} weir_models;

// Division of a 32-bit state by its symbol's slots, as a multiplication: x / slots is x * inverse >> 63, exactly, since the inverse
// is less than slots / 2^63 too large and x below 2^32.
static inline uint64_t weir_inverse(uint32_t slots) { return ((1ull << 63) + slots - 1) / slots; }

const weir_class_model *weir_model(weir_models *models, int class);

// The byte that a symbol stands for is `symbol ^ weir_flip(class)`.
static inline uint8_t weir_flip(int class) { return class > CLASS_HALF ? 0xFF : 0; }

// The model that a class of 1 ... CLASS_LAST shares with its mirror image.
static inline int weir_shared(int class) { return class > CLASS_HALF ? 2 * CLASS_HALF - class : class; }
