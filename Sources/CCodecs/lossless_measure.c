// What codec 10's encoder asks of elements: scales of segments, tokens and classes.
#pragma STDC FP_CONTRACT OFF
#include "clones.h"
#include "lossless_encode.h"

// MARK: Scales

static inline float as_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t as_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float from_bfloat(uint16_t bits) { return as_float((uint32_t)bits << 16); }

/// Halves by moving the exponent, wrong for subnormal ones and infinities: what is estimated does not need them, and arithmetic
/// on subnormal floats is slow.
enum { HALF_EXPONENT_MOVE = 112 };

static inline float from_half(uint16_t bits) {
  uint32_t magnitude = ((uint32_t)(bits & 0x7FFF) << 13) + (HALF_EXPONENT_MOVE << 23);
  return as_float(magnitude | (uint32_t)(bits & 0x8000) << 16);
}

// Sixteen sums, so that the order is the same for every width of vectors. Infinities and NaN count as no difference.
#define MEASURE(NAME, STORED, VALUE)                                                                                  \
  WEIR_CLONES static float NAME(const void *tuned, const void *base, uint32_t count, uint32_t *differing) {           \
    const STORED *t = tuned, *b = base;                                                                               \
    float lanes[16] = {0};                                                                                            \
    uint32_t changed = 0, i = 0;                                                                                      \
    for (; count - i >= 16; i += 16) {                                                                                \
      for (uint32_t j = 0; j < 16; j++) {                                                                             \
        uint32_t x = t[i + j], y = b[i + j];                                                                          \
        float size = as_float(as_bits(VALUE(x) - VALUE(y)) & 0x7FFFFFFF);                                             \
        changed |= x ^ y;                                                                                             \
        lanes[j] += as_bits(size) < 0x7F800000 ? size : 0;                                                            \
      }                                                                                                               \
    }                                                                                                                 \
    for (; i < count; i++) {                                                                                          \
      uint32_t x = t[i], y = b[i];                                                                                    \
      float size = as_float(as_bits(VALUE(x) - VALUE(y)) & 0x7FFFFFFF);                                               \
      changed |= x ^ y;                                                                                               \
      lanes[0] += as_bits(size) < 0x7F800000 ? size : 0;                                                              \
    }                                                                                                                 \
    *differing = changed;                                                                                             \
    float sum = 0;                                                                                                    \
    for (uint32_t j = 0; j < 16; j++) sum += lanes[j];                                                                \
    return sum;                                                                                                       \
  }

MEASURE(measure_bf16, lossless_half, from_bfloat)
MEASURE(measure_f16, lossless_half, from_half)
MEASURE(measure_f32, lossless_word, as_float)

void lossless_measure_segment(const lossless_form *form, int type, const void *tuned, const void *base, lossless_segment *s) {
  const char *t = (const char *)tuned + (size_t)s->start * (size_t)form->width;
  const char *b = (const char *)base + (size_t)s->start * (size_t)form->width;
  float sum = type == WEIR_LOSSLESS_BF16  ? measure_bf16(t, b, s->count, &s->is_changed)
              : type == WEIR_LOSSLESS_F16 ? measure_f16(t, b, s->count, &s->is_changed)
                                          : measure_f32(t, b, s->count, &s->is_changed);
  // Rounding of an element is as often up as down, and as far on average: the mean size keeps that of the delta before it
  // was rounded, however coarse the units. A normal distribution has σ = √(π/2) times its mean size.
  float sigma = sum / (float)s->count * 1.2533141f;
  uint32_t bits = as_bits(sigma);
  float fraction = as_float((bits & 0x7FFFFF) | 0x3F800000);
  // Quarter octaves, rounded: the limits are 2^(1/8), 2^(3/8), 2^(5/8), 2^(7/8).
  int quarters = (fraction > 1.0905077f) + (fraction > 1.2968396f) + (fraction > 1.5422108f) + (fraction > 1.8340081f);
  int exponent = (int)(bits >> 23) - (type == WEIR_LOSSLESS_F16 ? HALF_EXPONENT_MOVE : 0);
  int scale = STEPS * (exponent + form->mantissa + LOW_OCTAVES) + quarters;
  int most = (int)lossless_most_scale(form);
  s->scale = (uint32_t)(scale < 0 ? 0 : scale < most ? scale : most);
}

// MARK: Tokens

#define TOKENISE(BITS, SIGNED, STORED, NAME)                                                                          \
  WEIR_CLONES static void NAME(lossless_form form, const void *tuned, const void *base, uint32_t count,               \
                               lossless_scale scale, uint8_t *restrict tokens, uint8_t *restrict classes) {           \
    const STORED *restrict t = tuned, *restrict b = base;                                                             \
    const int shift = form.shift, mantissa = form.mantissa, top = scale.top, step = scale.step;                       \
    const BITS limit = (BITS)form.limit, floor = (BITS)((BITS)scale.floor << mantissa);                               \
    for (uint32_t i = 0; i < count; i++) {                                                                            \
      BITS x = t[i], y = b[i], reference = (BITS)(y >> shift) & limit, magnitude = (BITS)(x >> shift) & limit;        \
      reference = reference > floor ? reference : floor;                                                              \
      BITS apart = (BITS)(magnitude - reference), negative = (BITS)((SIGNED)apart < 0);                               \
      BITS size = (BITS)((apart ^ (BITS)(0 - negative)) + negative);                                                  \
      BITS is_direct = (BITS)((size < DIRECT) & ((x ^ y) >> (8 * sizeof(BITS) - 1) == 0));                            \
      tokens[i] = (uint8_t)(is_direct ? 2 * size - negative : TOKEN_ESCAPE);                                          \
      int octave = top - (int)(reference >> mantissa);                                                                \
      classes[i] = (uint8_t)((octave > 0 ? octave : 0) * STEPS + step);                                               \
    }                                                                                                                 \
  }

TOKENISE(uint16_t, int16_t, lossless_half, tokenise_halves)
TOKENISE(uint32_t, int32_t, lossless_word, tokenise_words)

typedef struct {
  uint32_t size;
  int is_negative, is_flip;
} difference;

__attribute__((always_inline)) static inline difference difference_of(const lossless_form *form, const void *tuned,
                                                                      const void *base, uint32_t i, lossless_scale scale,
                                                                      const int width) {
  uint32_t x = width == 2 ? ((const lossless_half *)tuned)[i] : ((const lossless_word *)tuned)[i];
  uint32_t y = width == 2 ? ((const lossless_half *)base)[i] : ((const lossless_word *)base)[i];
  uint32_t magnitude = x >> form->shift & form->limit, reference = y >> form->shift & form->limit;
  const uint32_t floor = (uint32_t)scale.floor << form->mantissa;
  reference = reference > floor ? reference : floor;
  difference d = {.is_negative = magnitude < reference, .is_flip = (x ^ y) >> (8 * width - 1) & 1};
  d.size = d.is_negative ? reference - magnitude : magnitude - reference;
  return d;
}

/// Finds the tokens that were left out.
__attribute__((always_inline)) static inline void find_large(const lossless_form *form, const void *tuned, const void *base,
                                                             uint32_t count, lossless_scale scale, uint8_t *tokens,
                                                             const int width) {
  for (uint32_t i = 0; i < count; i++) {
    // Most groups of eight have none: direct tokens are below 64.
    while (count - i >= 8 && (*(const lossless_long *)(tokens + i) & UINT64_C(0x4040404040404040)) == 0) i += 8;
    if (i == count) break;
    if (tokens[i] != TOKEN_ESCAPE) continue;
    difference d = difference_of(form, tuned, base, i, scale, width);
    tokens[i] = (uint8_t)lossless_token_of(form, d.size, d.is_negative, d.is_flip);
  }
}

WEIR_CLONES static void find_large_halves(const lossless_form *form, const void *tuned, const void *base, uint32_t count,
                                          lossless_scale scale, uint8_t *tokens) {
  find_large(form, tuned, base, count, scale, tokens, 2);
}

WEIR_CLONES static void find_large_words(const lossless_form *form, const void *tuned, const void *base, uint32_t count,
                                         lossless_scale scale, uint8_t *tokens) {
  find_large(form, tuned, base, count, scale, tokens, 4);
}

void lossless_tokenise(const lossless_form *form, const void *tuned, const void *base, const lossless_segment *s,
                       uint8_t *tokens, uint8_t *classes) {
  lossless_scale scale;
  lossless_scale_make(form, s->scale, &scale);
  const char *t = (const char *)tuned + (size_t)s->start * (size_t)form->width;
  const char *b = (const char *)base + (size_t)s->start * (size_t)form->width;
  if (form->width == 2) {
    tokenise_halves(*form, t, b, s->count, scale, tokens, classes);
    find_large_halves(form, t, b, s->count, scale, tokens);
  } else {
    tokenise_words(*form, t, b, s->count, scale, tokens, classes);
    find_large_words(form, t, b, s->count, scale, tokens);
  }
}

// MARK: Raw bits

__attribute__((always_inline)) static inline void write_raw(
    lossless_bit_writer *given, const lossless_form *form, const void *tuned, const void *base, const lossless_segment *s,
    const lossless_token *means, const uint8_t (*is_whole)[TOKENS], const uint16_t (*frequencies)[TOKENS],
    const uint8_t *tables, uint8_t *tokens, const int width) {
  lossless_scale scale;
  lossless_scale_make(form, s->scale, &scale);
  lossless_bit_writer writer = *given;
  const char *t = (const char *)tuned + (size_t)s->start * width, *b = (const char *)base + (size_t)s->start * width;
  for (uint32_t i = 0; i < s->count; i++) {
    if (is_whole[tables[i]][tokens[i]]) continue;
    uint32_t size = difference_of(form, t, b, i, scale, width).size;
    lossless_write_token(&writer, means[tokens[i]], frequencies[tables[i]], &tokens[i], size);
  }
  *given = writer;
}

WEIR_CLONES static void write_raw_halves(lossless_bit_writer *writer, const lossless_form *form, const void *tuned,
                                         const void *base, const lossless_segment *s, const lossless_token *means,
                                         const uint8_t (*is_whole)[TOKENS], const uint16_t (*frequencies)[TOKENS],
                                         const uint8_t *tables, uint8_t *tokens) {
  write_raw(writer, form, tuned, base, s, means, is_whole, frequencies, tables, tokens, 2);
}

WEIR_CLONES static void write_raw_words(lossless_bit_writer *writer, const lossless_form *form, const void *tuned,
                                        const void *base, const lossless_segment *s, const lossless_token *means,
                                        const uint8_t (*is_whole)[TOKENS], const uint16_t (*frequencies)[TOKENS],
                                        const uint8_t *tables, uint8_t *tokens) {
  write_raw(writer, form, tuned, base, s, means, is_whole, frequencies, tables, tokens, 4);
}

void lossless_write_raw(lossless_bit_writer *writer, const lossless_form *form, const void *tuned, const void *base,
                        const lossless_segment *s, const lossless_token *means, const uint8_t (*is_whole)[TOKENS],
                        const uint16_t (*frequencies)[TOKENS], const uint8_t *tables, uint8_t *tokens) {
  (form->width == 2 ? write_raw_halves : write_raw_words)(writer, form, tuned, base, s, means, is_whole, frequencies, tables,
                                                          tokens);
}
