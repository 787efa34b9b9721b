// What codec 10 does with elements, before and after the entropy coder: choosing tables, and adding differences.
#include "clones.h"
#include "lossless.h"

// MARK: Tables

#define FIND_OCTAVES(SIGNED, STORED, NAME)                                                                            \
  WEIR_CLONES static void NAME(lossless_form form, lossless_run run, uint8_t *restrict octaves) {                     \
    const STORED *restrict base = run.base;                                                                           \
    const SIGNED exponents = (SIGNED)form.exponents, floor = run.scale.floor, top = run.scale.top;                    \
    const int below = form.shift + form.mantissa;                                                                     \
    for (uint32_t i = 0; i < run.count; i++) {                                                                        \
      SIGNED exponent = (SIGNED)(base[i] >> below) & exponents;                                                       \
      exponent = exponent > floor ? exponent : floor;                                                                 \
      SIGNED octave = (SIGNED)(top - exponent);                                                                       \
      octaves[i] = (uint8_t)(octave > 0 ? octave : 0);                                                                \
    }                                                                                                                 \
  }

FIND_OCTAVES(int16_t, lossless_half, find_octaves_of_halves)
FIND_OCTAVES(int32_t, lossless_word, find_octaves_of_words)

#if defined(__x86_64__)
#include <immintrin.h>

/// Replaces octaves by tables, 32 at a time.
__attribute__((target("avx2"))) static uint32_t look_up_avx2(const uint8_t tables[OCTAVES], uint8_t *octaves, uint32_t count) {
  __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)tables));
  __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(tables + 16)));
  uint32_t done = 0;
  for (; count - done >= 32; done += 32) {
    __m256i places = _mm256_loadu_si256((const __m256i *)(octaves + done));
    __m256i is_high = _mm256_slli_epi16(places, 3);  // bit 4 of a place becomes its sign
    __m256i found = _mm256_blendv_epi8(_mm256_shuffle_epi8(low, places), _mm256_shuffle_epi8(high, places), is_high);
    _mm256_storeu_si256((__m256i *)(octaves + done), found);
  }
  return done;
}
#endif

void lossless_choose_tables(const lossless_form *form, const lossless_run *run, const uint8_t tables[OCTAVES], uint8_t *chosen,
                            int level) {
  uint32_t done = 0;
  (form->width == 2 ? find_octaves_of_halves : find_octaves_of_words)(*form, *run, chosen);
#if defined(__x86_64__)
  if (level >= WEIR_LEVEL_AVX2) done = look_up_avx2(tables, chosen, run->count);
#endif
  for (; done < run->count; done++) chosen[done] = tables[chosen[done]];
}

// MARK: Differences

// Direct tokens first, all at once; the few others count as 0 here and are mended below. Magnitudes have room for a sign, so
// comparisons are signed ones, which the oldest vectors have. One out of range sets a bit above the greatest: nothing that a
// direct token adds or takes away goes past twice the range.
#define APPLY_DIRECT(BITS, SIGNED, STORED, NAME)                                                                      \
  WEIR_CLONES static int NAME(lossless_form form, lossless_run run, const uint8_t *restrict tokens) {                 \
    const STORED *restrict base = run.base;                                                                           \
    STORED *restrict tuned = run.tuned;                                                                               \
    const int shift = form.shift;                                                                                     \
    const SIGNED limit = (SIGNED)form.limit, floor = (SIGNED)((SIGNED)run.scale.floor << form.mantissa);              \
    const BITS sign = (BITS)((BITS)1 << (8 * sizeof(BITS) - 1));                                                      \
    SIGNED outside = 0;                                                                                               \
    for (uint32_t i = 0; i < run.count; i++) {                                                                        \
      BITS bits = base[i];                                                                                            \
      SIGNED reference = (SIGNED)(bits >> shift) & limit, token = tokens[i];                                          \
      reference = reference > floor ? reference : floor;                                                              \
      token = token < DIRECT_TOKENS ? token : 0;                                                                      \
      SIGNED negative = (SIGNED)-(token & 1), size = (SIGNED)((token + 1) >> 1);                                      \
      BITS magnitude = (BITS)((BITS)reference + (BITS)((size ^ negative) - negative));                                \
      outside |= (SIGNED)magnitude;                                                                                   \
      tuned[i] = (BITS)((BITS)(magnitude << shift) | (bits & sign));                                                  \
    }                                                                                                                 \
    return (outside & ~limit) == 0;                                                                                   \
  }

APPLY_DIRECT(uint16_t, int16_t, lossless_half, apply_direct_halves)
APPLY_DIRECT(uint32_t, int32_t, lossless_word, apply_direct_words)

/// Which of 64 tokens, or of as many as there are, are not direct.
static uint64_t large_tokens(const uint8_t *tokens, uint32_t count) {
  // Adding 128 - DIRECT_TOKENS sets the top bit of a byte that is not direct, and carries nowhere; a product gathers the bits.
  const uint64_t every = UINT64_C(0x0101010101010101), top = every << 7;
  uint64_t large = 0;
  uint32_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t eight = *(const lossless_long *)(tokens + i);
    uint64_t found = (((eight & ~top) + every * (128 - DIRECT_TOKENS)) | eight) & top;
    large |= (found >> 7) * UINT64_C(0x0102040810204080) >> 56 << i;
  }
  for (; i < count; i++) large |= (uint64_t)(tokens[i] >= DIRECT_TOKENS) << i;
  return large;
}

/// Adds the differences of tokens that are not direct to what stands in their places, the references; once for either width.
__attribute__((always_inline)) static inline int mend(const lossless_form *form, const lossless_run *run, const uint8_t *tokens,
                                                      const lossless_token *means, lossless_bits *given, const int width) {
  lossless_half *tuned = run->tuned;
  lossless_word *long_tuned = run->tuned;
  const uint32_t greatest = width == 2 ? 0x7FFF : 0x7FFFFFFF, sign_bit = greatest + 1;
  const int shift = form->shift;
  lossless_bits bits = *given;
  uint32_t is_wrong = 0;
  for (uint32_t from = 0; from < run->count; from += 64) {
    uint32_t count = run->count - from < 64 ? run->count - from : 64;
    for (uint64_t large = large_tokens(tokens + from, count); large; large &= large - 1) {
      uint32_t i = from + (uint32_t)__builtin_ctzll(large);
      uint8_t token = tokens[i];
      if (token == TOKEN_ESCAPE) token = (uint8_t)lossless_read_bits(&bits, 8);
      const lossless_token mean = means[token];
      uint32_t reference = width == 2 ? tuned[i] : long_tuned[i];
      uint64_t negative = 0 - (uint64_t)mean.is_negative;
      uint64_t size = (uint64_t)(mean.least + lossless_read_bits(&bits, mean.bits)) << shift;
      // A magnitude below zero is a number above the greatest.
      uint64_t magnitude = (reference & greatest) + ((size ^ negative) - negative);
      is_wrong |= (magnitude > greatest) | !mean.is_known;
      uint32_t result = (uint32_t)magnitude | ((reference ^ (0u - mean.is_flip)) & sign_bit);
      if (width == 2) tuned[i] = (uint16_t)result;
      else long_tuned[i] = result;
    }
  }
  *given = bits;
  return !is_wrong;
}

WEIR_CLONES static int mend_halves(const lossless_form *form, const lossless_run *run, const uint8_t *tokens,
                                   const lossless_token *means, lossless_bits *bits) {
  return mend(form, run, tokens, means, bits, 2);
}

WEIR_CLONES static int mend_words(const lossless_form *form, const lossless_run *run, const uint8_t *tokens,
                                  const lossless_token *means, lossless_bits *bits) {
  return mend(form, run, tokens, means, bits, 4);
}

int lossless_apply(const lossless_form *form, const lossless_run *run, const uint8_t *tokens, const lossless_token *means,
                   lossless_bits *bits) {
  if (form->width == 2) return apply_direct_halves(*form, *run, tokens) && mend_halves(form, run, tokens, means, bits);
  return apply_direct_words(*form, *run, tokens) && mend_words(form, run, tokens, means, bits);
}
