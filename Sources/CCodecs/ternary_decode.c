// Decoding blocks of codecs 3 and 5: which elements are kept, by density classes, and then scales and signs.
//
//     kind and flags (1) | [contexts] | groups and classes | states and words of the coder | scales | signs
#include "blocks.h"

// What decoders work in.
typedef struct {
  weir_models models;
  uint32_t class_table[SLOTS];
  weir_grouping grouping;
  uint8_t bytes[BUCKET_BYTES];
} decode_work;

_Static_assert(sizeof(decode_work) <= WEIR_TERNARY_DECODE_BYTES, "decoders have less memory than they need");

// Sets bits first ..< end of a plane that was zero there.
static void set_bits(uint64_t *plane, uint32_t first, uint32_t end) {
  for (uint32_t run; first < end; first += run) {
    run = end - first < 64 ? end - first : 64;
    add_plane_bits(plane, first, run, low_bits(run));
  }
}

typedef struct {
  const uint8_t *next, *end;
} reader;

static int has(const reader *reader, size_t count) { return (size_t)(reader->end - reader->next) >= count; }

static int read_contexts(reader *reader, weir_contexts *contexts, weir_grouping *grouping) {
  if (!has(reader, 2)) return WEIR_CODEC_SHORT;
  contexts->least = reader->next[0];
  contexts->count = reader->next[1];
  reader->next += 2;
  if (contexts->count < 1 || contexts->count > CONTEXTS) return WEIR_CODEC_RANGE;
  if (!has(reader, contexts->count)) return WEIR_CODEC_SHORT;
  memcpy(grouping->offsets, reader->next, contexts->count);
  reader->next += contexts->count;
  return WEIR_CODEC_OK;
}

// Reads the groups and, where all have one class, that class; else the classes' weights.
static int read_grouping(reader *reader, const weir_block *block, weir_grouping *grouping) {
  if (!has(reader, 4)) return WEIR_CODEC_SHORT;
  uint32_t word = load32(reader->next);
  grouping->length = word & 0xFFFFFF;
  reader->next += 4;
  if (grouping->length == 0) {
    grouping->count = 1;
    grouping->classes[0] = (uint8_t)(word >> 24);
    return grouping->classes[0] < CLASS_COUNT ? WEIR_CODEC_OK : WEIR_CODEC_RANGE;
  }
  if (grouping->length < GROUP_LEAST || grouping->length > WEIR_BLOCK_ELEMENTS) return WEIR_CODEC_RANGE;
  grouping->count = (block->count + grouping->length - 1) / grouping->length;
  weir_class_weights *weights = &grouping->weights;
  if (!has(reader, 1)) return WEIR_CODEC_SHORT;
  weights->lowest = (uint8_t)(word >> 24);
  weights->span = *reader->next++;
  if (weights->lowest + weights->span >= CLASS_COUNT) return WEIR_CODEC_RANGE;
  if (!has(reader, weights->span / 2 + 1u)) return WEIR_CODEC_SHORT;
  for (int i = 0; i <= weights->span; i++) weights->weights[i] = reader->next[i / 2] >> (4 * (i % 2)) & 15;
  reader->next += weights->span / 2 + 1;
  return WEIR_CODEC_OK;
}

// Decodes the classes of groups, which have a table when there are several.
static int decode_classes(weir_decoder *decoder, decode_work *work) {
  weir_grouping *grouping = &work->grouping;
  uint16_t slots[CLASS_COUNT];
  if (grouping->length == 0) return WEIR_CODEC_OK;
  int result = weir_class_slots(&grouping->weights, slots);
  if (result != WEIR_CODEC_OK) return result;
  for (uint32_t class = 0, slot = 0; class < CLASS_COUNT; class++)
    for (uint32_t i = 0; i < slots[class]; i++) work->class_table[slot++] = class | i << 8 | (uint32_t)slots[class] << 20;
  return weir_decode_symbols(decoder, work->class_table, grouping->classes, grouping->count);
}

static int decode_mask(weir_decoder *decoder, decode_work *work, const weir_block *block, uint64_t *mask) {
  const weir_grouping *grouping = &work->grouping;
  uint8_t *bytes = (uint8_t *)mask;
  uint32_t byte = 0, groups = grouping->count;
  for (uint32_t group = 0, next; group < groups; group = next) {
    // Neighbours of one class are one run.
    int class = group_class(grouping, group);
    for (next = group + 1; next < groups && grouping->classes[next] == class; next++) {}
    uint32_t end = byte_end(block, grouping->length ? (uint64_t)next * grouping->length : block->count);
    if (class == CLASS_EMPTY || class == CLASS_FULL) {
      memset(bytes + byte, class == CLASS_FULL ? 0xFF : 0, end - byte);
    } else {
      int result = weir_decode_bytes(decoder, &work->models, class, bytes, byte, end);
      if (result != WEIR_CODEC_OK) return result;
    }
    byte = end;
  }
  return WEIR_CODEC_OK;
}

static int decode_context_mask(weir_decoder *decoder, decode_work *work, const weir_block *block,
                               const weir_contexts *contexts, uint64_t *mask) {
  const weir_grouping *grouping = &work->grouping;
  const weir_scatter_kernels *kernels = weir_scatter();
  weir_bucket buckets[CLASS_COUNT] = {0};
  uint8_t classes[CONTEXTS];
  for (uint32_t group = 0, first = 0, end; first < block->count; first = end, group++) {
    end = group_end(block, grouping, first);
    int class = group_class(grouping, group);
    if (class == CLASS_EMPTY || class == CLASS_FULL) continue;
    uint32_t total[CONTEXTS] = {0};
    kernels->count(contexts, first, end, NULL, total, NULL);
    shifted_classes(contexts, grouping->offsets, class, classes);
    for (int i = 0; i < contexts->count; i++) buckets[classes[i]].count += total[i];
  }
  place_buckets(buckets, work->bytes);
  for (int class = 1; class <= CLASS_LAST; class++) {
    weir_bucket *bucket = &buckets[class];
    size_t byte = (size_t)(bucket->bytes - work->bytes);
    int result = weir_decode_bytes(decoder, &work->models, class, work->bytes, byte, byte + (bucket->count + 7) / 8);
    if (result != WEIR_CODEC_OK) return result;
    bucket->count = 0;
  }
  memset(mask, 0, (block->count + 63) / 64 * 8);
  for (uint32_t group = 0, first = 0, end; first < block->count; first = end, group++) {
    end = group_end(block, grouping, first);
    int class = group_class(grouping, group);
    if (class == CLASS_FULL) set_bits(mask, first, end);
    if (class == CLASS_EMPTY || class == CLASS_FULL) continue;
    shifted_classes(contexts, grouping->offsets, class, classes);
    kernels->merge(contexts, first, end, mask, classes, buckets);
  }
  return WEIR_CODEC_OK;
}

static int decode_coded(reader *reader, int kind, const weir_block *block, weir_contexts *contexts, uint64_t *mask,
                        decode_work *work) {
  weir_decoder decoder = {.next = reader->next};
  int result = kind == WEIR_MASK_CONTEXTS ? read_contexts(reader, contexts, &work->grouping) : WEIR_CODEC_OK;
  if (result == WEIR_CODEC_OK) result = read_grouping(reader, block, &work->grouping);
  if (result == WEIR_CODEC_OK) result = weir_decoder_start(&decoder, reader->next, reader->end, states_of(block));
  if (result == WEIR_CODEC_OK) result = decode_classes(&decoder, work);
  if (result == WEIR_CODEC_OK)
    result = kind == WEIR_MASK_CONTEXTS ? decode_context_mask(&decoder, work, block, contexts, mask)
                                        : decode_mask(&decoder, work, block, mask);
  if (result == WEIR_CODEC_OK) result = weir_decoder_finish(&decoder);
  reader->next = decoder.next;
  return result;
}

int weir_ternary_decode(const uint8_t *payload, size_t byte_count, const weir_block *block, unsigned kinds, const void *base,
                        int dtype, weir_planes *planes, void *memory) {
  decode_work *work = memory;
  reader reader = {payload, payload + byte_count};
  if (byte_count == 0) return WEIR_CODEC_SHORT;
  int flags = *reader.next++, is_per_row = flags & WEIR_SCALE_PER_ROW, kind = flags ^ is_per_row;
  if (kind >= WEIR_MASK_KINDS || !(kinds >> kind & 1)) return WEIR_CODEC_FLAGS;
  uint32_t words = (block->count + 63) / 64, bytes = (block->count + 7) / 8;
  weir_contexts contexts = {.base = base, .dtype = dtype};
  int result = WEIR_CODEC_OK;
  if (kind != WEIR_MASK_SEEDED) planes->mask[words - 1] = 0;
  switch (kind) {
    case WEIR_MASK_NONE: memset(planes->mask, 0, 8 * words); break;
    case WEIR_MASK_ALL: memset(planes->mask, 0xFF, 8 * words); break;
    case WEIR_MASK_PLAIN:
      if (!has(&reader, bytes)) return WEIR_CODEC_SHORT;
      memcpy(planes->mask, reader.next, bytes);
      reader.next += bytes;
      break;
    case WEIR_MASK_CLASSES:
    case WEIR_MASK_CONTEXTS: result = decode_coded(&reader, kind, block, &contexts, planes->mask, work); break;
    default: break;
  }
  if (result != WEIR_CODEC_OK) return result;
  planes->mask[words - 1] &= low_bits(block->count - 64 * (words - 1));
  return weir_tail_decode(reader.next, (size_t)(reader.end - reader.next), block, is_per_row != 0, planes, work->bytes);
}
