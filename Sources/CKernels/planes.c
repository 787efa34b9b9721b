// Elements of bit planes as numbers.
#include <string.h>

#include "ckernels.h"
#include "clones.h"

// 32 elements from two words of bits; the shifts by lane are one instruction each where vectors can do that.
static inline void expand_32(float *dst, uint32_t mask, uint32_t sign, uint32_t scale) {
  uint32_t values[32];
  for (int i = 0; i < 32; i++) {
    uint32_t kept = 0u - ((mask >> i) & 1u);
    values[i] = (scale | ((sign >> i) & 1u) << 31) & kept;
  }
  memcpy(dst, values, sizeof values);
}

static inline uint32_t bits_at(const uint64_t *plane, size_t place) {
  return (uint32_t)(plane[place / 64] >> (place % 64) & 1u);
}

// Elements that share a scale.
WEIR_CLONES static void expand(float *dst, const uint64_t *mask, const uint64_t *sign, float scale, size_t first, size_t n) {
  uint32_t bits;
  memcpy(&bits, &scale, sizeof bits);
  size_t i = 0;
  for (; i < n && (first + i) % 32 != 0; i++) dst[i] = bits_at(mask, first + i) ? (bits_at(sign, first + i) ? -scale : scale) : 0;
  for (; i + 32 <= n; i += 32) {
    size_t place = first + i;
    expand_32(dst + i, (uint32_t)(mask[place / 64] >> (place % 64)), (uint32_t)(sign[place / 64] >> (place % 64)), bits);
  }
  for (; i < n; i++) dst[i] = bits_at(mask, first + i) ? (bits_at(sign, first + i) ? -scale : scale) : 0;
}

void weir_load_planes_f32(float *dst, const struct weir_plane_window *planes, size_t first, size_t n) {
  if (planes->row_length == 0) {
    expand(dst, planes->mask, planes->sign, planes->scales[0], first, n);
    return;
  }
  for (size_t i = 0; i < n;) {
    size_t place = planes->first_column + first + i;
    size_t run = planes->row_length - place % planes->row_length;
    if (run > n - i) run = n - i;
    expand(dst + i, planes->mask, planes->sign, planes->scales[place / planes->row_length], first + i, run);
    i += run;
  }
}

void weir_load_planes_f64(double *dst, const struct weir_plane_window *planes, size_t first, size_t n) {
  float part[256];
  for (size_t i = 0; i < n; i += 256) {
    size_t count = n - i < 256 ? n - i : 256;
    weir_load_planes_f32(part, planes, first + i, count);
    for (size_t j = 0; j < count; j++) dst[i + j] = part[j];
  }
}
