// How codec 10's encoder chooses tables: which classes share one, and the frequencies that are stored.
#pragma STDC FP_CONTRACT OFF
#include "clones.h"
#include "lossless_encode.h"

enum { SUM = 1 << PROBABILITY_BITS };

/// What a table costs beside its tokens, in bits, on average.
static const float table_bits = 24, listed_token_bits = 6;

// MARK: Merging

/// Bits of a table and of the tokens that are coded with it: Σ count · log₂(total / count), and what the table takes.
WEIR_CLONES static float cost_of(const float *counts, uint32_t token_count) {
  float entropy[16] = {0}, total[16] = {0}, listed[16] = {0};
  for (uint32_t i = 0; i < token_count; i += 16) {
    for (uint32_t j = 0; j < 16; j++) {
      float count = counts[i + j];
      total[j] += count;
      listed[j] += count > 0 ? 1.0f : 0.0f;
      entropy[j] += count * lossless_log2(count > 1 ? count : 1);
    }
  }
  float e = 0, t = 0, l = 0;
  for (uint32_t j = 0; j < 16; j++) e += entropy[j], t += total[j], l += listed[j];
  return t * lossless_log2(t > 1 ? t : 1) - e + l * listed_token_bits + table_bits;
}

typedef struct {
  float counts[CLASSES][TOKENS];
  float sum[TOKENS];
  uint32_t first_class[CLASSES];
  float cost[CLASSES], merged_cost[CLASSES];
  uint32_t next[CLASSES];
} merging;

_Static_assert(sizeof(merging) <= LOSSLESS_PLAN_WORK, "the caller gives this much");

/// What merging table `i` with the next one costs, as the cost of the merged table.
static float cost_merged(merging *m, uint32_t i, uint32_t token_count) {
  const float *a = m->counts[i], *b = m->counts[m->next[i]];
  for (uint32_t t = 0; t < token_count; t++) m->sum[t] = a[t] + b[t];
  return cost_of(m->sum, token_count);
}

void lossless_plan_tables(lossless_counts counts, lossless_plan *plan, void *work) {
  merging *m = work;
  // Tokens that occur anywhere, side by side, so that the loops are short.
  uint8_t token_at[TOKENS];
  uint32_t token_count = 0, tables = 0;
  for (uint32_t token = 0; token < TOKENS; token++) {
    uint32_t any = 0;
    for (uint32_t class = 0; class < CLASSES; class++) any |= counts[class][token];
    if (any) token_at[token_count++] = (uint8_t)token;
  }
  uint32_t padded = (token_count + 15) / 16 * 16;
  for (uint32_t class = 0; class < CLASSES; class++) {
    uint32_t any = 0;
    float *row = m->counts[tables];
    for (uint32_t i = 0; i < token_count; i++) {
      uint32_t count = counts[class][token_at[i]];
      any |= count;
      row[i] = (float)count;
    }
    if (!any) continue;
    memset(row + token_count, 0, (padded - token_count) * sizeof *row);
    m->first_class[tables] = class;
    m->cost[tables] = cost_of(row, padded);
    m->next[tables] = tables + 1;
    tables++;
  }
  const uint32_t end = tables;
  for (uint32_t i = 0; i + 1 < end; i++) m->merged_cost[i] = cost_merged(m, i, padded);
  for (;;) {
    uint32_t best = end, before_best = end;
    float best_gain = 0;
    for (uint32_t i = 0, before = end; m->next[i] < end; before = i, i = m->next[i]) {
      float gain = m->cost[i] + m->cost[m->next[i]] - m->merged_cost[i];
      if (best < end && gain <= best_gain) continue;
      best = i, before_best = before, best_gain = gain;
    }
    if (best == end || (best_gain <= 0 && tables <= TABLES)) break;
    uint32_t merged = m->next[best];
    for (uint32_t t = 0; t < padded; t++) m->counts[best][t] += m->counts[merged][t];
    m->cost[best] = m->merged_cost[best];
    m->next[best] = m->next[merged];
    if (m->next[best] < end) m->merged_cost[best] = cost_merged(m, best, padded);
    if (before_best < end) m->merged_cost[before_best] = cost_merged(m, before_best, padded);
    tables--;
  }
  plan->table_count = 0;
  for (uint32_t i = 0; i < end; i = m->next[i]) {
    uint32_t table = plan->table_count++, total[TOKENS] = {0};
    plan->first_class[table] = table ? m->first_class[i] : 0;
    for (uint32_t t = 0; t < token_count; t++) total[token_at[t]] = (uint32_t)m->counts[i][t];
    lossless_choose_frequencies(total, plan->frequencies[table]);
    for (uint32_t class = plan->first_class[table]; class < CLASSES; class++) plan->table_of_class[class] = (uint8_t)table;
  }
}

// MARK: Frequencies

/// Leaves to the escape what costs less so: a listed token takes room in the table and in the list, an escaped one 8 raw bits.
static void escape_rare(uint32_t counts[TOKENS], uint32_t total) {
  float listed = (float)total * (1.4427f / SUM) + listed_token_bits, gain = -listed - 8;
  uint32_t escaped = 0;
  for (int token = 0; token < TOKEN_UNCHANGED; token++) {
    if (counts[token] && 8 * (float)counts[token] < listed) gain += listed - 8 * (float)counts[token];
  }
  if (gain <= 0) return;
  for (int token = 0; token < TOKEN_UNCHANGED; token++) {
    if (8 * (float)counts[token] >= listed) continue;
    escaped += counts[token];
    counts[token] = 0;
  }
  counts[TOKEN_ESCAPE] = escaped;
}

/// The nearest frequency that a table can tell with `detail` bits after the leading one.
static uint32_t tellable(uint32_t frequency, int detail) {
  int left = lossless_bit_length(frequency) - 1 - detail;
  if (left <= 0) return frequency;
  return (frequency + (1u << left >> 1)) >> left << left;
}

/// Bits of detail at which being more exact would cost as much as it gains; the loss falls by four with every bit.
static int detail_for(uint32_t total) {
  int detail = 1;
  for (uint32_t limit = 1 << 13; total > limit && detail < 8; limit *= 4) detail++;
  return detail;
}

void lossless_choose_frequencies(const uint32_t given[TOKENS], uint16_t frequencies[TOKENS]) {
  uint32_t counts[TOKENS], total = 0, first = 0;
  memcpy(counts, given, sizeof counts);
  for (uint32_t token = 0; token < TOKENS; token++) total += counts[token];
  memset(frequencies, 0, TOKENS * sizeof *frequencies);
  if (total == 0) {
    frequencies[0] = SUM;
    return;
  }
  escape_rare(counts, total);
  for (uint32_t token = 1; token < TOKENS; token++) {
    if (counts[token] > counts[first]) first = token;
  }
  // What is left goes to the most frequent token. Where rounding up leaves nothing, all others shrink a little more.
  int detail = detail_for(total);
  for (float share = (float)SUM / (float)total;; share *= 0.98f) {
    uint32_t sum = 0;
    for (uint32_t token = 0; token < TOKENS; token++) {
      if (token == first || counts[token] == 0) continue;
      uint32_t frequency = tellable((uint32_t)((float)counts[token] * share + 0.5f), detail);
      frequencies[token] = (uint16_t)(frequency ? frequency : 1);
      sum += frequencies[token];
    }
    if (sum >= SUM) continue;
    frequencies[first] = (uint16_t)(SUM - sum);
    return;
  }
}

// MARK: Writing

static void write_frequency(lossless_bit_writer *writer, uint32_t frequency, int length, int detail) {
  if (length == 0) return;
  int told = length - 1 < detail ? length - 1 : detail;
  lossless_write_bits(writer, (frequency >> (length - 1 - told)) & ((1u << told) - 1), told);
}

void lossless_write_table(lossless_bit_writer *writer, const uint16_t frequencies[TOKENS]) {
  uint8_t lengths[TOKENS] = {0};
  int first = 0, last = 0, detail = 0;
  for (int token = 1; token < TOKENS; token++) {
    if (frequencies[token] > frequencies[first]) first = token;
  }
  for (int token = 0; token < TOKEN_UNCHANGED; token++) {
    if (token != first && frequencies[token]) last = token;
  }
  // The detail that the frequencies have: those of a chosen table have few bits.
  for (int token = 0; token < TOKENS; token++) {
    if (token == first || frequencies[token] == 0) continue;
    int bits = lossless_bit_length(frequencies[token]) - 1 - __builtin_ctz(frequencies[token]);
    if (bits > detail) detail = bits;
  }
  lossless_write_bits(writer, (uint32_t)first, 8);
  lossless_write_bits(writer, (uint32_t)last, 8);
  lossless_write_bits(writer, (uint32_t)detail, 4);
  for (int token = 0; token <= last; token++) {
    if (token == first) continue;
    int length = lossless_bit_length(frequencies[token]), steps = length - lossless_expected_length(lengths, token, first);
    lengths[token] = (uint8_t)length;
    uint32_t ones = (uint32_t)(steps < 0 ? -2 * steps - 1 : 2 * steps);
    lossless_write_bits(writer, (1u << ones) - 1, (int)ones + 1);
    write_frequency(writer, frequencies[token], length, detail);
  }
  for (int token = TOKEN_UNCHANGED; token < TOKENS; token++) {
    if (token == first) continue;
    int length = lossless_bit_length(frequencies[token]);
    lossless_write_bits(writer, (uint32_t)length, 4);
    write_frequency(writer, frequencies[token], length, detail);
  }
}
