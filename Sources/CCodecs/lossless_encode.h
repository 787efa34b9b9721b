// What the parts of codec 10's encoder share. Nothing of it has to be repeated by a decoder: it may change with any version.
#pragma once
#include "lossless.h"

/// Bits in writing, least significant first. Up to seven bytes are written beyond `next`.
typedef struct {
  uint8_t *next;
  uint64_t pending;
  int pending_count;  // less than 8 between calls
} lossless_bit_writer;

/// Writes up to 32 bits; those of `value` above are 0.
static inline void lossless_write_bits(lossless_bit_writer *writer, uint32_t value, int count) {
  writer->pending |= (uint64_t)value << writer->pending_count;
  writer->pending_count += count;
  memcpy(writer->next, &writer->pending, 8);
  writer->next += writer->pending_count >> 3;
  writer->pending >>= writer->pending_count & ~7;
  writer->pending_count &= 7;
}

/// A segment in encoding.
typedef struct {
  uint32_t start, count;
  uint32_t is_changed;
  uint32_t scale;
} lossless_segment;

typedef uint32_t lossless_counts[CLASSES][TOKENS];

/// Base 2 logarithm of a positive normal number, to about 1e-4, the same on every machine: no contraction, no library.
static inline float lossless_log2(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  int exponent = (int)(bits >> 23) - 127;
  bits = (bits & 0x7FFFFF) | 0x3F800000;
  memcpy(&x, &bits, 4);
  float t = x - 1.0f;
  // A minimax polynomial of degree 4 on [0, 1] that is exact at both ends.
  float p = t * (1.4386242f + t * (-0.6777784f + t * (0.3218538f + t * -0.0826996f)));
  return (float)exponent + p;
}

// MARK: lossless_measure.c

/// Finds whether a segment changes, and estimates its scale.
void lossless_measure_segment(const lossless_form *form, int type, const void *tuned, const void *base, lossless_segment *s);

/// Writes token and class of each element; tokens that are not direct are found one by one.
void lossless_tokenise(const lossless_form *form, const void *tuned, const void *base, const lossless_segment *s,
                       uint8_t *tokens, uint8_t *classes);

/// Writes the raw bits of a segment's elements, and turns tokens that `frequencies` does not list into escapes. Elements whose
/// tokens are listed and have no raw bits are told by `is_whole`; `tables` has the table of each element.
void lossless_write_raw(lossless_bit_writer *writer, const lossless_form *form, const void *tuned, const void *base,
                        const lossless_segment *s, const lossless_token *means, const uint8_t (*is_whole)[TOKENS],
                        const uint16_t (*frequencies)[TOKENS], const uint8_t *tables, uint8_t *tokens);

/// Writes what a token leaves to raw bits, and the token itself where its table does not list it: the escape takes its place.
static inline void lossless_write_token(lossless_bit_writer *writer, lossless_token mean, const uint16_t frequencies[TOKENS],
                                        uint8_t *token, uint32_t size) {
  if (frequencies[*token] == 0) {
    lossless_write_bits(writer, *token, 8);
    *token = TOKEN_ESCAPE;
  }
  lossless_write_bits(writer, size - mean.least, mean.bits);
}

// MARK: lossless_plan.c

/// Which classes share a table, and the frequencies of all tables, the one of segments last.
typedef struct {
  uint32_t table_count;
  uint32_t first_class[TABLES];
  uint8_t table_of_class[CLASSES];
  uint16_t frequencies[ALL_TABLES][TOKENS];
} lossless_plan;

/// Merges the counts of neighbouring classes until no merge pays, into at most TABLES tables.
///
/// `work` has LOSSLESS_PLAN_WORK bytes.
void lossless_plan_tables(lossless_counts counts, lossless_plan *plan, void *work);

enum { LOSSLESS_PLAN_WORK = 4 * (CLASSES + 1) * TOKENS + 16 * CLASSES };

/// Chooses a table's frequencies for counts, as the stored form can hold them; rare tokens are left to the escape.
void lossless_choose_frequencies(const uint32_t counts[TOKENS], uint16_t frequencies[TOKENS]);

void lossless_write_table(lossless_bit_writer *writer, const uint16_t frequencies[TOKENS]);

// MARK: The encoder

enum {
  COUNT_PARTS = 4,
  WORDS_MOST = WEIR_BLOCK_ELEMENTS + SEGMENTS,
  RAW_MOST = 4 * WEIR_BLOCK_ELEMENTS,
  MOVES = 8,  // quarter octaves that a scale is improved by at a time
};

/// How the encoder finds a token's new state: ⌊state / frequency⌋ is a multiplication, for states below frequency · 2²⁰.
typedef struct {
  uint64_t inverse;  // ⌈2⁴⁴ / frequency⌉ · 2²⁰
  uint32_t bias;
  uint16_t frequency, rest;
} lossless_symbol;

typedef struct {
  uint8_t tokens[WEIR_BLOCK_ELEMENTS], classes[WEIR_BLOCK_ELEMENTS];
  lossless_segment segments[SEGMENTS];
  uint8_t segment_tokens[SEGMENTS];
  uint32_t count_parts[CLASSES * TOKENS][COUNT_PARTS];
  lossless_counts counts;
  uint16_t costs[MOVES + CLASSES + MOVES][TOKENS];  // the outer ones as their neighbours
  uint32_t scale_counts[1 << SCALE_BITS];
  uint16_t scale_costs[1 << SCALE_BITS];
  lossless_symbol symbols[ALL_TABLES][TOKENS];
  uint8_t is_whole[TABLES][TOKENS];  // a token that is listed and has no raw bits
  uint16_t words[1 + WORDS_MOST];  // written backwards; the first is room for one that is not kept
  uint8_t bits[RAW_MOST + (1 << 18)];  // raw bits, and tables, escapes and scales
  uint8_t zeros[RAW_MOST];  // the base where there is none
  uint32_t plan_work[LOSSLESS_PLAN_WORK / 4];
  lossless_plan plan;
  lossless_form form;
  uint32_t count, segment_count, segment_length, changed_count, coded, common;
  int type;
  const void *tuned, *base;
} lossless_encoder;

// MARK: lossless_scales.c

/// Cuts the block into segments, and estimates the scale of each that changes. One does.
void lossless_find_segments(lossless_encoder *e, uint64_t row_length);

/// Writes tokens and classes of all segments that change, one after the other, and counts them.
void lossless_count(lossless_encoder *e);

/// Moves scales to where the tokens cost least: where most elements do not change, the mean size says little of a segment.
void lossless_improve_scales(lossless_encoder *e);
