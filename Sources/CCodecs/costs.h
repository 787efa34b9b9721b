// What bits cost in each density class. For encoders; nothing here is part of the format.
#pragma once
#include "classes.h"

enum {
  SHIFT = 40,        // the largest offset of a context
  WINDOW = 32,       // classes that are tried for a group, about the one of its density
  COSTS = CLASS_COUNT + 2 * (SHIFT + WINDOW),
  STEPS = 256,       // of the table of logarithms
  PLACES = 128,      // among which a class is searched for
};

// Zero before its first use.
typedef struct {
  // Bits of a 1 and of a 0 in class i at place SHIFT + WINDOW + i, with the ends repeated on both sides so that offsets need
  // no clamping.
  float one[COSTS], zero[COSTS];
  float log2[STEPS + 1];  // of 1 ... 2
  float density[PLACES + 1];  // of each class but the last, and from there on more than any
  int is_prepared;
} weir_costs;

void weir_prepare_costs(weir_costs *costs);

// log2 of a positive number: its exponent, and a table of its mantissa.
float weir_log2(const weir_costs *costs, float x);

// The entropy of `kept` ones among `total`, in bits.
float weir_entropy(const weir_costs *costs, uint32_t kept, uint32_t total);

// The class of 1 ... CLASS_LAST whose density is the least that is not below that of `kept` among `total`.
int weir_nearest_class(const weir_costs *costs, uint32_t kept, uint32_t total);
