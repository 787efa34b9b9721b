// The encoder's choices: groups of elements and their density classes, by what they cost in bits.
//
// Nothing here is part of the format. Costs are floats that every machine computes alike: no contraction, no library.
#pragma STDC FP_CONTRACT OFF
#include "bits.h"
#include "classes.h"
#include "clones.h"
#include "costs.h"

enum {
  FINEST = 128,  // elements of the shortest group that is tried
  FINEST_GROUPS = WEIR_BLOCK_ELEMENTS / FINEST + 1,
  SAMPLE = 1 << 15,  // elements that tell how much exponents say
};

typedef float vector __attribute__((ext_vector_type(16)));
typedef _Bool bits16 __attribute__((ext_vector_type(16)));

struct weir_chooser {
  weir_costs costs;
  uint32_t contexts;
  uint32_t kept[FINEST_GROUPS][CONTEXTS], dropped[FINEST_GROUPS][CONTEXTS];
  uint8_t guesses[FINEST_GROUPS];  // each group's class by its density alone
  weir_grouping trial;
  uint32_t exponent_kept[256], exponent_total[256];
  float exponent_cost[3][257];
};

_Static_assert(sizeof(weir_chooser) <= CHOOSER_BYTES, "encoders have less memory than they need");

// Gives each group its cheapest class, given what each class costs to write; returns the bits of the mask alone.
WEIR_CLONES static float choose_classes(const weir_chooser *chooser, const float *class_bits, weir_grouping *trial) {
#pragma STDC FP_CONTRACT OFF
  float bits = 0;
  for (uint32_t group = 0; group < trial->count; group++) {
    int lowest = chooser->guesses[group] - WINDOW / 2;
    vector costs[WINDOW / 16];
    uint32_t any_kept = 0, any_dropped = 0;
    memcpy(costs, class_bits + lowest, sizeof costs);
    for (uint32_t i = 0; i < chooser->contexts; i++) {
      uint32_t kept = chooser->kept[group][i], dropped = chooser->dropped[group][i];
      int first = SHIFT + WINDOW + lowest + trial->offsets[i];
      any_kept |= kept;
      any_dropped |= dropped;
      for (int j = 0; j < WINDOW / 16; j++) {
        vector ones, zeros;
        memcpy(&ones, chooser->costs.one + first + 16 * j, sizeof ones);
        memcpy(&zeros, chooser->costs.zero + first + 16 * j, sizeof zeros);
        costs[j] += (float)kept * ones + (float)dropped * zeros;
      }
    }
    float least = 1e30f;
    int best = 1;
    for (int j = 0; j < WINDOW / 16; j++) {
      float smallest = __builtin_reduce_min(costs[j]);
      if (smallest >= least) continue;
      bits16 equal = __builtin_convertvector(costs[j] == smallest, bits16);
      uint16_t places;
      memcpy(&places, &equal, sizeof places);
      least = smallest;
      best = lowest + 16 * j + __builtin_ctz(places);
    }
    least -= class_bits[best];
    // A group that has one kind of bits alone takes none.
    if (!(any_kept && any_dropped)) {
      best = any_kept ? CLASS_FULL : CLASS_EMPTY;
      least = 0;
    }
    trial->classes[group] = (uint8_t)best;
    bits += least;
  }
  return bits;
}

// Gives each context its cheapest offset, given the classes of the groups.
static void choose_offsets(const weir_chooser *chooser, weir_grouping *trial) {
  static const int reach = 12;
  const float *one = chooser->costs.one + SHIFT + WINDOW, *zero = chooser->costs.zero + SHIFT + WINDOW;
  for (uint32_t i = 0; i < chooser->contexts; i++) {
    float kept[CLASS_COUNT] = {0}, dropped[CLASS_COUNT] = {0};
    for (uint32_t group = 0; group < trial->count; group++) {
      kept[trial->classes[group]] += chooser->kept[group][i];
      dropped[trial->classes[group]] += chooser->dropped[group][i];
    }
    int middle = trial->offsets[i], best = middle;
    float least = 1e30f;
    for (int offset = middle - reach; offset <= middle + reach; offset++) {
      if (offset < -SHIFT || offset > SHIFT) continue;
      float bits = 0;
      for (int class = 1; class <= CLASS_LAST; class++)
        bits += kept[class] * one[class + offset] + dropped[class] * zero[class + offset];
      if (bits < least) {
        least = bits;
        best = offset;
      }
    }
    trial->offsets[i] = (int8_t)best;
  }
}

// Class weights from how often each class occurs; the weight's place in the table of weir_class_slots.
static void weigh(weir_grouping *trial, const uint32_t occurrences[CLASS_COUNT]) {
  static const uint8_t values[16] = {0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181};
  int lowest = 0, highest = CLASS_COUNT - 1;
  uint32_t most = 0;
  while (occurrences[lowest] == 0) lowest++;
  while (occurrences[highest] == 0) highest--;
  for (int i = lowest; i <= highest; i++) most = occurrences[i] > most ? occurrences[i] : most;
  trial->weights.lowest = (uint8_t)lowest;
  trial->weights.span = (uint8_t)(highest - lowest);
  for (int i = lowest; i <= highest; i++) {
    int weight = occurrences[i] > 0;
    // The next weight is nearer where the occurrences, scaled to the largest weight, pass the middle of the two.
    uint64_t scaled = 2 * 181 * (uint64_t)occurrences[i];
    while (weight && weight < 15 && scaled > (uint64_t)most * (values[weight] + values[weight + 1])) weight++;
    trial->weights.weights[i - lowest] = (uint8_t)weight;
  }
}

// Bits that a block's classes take in the file.
static float class_cost(const weir_chooser *chooser, weir_grouping *trial, const uint32_t occurrences[CLASS_COUNT]) {
  // Groups that all have one class are one group.
  if (occurrences[trial->classes[0]] == trial->count) return 8;
  weigh(trial, occurrences);
  uint16_t slots[CLASS_COUNT];
  if (weir_class_slots(&trial->weights, slots) != WEIR_CODEC_OK) return 1e30f;
  float bits = 16 + 8 * ((trial->weights.span + 2) / 2);
  for (int i = 0; i < CLASS_COUNT; i++)
    if (occurrences[i]) bits += occurrences[i] * weir_log2(&chooser->costs, (float)SLOTS / slots[i]);
  return bits;
}

static void count_classes(const weir_grouping *trial, uint32_t occurrences[CLASS_COUNT]) {
  memset(occurrences, 0, CLASS_COUNT * sizeof *occurrences);
  for (uint32_t group = 0; group < trial->count; group++) occurrences[trial->classes[group]]++;
}

// Classes and offsets for the groups of a trial. A first guess tells what classes are common, so that then a group whose
// own density is uncertain takes a common one.
static void fit(weir_chooser *chooser, weir_grouping *trial) {
  // What is no density class is never cheap.
  float padded[WINDOW + CLASS_COUNT + WINDOW], *class_bits = padded + WINDOW;
  uint32_t occurrences[CLASS_COUNT];
  for (int i = -WINDOW; i < CLASS_COUNT + WINDOW; i++) class_bits[i] = i < 1 || i > CLASS_LAST ? 1e30f : 0;
  for (uint32_t group = 0; group < trial->count; group++) {
    uint32_t kept = 0, total = 0;
    for (uint32_t i = 0; i < chooser->contexts; i++) {
      kept += chooser->kept[group][i];
      total += chooser->kept[group][i] + chooser->dropped[group][i];
    }
    chooser->guesses[group] = (uint8_t)weir_nearest_class(&chooser->costs, kept, total);
    trial->classes[group] = kept == 0 ? CLASS_EMPTY : kept == total ? CLASS_FULL : chooser->guesses[group];
  }
  for (int round = chooser->contexts > 1 ? 2 : 1; round > 0; round--) {
    if (chooser->contexts > 1) choose_offsets(chooser, trial);
    count_classes(trial, occurrences);
    for (int i = 1; i <= CLASS_LAST && trial->count > 1; i++)
      class_bits[i] = weir_log2(&chooser->costs, (trial->count + CLASS_COUNT * 0.125f) / (occurrences[i] + 0.125f));
    trial->bits = choose_classes(chooser, class_bits, trial);
  }
  count_classes(trial, occurrences);
  trial->bits += class_cost(chooser, trial, occurrences);
}

// Makes one group of all where they have one class.
static void collapse(weir_grouping *grouping) {
  for (uint32_t group = 1; group < grouping->count; group++)
    if (grouping->classes[group] != grouping->classes[0]) return;
  grouping->count = 1;
  grouping->length = 0;
}

// The shortest group to try: a row, a half of it and so on while it is long, or several rows.
static uint32_t finest(const weir_block *block) {
  uint64_t length = block->row_length;
  while (length % 2 == 0 && length >= 8 * FINEST) length /= 2;
  if (length > WEIR_BLOCK_ELEMENTS) return 4096;
  return (uint32_t)(length >= FINEST ? length : (FINEST + length - 1) / length * length);
}

// Tries groups of growing length on the counts of the finest, which are merged in place.
static void try_lengths(weir_chooser *chooser, uint32_t length, uint32_t count, weir_grouping *grouping) {
  weir_grouping *trial = &chooser->trial;
  trial->length = length;
  trial->count = count;
  grouping->bits = 1e30f;
  for (;;) {
    fit(chooser, trial);
    if (trial->bits < grouping->bits) *grouping = *trial;
    if (trial->count == 1) break;
    for (uint32_t group = 0; group < trial->count; group += 2) {
      for (uint32_t i = 0; i < chooser->contexts; i++) {
        int has_two = group + 1 < trial->count;
        chooser->kept[group / 2][i] = chooser->kept[group][i] + (has_two ? chooser->kept[group + 1][i] : 0);
        chooser->dropped[group / 2][i] = chooser->dropped[group][i] + (has_two ? chooser->dropped[group + 1][i] : 0);
      }
    }
    trial->count = (trial->count + 1) / 2;
    trial->length *= 2;
  }
  collapse(grouping);
}

void weir_choose_groups(weir_chooser *chooser, const weir_block *block, const uint64_t *mask, weir_grouping *grouping) {
  weir_prepare_costs(&chooser->costs);
  uint32_t length = finest(block), group = 0, i = 0;
  chooser->contexts = 1;
  memset(chooser->trial.offsets, 0, sizeof chooser->trial.offsets);
  for (uint64_t end; i < block->count; group++) {
    // A byte belongs to the group of its first element.
    end = ((uint64_t)(group + 1) * length + 7) / 8 * 8;
    uint32_t stop = end < block->count ? (uint32_t)end : block->count, total = stop - i, kept = 0;
    for (uint32_t run; i < stop; i += run) {
      run = stop - i < 64 ? stop - i : 64;
      kept += (uint32_t)__builtin_popcountll(plane_bits(mask, i, run));
    }
    chooser->kept[group][0] = kept;
    chooser->dropped[group][0] = total - kept;
  }
  try_lengths(chooser, length, (block->count + length - 1) / length, grouping);
}

void weir_choose_context_groups(weir_chooser *chooser, const weir_block *block, const uint64_t *mask,
                                const weir_contexts *contexts, uint32_t length, weir_grouping *grouping) {
  uint32_t kept[CONTEXTS] = {0}, total[CONTEXTS] = {0}, all_kept = 0;
  const weir_scatter_kernels *kernels = weir_scatter();
  weir_prepare_costs(&chooser->costs);
  chooser->contexts = contexts->count;
  grouping->length = length;
  grouping->count = length ? (block->count + length - 1) / length : 1;
  for (uint32_t group = 0, first = 0, end; group < grouping->count; group++, first = end) {
    end = length && length < block->count - first ? first + length : block->count;
    uint32_t *group_kept = chooser->kept[group], *group_total = chooser->dropped[group];
    memset(group_kept, 0, sizeof chooser->kept[group]);
    memset(group_total, 0, sizeof chooser->dropped[group]);
    kernels->count(contexts, first, end, mask, group_total, group_kept);
    for (int i = 0; i < contexts->count; i++) {
      kept[i] += group_kept[i];
      total[i] += group_total[i];
      all_kept += group_kept[i];
      group_total[i] -= group_kept[i];
    }
  }
  // Offsets begin as the distance of a context's density from the whole block's.
  int whole = weir_nearest_class(&chooser->costs, all_kept, block->count);
  for (int i = 0; i < contexts->count; i++) {
    int offset = total[i] ? weir_nearest_class(&chooser->costs, kept[i], total[i]) - whole : 0;
    grouping->offsets[i] = (int8_t)(offset < -SHIFT ? -SHIFT : offset > SHIFT ? SHIFT : offset);
  }
  fit(chooser, grouping);
  collapse(grouping);
  grouping->bits += 16 + 8 * contexts->count;
}

void weir_choose_contexts(weir_chooser *chooser, const weir_block *block, const uint64_t *mask, weir_contexts *contexts) {
  // A sample of words tells enough.
  uint32_t stride = block->count / SAMPLE + 1, *kept = chooser->exponent_kept, *total = chooser->exponent_total;
  memset(chooser->exponent_kept, 0, sizeof chooser->exponent_kept);
  memset(chooser->exponent_total, 0, sizeof chooser->exponent_total);
  for (uint32_t i = 0; i < block->count; i = i % 64 == 63 ? i + 1 + 64 * (stride - 1) : i + 1) {
    uint32_t exponent = weir_exponent(contexts, i);
    total[exponent]++;
    kept[exponent] += mask[i / 64] >> (i % 64) & 1;
  }
  // Costs of all exponents up to e as one context, of those before e each as its own, and of all from e on as one.
  float *below = chooser->exponent_cost[0], *each = chooser->exponent_cost[1], *above = chooser->exponent_cost[2];
  uint32_t k = 0, t = 0;
  each[0] = above[256] = 0;
  int lowest = 255, highest = 0;
  for (int e = 0; e < 256; e++) {
    below[e] = weir_entropy(&chooser->costs, k += kept[e], t += total[e]);
    each[e + 1] = each[e] + weir_entropy(&chooser->costs, kept[e], total[e]);
    if (total[e]) {
      lowest = e < lowest ? e : lowest;
      highest = e;
    }
  }
  k = t = 0;
  for (int e = 255; e >= 0; e--) above[e] = weir_entropy(&chooser->costs, k += kept[e], t += total[e]);
  // A context must save what it takes in the file and a little for its time.
  float price = 16 + block->count * 0.0001f, least = below[255] * stride;
  contexts->least = 0;
  contexts->count = 1;
  for (int low = lowest; low < highest; low++) {
    for (int high = low + 1; high <= highest && high - low < CONTEXTS; high++) {
      float bits = (below[low] + (each[high] - each[low + 1]) + above[high]) * stride + price * (high - low);
      if (bits < least) {
        least = bits;
        contexts->least = (uint8_t)low;
        contexts->count = (uint8_t)(high - low + 1);
      }
    }
  }
}
