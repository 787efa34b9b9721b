// Counting of magnitude keys: how many are at or above an interval, how many fall into each bin of it.
#include <string.h>

#include "ckernels.h"
#include "clones.h"
#include "keys.h"

#if defined(__x86_64__) && !defined(WEIR_NO_CLONES)
#include <immintrin.h>
#define HAS_VECTORS 1
#endif

// The plain form. Blocks are short, so that most hold no key of a narrow interval.
#define COUNT_KEYS(NAME, T, K, KEY)                                                                                      \
  WEIR_CLONES static void NAME(const T *x, size_t n, K lower, K upper, int shift, uint32_t *bins, uint64_t *above) {   \
    enum { BLOCK = 16 };                                                                                               \
    const K width = upper - lower;                                                                                     \
    K many = 0;                                                                                                        \
    for (size_t start = 0; start < n; start += BLOCK) {                                                                \
      size_t count = n - start < BLOCK ? n - start : BLOCK;                                                            \
      K keys[BLOCK];                                                                                                   \
      K inside = 0;                                                                                                    \
      for (size_t i = 0; i < count; i++) {                                                                             \
        K key = KEY(x[start + i]);                                                                                     \
        many += key >= upper;                                                                                          \
        keys[i] = key - lower;                                                                                         \
        inside += keys[i] < width;                                                                                     \
      }                                                                                                                \
      if (inside == 0) continue;                                                                                       \
      for (size_t i = 0; i < count; i++)                                                                               \
        if (keys[i] < width) bins[keys[i] >> shift]++;                                                                 \
    }                                                                                                                  \
    *above += many;                                                                                                    \
  }

// Keys in the order of the numbers, negative ones first.
#define SIGNED_KEY(NAME, T, K)                        \
  static inline K NAME(T x) {                         \
    const K sign = (K)1 << (8 * sizeof(K) - 1);       \
    K bits;                                           \
    memcpy(&bits, &x, sizeof bits);                   \
    bits ^= bits & sign ? ~(K)0 : sign;               \
    return bits - (bits == ~(K)0);                    \
  }

SIGNED_KEY(signed_key_f32, float, uint32_t)
SIGNED_KEY(signed_key_f64, double, uint64_t)
uint32_t weir_signed_key_f32(float x) { return signed_key_f32(x); }
uint64_t weir_signed_key_f64(double x) { return signed_key_f64(x); }

COUNT_KEYS(count_f32, float, uint32_t, weir_key_f32)
COUNT_KEYS(count_f64, double, uint64_t, weir_key_f64)
COUNT_KEYS(count_signed_f32, float, uint32_t, signed_key_f32)
COUNT_KEYS(count_signed_f64, double, uint64_t, signed_key_f64)

#ifdef HAS_VECTORS
// Sixteen keys at a time: those above are counted by a mask, and the keys inside the interval are pressed together into a list, so that
// no branch depends on a key. The list goes into the bins at the end.
__attribute__((target("avx512f,popcnt"))) static void count_f32_512(const float *x, size_t n, uint32_t lower,
                                                                    uint32_t upper, int shift, uint32_t *bins,
                                                                    uint64_t *above) {
  enum { STEP = 16, PART = 1024 };
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF), one = _mm512_set1_epi32(1);
  const __m512i least = _mm512_set1_epi32((int)lower), end = _mm512_set1_epi32((int)upper);
  const __m512i width = _mm512_set1_epi32((int)(upper - lower));
  const __m128i places = _mm_cvtsi32_si128(shift);
  __m512i many = _mm512_setzero_si512();
  uint32_t list[PART + STEP];
  for (size_t start = 0; start < n; start += PART) {
    size_t stop = n - start < PART ? n : start + PART;
    size_t length = 0;
    for (size_t i = start; i < stop; i += STEP) {
      __mmask16 live = stop - i < STEP ? (__mmask16)((1u << (stop - i)) - 1) : (__mmask16)0xFFFF;
      __m512i key = _mm512_and_si512(_mm512_castps_si512(_mm512_maskz_loadu_ps(live, x + i)), magnitude);
      __m512i place = _mm512_sub_epi32(key, least);
      many = _mm512_mask_add_epi32(many, _mm512_mask_cmpge_epu32_mask(live, key, end), many, one);
      __mmask16 inside = _mm512_mask_cmplt_epu32_mask(live, place, width);
      _mm512_storeu_si512(list + length, _mm512_maskz_compress_epi32(inside, _mm512_srl_epi32(place, places)));
      length += (size_t)__builtin_popcount(inside);
    }
    for (size_t i = 0; i < length; i++) bins[list[i]]++;
  }
  *above += (uint32_t)_mm512_reduce_add_epi32(many);
}

// For each set of eight lanes, the places of its members: pressed[m] lists the bits of m.
static uint64_t pressed[256];

__attribute__((constructor)) static void list_members(void) {
  for (int set = 0; set < 256; set++) {
    int length = 0;
    for (uint64_t lane = 0; lane < 8; lane++)
      if (set >> lane & 1) pressed[set] |= lane << (8 * length++);
  }
}

// Eight keys at a time, in the same way. Comparisons are of signed numbers: keys have 31 bits, and so has what is left of one
// that is inside.
__attribute__((target("avx2,bmi,popcnt"))) static void count_f32_256(const float *x, size_t n, uint32_t lower,
                                                                     uint32_t upper, int shift, uint32_t *bins,
                                                                     uint64_t *above) {
  enum { STEP = 8, PART = 1024 };
  const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF), least = _mm256_set1_epi32((int)lower);
  const __m256i below = _mm256_set1_epi32((int)(lower - 1)), last = _mm256_set1_epi32((int)(upper - 1));
  const __m128i places = _mm_cvtsi32_si128(shift);
  __m256i many = _mm256_setzero_si256();
  uint32_t list[PART + STEP];
  size_t whole = n / STEP * STEP;
  for (size_t start = 0; start < whole; start += PART) {
    size_t stop = whole - start < PART ? whole : start + PART;
    size_t length = 0;
    for (size_t i = start; i < stop; i += STEP) {
      __m256i key = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(x + i)), magnitude);
      __m256i high = _mm256_cmpgt_epi32(key, last);
      many = _mm256_sub_epi32(many, high);
      __m256i inside = _mm256_andnot_si256(high, _mm256_cmpgt_epi32(key, below));
      uint32_t set = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(inside));
      __m256i order = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&pressed[set]));
      __m256i bin = _mm256_srl_epi32(_mm256_sub_epi32(key, least), places);
      _mm256_storeu_si256((__m256i *)(list + length), _mm256_permutevar8x32_epi32(bin, order));
      length += (size_t)__builtin_popcount(set);
    }
    for (size_t i = 0; i < length; i++) bins[list[i]]++;
  }
  uint32_t counts[STEP];
  _mm256_storeu_si256((__m256i *)counts, many);
  for (int lane = 0; lane < STEP; lane++) *above += counts[lane];
  count_f32(x + whole, n - whole, lower, upper, shift, bins, above);
}
#endif

void weir_count_keys_f32(const float *x, size_t n, int is_signed, uint32_t lower, uint32_t upper, int shift, uint32_t *bins,
                         uint64_t *above) {
  if (is_signed) {
    count_signed_f32(x, n, lower, upper, shift, bins, above);
    return;
  }
#ifdef HAS_VECTORS
  if (__builtin_cpu_supports("avx512f")) {
    count_f32_512(x, n, lower, upper, shift, bins, above);
    return;
  }
  // An interval that reaches beyond 31 bits has no end that a signed comparison could find.
  if (__builtin_cpu_supports("avx2") && upper <= 0x80000000u && lower < upper) {
    count_f32_256(x, n, lower, upper, shift, bins, above);
    return;
  }
#endif
  count_f32(x, n, lower, upper, shift, bins, above);
}

void weir_count_keys_f64(const double *x, size_t n, int is_signed, uint64_t lower, uint64_t upper, int shift, uint32_t *bins,
                         uint64_t *above) {
  (is_signed ? count_signed_f64 : count_f64)(x, n, lower, upper, shift, bins, above);
}
