// Masks that are drawn again.
#include <string.h>

#include "ccodecs_ternary.h"
#include "clones.h"
#include "random_bits.h"

typedef uint64_t lanes __attribute__((ext_vector_type(8)));
typedef _Bool bits8 __attribute__((ext_vector_type(8)));

WEIR_CLONES void weir_seeded_mask(const weir_block *block, uint64_t key, uint64_t limit, uint64_t *mask) {
  for (uint32_t first = 0; first < block->count; first += 64) {
    uint64_t bits[64], word = 0;
    for (int i = 0; i < 64; i++) bits[i] = weir_random_bits(key, block->first + first + (uint64_t)i);
    for (int i = 0; i < 64; i += 8) {
      lanes drawn;
      memcpy(&drawn, bits + i, sizeof drawn);
      bits8 kept = __builtin_convertvector(drawn < limit, bits8);
      uint8_t byte;
      memcpy(&byte, &kept, sizeof byte);
      word |= (uint64_t)byte << i;
    }
    mask[first / 64] = word;
  }
  uint32_t rest = block->count % 64;
  if (rest) mask[block->count / 64] &= (1ull << rest) - 1;
}
