// Which density class each group of a block's elements has: how it is written, and how an encoder chooses it.
#pragma once
#include "rans.h"
#include "scatter.h"

enum {
  GROUP_LEAST = 64,  // elements of the shortest group that a block may have
  GROUPS = WEIR_BLOCK_ELEMENTS / GROUP_LEAST,
};

// The distribution of the classes of a block's groups: a weight of 0 ... 15 for each class from the lowest to the highest.
typedef struct {
  uint8_t lowest, span;  // classes lowest ... lowest + span; span is at least 1
  uint8_t weights[CLASS_COUNT];
} weir_class_weights;

// The slots of each class; returns 0, or a weir_codec_result where no table has these weights.
int weir_class_slots(const weir_class_weights *weights, uint16_t slots[CLASS_COUNT]);

// The groups of a block: group g has elements g * length ..< (g + 1) * length.
typedef struct {
  uint32_t length;  // 0: all elements have one class, the first
  uint32_t count;
  uint8_t classes[GROUPS];
  weir_class_weights weights;
  int8_t offsets[CONTEXTS];  // of each context: what is added to the class of a group
  float bits;                // an estimate of what mask and classes will take
} weir_grouping;

// The class of the elements of a context in a group.
static inline uint8_t weir_shifted_class(int class, int offset) {
  if (class == CLASS_EMPTY || class == CLASS_FULL) return (uint8_t)class;
  int shifted = class + offset;
  return (uint8_t)(shifted < 1 ? 1 : shifted > CLASS_LAST ? CLASS_LAST : shifted);
}

// Memory of the choice; zero before its first use.
typedef struct weir_chooser weir_chooser;

enum { CHOOSER_BYTES = 1 << 20 };

// Chooses groups and classes for a mask whose bytes take the class of their first element.
void weir_choose_groups(weir_chooser *chooser, const weir_block *block, const uint64_t *mask, weir_grouping *grouping);

// Chooses classes and offsets for a mask whose elements take the class of their group and context; groups have `length`
// elements, which weir_choose_groups found.
void weir_choose_context_groups(weir_chooser *chooser, const weir_block *block, const uint64_t *mask,
                                const weir_contexts *contexts, uint32_t length, weir_grouping *grouping);

// Chooses which exponents are contexts of their own; one context means that exponents say nothing.
void weir_choose_contexts(weir_chooser *chooser, const weir_block *block, const uint64_t *mask, weir_contexts *contexts);
