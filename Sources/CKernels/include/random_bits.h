// The random bits of an element, which masks are drawn from: SplitMix64 as a function of key and index. For C targets.
#pragma once
#include <stdint.h>

/// The 53 random bits of element `index` of the stream that `key` names; an element is kept where they are less than a
/// density times 2^53.
static inline uint64_t weir_random_bits(uint64_t key, uint64_t index) {
  uint64_t bits = key + 0x9E3779B97F4A7C15u * (index + 1);
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
  return (bits ^ bits >> 31) >> 11;
}
