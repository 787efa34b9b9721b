// Lists of values, and the masks that say where they belong.
#include "ccodecs_values.h"

#include <string.h>

#include "clones.h"

typedef uint16_t half_bits __attribute__((aligned(1), may_alias));
typedef uint32_t word_bits __attribute__((aligned(1), may_alias));

enum { INFINITE = 0x7F800000 };

// MARK: Masks

WEIR_CLONES uint32_t weir_mask_kept(const uint64_t *mask, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < (count + 63) / 64; i++) kept += (uint32_t)__builtin_popcountll(mask[i]);
  return kept;
}

// A word of 64 flags at a time, which compilers turn into comparisons of vectors.
#define FLAGS(CONDITION)                                                    \
  for (uint32_t from = 0; from < count; from += 64) {                       \
    uint32_t size = count - from < 64 ? count - from : 64;                  \
    uint8_t flags[64] = {0};                                                \
    for (uint32_t j = 0; j < size; j++) {                                   \
      uint32_t i = from + j;                                                \
      flags[j] = (CONDITION);                                               \
    }                                                                       \
    uint64_t word = 0;                                                      \
    for (uint32_t j = 0; j < 64; j++) word |= (uint64_t)flags[j] << j;      \
    mask[from / 64] = word;                                                 \
  }

WEIR_CLONES uint32_t weir_mask_nonzero(const float *values, uint32_t count, uint64_t *mask) {
  FLAGS(!(values[i] == 0))
  return weir_mask_kept(mask, count);
}

WEIR_CLONES uint32_t weir_mask_differing(const void *tuned, const void *base, uint32_t width, uint32_t count, uint64_t *mask) {
  if (width == 2) {
    const half_bits *t = tuned, *b = base;
    FLAGS(t[i] != b[i])
  } else {
    const word_bits *t = tuned, *b = base;
    FLAGS(t[i] != b[i])
  }
  return weir_mask_kept(mask, count);
}

WEIR_CLONES int weir_mask_covers(const uint64_t *mask, const uint64_t *other, uint32_t count) {
  uint64_t outside = 0;
  for (uint32_t i = 0; i < (count + 63) / 64; i++) outside |= other[i] & ~mask[i];
  return outside == 0;
}

// MARK: Lists

// STATEMENT for each kept element i.
#define FOR_KEPT(STATEMENT)                                                 \
  for (uint32_t from = 0; from < count; from += 64) {                       \
    for (uint64_t word = mask[from / 64]; word; word &= word - 1) {         \
      uint32_t i = from + (uint32_t)__builtin_ctzll(word);                  \
      STATEMENT;                                                            \
    }                                                                       \
  }

void weir_gather(const void *elements, uint32_t width, const uint64_t *mask, uint32_t count, void *list) {
  if (width == 2) {
    const half_bits *from_half = elements;
    half_bits *next = list;
    FOR_KEPT(*next++ = from_half[i])
  } else {
    const word_bits *from_word = elements;
    word_bits *next = list;
    FOR_KEPT(*next++ = from_word[i])
  }
}

void weir_scatter_list(const void *list, uint32_t width, const uint64_t *mask, uint32_t count, void *elements) {
  if (width == 2) {
    half_bits *to_half = elements;
    const half_bits *next = list;
    FOR_KEPT(to_half[i] = *next++)
  } else {
    word_bits *to_word = elements;
    const word_bits *next = list;
    FOR_KEPT(to_word[i] = *next++)
  }
}

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

int weir_gather_bf16(const float *values, const uint64_t *mask, uint32_t count, uint16_t *list) {
  uint32_t lower = 0;
  FOR_KEPT(uint32_t bits = bits_of(values[i]); lower |= bits & 0xFFFF; *list++ = (uint16_t)(bits >> 16))
  return lower ? WEIR_CODEC_RANGE : WEIR_CODEC_OK;
}

void weir_scatter_bf16(const uint16_t *list, const uint64_t *mask, uint32_t count, float *values) {
  memset(values, 0, count * sizeof *values);
  FOR_KEPT(values[i] = float_of((uint32_t)*list++ << 16))
}

// MARK: bf16

WEIR_CLONES void weir_widen_bf16(const void *halves, size_t count, float *values) {
  const half_bits *from = halves;
  for (size_t i = 0; i < count; i++) values[i] = float_of((uint32_t)from[i] << 16);
}

WEIR_CLONES int weir_narrow_bf16(const float *values, size_t count, void *halves) {
  half_bits *to = halves;
  uint32_t lower = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = bits_of(values[i]);
    lower |= bits & 0xFFFF;
    to[i] = (uint16_t)(bits >> 16);
  }
  return lower ? WEIR_CODEC_RANGE : WEIR_CODEC_OK;
}

WEIR_CLONES int weir_round_bf16(const float *values, size_t count, void *halves) {
  half_bits *to = halves;
  uint32_t is_wrong = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = bits_of(values[i]), magnitude = bits & 0x7FFFFFFF;
    uint32_t rounded = bits + 0x7FFF + (bits >> 16 & 1);
    // A NaN's rounding may wrap to a finite number.
    is_wrong |= (magnitude >= INFINITE) | ((rounded & 0x7FFFFFFF) >= INFINITE);
    to[i] = (uint16_t)(rounded >> 16);
  }
  return is_wrong ? WEIR_CODEC_RANGE : WEIR_CODEC_OK;
}

// MARK: Bytes

WEIR_CLONES void weir_split_bytes(const uint8_t *restrict bytes, size_t byte_count, uint32_t width, uint8_t *restrict planes) {
  size_t count = byte_count / width;
  for (uint32_t plane = 0; plane < width; plane++) {
    for (size_t i = 0; i < count; i++) planes[plane * count + i] = bytes[i * width + plane];
  }
}

WEIR_CLONES void weir_join_bytes(const uint8_t *restrict planes, size_t byte_count, uint32_t width, uint8_t *restrict bytes) {
  size_t count = byte_count / width;
  for (uint32_t plane = 0; plane < width; plane++) {
    for (size_t i = 0; i < count; i++) bytes[i * width + plane] = planes[plane * count + i];
  }
}
