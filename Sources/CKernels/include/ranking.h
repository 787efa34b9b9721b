// Ranks of elements by their magnitude keys, and the random numbers of elements.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define WEIR_DECLARE(T, K, S)                                                                                           \
  /* The magnitude keys of n numbers. */                                                                                \
  void weir_keys_##S(K *keys, const T *x, size_t n);                                                                    \
  /* Bytes of scratch that the ranking of n keys takes. */                                                              \
  size_t weir_rank_scratch_##S(size_t n);                                                                               \
  /* ranks[i] = how many of the n keys of element i's slice come before it: lesser ones, and equal ones of lower index. \
     Element i is in slice i / group * stride + i % stride; `group` is a multiple of `stride`. */                       \
  void weir_rank_##S(const K *keys, size_t n, size_t group, size_t stride, uint32_t *ranks, void *scratch);             \
  /* For each of n keys, `step` apart: counts[i]++ at the first of m ascending keys that is greater, or at least as      \
     great where `counts_equal`; counts has a last place for none. */                                                   \
  void weir_count_before_##S(const K *keys, size_t n, size_t step, const K *sorted, size_t m, int counts_equal,         \
                             uint32_t *counts);                                                                         \
  void weir_from_ranks_##S(T *dst, const uint32_t *ranks, size_t n);                                                    \
  /* dst[i] = the random number of element first + i in [0, 1), its last bits cut off where T has fewer: it is less     \
     than any T exactly where the whole number is. */                                                                   \
  void weir_random_##S(T *dst, uint64_t key, uint64_t first, size_t n);

WEIR_DECLARE(float, uint32_t, f32)
WEIR_DECLARE(double, uint64_t, f64)
#undef WEIR_DECLARE
