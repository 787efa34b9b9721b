// Models of mask bytes, derived from a class's density.
#include "density.h"

// Class 37 - j has the density of |x| > a for a normal x and a = 0.67449 * exp(0.050796 * j), where 0.67449 gives 1/2 and
// j = 21 gives exactly 0.05. Deltas are nearly normal, so that rows of another scale are a constant number of classes apart,
// and so are the same row's elements under another rounding step.
const uint16_t weir_densities[CLASS_HALF + 1] = {
    0,     2,     4,     10,    20,    40,    74,    129,   213,   338,   515,   755,   1070,
    1472,  1969,  2569,  3277,  4095,  5022,  6055,  7189,  8416,  9728,  11115, 12566, 14069,
    15615, 17191, 18788, 20397, 22007, 23611, 25203, 26775, 28321, 29838, 31322, 32768,
};

static const uint8_t group_size[9] = {1, 8, 28, 56, 70, 56, 28, 8, 1};

static void order_bytes(weir_models *models) {
  int place = 0;
  for (int ones = 0; ones <= 8; ones++) {
    for (int byte = 0; byte < 256; byte++) {
      if (__builtin_popcount((unsigned)byte) != ones) continue;
      models->rank[byte] = (uint8_t)place;
      models->order[place++] = (uint8_t)byte;
    }
  }
  models->is_ordered = 1;
}

// The slots of each group: its probability times SLOTS, to nearest. What rounding leaves over goes to the largest group.
static int share_slots(uint32_t density, uint32_t slots[9]) {
  uint32_t sum = 0;
  int tail = 9, largest = 0;
  for (int ones = 0; ones <= 8; ones++) {
    uint64_t weight = 1ull << 32;
    for (int i = 0; i < 8; i++) weight = weight * (i < ones ? density : 65536 - density) >> 16;
    slots[ones] = (uint32_t)((weight * group_size[ones] + (1u << (31 - SLOT_BITS))) >> (32 - SLOT_BITS));
    // With a density of at most 1/2, groups that get nothing are the last ones.
    if (slots[ones] == 0) {
      tail = ones;
      slots[ones] = 1;
    }
    sum += slots[ones];
    if (slots[ones] > slots[largest]) largest = ones;
    if (tail < 9) break;
  }
  slots[largest] += SLOTS - sum;
  return tail;
}

static void fill(weir_class_model *model, uint32_t first, uint32_t count, uint32_t symbol) {
  for (uint32_t i = 0; i < count; i++) model->decode[first + i] = symbol | i << 8 | count << 20;
}

static weir_coding coding(uint32_t first, uint32_t slots, uint32_t is_escape) {
  int is_single = slots == 1;
  return (weir_coding){
      .inverse = is_single ? UINT64_MAX : UINT64_MAX / slots + 1,
      .limit = slots << (32 - SLOT_BITS) | is_escape,
      .first = (uint16_t)(first + (is_single ? SLOTS - 1 : 0)),
      .others = (uint16_t)(SLOTS - slots),
  };
}

static void build(weir_class_model *model, const weir_models *models, uint32_t density) {
  uint32_t slots[9], first = 0;
  int tail = share_slots(density, slots), place = 0;
  model->first_escape = 9;
  for (int ones = 0; ones <= (tail < 9 ? tail : 8); ones++) {
    uint32_t size = ones == tail ? 256u - (uint32_t)place : group_size[ones];
    if (slots[ones] >= size && model->first_escape == 9) {
      // The first bytes of a group take what does not divide evenly.
      uint32_t each = slots[ones] / size, more = slots[ones] % size;
      for (uint32_t i = 0; i < size; i++) {
        uint32_t byte = models->order[(uint32_t)place + i], count = each + (i < more);
        fill(model, first, count, byte);
        model->encode[byte] = coding(first, count, 0);
        first += count;
      }
      model->direct_end = first;
    } else {
      if (model->first_escape == 9) model->first_escape = (uint8_t)ones;
      model->place[ones] = (uint16_t)place;
      model->size[ones] = (uint16_t)size;
      fill(model, first, slots[ones], (uint32_t)ones);
      for (uint32_t i = 0; i < size; i++) {
        model->encode[models->order[(uint32_t)place + i]] = coding(first, slots[ones], IS_ESCAPE);
      }
      first += slots[ones];
    }
    model->group[ones] = (uint8_t)ones;
    place += (int)size;
  }
  for (int ones = tail + 1; ones <= 8; ones++) model->group[ones] = (uint8_t)tail;
  model->is_built = 1;
}

const weir_class_model *weir_model(weir_models *models, int class) {
  if (!models->is_ordered) order_bytes(models);
  int shared = weir_shared(class);
  weir_class_model *model = &models->models[shared];
  if (!model->is_built) build(model, models, weir_densities[shared]);
  return model;
}
