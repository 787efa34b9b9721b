// Encoding blocks of codecs 3 and 5.
#include "blocks.h"

enum {
  // A symbol takes two words at most, an escape and what follows it.
  STREAM_BYTES = 4 * (BUCKET_BYTES + GROUPS) + 64,
  HEADER_BYTES = 128,
};

// What encoders work in.
typedef struct {
  weir_models models;
  weir_grouping groupings[2];
  weir_contexts contexts;
  uint8_t bytes[BUCKET_BYTES];
  uint8_t stream[STREAM_BYTES];
  uint8_t payload[HEADER_BYTES + STREAM_BYTES + WEIR_TAIL_BYTES];
  uint8_t chooser[CHOOSER_BYTES] __attribute__((aligned(64)));
} encode_work;

_Static_assert(sizeof(encode_work) <= WEIR_TERNARY_ENCODE_BYTES, "encoders have less memory than they need");

static size_t write_grouping(uint8_t *bytes, const weir_grouping *grouping) {
  const weir_class_weights *weights = &grouping->weights;
  for (int i = 0; i < 3; i++) bytes[i] = (uint8_t)(grouping->length >> (8 * i));
  if (grouping->length == 0) {
    bytes[3] = grouping->classes[0];
    return 4;
  }
  bytes[3] = weights->lowest;
  bytes[4] = weights->span;
  memset(bytes + 5, 0, weights->span / 2 + 1u);
  for (int i = 0; i <= weights->span; i++) bytes[5 + i / 2] |= (uint8_t)(weights->weights[i] << (4 * (i % 2)));
  return 5 + weights->span / 2 + 1u;
}

static int encode_classes(weir_encoder *encoder, const weir_grouping *grouping) {
  uint16_t slots[CLASS_COUNT];
  uint32_t table[CLASS_COUNT];
  if (grouping->length == 0) return 0;
  if (weir_class_slots(&grouping->weights, slots) != WEIR_CODEC_OK) return -1;
  for (uint32_t class = 0, first = 0; class < CLASS_COUNT; first += slots[class++])
    table[class] = first | (uint32_t)slots[class] << 16;
  return weir_encode_symbols(encoder, table, grouping->classes, grouping->count);
}

// Encoders go backwards, so the last groups come first.
static int encode_mask(weir_encoder *encoder, encode_work *work, const weir_block *block, const uint64_t *mask,
                       const weir_grouping *grouping) {
  for (uint32_t group = grouping->count; group-- > 0;) {
    int class = grouping->classes[group];
    uint64_t first = (uint64_t)group * grouping->length;
    uint64_t end = grouping->length ? first + grouping->length : block->count;
    if (class == CLASS_EMPTY || class == CLASS_FULL) continue;
    uint32_t start = byte_end(block, first), stop = byte_end(block, end);
    if (weir_encode_bytes(encoder, &work->models, class, (const uint8_t *)mask, start, stop)) return -1;
  }
  return 0;
}

static int encode_context_mask(weir_encoder *encoder, encode_work *work, const weir_block *block, const uint64_t *mask,
                               const weir_grouping *grouping) {
  const weir_scatter_kernels *kernels = weir_scatter();
  weir_bucket buckets[CLASS_COUNT] = {0};
  uint8_t classes[CONTEXTS];
  for (int is_sized = 0; is_sized < 2; is_sized++) {
    for (uint32_t group = 0, first = 0, end; first < block->count; first = end, group++) {
      end = group_end(block, grouping, first);
      int class = group_class(grouping, group);
      if (class == CLASS_EMPTY || class == CLASS_FULL) continue;
      shifted_classes(&work->contexts, grouping->offsets, class, classes);
      if (is_sized) {
        kernels->partition(&work->contexts, first, end, mask, classes, buckets);
      } else {
        uint32_t total[CONTEXTS] = {0};
        kernels->count(&work->contexts, first, end, NULL, total, NULL);
        for (int i = 0; i < work->contexts.count; i++) buckets[classes[i]].count += total[i];
      }
    }
    if (is_sized) break;
    place_buckets(buckets, work->bytes);
    for (int class = 0; class < CLASS_COUNT; class++) buckets[class].count = 0;
  }
  for (int class = CLASS_LAST; class >= 1; class--) {
    weir_bucket *bucket = &buckets[class];
    if (bucket->count % 64) store64(bucket->bytes + bucket->count / 64 * 8, bucket->pending);
    size_t first = (size_t)(bucket->bytes - work->bytes);
    if (weir_encode_bytes(encoder, &work->models, class, work->bytes, first, first + (bucket->count + 7) / 8)) return -1;
  }
  return 0;
}

// Writes a block up to its tail; returns its bytes, or 0 where it is no shorter than `limit`.
static size_t encode_coded(encode_work *work, int kind, const weir_block *block, const uint64_t *mask,
                           const weir_grouping *grouping, size_t limit) {
  weir_encoder encoder;
  weir_encoder_start(&encoder, work->stream, work->stream + STREAM_BYTES, states_of(block));
  int failed = kind == WEIR_MASK_CONTEXTS ? encode_context_mask(&encoder, work, block, mask, grouping)
                                          : encode_mask(&encoder, work, block, mask, grouping);
  if (failed || encode_classes(&encoder, grouping) || weir_encoder_finish(&encoder)) return 0;
  uint8_t *next = work->payload;
  *next++ = (uint8_t)kind;
  if (kind == WEIR_MASK_CONTEXTS) {
    *next++ = work->contexts.least;
    *next++ = work->contexts.count;
    memcpy(next, grouping->offsets, work->contexts.count);
    next += work->contexts.count;
  }
  next += write_grouping(next, grouping);
  size_t stream_bytes = (size_t)(work->stream + STREAM_BYTES - encoder.next);
  if ((size_t)(next - work->payload) + stream_bytes >= limit) return 0;
  memcpy(next, encoder.next, stream_bytes);
  return (size_t)(next - work->payload) + stream_bytes;
}

const uint8_t *weir_ternary_encode(const weir_block *block, const weir_planes *planes, const void *base, int dtype,
                                   void *memory, size_t *byte_count) {
  encode_work *work = memory;
  weir_chooser *chooser = (weir_chooser *)work->chooser;
  size_t mask_bytes = (block->count + 7) / 8, written = 1;
  uint32_t kept = weir_planes_kept(block, planes);
  if (kept == 0) {
    work->payload[0] = WEIR_MASK_NONE;
  } else if (kept == block->count) {
    work->payload[0] = WEIR_MASK_ALL;
  } else {
    int kind = WEIR_MASK_CLASSES;
    weir_grouping *best = &work->groupings[0], *other = &work->groupings[1];
    weir_choose_groups(chooser, block, planes->mask, best);
    if (base) {
      work->contexts = (weir_contexts){.base = base, .dtype = dtype};
      weir_choose_contexts(chooser, block, planes->mask, &work->contexts);
      if (work->contexts.count > 1) {
        weir_choose_context_groups(chooser, block, planes->mask, &work->contexts, best->length, other);
        if (other->bits < best->bits) {
          best = other;
          kind = WEIR_MASK_CONTEXTS;
        }
      }
    }
    written = encode_coded(work, kind, block, planes->mask, best, mask_bytes + 1);
    if (written == 0) {
      work->payload[0] = WEIR_MASK_PLAIN;
      memcpy(work->payload + 1, planes->mask, mask_bytes);
      written = mask_bytes + 1;
    }
  }
  if (planes->is_per_row && kept) work->payload[0] |= WEIR_SCALE_PER_ROW;
  *byte_count = written + weir_tail_encode(block, planes, work->payload + written);
  return work->payload;
}
