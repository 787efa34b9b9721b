// Encoding of codec 10: the streams, and the choice among codings.
#include "lossless_encode.h"

_Static_assert(sizeof(lossless_encoder) <= WEIR_LOSSLESS_WORK_BYTES, "callers give this much");

size_t weir_lossless_bound(int type, uint32_t count) { return 1 + (size_t)count * (type == WEIR_LOSSLESS_F32 ? 4 : 2); }

// MARK: Streams

static void prepare_symbols(const uint16_t frequencies[TOKENS], lossless_symbol symbols[TOKENS]) {
  uint32_t start = 0;
  for (uint32_t token = 0; token < TOKENS; token++) {
    uint32_t frequency = frequencies[token];
    lossless_symbol *s = &symbols[token];
    s->frequency = (uint16_t)frequency;
    if (frequency == 0) continue;
    s->rest = (uint16_t)((1 << PROBABILITY_BITS) - frequency);
    // A frequency of 1 has no inverse of 64 bits: its quotient comes out one too small, and the bias makes up for it.
    s->inverse = frequency == 1 ? UINT64_MAX : ((UINT64_C(1) << 44) + frequency - 1) / frequency << 20;
    s->bias = start + (frequency == 1 ? (1 << PROBABILITY_BITS) - 1 : 0);
    start += frequency;
  }
}

/// Puts a token before those that were put until now, and returns where the words begin.
static inline uint16_t *put(uint32_t *state, const lossless_symbol *s, uint16_t *words) {
  uint32_t x = *state;
  // Whether a word leaves is as good as random: it is written in any case, and kept or not.
  int leaves = x >= (uint64_t)s->frequency << 20;
  words[-1] = (uint16_t)x;
  words -= leaves;
  x >>= 16 * leaves;
  uint32_t quotient = (uint32_t)((unsigned __int128)x * s->inverse >> 64);
  *state = x + s->bias + quotient * s->rest;
  return words;
}

/// Writes the streams' words backwards, elements before segments, and returns where they begin.
static uint16_t *write_words(lossless_encoder *e, uint32_t lanes, uint32_t states[LANES]) {
  uint16_t *words = e->words + 1 + WORDS_MOST;
  for (uint32_t i = 0; i < lanes; i++) states[i] = STATE_LOW;
  for (uint32_t i = e->coded; i-- > 0;) {
    words = put(&states[i & (lanes - 1)], &e->symbols[e->classes[i]][e->tokens[i]], words);
  }
  for (uint32_t i = e->segment_count; i-- > 0;) {
    words = put(&states[i & (lanes - 1)], &e->symbols[ROW_TABLE][e->segment_tokens[i]], words);
  }
  return words;
}

/// Tokens of the segments' scales, and their table; `raw` is what they have beside tokens.
static void plan_segments(lossless_encoder *e) {
  uint32_t counts[TOKENS] = {0};
  for (uint32_t i = 0; i < e->segment_count; i++) {
    const lossless_segment *s = &e->segments[i];
    uint32_t size = s->scale < e->common ? e->common - s->scale : s->scale - e->common;
    int token = s->is_changed ? lossless_token_of(&e->form, size, s->scale < e->common, 0) : TOKEN_UNCHANGED;
    e->segment_tokens[i] = (uint8_t)token;
    counts[token]++;
  }
  lossless_choose_frequencies(counts, e->plan.frequencies[ROW_TABLE]);
}

/// Writes everything but the words. Tokens that their tables do not list become escapes, and classes become tables.
static void write_bits(lossless_encoder *e, lossless_bit_writer *writer) {
  const lossless_plan *plan = &e->plan;
  lossless_token means[TOKENS];
  for (int token = 0; token < TOKENS; token++) means[token] = lossless_token_mean(&e->form, token);
  lossless_write_bits(writer, e->common, SCALE_BITS);
  lossless_write_bits(writer, plan->table_count - 1, 5);
  for (uint32_t i = 1; i < plan->table_count; i++) lossless_write_bits(writer, plan->first_class[i], 7);
  lossless_write_table(writer, plan->frequencies[ROW_TABLE]);
  for (uint32_t i = 0; i < plan->table_count; i++) {
    lossless_write_table(writer, plan->frequencies[i]);
    for (int token = 0; token < TOKENS; token++) {
      e->is_whole[i][token] = plan->frequencies[i][token] && means[token].bits == 0;
    }
  }
  for (uint32_t i = 0; i < e->coded; i++) e->classes[i] = plan->table_of_class[e->classes[i]];
  for (uint32_t i = 0; i < e->segment_count; i++) {
    const lossless_segment *s = &e->segments[i];
    if (!s->is_changed) continue;
    uint32_t size = s->scale < e->common ? e->common - s->scale : s->scale - e->common;
    uint8_t *token = &e->segment_tokens[i];
    lossless_write_token(writer, means[*token], plan->frequencies[ROW_TABLE], token, size);
  }
  for (uint32_t i = 0, at = 0; i < e->segment_count; i++) {
    const lossless_segment *s = &e->segments[i];
    if (!s->is_changed) continue;
    lossless_write_raw(writer, &e->form, e->tuned, e->base, s, means, e->is_whole, plan->frequencies, e->classes + at,
                       e->tokens + at);
    at += s->count;
  }
  if (writer->pending_count) lossless_write_bits(writer, 0, 8 - writer->pending_count);
}

static void store_word(uint8_t *bytes, uint32_t value) { memcpy(bytes, &value, 4); }

/// Writes the coded payload, or returns 0 where it would not be less than `limit` bytes.
static size_t write_payload(lossless_encoder *e, uint8_t *payload, size_t limit) {
  // Raw bits alone may be too many, and more than there is room for.
  uint64_t raw = 0;
  for (int token = 0; token < TOKENS; token++) {
    uint64_t count = 0;
    for (uint32_t class = 0; class < CLASSES; class++) count += e->counts[class][token];
    raw += count * lossless_token_mean(&e->form, token).bits;
  }
  if (raw / 8 >= limit) return 0;
  lossless_plan_tables(e->counts, &e->plan, e->plan_work);
  plan_segments(e);
  lossless_bit_writer writer = {e->bits, 0, 0};
  write_bits(e, &writer);
  for (uint32_t i = 0; i < e->plan.table_count; i++) prepare_symbols(e->plan.frequencies[i], e->symbols[i]);
  prepare_symbols(e->plan.frequencies[ROW_TABLE], e->symbols[ROW_TABLE]);
  uint32_t lane_bits = e->coded < 1 << 10 ? 0 : e->coded < 1 << 12 ? 1 : e->coded < 1 << 14 ? 3 : 5;
  uint32_t lanes = 1u << lane_bits, states[LANES];
  uint16_t *words = write_words(e, lanes, states);
  size_t word_count = (size_t)(e->words + 1 + WORDS_MOST - words), bit_bytes = (size_t)(writer.next - e->bits);
  size_t size = HEADER_BYTES + 4 * (size_t)lanes + 2 * word_count + bit_bytes;
  if (size >= limit) return 0;
  payload[0] = MODE_CODED;
  payload[1] = (uint8_t)(lane_bits | (uint32_t)e->form.shift << 3);
  store_word(payload + 2, e->segment_length);
  store_word(payload + 6, (uint32_t)word_count);
  memcpy(payload + HEADER_BYTES, states, 4 * (size_t)lanes);
  memcpy(payload + HEADER_BYTES + 4 * (size_t)lanes, words, 2 * word_count);
  memcpy(payload + size - bit_bytes, e->bits, bit_bytes);
  return size;
}

/// Low bits that are zero in all elements, as in floats widened from a shorter type.
static int common_shift(const void *tuned, const void *base, size_t size, int width) {
  uint32_t any = 0;
  const uint8_t *t = tuned, *b = base;
  size_t at = 0;
  for (uint64_t word, other; at + 8 <= size; at += 8) {
    memcpy(&word, t + at, 8);
    memcpy(&other, b + at, 8);
    word |= other;
    any |= (uint32_t)(word | word >> 32);
    if ((any & 1) || (width == 2 && (any >> 16 & 1))) return 0;
  }
  for (; at < size; at++) any |= (uint32_t)(t[at] | b[at]) << (8 * (at % 4));
  if (width == 2) any = (any | any >> 16) & 0xFFFF;
  return any ? __builtin_ctz(any) : 0;
}

size_t weir_lossless_encode(int type, uint32_t count, uint64_t row_length, const void *tuned, const void *base, void *work,
                            uint8_t *payload) {
  lossless_encoder *e = work;
  const size_t width = type == WEIR_LOSSLESS_F32 ? 4 : 2, size = count * width, bound = weir_lossless_bound(type, count);
  if (!base) {
    memset(e->zeros, 0, size);
    base = e->zeros;
  }
  if (memcmp(tuned, base, size) == 0) {
    payload[0] = MODE_SAME;
    return 1;
  }
  lossless_form_make(&e->form, type, 0);
  int shift = common_shift(tuned, base, size, (int)width);
  lossless_form_make(&e->form, type, shift < e->form.mantissa ? shift : e->form.mantissa);
  e->type = type;
  e->count = count;
  e->tuned = tuned;
  e->base = base;
  lossless_find_segments(e, row_length);
  lossless_count(e);
  lossless_improve_scales(e);
  size_t coded = write_payload(e, payload, bound);
  if (coded) return coded;
  payload[0] = MODE_RAW;
  memcpy(payload + 1, tuned, size);
  return bound;
}
