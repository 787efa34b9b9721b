// Two runs of numbers side by side: norms, products, the largest difference, and how many units of the last place lie between.
#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ckernels.h"
#include "clones.h"

typedef uint16_t half_bits __attribute__((aligned(1)));
typedef uint32_t word_bits __attribute__((aligned(1)));
typedef uint64_t long_bits __attribute__((aligned(1)));

enum { LANES = 8, BLOCK = 4096, TABLES = 4 };

// What is not finite on either side counts as zero on both, and is counted.
#define COMPARE(NAME, T)                                                                                         \
  WEIR_CLONES void NAME(double *sums, double *largest, uint64_t *special, const T *a, const T *b, size_t n) {    \
    double aa[LANES], bb[LANES], dd[LANES], ab[LANES], top[LANES];                                               \
    uint64_t odd[LANES] = {0};                                                                                   \
    for (int lane = 0; lane < LANES; lane++) {                                                                   \
      aa[lane] = sums[lane], bb[lane] = sums[LANES + lane], dd[lane] = sums[2 * LANES + lane];                   \
      ab[lane] = sums[3 * LANES + lane], top[lane] = largest[lane];                                              \
    }                                                                                                            \
    size_t whole = n / LANES * LANES;                                                                            \
    for (size_t i = 0; i < whole; i += LANES)                                                                    \
      for (int lane = 0; lane < LANES; lane++) STEP(a[i + lane], b[i + lane])                                    \
    for (int lane = 0; lane < (int)(n - whole); lane++) STEP(a[whole + lane], b[whole + lane])                   \
    for (int lane = 0; lane < LANES; lane++) {                                                                   \
      sums[lane] = aa[lane], sums[LANES + lane] = bb[lane], sums[2 * LANES + lane] = dd[lane];                   \
      sums[3 * LANES + lane] = ab[lane], largest[lane] = top[lane], *special += odd[lane];                       \
    }                                                                                                            \
  }

#define STEP(A, B)                               \
  {                                              \
    double x = A, y = B;                         \
    int finite = x * 0.0 + y * 0.0 == 0.0;       \
    x = finite ? x : 0.0, y = finite ? y : 0.0;  \
    double d = y - x, m = d < 0 ? -d : d;        \
    aa[lane] += x * x, bb[lane] += y * y;        \
    dd[lane] += d * d, ab[lane] += x * y;        \
    top[lane] = m > top[lane] ? m : top[lane];   \
    odd[lane] += finite ? 0 : 1;                 \
  }

COMPARE(weir_compare_f32, float)
COMPARE(weir_compare_f64, double)

// The place of each distance u among 0, 1, 2, 3-4, 5-8, …: one more than the exponent of 2u - 1.
#define PLACES(NAME, STORED, SIGNED, TOP, F, BITS, MANTISSA, BIAS)                               \
  WEIR_CLONES static size_t NAME(uint8_t *place, const void *left, const void *right, size_t n) { \
    const STORED *a = left, *b = right;                                                          \
    SIGNED changed = 0;                                                                          \
    for (size_t i = 0; i < n; i++) {                                                             \
      SIGNED x = a[i], y = b[i];                                                                 \
      changed += x != y;                                                                         \
      x = x & (TOP) ? -(x & ((TOP)-1)) : x, y = y & (TOP) ? -(y & ((TOP)-1)) : y;                \
      SIGNED u = x < y ? y - x : x - y, v = u + u - (u != 0);                                    \
      F f = (F)v;                                                                                \
      BITS bits;                                                                                 \
      memcpy(&bits, &f, sizeof bits);                                                            \
      place[i] = (uint8_t)(v ? (bits >> MANTISSA) - BIAS + 1 : 0);                               \
    }                                                                                            \
    return (size_t)changed;                                                                      \
  }

PLACES(places_16, half_bits, int32_t, 0x8000, float, uint32_t, 23, 127)
PLACES(places_32, word_bits, int64_t, 0x80000000ll, double, uint64_t, 52, 1023)

WEIR_CLONES static size_t places_64(uint8_t *place, const void *left, const void *right, size_t n) {
  const long_bits *a = left, *b = right;
  size_t changed = 0;
  const uint64_t top = (uint64_t)1 << 63;
  for (size_t i = 0; i < n; i++) {
    uint64_t x = a[i], y = b[i];
    changed += x != y;
    x = x & top ? top - (x & (top - 1)) : top + x, y = y & top ? top - (y & (top - 1)) : top + y;
    uint64_t u = x < y ? y - x : x - y;
    place[i] = (uint8_t)(u == 0 ? 0 : u == 1 ? 1 : 65 - __builtin_clzll(u - 1));
  }
  return changed;
}

uint64_t weir_count_ulps(int dtype, uint64_t *bins, const void *a, const void *b, size_t n) {
  uint8_t place[BLOCK];
  uint32_t tables[TABLES][WEIR_ULP_BINS];
  const char *x = a, *y = b;
  size_t size = dtype == WEIR_F64 ? 8 : dtype == WEIR_F32 ? 4 : 2;
  uint64_t changed = 0;
  for (size_t start = 0; start < n; start += BLOCK) {
    size_t count = n - start < BLOCK ? n - start : BLOCK;
    const void *left = x + start * size, *right = y + start * size;
    if (memcmp(left, right, count * size) == 0) {
      bins[0] += count;
      continue;
    }
    changed += size == 2   ? places_16(place, left, right, count)
               : size == 4 ? places_32(place, left, right, count)
                           : places_64(place, left, right, count);
    memset(tables, 0, sizeof tables);
    size_t i = 0;
    for (; i + TABLES <= count; i += TABLES)
      for (int t = 0; t < TABLES; t++) tables[t][place[i + t]]++;
    for (; i < count; i++) tables[0][place[i]]++;
    for (int bin = 0; bin < WEIR_ULP_BINS; bin++)
      for (int t = 0; t < TABLES; t++) bins[bin] += tables[t][bin];
  }
  return changed;
}

#define CHANGED(SIZE, STORED)                                             \
  case SIZE: {                                                            \
    const STORED *x = a, *y = b;                                          \
    for (size_t i = 0; i < n; i++) changed += x[i] != y[i];               \
    break;                                                                \
  }

WEIR_CLONES uint64_t weir_count_changed(int size, const void *a, const void *b, size_t n) {
  uint64_t changed = 0;
  switch (size) {
    CHANGED(1, uint8_t)
    CHANGED(2, half_bits)
    CHANGED(4, word_bits)
    default: {
      const long_bits *x = a, *y = b;
      for (size_t i = 0; i < n; i++) changed += x[i] != y[i];
    }
  }
  return changed;
}
