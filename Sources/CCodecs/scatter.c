// The kernels of scatter.h, once for every machine and twice more for newer x86 ones.
#include "scatter.h"

#include "bits.h"
#include "ckernels.h"
#include "density.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef uint8_t vector8 __attribute__((ext_vector_type(64)));
typedef uint16_t vector16 __attribute__((ext_vector_type(64)));
typedef uint32_t vector32 __attribute__((ext_vector_type(64)));
typedef _Bool bits64 __attribute__((ext_vector_type(64)));

// Appends `count` bits, 0 ... 64; stores each word when it is full.
static inline __attribute__((always_inline)) void append(weir_bucket *bucket, uint64_t bits, uint32_t count) {
  uint32_t used = bucket->count % 64;
  uint64_t pending = bucket->pending | bits << used;
  if (used + count >= 64) {
    store64(bucket->bytes + bucket->count / 64 * 8, pending);
    pending = used ? bits >> (64 - used) : 0;
  }
  bucket->pending = pending;
  bucket->count += count;
}

// The bits of a word where a mask is 1, moved together.
static uint64_t extract_bits(uint64_t word, uint64_t mask) {
  uint64_t result = 0;
  for (uint64_t bit = 1; mask; bit <<= 1) {
    if (word & mask & -mask) result |= bit;
    mask &= mask - 1;
  }
  return result;
}

// The inverse: the lowest bits of a word, moved to where a mask is 1.
static uint64_t deposit_bits(uint64_t word, uint64_t mask) {
  uint64_t result = 0;
  for (; mask; word >>= 1) {
    if (word & 1) result |= mask & -mask;
    mask &= mask - 1;
  }
  return result;
}

#define NAME(x) x##_any
#define EXTRACT extract_bits
#define DEPOSIT deposit_bits
#include "scatter.inc"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define NAME(x) x##_v3
#define EXTRACT _pext_u64
#define DEPOSIT _pdep_u64
#include "scatter.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define NAME(x) x##_v4
#define EXTRACT _pext_u64
#define DEPOSIT _pdep_u64
#include "scatter.inc"
#pragma clang attribute pop
#endif

const weir_scatter_kernels *weir_scatter(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &kernels_v4;
  if (__builtin_cpu_supports("x86-64-v3")) return &kernels_v3;
#endif
  return &kernels_any;
}
