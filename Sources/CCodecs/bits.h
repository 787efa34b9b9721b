// Loads, stores and bit runs at any place; bytes are in little-endian order on every machine.
#pragma once
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bit planes are read and written as words: a little-endian machine is needed"
#endif

static inline uint64_t load64(const void *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

static inline void store64(void *bytes, uint64_t word) { memcpy(bytes, &word, sizeof word); }

// The lowest `count` bits, 0 ... 64.
static inline uint64_t low_bits(uint32_t count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }

// `count` bits of a plane from bit `first` on, 1 ... 64.
static inline uint64_t plane_bits(const uint64_t *plane, uint32_t first, uint32_t count) {
  uint32_t shift = first % 64;
  uint64_t bits = plane[first / 64] >> shift;
  if (shift + count > 64) bits |= plane[first / 64 + 1] << (64 - shift);
  return bits & low_bits(count);
}

// Sets those of `count` bits of a plane, from bit `first` on, that are 1.
static inline void add_plane_bits(uint64_t *plane, uint32_t first, uint32_t count, uint64_t bits) {
  uint32_t shift = first % 64;
  plane[first / 64] |= bits << shift;
  if (shift + count > 64) plane[first / 64 + 1] |= bits >> (64 - shift);
}
