// Geometry of blocks, planes from and to numbers, and the end that all blocks of planes share.
#include "bits.h"
#include "ccodecs_ternary.h"
#include "clones.h"
#include "scatter.h"

uint32_t weir_block_segments(const weir_block *block) {
  uint64_t last = block->first + block->count - 1;
  return (uint32_t)(last / block->row_length - block->first / block->row_length + 1);
}

// The end of the segment that element `i` of the block lies in.
static uint32_t segment_end(const weir_block *block, uint32_t i) {
  uint64_t left = block->row_length - (block->first + i) % block->row_length;
  return left < block->count - i ? i + (uint32_t)left : block->count;
}

static int keeps_any(const uint64_t *mask, uint32_t first, uint32_t end) {
  for (uint32_t run; first < end; first += run) {
    run = end - first < 64 ? end - first : 64;
    if (plane_bits(mask, first, run)) return 1;
  }
  return 0;
}

static uint32_t word_count(const weir_block *block) { return (block->count + 63) / 64; }

typedef uint32_t lanes __attribute__((ext_vector_type(16)));
typedef _Bool bits16 __attribute__((ext_vector_type(16)));

enum { MAGNITUDE = 0x7FFFFFFF, INFINITE = 0x7F800000 };

static const weir_common_bits NO_BITS = {0, MAGNITUDE};

WEIR_CLONES static weir_common_bits split_words(const float *values, uint64_t *mask, uint64_t *sign, size_t words) {
  lanes any = 0, all = ~(lanes)0;
  for (size_t i = 0; i < words; i++) {
    uint64_t kept = 0, negative = 0;
    for (int part = 0; part < 4; part++) {
      lanes bits;
      memcpy(&bits, values + 64 * i + 16 * part, sizeof bits);
      lanes magnitude = bits & MAGNITUDE;
      any |= magnitude;
      all &= magnitude | (lanes)(magnitude == 0);
      bits16 k = __builtin_convertvector(magnitude != 0, bits16), n = __builtin_convertvector(bits > 0x80000000u, bits16);
      uint16_t k_bits, n_bits;
      memcpy(&k_bits, &k, sizeof k_bits);
      memcpy(&n_bits, &n, sizeof n_bits);
      kept |= (uint64_t)k_bits << (16 * part);
      negative |= (uint64_t)n_bits << (16 * part);
    }
    mask[i] = kept;
    sign[i] = negative;
  }
  weir_common_bits common = NO_BITS;
  for (int i = 0; i < 16; i++) {
    common.any |= any[i];
    common.all &= all[i];
  }
  return common;
}

static int is_scale(weir_common_bits common) {
  return common.any < INFINITE && (common.any == 0 || common.any == common.all);
}

static void join(weir_common_bits *common, weir_common_bits more) {
  common->any |= more.any;
  common->all &= more.all;
}

static weir_common_bits common_of(const float *values, uint32_t count) {
  weir_common_bits common = NO_BITS;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t magnitude;
    memcpy(&magnitude, values + i, sizeof magnitude);
    magnitude &= MAGNITUDE;
    join(&common, (weir_common_bits){magnitude, magnitude ? magnitude : MAGNITUDE});
  }
  return common;
}

// Splits numbers of the block from element `first` on. Words that numbers of this part and of another share are put together.
static weir_common_bits split_part(const float *values, uint32_t first, uint32_t count, weir_planes *planes) {
  weir_common_bits common = NO_BITS;
  for (uint32_t i = 0, run; i < count; i += run) {
    uint32_t place = (first + i) % 64, word = (first + i) / 64;
    run = count - i;
    if (place == 0 && run >= 64) {
      run -= run % 64;
      join(&common, split_words(values + i, planes->mask + word, planes->sign + word, run / 64));
    } else {
      float part[64] = {0};
      uint64_t mask, sign;
      run = run < 64 - place ? run : 64 - place;
      memcpy(part + place, values + i, run * sizeof *part);
      join(&common, split_words(part, &mask, &sign, 1));
      planes->mask[word] = mask | (place ? planes->mask[word] : 0);
      planes->sign[word] = sign | (place ? planes->sign[word] : 0);
    }
  }
  return common;
}

void weir_split_start(weir_split *split) { *split = (weir_split){.block = NO_BITS, .segment = NO_BITS}; }

// Takes in what numbers up to `end`, of one segment, have in common.
static void take_segment(weir_split *split, const weir_block *block, uint32_t end, weir_common_bits common, weir_planes *planes) {
  join(&split->segment, common);
  if (end < block->count && (block->first + end) % block->row_length) return;
  if (!is_scale(split->segment)) split->is_wrong = 1;
  memcpy(planes->scales + split->segments++, &split->segment.any, sizeof split->segment.any);
  split->segment = NO_BITS;
}

void weir_split_add(weir_split *split, const weir_block *block, const float *values, uint32_t count, weir_planes *planes) {
  uint32_t first = split->count, end = first + count;
  weir_common_bits known = split->block;
  join(&split->block, split_part(values, first, count, planes));
  split->count = end;
  if (!split->is_per_row) {
    if (is_scale(split->block)) return;
    // Until now one scale would have done: that of each segment so far which keeps anything.
    split->is_per_row = 1;
    for (uint32_t i = 0, stop; i < first; i = stop) {
      stop = segment_end(block, i) < first ? segment_end(block, i) : first;
      take_segment(split, block, stop, keeps_any(planes->mask, i, stop) ? known : NO_BITS, planes);
    }
  }
  for (uint32_t i = first, stop; i < end; i = stop) {
    stop = segment_end(block, i) < end ? segment_end(block, i) : end;
    take_segment(split, block, stop, common_of(values + (i - first), stop - i), planes);
  }
}

int weir_split_finish(const weir_split *split, weir_planes *planes) {
  planes->is_per_row = (uint32_t)split->is_per_row;
  planes->scale_count = split->is_per_row ? split->segments : 1;
  if (!split->is_per_row) memcpy(planes->scales, &split->block.any, sizeof split->block.any);
  return split->is_wrong ? WEIR_CODEC_SCALE : WEIR_CODEC_OK;
}

// Values of up to 64 elements; whole words go sixteen at a time.
WEIR_CLONES static void expand_run(uint64_t kept, uint64_t negative, float scale, uint32_t count, float *values) {
  uint32_t magnitude;
  memcpy(&magnitude, &scale, sizeof magnitude);
  if (count < 64) {
    for (uint32_t i = 0; i < count; i++) {
      uint32_t bits = kept >> i & 1 ? magnitude | (uint32_t)(negative >> i & 1) << 31 : 0;
      memcpy(values + i, &bits, sizeof bits);
    }
    return;
  }
  const lanes bit = {1, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7,
                     1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  for (int part = 0; part < 4; part++) {
    lanes is_kept = (lanes)(((uint32_t)(kept >> (16 * part)) & bit) != 0);
    lanes is_negative = (lanes)(((uint32_t)(negative >> (16 * part)) & bit) != 0);
    lanes bits = is_kept & (magnitude | (is_negative & 0x80000000u));
    memcpy(values + 16 * part, &bits, sizeof bits);
  }
}

void weir_planes_expand(const weir_block *block, const weir_planes *planes, uint32_t from, uint32_t count, float *values) {
  uint64_t first_row = block->first / block->row_length;
  uint32_t end = from + count;
  for (uint32_t i = from, stop; i < end;) {
    float scale = planes->scales[0];
    stop = end;
    if (planes->is_per_row) {
      scale = planes->scales[(block->first + i) / block->row_length - first_row];
      stop = segment_end(block, i) < end ? segment_end(block, i) : end;
    }
    for (uint32_t run; i < stop; i += run, values += run) {
      run = stop - i < 64 ? stop - i : 64;
      expand_run(plane_bits(planes->mask, i, run), plane_bits(planes->sign, i, run), scale, run, values);
    }
  }
}

WEIR_CLONES uint32_t weir_planes_kept(const weir_block *block, const weir_planes *planes) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < word_count(block); i++) kept += (uint32_t)__builtin_popcountll(planes->mask[i]);
  return kept;
}

int weir_planes_impose(const weir_block *block, const uint64_t *mask, weir_planes *planes) {
  size_t mask_bytes = word_count(block) * sizeof *mask;
  if (memcmp(planes->mask, mask, mask_bytes) == 0) return WEIR_CODEC_OK;
  // Segments from the last to the first, so that one scale can become many in place.
  float common = planes->scales[0];
  uint32_t segments = weir_block_segments(block), end = block->count;
  for (uint32_t segment = segments; segment-- > 0;) {
    uint64_t last = block->first + end - 1, row = last - last % block->row_length;
    uint32_t first = row > block->first ? (uint32_t)(row - block->first) : 0;
    int is_equal = 1;
    for (uint32_t i = first, run; i < end; i += run) {
      run = end - i < 64 ? end - i : 64;
      is_equal &= plane_bits(planes->mask, i, run) == plane_bits(mask, i, run);
    }
    int is_empty = !keeps_any(planes->mask, first, end);
    if (!is_equal && !is_empty) return WEIR_CODEC_SCALE;
    if (is_empty) planes->scales[segment] = 0;
    else if (!planes->is_per_row) planes->scales[segment] = common;
    end = first;
  }
  planes->is_per_row = 1;
  planes->scale_count = segments;
  memcpy(planes->mask, mask, mask_bytes);
  return WEIR_CODEC_OK;
}

size_t weir_tail_encode(const weir_block *block, const weir_planes *planes, uint8_t *bytes) {
  if (weir_planes_kept(block, planes) == 0) return 0;
  size_t at = 0, segment = 0;
  if (planes->is_per_row) {
    for (uint32_t i = 0, end; i < block->count; i = end, segment++) {
      end = segment_end(block, i);
      if (!keeps_any(planes->mask, i, end)) continue;
      memcpy(bytes + at, &planes->scales[segment], sizeof(float));
      at += sizeof(float);
    }
  } else {
    memcpy(bytes, &planes->scales[0], sizeof(float));
    at = sizeof(float);
  }
  uint32_t signs = weir_scatter()->extract(planes->mask, word_count(block), planes->sign, bytes + at);
  return at + (signs + 7) / 8;
}

// A scale is finite and has no sign.
static int read_scale(const uint8_t *bytes, float *scale) {
  uint32_t bits;
  memcpy(&bits, bytes, sizeof bits);
  memcpy(scale, bytes, sizeof *scale);
  return bits < INFINITE ? WEIR_CODEC_OK : WEIR_CODEC_SCALE;
}

int weir_tail_decode(const uint8_t *bytes, size_t byte_count, const weir_block *block, int is_per_row, weir_planes *planes,
                     void *work) {
  const uint8_t *end = bytes + byte_count;
  uint32_t kept = weir_planes_kept(block, planes), words = word_count(block);
  planes->is_per_row = (uint32_t)is_per_row;
  planes->scale_count = is_per_row ? weir_block_segments(block) : 1;
  if (!is_per_row) {
    planes->scales[0] = 0;
    if (kept) {
      if (end - bytes < 4) return WEIR_CODEC_SHORT;
      if (read_scale(bytes, &planes->scales[0])) return WEIR_CODEC_SCALE;
      bytes += 4;
    }
  } else {
    for (uint32_t i = 0, stop, segment = 0; i < block->count; i = stop, segment++) {
      stop = segment_end(block, i);
      planes->scales[segment] = 0;
      if (!keeps_any(planes->mask, i, stop)) continue;
      if (end - bytes < 4) return WEIR_CODEC_SHORT;
      if (read_scale(bytes, &planes->scales[segment])) return WEIR_CODEC_SCALE;
      bytes += 4;
    }
  }
  size_t sign_bytes = (kept + 7) / 8, left = (size_t)(end - bytes);
  if (left < sign_bytes) return WEIR_CODEC_SHORT;
  if (left > sign_bytes) return WEIR_CODEC_TRAILING;
  if (kept % 8 && bytes[sign_bytes - 1] >> (kept % 8)) return WEIR_CODEC_RANGE;
  // The kernel reads words, so the signs get room to read on.
  uint8_t *signs = work;
  memcpy(signs, bytes, sign_bytes);
  memset(signs + sign_bytes, 0, 16);
  weir_scatter()->deposit(planes->mask, words, signs, planes->sign);
  return WEIR_CODEC_OK;
}
