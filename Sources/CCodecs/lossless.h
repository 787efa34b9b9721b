// Codec 10, what encoder and decoder share: the form of elements, tokens, classes and the layout of a payload.
//
// An element is a sign and a magnitude, the bits below the sign as an integer, in which neighbours are one unit of the
// last place apart. Let σ be the scale of a segment's delta. The reference of an element is the base's magnitude, or that of
// σ/4 where the base's is less: the base says nothing about an element that is mostly delta. A token says how many units
// the tuned magnitude lies from the reference, and whether the signs differ. Within a binade a unit is constant, so that the
// spread of the difference depends on the ratio of σ to the unit alone: the class, which chooses the table of frequencies.
#pragma once
#include <string.h>

#include "ccodecs_lossless.h"

enum {
  MODE_SAME,   // the base's bytes: no payload
  MODE_RAW,    // the tuned bytes
  MODE_CODED,  // tokens

  HEADER_BYTES = 10,  // mode, lanes and shift, segment length, word count

  LANES = 32,             // most states of the entropy coder
  PROBABILITY_BITS = 12,  // frequencies of a table sum to 1 << this
  STATE_LOW = 1 << 16,    // states lie in STATE_LOW ..< 1 << 32 between symbols

  TABLES = 32,         // most tables of elements
  ROW_TABLE = TABLES,  // the table of segment scales
  ALL_TABLES = TABLES + 1,

  TOKENS = 256,
  DIRECT = 32,                    // differences below this have tokens of their own
  DIRECT_TOKENS = 2 * DIRECT - 1,
  TOKEN_UNCHANGED = 254,          // of segments only
  TOKEN_ESCAPE = 255,             // the token follows in eight raw bits

  STEPS = 4,                      // quarter octaves: scales per octave
  OCTAVES = 32,                   // octaves of the ratio of σ to a unit that classes tell apart
  CLASSES = STEPS * OCTAVES,
  LOW_OCTAVES = 6,                // the first class is σ below 2⁻⁶ units
  FLOOR_OCTAVES = 2,              // the least reference is σ · 2⁻²
  SCALE_BITS = 10,

  SEGMENT_LEAST = 64,  // elements of a segment, but for the last
  SEGMENTS = WEIR_BLOCK_ELEMENTS / SEGMENT_LEAST,
  CHUNK = 4096,  // elements that are decoded at a time: what fits the first cache
};

/// How the bits of an element are read.
typedef struct {
  int width;           // bytes
  int shift;           // low bits that are zero throughout the block, and left out
  int mantissa;        // bits below the exponent, without those left out
  uint32_t exponents;  // the greatest exponent field
  uint32_t limit;      // the greatest magnitude
  int detail;          // bits below the leading one that a token tells, of large differences
  int flip_detail;     // the same where signs differ
  int flips;           // the first token of those
} lossless_form;

static inline int lossless_form_make(lossless_form *form, int type, int shift) {
  int mantissa = type == WEIR_LOSSLESS_BF16 ? 7 : type == WEIR_LOSSLESS_F16 ? 10 : 23;
  int is_long = type == WEIR_LOSSLESS_F32;
  if (shift < 0 || shift > mantissa) return 0;
  form->width = is_long ? 4 : 2;
  form->shift = shift;
  form->mantissa = mantissa - shift;
  form->exponents = type == WEIR_LOSSLESS_F16 ? 31 : 255;
  form->limit = (is_long ? 0x7FFFFFFFu : 0x7FFFu) >> shift;
  form->detail = is_long ? 1 : 2;
  form->flip_detail = is_long ? 0 : 1;
  form->flips = DIRECT_TOKENS + (is_long ? 26 << 2 : 10 << 3);
  return 1;
}

/// What a token means: differences from `least` on, `bits` more bits to be added.
typedef struct {
  uint32_t least;
  uint8_t bits, is_negative, is_flip, is_known;
} lossless_token;

static inline int lossless_bit_length(uint32_t x) { return x ? 32 - __builtin_clz(x) : 0; }

/// The token of a difference of `size` units.
static inline int lossless_token_of(const lossless_form *form, uint32_t size, int is_negative, int is_flip) {
  if (!is_flip && size < DIRECT) return (int)(2 * size) - is_negative;
  if (size == 0) return form->flips;
  int exponent = lossless_bit_length(size) - 1, detail = is_flip ? form->flip_detail : form->detail;
  uint32_t fraction = (exponent >= detail ? size >> (exponent - detail) : size << (detail - exponent)) & ((1u << detail) - 1);
  int index = (is_flip ? exponent : exponent - 5) << (detail + 1) | (int)fraction << 1 | is_negative;
  return (is_flip ? form->flips + 1 : DIRECT_TOKENS) + index;
}

static inline lossless_token lossless_token_mean(const lossless_form *form, int token) {
  lossless_token mean = {0, 0, 0, 0, 1};
  if (token < DIRECT_TOKENS) {
    mean.least = (uint32_t)(token + 1) / 2;
    mean.is_negative = token & 1;
    return mean;
  }
  mean.is_flip = token >= form->flips;
  if (token == form->flips) return mean;
  int detail = mean.is_flip ? form->flip_detail : form->detail;
  int index = token - (mean.is_flip ? form->flips + 1 : DIRECT_TOKENS);
  int exponent = (index >> (detail + 1)) + (mean.is_flip ? 0 : 5);
  uint32_t fraction = (uint32_t)(index >> 1) & ((1u << detail) - 1);
  mean.is_negative = index & 1;
  mean.is_known = exponent < (form->width == 4 ? 31 : 15);
  if (!mean.is_known) return mean;
  if (exponent >= detail) {
    mean.bits = (uint8_t)(exponent - detail);
    mean.least = (1u << detail | fraction) << mean.bits;
  } else {
    mean.least = (1u << detail | fraction) >> (detail - exponent);
    mean.is_known = mean.least << (detail - exponent) == (1u << detail | fraction);
  }
  return mean;
}

/// What a segment's scale says of its elements. Scales are quarter octaves of σ, from one far below the least unit on.
typedef struct {
  uint8_t floor;  // the exponent field of the least reference, whose mantissa is 0
  uint8_t top;    // class = STEPS · (top - exponent field of the reference, at least 0) + step
  uint8_t step;
} lossless_scale;

/// The greatest scale whose floor has an exponent of the form.
static inline uint32_t lossless_most_scale(const lossless_form *form) {
  uint32_t most = STEPS * (form->exponents + (uint32_t)(form->mantissa + LOW_OCTAVES + FLOOR_OCTAVES));
  return most >> SCALE_BITS ? (1 << SCALE_BITS) - 1 : most;
}

/// Returns 0 where the scale is beyond what the form's exponents can say.
static inline int lossless_scale_make(const lossless_form *form, uint32_t scale, lossless_scale *made) {
  uint32_t below = (uint32_t)(form->mantissa + LOW_OCTAVES + FLOOR_OCTAVES), up = (scale + STEPS - 1) / STEPS;
  uint32_t exponent = up > below ? up - below : 0;
  if (scale >> SCALE_BITS || exponent > form->exponents) return 0;
  made->floor = (uint8_t)exponent;
  made->top = (uint8_t)(scale / STEPS);
  made->step = (uint8_t)(scale % STEPS);
  return 1;
}

typedef uint16_t lossless_half __attribute__((aligned(1), may_alias));
typedef uint32_t lossless_word __attribute__((aligned(1), may_alias));
typedef uint64_t lossless_long __attribute__((aligned(1), may_alias));

// MARK: Bits, least significant first

typedef struct {
  const uint8_t *bytes;
  size_t byte_count;
  size_t position;  // in bits; may run past the end, where bits are 0
} lossless_bits;

/// The eight bytes from a place on, as far as there are any; zeros follow.
uint64_t lossless_last_bytes(const lossless_bits *bits, size_t byte);

/// The next `count` bits, at most 32.
static inline uint32_t lossless_read_bits(lossless_bits *bits, int count) {
  size_t byte = bits->position >> 3;
  uint64_t window;
  if (__builtin_expect(byte + 8 <= bits->byte_count, 1)) memcpy(&window, bits->bytes + byte, 8);
  else window = lossless_last_bytes(bits, byte);
  window >>= bits->position & 7;
  bits->position += (size_t)count;
  return (uint32_t)(window & ((UINT64_C(1) << count) - 1));
}

/// Whether all bits were read, but for less than a byte of zeros.
static inline int lossless_bits_end(lossless_bits *bits) {
  size_t end = 8 * bits->byte_count;
  return bits->position <= end && end - bits->position < 8 && lossless_read_bits(bits, (int)(end - bits->position)) == 0;
}

// MARK: Interleaved states (lossless_states.c)

/// Reads a stream of tokens; lane i of `lanes` decodes every lanes-th token from the i-th on.
typedef struct {
  uint32_t states[LANES];
  uint32_t lanes;
  const uint8_t *next, *end;  // words of 16 bits
} lossless_reader;

/// An entry of a table of 1 << PROBABILITY_BITS: token << 24 | place among the token's entries << 12 | frequency - 1.
typedef uint32_t lossless_slot;

/// Replaces tables by the tokens decoded with them, and returns 0 where words are missing. `count` is a multiple of the lanes,
/// but for the last call of a part of the stream.
int lossless_read_tokens(lossless_reader *reader, const lossless_slot *slots, uint8_t *symbols, uint32_t count, int level);

// MARK: Elements (lossless_elements.c)

/// A run of elements of one segment.
typedef struct {
  const void *base;
  void *tuned;
  uint32_t count;
  lossless_scale scale;
} lossless_run;

/// Writes the table of each element. `tables` holds those of the step's classes, by octave.
void lossless_choose_tables(const lossless_form *form, const lossless_run *run, const uint8_t tables[OCTAVES], uint8_t *chosen,
                            int level);

/// Writes the tuned elements of a run, and returns 0 where a magnitude is out of range or a token is unknown.
int lossless_apply(const lossless_form *form, const lossless_run *run, const uint8_t *tokens, const lossless_token *means,
                   lossless_bits *bits);

// MARK: Tables of frequencies (lossless_tables.c)

/// The bit length that is expected of a token's frequency: that of the last token of the same direction, or of the other one.
static inline int lossless_expected_length(const uint8_t lengths[TOKENS], int token, int first) {
  if (token >= 2 && token - 2 != first) return lengths[token - 2];
  if (token >= 1 && token - 1 != first) return lengths[token - 1];
  return 8;
}

/// Reads a table, its frequencies by token, and returns 0 where it is none. Their sum is 1 << PROBABILITY_BITS.
int lossless_read_table(lossless_bits *bits, uint16_t frequencies[TOKENS]);

/// Fills the slots of a table whose frequencies have that sum.
void lossless_fill_slots(const uint16_t frequencies[TOKENS], lossless_slot slots[1 << PROBABILITY_BITS]);
