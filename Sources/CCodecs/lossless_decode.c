// Decoding of codec 10: header, tables and scales of segments, then chunks of elements in three steps: tables by class, tokens
// by table, elements by token.
#include "lossless.h"

typedef struct {
  lossless_slot slots[ALL_TABLES << PROBABILITY_BITS];
  uint8_t tables[STEPS][OCTAVES];  // the table of a class
  lossless_token means[TOKENS];
  lossless_scale scales[SEGMENTS];
  uint8_t is_changed[SEGMENTS];
  uint8_t symbols[CHUNK];
  lossless_run runs[CHUNK / SEGMENT_LEAST + 2];
  uint8_t zeros[CHUNK * 4];  // the base where there is none
  lossless_form form;
  lossless_reader reader;
  lossless_bits bits;
  uint32_t segment_length, segment_count;
} decoder;

_Static_assert(sizeof(decoder) <= 640 << 10 && sizeof(decoder) <= WEIR_LOSSLESS_WORK_BYTES, "the header says so");

static uint32_t read_word(const uint8_t *bytes) { return *(const lossless_word *)bytes; }

static int best_level(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) return WEIR_LEVEL_AVX512;
  if (__builtin_cpu_supports("avx2")) return WEIR_LEVEL_AVX2;
#endif
  return WEIR_LEVEL_PLAIN;
}

/// Finds the parts of the payload, and reads all tables.
static int open_payload(decoder *d, int type, uint32_t count, const uint8_t *payload, size_t byte_count) {
  if (byte_count < HEADER_BYTES) return WEIR_CODEC_SHORT;
  uint32_t lane_bits = payload[1] & 7;
  if ((1u << lane_bits) > LANES || !lossless_form_make(&d->form, type, payload[1] >> 3)) return WEIR_CODEC_FLAGS;
  d->segment_length = read_word(payload + 2);
  if (d->segment_length < SEGMENT_LEAST) return WEIR_CODEC_RANGE;
  d->segment_count = (count - 1) / d->segment_length + 1;
  uint64_t words = read_word(payload + 6);
  d->reader.lanes = 1u << lane_bits;
  size_t states_end = HEADER_BYTES + 4 * (size_t)d->reader.lanes;
  if (byte_count < states_end || (byte_count - states_end) / 2 < words) return WEIR_CODEC_SHORT;
  for (uint32_t i = 0; i < d->reader.lanes; i++) {
    d->reader.states[i] = read_word(payload + HEADER_BYTES + 4 * i);
    if (d->reader.states[i] < STATE_LOW) return WEIR_CODEC_STATE;
  }
  d->reader.next = payload + states_end;
  d->reader.end = d->reader.next + 2 * words;
  d->bits = (lossless_bits){d->reader.end, byte_count - states_end - 2 * words, 0};
  return WEIR_CODEC_OK;
}

static int read_tables(decoder *d) {
  uint16_t frequencies[TOKENS];
  uint32_t tables = lossless_read_bits(&d->bits, 5) + 1, class = 0;
  for (uint32_t table = 0; table < tables; table++) {
    uint32_t end = table + 1 < tables ? lossless_read_bits(&d->bits, 7) : CLASSES;
    if (end <= class) return WEIR_CODEC_RANGE;
    for (; class < end; class++) d->tables[class % STEPS][class / STEPS] = (uint8_t)table;
  }
  for (uint32_t i = 0; i <= tables; i++) {
    if (!lossless_read_table(&d->bits, frequencies)) return WEIR_CODEC_RANGE;
    lossless_fill_slots(frequencies, d->slots + ((i == 0 ? ROW_TABLE : i - 1) << PROBABILITY_BITS));
  }
  for (int token = 0; token < TOKENS; token++) d->means[token] = lossless_token_mean(&d->form, token);
  return WEIR_CODEC_OK;
}

/// Reads the scales of segments, which are told as differences from one that the block tells.
static int read_scales(decoder *d, uint32_t common, int level) {
  for (uint32_t first = 0; first < d->segment_count; first += CHUNK) {
    uint32_t count = d->segment_count - first < CHUNK ? d->segment_count - first : CHUNK;
    memset(d->symbols, ROW_TABLE, count);
    if (!lossless_read_tokens(&d->reader, d->slots, d->symbols, count, level)) return WEIR_CODEC_SHORT;
    for (uint32_t i = 0; i < count; i++) {
      uint8_t token = d->symbols[i];
      d->is_changed[first + i] = token != TOKEN_UNCHANGED;
      if (token == TOKEN_UNCHANGED) continue;
      if (token == TOKEN_ESCAPE) token = (uint8_t)lossless_read_bits(&d->bits, 8);
      lossless_token mean = d->means[token];
      uint32_t size = mean.least + lossless_read_bits(&d->bits, mean.bits);
      uint32_t scale = mean.is_negative ? common - size : common + size;
      if (!mean.is_known || mean.is_flip || !lossless_scale_make(&d->form, scale, &d->scales[first + i])) {
        return WEIR_CODEC_RANGE;
      }
    }
  }
  return WEIR_CODEC_OK;
}

/// Decodes the symbols of runs that lie one after the other.
static int decode_runs(decoder *d, uint32_t run_count, int level) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < run_count; i++) {
    const lossless_run *run = &d->runs[i];
    lossless_choose_tables(&d->form, run, d->tables[run->scale.step], d->symbols + count, level);
    count += run->count;
  }
  if (!lossless_read_tokens(&d->reader, d->slots, d->symbols, count, level)) return WEIR_CODEC_SHORT;
  count = 0;
  for (uint32_t i = 0; i < run_count; i++) {
    if (!lossless_apply(&d->form, &d->runs[i], d->symbols + count, d->means, &d->bits)) return WEIR_CODEC_RANGE;
    count += d->runs[i].count;
  }
  return WEIR_CODEC_OK;
}

static int decode_elements(decoder *d, uint32_t count, const uint8_t *base, uint8_t *tuned, int level) {
  const size_t width = (size_t)d->form.width;
  uint32_t run_count = 0, filled = 0;
  for (uint32_t segment = 0, at = 0; segment < d->segment_count; segment++) {
    uint32_t end = count - at > d->segment_length ? at + d->segment_length : count;
    if (!d->is_changed[segment]) {
      if (base) memcpy(tuned + at * width, base + at * width, (end - at) * width);
      else memset(tuned + at * width, 0, (end - at) * width);
      at = end;
      continue;
    }
    while (at < end) {
      uint32_t room = CHUNK - filled, taken = end - at < room ? end - at : room;
      const uint8_t *from = base ? base + at * width : d->zeros;
      d->runs[run_count++] = (lossless_run){from, tuned + at * width, taken, d->scales[segment]};
      filled += taken;
      at += taken;
      if (filled < CHUNK) continue;
      int result = decode_runs(d, run_count, level);
      if (result) return result;
      run_count = filled = 0;
    }
  }
  return decode_runs(d, run_count, level);
}

int weir_lossless_decode(int type, uint32_t count, const uint8_t *payload, size_t byte_count, const void *base, void *work,
                         void *tuned, int level) {
  decoder *d = work;
  size_t size = (size_t)count * (type == WEIR_LOSSLESS_F32 ? 4 : 2);
  if (byte_count == 0) return WEIR_CODEC_SHORT;
  if (count == 0 || count > WEIR_BLOCK_ELEMENTS) return WEIR_CODEC_RANGE;
  switch (payload[0]) {
    case MODE_SAME:
      if (byte_count > 1) return WEIR_CODEC_TRAILING;
      if (base) memcpy(tuned, base, size);
      else memset(tuned, 0, size);
      return WEIR_CODEC_OK;
    case MODE_RAW:
      if (byte_count - 1 != size) return byte_count - 1 < size ? WEIR_CODEC_SHORT : WEIR_CODEC_TRAILING;
      memcpy(tuned, payload + 1, size);
      return WEIR_CODEC_OK;
    case MODE_CODED: break;
    default: return WEIR_CODEC_FLAGS;
  }
  int best = best_level();
  if (level > best) level = best;
  int result = open_payload(d, type, count, payload, byte_count);
  if (result) return result;
  uint32_t common = lossless_read_bits(&d->bits, SCALE_BITS);
  if (!base) memset(d->zeros, 0, sizeof d->zeros);
  if ((result = read_tables(d)) || (result = read_scales(d, common, level)) ||
      (result = decode_elements(d, count, base, tuned, level))) {
    return result;
  }
  for (uint32_t i = 0; i < d->reader.lanes; i++) {
    if (d->reader.states[i] != STATE_LOW) return WEIR_CODEC_STATE;
  }
  return d->reader.next == d->reader.end && lossless_bits_end(&d->bits) ? WEIR_CODEC_OK : WEIR_CODEC_TRAILING;
}
