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

// How slots first ..< first + slots are put into a state x without a division: x + x / slots * (SLOTS - slots) + first, where
// x / slots is x * inverse >> 64. Exact for 32-bit states, since the inverse is less than 1 too large. That of a single slot would take
// a bit more than there is; its quotients come out 1 too small, which the first slot makes up for.
typedef struct {
  uint64_t inverse;  // 2^64 / slots, rounded up
  uint32_t limit;    // slots << (32 - SLOT_BITS): a state from here on gives out a word before; and IS_ESCAPE
  uint16_t first;    // and SLOTS - 1 more where it is the only slot
  uint16_t others;   // SLOTS - slots
} weir_coding;

enum { IS_ESCAPE = 1 };

// The model of a class and its tables, all derived from its density by integer arithmetic.
//
// Bytes are ordered by their number of ones, then by value; those with equal numbers are a group, and have one probability.
// A group that gets fewer slots than it has bytes is one symbol, an escape, after which the byte's place in the group
// follows. Groups that get no slot at all are one group, the tail, with one slot.
typedef struct {
  uint32_t decode[SLOTS];     // of each slot: byte, or group of an escape | (slot - first slot) << 8 | slots << 20
  weir_coding encode[256];    // of each byte: how its own slots are put in, or its escape's
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

const weir_class_model *weir_model(weir_models *models, int class);

// The byte that a symbol stands for is `symbol ^ weir_flip(class)`.
static inline uint8_t weir_flip(int class) { return class > CLASS_HALF ? 0xFF : 0; }

// The model that a class of 1 ... CLASS_LAST shares with its mirror image.
static inline int weir_shared(int class) { return class > CLASS_HALF ? 2 * CLASS_HALF - class : class; }
