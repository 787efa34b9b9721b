#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ckernels.h"
#include "clones.h"
#include "random_bits.h"

enum { DIGIT = 11, RADIX = 1 << DIGIT };

// As many low bits of a Double's fraction as a float's lacks.
static inline float cut_f32(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits &= ~(((uint64_t)1 << 29) - 1);
  memcpy(&x, &bits, sizeof bits);
  return (float)x;
}

static inline double cut_f64(double x) { return x; }

#define T float
#define K uint32_t
#define NAME(name) name##_f32
#include "ranking.inc"
#undef T
#undef K
#undef NAME

#define T double
#define K uint64_t
#define NAME(name) name##_f64
#include "ranking.inc"
