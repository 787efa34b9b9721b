// The inner loop of codec 10: tokens out of interleaved rANS states.
//
// A state x gives the token whose entries hold slot x mod 4096; then x = frequency · ⌊x / 4096⌋ + place, and a word of 16
// bits is shifted in where x has fallen below 2¹⁶. Words lie in the order of the lanes that take them, so that eight or
// sixteen lanes refill by one load, spread by a permutation.
//
// - Source: rANS, Duda, 2013, arXiv:1311.2540; interleaved states, Giesen, 2014, arXiv:1402.3392.
#include "lossless.h"

enum { SLOT_MASK = (1 << PROBABILITY_BITS) - 1 };

static int read_plain(lossless_reader *reader, const lossless_slot *slots, uint8_t *symbols, uint32_t count) {
  uint32_t mask = reader->lanes - 1;
  const uint8_t *next = reader->next, *end = reader->end;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t state = reader->states[i & mask];
    uint32_t slot = slots[(uint32_t)symbols[i] << PROBABILITY_BITS | (state & SLOT_MASK)];
    state = ((slot & SLOT_MASK) + 1) * (state >> PROBABILITY_BITS) + (slot >> 12 & SLOT_MASK);
    if (state < STATE_LOW) {
      if (end - next < 2) return 0;
      state = state << 16 | *(const lossless_half *)next;
      next += 2;
    }
    reader->states[i & mask] = state;
    symbols[i] = (uint8_t)(slot >> 24);
  }
  reader->next = next;
  return 1;
}

/// Whole rounds of all lanes, without a look at the end of the words: there are at least 32 for every round.
static uint32_t read_rounds(lossless_reader *reader, const lossless_slot *slots, uint8_t *symbols, uint32_t count) {
  uint32_t states[LANES];
  memcpy(states, reader->states, sizeof states);
  const uint8_t *next = reader->next, *end = reader->end;
  uint32_t done = 0;
  for (; count - done >= LANES && end - next >= 2 * LANES; done += LANES) {
    for (uint32_t lane = 0; lane < LANES; lane++) {
      uint32_t state = states[lane];
      uint32_t slot = slots[(uint32_t)symbols[done + lane] << PROBABILITY_BITS | (state & SLOT_MASK)];
      state = ((slot & SLOT_MASK) + 1) * (state >> PROBABILITY_BITS) + (slot >> 12 & SLOT_MASK);
      uint32_t refilled = state << 16 | *(const lossless_half *)next;
      int is_low = state < STATE_LOW;
      states[lane] = is_low ? refilled : state;
      next += 2 * is_low;
      symbols[done + lane] = (uint8_t)(slot >> 24);
    }
  }
  memcpy(reader->states, states, sizeof states);
  reader->next = next;
  return done;
}

#if defined(__x86_64__)
#include <immintrin.h>

// Which of the next words each of eight lanes takes, by mask of the lanes that take one: the number of those before it.
#define BIT(m, i) ((m) >> (i) & 1)
#define SUM2(m) (BIT(m, 0) + BIT(m, 1))
#define SUM4(m) (SUM2(m) + BIT(m, 2) + BIT(m, 3))
#define SPREAD(m) \
  {0, BIT(m, 0), SUM2(m), SUM2(m) + BIT(m, 2), SUM4(m), SUM4(m) + BIT(m, 4), SUM4(m) + BIT(m, 4) + BIT(m, 5), \
   SUM4(m) + BIT(m, 4) + BIT(m, 5) + BIT(m, 6)}
#define SPREAD4(m) SPREAD(m), SPREAD(m + 1), SPREAD(m + 2), SPREAD(m + 3)
#define SPREAD16(m) SPREAD4(m), SPREAD4(m + 4), SPREAD4(m + 8), SPREAD4(m + 12)
#define SPREAD64(m) SPREAD16(m), SPREAD16(m + 16), SPREAD16(m + 32), SPREAD16(m + 48)
static const uint8_t spread[256][8] = {SPREAD64(0), SPREAD64(64), SPREAD64(128), SPREAD64(192)};

/// One step of eight lanes; returns the slots, whose top bytes are the tokens.
__attribute__((target("avx2"), always_inline)) static inline __m256i step_avx2(
    __m256i *states, const lossless_slot *slots, const uint8_t *symbols, const uint8_t **next) {
  const __m256i slot_mask = _mm256_set1_epi32(SLOT_MASK);
  __m256i tables = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)symbols));
  __m256i places = _mm256_or_si256(_mm256_slli_epi32(tables, PROBABILITY_BITS), _mm256_and_si256(*states, slot_mask));
  __m256i found = _mm256_i32gather_epi32((const int *)slots, places, 4);
  __m256i above = _mm256_srli_epi32(*states, PROBABILITY_BITS);
  __m256i product = _mm256_mullo_epi32(above, _mm256_and_si256(found, slot_mask));
  __m256i place = _mm256_and_si256(_mm256_srli_epi32(found, PROBABILITY_BITS), slot_mask);
  __m256i state = _mm256_add_epi32(product, _mm256_add_epi32(above, place));
  __m256i low = _mm256_cmpeq_epi32(_mm256_srli_epi32(state, 16), _mm256_setzero_si256());
  unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(low));
  __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)*next));
  words = _mm256_permutevar8x32_epi32(words, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)spread[mask])));
  __m256i refilled = _mm256_or_si256(_mm256_slli_epi32(state, 16), words);
  *states = _mm256_blendv_epi8(state, refilled, low);
  *next += 2 * __builtin_popcount(mask);
  return found;
}

__attribute__((target("avx2,popcnt"))) static uint32_t read_rounds_avx2(
    lossless_reader *reader, const lossless_slot *slots, uint8_t *symbols, uint32_t count) {
  const uint8_t *next = reader->next, *end = reader->end;
  __m256i *stored = (__m256i *)reader->states;
  __m256i a = _mm256_loadu_si256(stored), b = _mm256_loadu_si256(stored + 1);
  __m256i c = _mm256_loadu_si256(stored + 2), d = _mm256_loadu_si256(stored + 3);
  const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  uint32_t done = 0;
  for (; count - done >= LANES && end - next >= 2 * LANES; done += LANES) {
    uint8_t *at = symbols + done;
    __m256i p = _mm256_srli_epi32(step_avx2(&a, slots, at, &next), 24);
    __m256i q = _mm256_srli_epi32(step_avx2(&b, slots, at + 8, &next), 24);
    __m256i r = _mm256_srli_epi32(step_avx2(&c, slots, at + 16, &next), 24);
    __m256i s = _mm256_srli_epi32(step_avx2(&d, slots, at + 24, &next), 24);
    __m256i tokens = _mm256_packus_epi16(_mm256_packs_epi32(p, q), _mm256_packs_epi32(r, s));
    _mm256_storeu_si256((__m256i *)at, _mm256_permutevar8x32_epi32(tokens, in_order));
  }
  _mm256_storeu_si256(stored, a);
  _mm256_storeu_si256(stored + 1, b);
  _mm256_storeu_si256(stored + 2, c);
  _mm256_storeu_si256(stored + 3, d);
  reader->next = next;
  return done;
}

/// One step of sixteen lanes.
__attribute__((target("avx512f,avx512bw,avx512vl"), always_inline)) static inline __m512i step_avx512(
    __m512i *states, const lossless_slot *slots, const uint8_t *symbols, const uint8_t **next) {
  const __m512i slot_mask = _mm512_set1_epi32(SLOT_MASK);
  __m512i tables = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)symbols));
  // Ternary logic 0xF8 is a | (b & c).
  __m512i places = _mm512_ternarylogic_epi32(_mm512_slli_epi32(tables, PROBABILITY_BITS), *states, slot_mask, 0xF8);
  __m512i found = _mm512_i32gather_epi32(places, slots, 4);
  __m512i above = _mm512_srli_epi32(*states, PROBABILITY_BITS);
  __m512i product = _mm512_mullo_epi32(above, _mm512_and_si512(found, slot_mask));
  __m512i place = _mm512_and_si512(_mm512_srli_epi32(found, PROBABILITY_BITS), slot_mask);
  __m512i state = _mm512_add_epi32(product, _mm512_add_epi32(above, place));
  __mmask16 low = _mm512_cmplt_epu32_mask(state, _mm512_set1_epi32(STATE_LOW));
  __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)*next));
  words = _mm512_maskz_expand_epi32(low, words);
  *states = _mm512_mask_or_epi32(state, low, _mm512_slli_epi32(state, 16), words);
  *next += 2 * __builtin_popcount(low);
  return found;
}

__attribute__((target("avx512f,avx512bw,avx512vl,popcnt"))) static uint32_t read_rounds_avx512(
    lossless_reader *reader, const lossless_slot *slots, uint8_t *symbols, uint32_t count) {
  const uint8_t *next = reader->next, *end = reader->end;
  __m512i a = _mm512_loadu_si512(reader->states), b = _mm512_loadu_si512(reader->states + 16);
  uint32_t done = 0;
  for (; count - done >= LANES && end - next >= 2 * LANES; done += LANES) {
    uint8_t *at = symbols + done;
    __m512i p = step_avx512(&a, slots, at, &next), q = step_avx512(&b, slots, at + 16, &next);
    _mm_storeu_si128((__m128i *)at, _mm512_cvtepi32_epi8(_mm512_srli_epi32(p, 24)));
    _mm_storeu_si128((__m128i *)(at + 16), _mm512_cvtepi32_epi8(_mm512_srli_epi32(q, 24)));
  }
  _mm512_storeu_si512(reader->states, a);
  _mm512_storeu_si512(reader->states + 16, b);
  reader->next = next;
  return done;
}
#endif

int lossless_read_tokens(lossless_reader *reader, const lossless_slot *slots, uint8_t *symbols, uint32_t count, int level) {
  uint32_t done = 0;
  if (reader->lanes == LANES) {
#if defined(__x86_64__)
    if (level == WEIR_LEVEL_AVX512) {
      done = read_rounds_avx512(reader, slots, symbols, count);
    } else if (level == WEIR_LEVEL_AVX2) {
      done = read_rounds_avx2(reader, slots, symbols, count);
    } else
#endif
      done = read_rounds(reader, slots, symbols, count);
  }
  return read_plain(reader, slots, symbols + done, count - done);
}
