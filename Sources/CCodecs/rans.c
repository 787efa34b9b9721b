// Coding and decoding runs of symbols.
#include "rans.h"

#include "ccodecs.h"

int weir_decoder_start(weir_decoder *decoder, const uint8_t *bytes, const uint8_t *end, uint32_t states) {
  if ((size_t)(end - bytes) < 4 * states) return WEIR_CODEC_SHORT;
  for (uint32_t i = 0; i < states; i++) {
    decoder->states[i] = load32(bytes + 4 * i);
    if (decoder->states[i] < STATE_LEAST) return WEIR_CODEC_STATE;
  }
  decoder->next = bytes + 4 * states;
  decoder->end = end;
  decoder->state_mask = states - 1;
  return WEIR_CODEC_OK;
}

int weir_decoder_finish(const weir_decoder *decoder) {
  for (uint32_t i = 0; i <= decoder->state_mask; i++)
    if (decoder->states[i] != STATE_LEAST) return WEIR_CODEC_STATE;
  return WEIR_CODEC_OK;
}

// The state after a symbol, before it takes in a word.
static inline uint32_t advanced(uint32_t state, uint32_t entry) {
  return (entry >> 20) * (state >> SLOT_BITS) + (entry >> 8 & (SLOTS - 1));
}

// The byte of an escape and the state after it, from the state after the escape itself: state | byte << 32.
// Out of the way of the loop, and by value, so that the loop's states stay in registers.
__attribute__((noinline)) static uint64_t
escaped(const weir_class_model *model, const uint8_t *order, uint32_t group, uint32_t state) {
  uint32_t size = model->size[group], slot = state & (SLOTS - 1), place = slot * size >> SLOT_BITS;
  uint32_t first = uniform_first(place, size), slots = uniform_first(place + 1, size) - first;
  return (slots * (state >> SLOT_BITS) + slot - first) | (uint64_t)order[model->place[group] + place] << 32;
}

// One symbol, however near the end. Returns it, or -1.
static int decode_one(weir_decoder *decoder, const weir_class_model *model, const uint8_t *order, size_t number) {
  uint32_t *state = &decoder->states[number & decoder->state_mask];
  uint32_t slot = *state & (SLOTS - 1), entry = model->decode[slot], symbol = entry & 0xFF;
  *state = advanced(*state, entry);
  for (int is_escape = slot >= model->direct_end;; is_escape = 0) {
    if (*state < STATE_LEAST) {
      if (decoder->end - decoder->next < 2) return -1;
      *state = *state << 16 | load16(decoder->next);
      decoder->next += 2;
    }
    if (!is_escape) return (int)symbol;
    uint64_t result = escaped(model, order, symbol, *state);
    *state = (uint32_t)result;
    symbol = (uint32_t)(result >> 32);
  }
}

// The least that eight symbols may need of the list: a word each, and one more after an escape.
enum { WORDS_OF_EIGHT = 2 * STATES };

#define TAKE(X)                                    \
  do {                                             \
    uint32_t longer = X << 16 | load16(next);      \
    uint32_t is_short = X < STATE_LEAST;           \
    X = is_short ? longer : X;                     \
    next += 2 * is_short;                          \
  } while (0)

#define STEP(I, X)                                                       \
  do {                                                                   \
    uint32_t slot = X & (SLOTS - 1), entry = table[slot];                \
    uint64_t symbol = entry & 0xFF;                                      \
    X = advanced(X, entry);                                              \
    TAKE(X);                                                             \
    if (__builtin_expect(slot >= direct_end, 0)) {                       \
      uint64_t result = escaped(model, order, (uint32_t)symbol, X);      \
      X = (uint32_t)result;                                              \
      symbol = result >> 32;                                             \
      TAKE(X);                                                           \
    }                                                                    \
    word |= symbol << (8 * I);                                           \
  } while (0)

// Eight bytes at a time, one of each state; `first` is a multiple of eight. Returns where it stopped.
static size_t decode_words(weir_decoder *decoder, const weir_class_model *model, const uint8_t *order, uint64_t flip,
                           uint8_t *bytes, size_t first, size_t end) {
  const uint32_t *table = model->decode;
  const uint32_t direct_end = model->direct_end;
  const uint8_t *next = decoder->next, *const last = decoder->end - 2 * WORDS_OF_EIGHT;
  uint32_t a = decoder->states[0], b = decoder->states[1], c = decoder->states[2], d = decoder->states[3];
  uint32_t e = decoder->states[4], f = decoder->states[5], g = decoder->states[6], h = decoder->states[7];
  for (; end - first >= 8 && next <= last; first += 8) {
    uint64_t word = 0;
    STEP(0, a);
    STEP(1, b);
    STEP(2, c);
    STEP(3, d);
    STEP(4, e);
    STEP(5, f);
    STEP(6, g);
    STEP(7, h);
    word ^= flip;
    memcpy(bytes + first, &word, 8);
  }
  decoder->next = next;
  uint32_t states[STATES] = {a, b, c, d, e, f, g, h};
  memcpy(decoder->states, states, sizeof states);
  return first;
}

int weir_decode_bytes(weir_decoder *decoder, weir_models *models, int class, uint8_t *bytes, size_t first, size_t end) {
  const weir_class_model *model = weir_model(models, class);
  const uint8_t *order = models->order, flip = weir_flip(class);
  while (first < end) {
    if (first % 8 == 0 && end - first >= 8 && decoder->state_mask == STATES - 1 &&
        decoder->end - decoder->next >= 2 * WORDS_OF_EIGHT) {
      first = decode_words(decoder, model, order, flip ? ~0ull : 0, bytes, first, end);
    } else {
      int symbol = decode_one(decoder, model, order, first);
      if (symbol < 0) return WEIR_CODEC_SHORT;
      bytes[first++] = (uint8_t)symbol ^ flip;
    }
  }
  return WEIR_CODEC_OK;
}

int weir_decode_symbols(weir_decoder *decoder, const uint32_t *table, uint8_t *symbols, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t *state = &decoder->states[i & decoder->state_mask], entry = table[*state & (SLOTS - 1)];
    *state = advanced(*state, entry);
    if (*state < STATE_LEAST) {
      if (decoder->end - decoder->next < 2) return WEIR_CODEC_SHORT;
      *state = *state << 16 | load16(decoder->next);
      decoder->next += 2;
    }
    symbols[i] = (uint8_t)entry;
  }
  return WEIR_CODEC_OK;
}

void weir_encoder_start(weir_encoder *encoder, uint8_t *start, uint8_t *end, uint32_t states) {
  encoder->start = start;
  encoder->next = end;
  encoder->state_mask = states - 1;
  for (uint32_t i = 0; i < STATES; i++) encoder->states[i] = STATE_LEAST;
}

// A state that has room for a symbol, below its limit, after giving out a word where it must.
static inline uint32_t shortened(uint32_t state, uint64_t limit, uint8_t **next) {
  uint32_t is_long = state >= limit;
  (*next)[-2] = (uint8_t)state;
  (*next)[-1] = (uint8_t)(state >> 8);
  *next -= 2 * is_long;
  return is_long ? state >> 16 : state;
}

// The state with a symbol put in that has `slots` slots from `first` on.
static inline uint32_t put(uint32_t state, uint32_t first, uint32_t slots, uint8_t **next) {
  state = shortened(state, (uint64_t)slots << (32 - SLOT_BITS), next);
  return (state / slots << SLOT_BITS) + state % slots + first;
}

// The same without a division.
static inline uint32_t put_by(uint32_t state, const weir_coding *coding, uint8_t **next) {
  state = shortened(state, coding->limit, next);
  return state + (uint32_t)((unsigned __int128)state * coding->inverse >> 64) * coding->others + coding->first;
}

// Bytes that encoding one symbol may write, and one word more that may be written in vain.
static int has_room(const weir_encoder *encoder, size_t symbols) {
  return (size_t)(encoder->next - encoder->start) >= 4 * symbols + 2;
}

// Puts in the byte of an escape, which comes before the escape itself, and then that. Out of the way of the loop.
__attribute__((noinline)) static uint32_t
put_escape(const weir_class_model *model, const weir_models *models, uint32_t byte, uint32_t state, uint8_t **next) {
  uint32_t group = model->group[__builtin_popcount(byte)], size = model->size[group];
  uint32_t place = models->rank[byte] - (uint32_t)model->place[group], slot = uniform_first(place, size);
  weir_coding coding = model->encode[byte];
  coding.limit -= IS_ESCAPE;
  state = put(state, slot, uniform_first(place + 1, size) - slot, next);
  return put_by(state, &coding, next);
}

static inline uint32_t put_byte(const weir_class_model *model, const weir_models *models, uint32_t byte, uint32_t state,
                                uint8_t **next) {
  const weir_coding *coding = &model->encode[byte];
  if (__builtin_expect(coding->limit & IS_ESCAPE, 0)) return put_escape(model, models, byte, state, next);
  return put_by(state, coding, next);
}

int weir_encode_bytes(weir_encoder *encoder, weir_models *models, int class, const uint8_t *bytes, size_t first, size_t end) {
  if (!has_room(encoder, end - first)) return -1;
  const weir_class_model *model = weir_model(models, class);
  const uint8_t flip = weir_flip(class);
  uint8_t *next = encoder->next;
  uint32_t states[STATES];
  memcpy(states, encoder->states, sizeof states);
  while (end > first) {
    if (end % 8 == 0 && end - first >= 8 && encoder->state_mask == STATES - 1) {
      // Eight bytes at a time, one of each state.
      for (; end - first >= 8; end -= 8)
        for (size_t i = STATES; i-- > 0;) states[i] = put_byte(model, models, bytes[end - 8 + i] ^ flip, states[i], &next);
    } else {
      uint32_t *state = &states[--end & encoder->state_mask];
      *state = put_byte(model, models, bytes[end] ^ flip, *state, &next);
    }
  }
  encoder->next = next;
  memcpy(encoder->states, states, sizeof states);
  return 0;
}

int weir_encode_symbols(weir_encoder *encoder, const uint32_t *table, const uint8_t *symbols, size_t count) {
  if (!has_room(encoder, count)) return -1;
  for (size_t i = count; i-- > 0;) {
    uint32_t *state = &encoder->states[i & encoder->state_mask], entry = table[symbols[i]];
    *state = put(*state, entry & 0xFFFF, entry >> 16, &encoder->next);
  }
  return 0;
}

int weir_encoder_finish(weir_encoder *encoder) {
  uint32_t states = encoder->state_mask + 1;
  if ((size_t)(encoder->next - encoder->start) < 4 * states) return -1;
  for (uint32_t i = states; i-- > 0;) {
    encoder->next -= 4;
    for (int byte = 0; byte < 4; byte++) encoder->next[byte] = (uint8_t)(encoder->states[i] >> (8 * byte));
  }
  return 0;
}
