// Tables of frequencies as codec 10 stores them: a floating-point number of few bits per token, the length told as its
// difference from the neighbour's; what is left to the sum belongs to the table's first token.
#include "lossless.h"

enum { SUM = 1 << PROBABILITY_BITS };

uint64_t lossless_last_bytes(const lossless_bits *bits, size_t byte) {
  uint64_t window = 0;
  for (size_t i = 0; i < 8 && byte + i < bits->byte_count; i++) window |= (uint64_t)bits->bytes[byte + i] << (8 * i);
  return window;
}

/// Ones up to a zero: the steps away from what is expected, down and up in turn.
static int read_length(lossless_bits *bits, int expected) {
  int steps = 0;
  while (lossless_read_bits(bits, 1)) {
    if (++steps > 2 * PROBABILITY_BITS) return -1;
  }
  int length = expected + (steps & 1 ? -(steps + 1) / 2 : steps / 2);
  return length <= PROBABILITY_BITS ? length : -1;
}

static int read_frequency(lossless_bits *bits, int length, int detail) {
  if (length == 0) return 0;
  int told = length - 1 < detail ? length - 1 : detail;
  return (int)(1u << told | lossless_read_bits(bits, told)) << (length - 1 - told);
}

int lossless_read_table(lossless_bits *bits, uint16_t frequencies[TOKENS]) {
  uint8_t lengths[TOKENS] = {0};
  memset(frequencies, 0, TOKENS * sizeof *frequencies);
  int first = (int)lossless_read_bits(bits, 8), last = (int)lossless_read_bits(bits, 8);
  int detail = (int)lossless_read_bits(bits, 4), sum = 0;
  for (int token = 0; token <= last; token++) {
    if (token == first) continue;
    int length = read_length(bits, lossless_expected_length(lengths, token, first));
    if (length < 0) return 0;
    lengths[token] = (uint8_t)length;
    frequencies[token] = (uint16_t)read_frequency(bits, length, detail);
    sum += frequencies[token];
  }
  for (int token = TOKEN_UNCHANGED; token < TOKENS; token++) {
    if (token <= last || token == first) continue;
    int length = (int)lossless_read_bits(bits, 4);
    if (length > PROBABILITY_BITS) return 0;
    frequencies[token] = (uint16_t)read_frequency(bits, length, detail);
    sum += frequencies[token];
  }
  if (sum >= SUM) return 0;
  frequencies[first] = (uint16_t)(SUM - sum);
  return 1;
}

void lossless_fill_slots(const uint16_t frequencies[TOKENS], lossless_slot slots[1 << PROBABILITY_BITS]) {
  for (uint32_t token = 0; token < TOKENS; token++) {
    uint32_t frequency = frequencies[token], slot = token << 24 | (frequency - 1);
    for (uint32_t place = 0; place < frequency; place++) *slots++ = slot | place << PROBABILITY_BITS;
  }
}
