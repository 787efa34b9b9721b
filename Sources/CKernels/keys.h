// Magnitude keys: the bits of a number without its sign, which grow with the magnitude.
#pragma once
#include <stdint.h>
#include <string.h>

static inline uint32_t weir_key_f32(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7FFFFFFFu;
}

static inline uint64_t weir_key_f64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7FFFFFFFFFFFFFFFu;
}
