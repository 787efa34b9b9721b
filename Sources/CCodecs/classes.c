// The distribution of classes.
#include "classes.h"

#include "ccodecs.h"

int weir_class_slots(const weir_class_weights *weights, uint16_t slots[CLASS_COUNT]) {
  // About half a bit apart: enough to tell how common a class is, in four bits.
  static const uint8_t values[16] = {0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181};
  uint32_t sum = 0, present = 0, given = 0, heaviest = 0;
  memset(slots, 0, CLASS_COUNT * sizeof *slots);
  if (weights->lowest + weights->span >= CLASS_COUNT) return WEIR_CODEC_RANGE;
  for (uint32_t i = 0; i <= weights->span; i++) {
    sum += values[weights->weights[i]];
    present += weights->weights[i] > 0;
    if (weights->weights[i] > weights->weights[heaviest]) heaviest = i;
  }
  // One class alone has no table: its groups would be one.
  if (present < 2) return WEIR_CODEC_RANGE;
  for (uint32_t i = 0; i <= weights->span; i++) {
    uint32_t value = values[weights->weights[i]];
    if (value) given += slots[weights->lowest + i] = (uint16_t)(1 + value * (SLOTS - CLASS_COUNT) / sum);
  }
  slots[weights->lowest + heaviest] += (uint16_t)(SLOTS - given);
  return WEIR_CODEC_OK;
}
