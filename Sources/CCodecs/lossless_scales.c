// What codec 10's encoder does before it writes: segments and their scales, tokens, and counts of them by class.
#pragma STDC FP_CONTRACT OFF
#include "lossless_encode.h"

// MARK: Segments

enum {
  SEGMENT_USUAL_LEAST = 128,  // shorter rows share a scale
  SEGMENT_USUAL_MOST = 2048,  // longer rows have several
};

static uint32_t usual_segment(uint64_t row_length, uint32_t count) {
  if (row_length >= count) row_length = count;
  if (row_length < SEGMENT_USUAL_LEAST) row_length *= (SEGMENT_USUAL_LEAST - 1) / row_length + 1;
  uint64_t parts = (row_length - 1) / SEGMENT_USUAL_MOST + 1;
  return (uint32_t)((row_length + parts - 1) / parts);
}

void lossless_find_segments(lossless_encoder *e, uint64_t row_length) {
  e->segment_length = usual_segment(row_length, e->count);
  e->segment_count = e->coded = 0;
  uint64_t sum = 0;
  uint32_t changed = 0;
  for (uint32_t at = 0; at < e->count; at += e->segment_length) {
    uint32_t left = e->count - at;
    lossless_segment *s = &e->segments[e->segment_count++];
    *s = (lossless_segment){.start = at, .count = left < e->segment_length ? left : e->segment_length};
    lossless_measure_segment(&e->form, e->type, e->tuned, e->base, s);
    if (!s->is_changed) continue;
    sum += s->scale;
    changed++;
    e->coded += s->count;
  }
  e->common = (uint32_t)((sum + changed / 2) / changed);
  e->changed_count = changed;
}

/// Counts tokens by class. A count that goes up twice in a row waits for itself, hence several of each, side by side.
static void count_tokens(lossless_encoder *e) {
  const uint8_t *restrict tokens = e->tokens, *restrict classes = e->classes;
  uint32_t(*restrict parts)[COUNT_PARTS] = e->count_parts;
  uint32_t i = 0;
  memset(e->count_parts, 0, sizeof e->count_parts);
  for (; e->coded - i >= COUNT_PARTS; i += COUNT_PARTS) {
    for (uint32_t part = 0; part < COUNT_PARTS; part++) parts[(uint32_t)classes[i + part] << 8 | tokens[i + part]][part]++;
  }
  for (; i < e->coded; i++) parts[(uint32_t)classes[i] << 8 | tokens[i]][0]++;
  uint32_t *counts = &e->counts[0][0];
  for (i = 0; i < CLASSES * TOKENS; i++) counts[i] = parts[i][0] + parts[i][1] + parts[i][2] + parts[i][3];
}

void lossless_count(lossless_encoder *e) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < e->segment_count; i++) {
    const lossless_segment *s = &e->segments[i];
    if (!s->is_changed) continue;
    lossless_tokenise(&e->form, e->tuned, e->base, s, e->tokens + at, e->classes + at);
    at += s->count;
  }
  count_tokens(e);
}

// MARK: Better scales

enum { COST_UNIT = 64 };

static uint16_t cost_of_share(float count, float total) {
  float bits = lossless_log2(total) - lossless_log2(count);
  return (uint16_t)(bits * COST_UNIT + 0.5f);
}

/// Costs of tokens by class and of scales, from what was counted; neighbouring classes lend where one has seen little.
static void price(lossless_encoder *e) {
  for (uint32_t class = 0; class < CLASSES; class++) {
    const uint32_t *below = e->counts[class ? class - 1 : 0], *own = e->counts[class];
    const uint32_t *above = e->counts[class + 1 < CLASSES ? class + 1 : class];
    float smooth[TOKENS], total = 0;
    for (uint32_t token = 0; token < TOKENS; token++) {
      smooth[token] = (float)own[token] + 0.25f * (float)(below[token] + above[token]) + 0.002f;
      total += smooth[token];
    }
    for (uint32_t token = 0; token < TOKENS; token++) e->costs[MOVES + class][token] = cost_of_share(smooth[token], total);
  }
  for (uint32_t i = 0; i < MOVES; i++) {
    memcpy(e->costs[i], e->costs[MOVES], sizeof e->costs[i]);
    memcpy(e->costs[MOVES + CLASSES + i], e->costs[MOVES + CLASSES - 1], sizeof e->costs[i]);
  }
  memset(e->scale_counts, 0, sizeof e->scale_counts);
  float total = 0;
  for (uint32_t i = 0; i < e->segment_count; i++) {
    if (!e->segments[i].is_changed) continue;
    e->scale_counts[e->segments[i].scale]++;
    total++;
  }
  for (uint32_t scale = 0; scale < 1 << SCALE_BITS; scale++) {
    e->scale_costs[scale] = cost_of_share((float)e->scale_counts[scale] + 0.05f, total + 1);
  }
}

/// Cost of a segment's tokens if all its classes moved; that some references move too is left out.
static uint32_t cost_moved(const lossless_encoder *e, const lossless_segment *s, uint32_t at, int move) {
  const uint16_t *costs = &e->costs[MOVES + move][0];
  const uint8_t *tokens = e->tokens + at, *classes = e->classes + at;
  uint32_t cost = e->scale_costs[(int)s->scale + move];
  for (uint32_t i = 0; i < s->count; i++) cost += costs[(uint32_t)classes[i] << 8 | tokens[i]];
  return cost;
}

/// Finds how far to move a segment's scale so that its tokens cost least nearby; returns what that gains.
static uint32_t best_move(const lossless_encoder *e, const lossless_segment *s, uint32_t at, int *best_move, uint32_t *cost) {
  int most = (int)lossless_most_scale(&e->form), best = 0;
  uint32_t least = cost_moved(e, s, at, 0);
  const uint32_t before = least;
  for (int step = 1; step >= -1 && best == 0; step -= 2) {
    for (int move = step; move <= MOVES && move >= -MOVES; move += step) {
      if ((int)s->scale + move < 0 || (int)s->scale + move > most) break;
      uint32_t moved = cost_moved(e, s, at, move);
      if (moved >= least) break;
      least = moved;
      best = move;
    }
  }
  *best_move = best;
  *cost = before;
  return before - least;
}

/// Improves every `stride`-th segment, or only tries to; returns what that gains in thousandths of what the segments cost.
static uint32_t improve(lossless_encoder *e, uint32_t stride, int is_trial) {
  uint64_t gain = 0, cost = 1;
  for (uint32_t i = 0, at = 0, changed = 0; i < e->segment_count; i++) {
    lossless_segment *s = &e->segments[i];
    if (!s->is_changed) continue;
    if (changed++ % stride == 0) {
      uint32_t before;
      int move;
      gain += best_move(e, s, at, &move, &before);
      cost += before;
      if (!is_trial) s->scale = (uint32_t)((int)s->scale + move);
    }
    at += s->count;
  }
  return (uint32_t)(1000 * gain / cost);
}

void lossless_improve_scales(lossless_encoder *e) {
  if (e->changed_count < 2) return;
  for (int round = 0; round < 2; round++) {
    price(e);
    if (improve(e, 16, 1) < 3) return;
    improve(e, 1, 0);
    lossless_count(e);
  }
}
