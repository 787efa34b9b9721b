// The random bits of an element, which masks are drawn from: SplitMix64 as a function of key and index. For C targets.
#pragma once
#include <stdint.h>

// The step between the counters of neighbours, and what makes random bits of counters, one number or a vector of them.
#define WEIR_RANDOM_STEP 0x9E3779B97F4A7C15u
#define WEIR_RANDOM_MIX(BITS)                         \
  BITS = (BITS ^ (BITS >> 30)) * 0xBF58476D1CE4E5B9u; \
  BITS = (BITS ^ (BITS >> 27)) * 0x94D049BB133111EBu; \
  BITS = (BITS ^ BITS >> 31) >> 11;

/// The 53 random bits of element `index` of the stream that `key` names; an element is kept where they are less than a
/// density times 2^53.
static inline uint64_t weir_random_bits(uint64_t key, uint64_t index) {
  uint64_t bits = key + WEIR_RANDOM_STEP * (index + 1);
  WEIR_RANDOM_MIX(bits)
  return bits;
}
