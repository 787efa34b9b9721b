#pragma once
#include <xxhash.h>

// On x86-64 the library's plain functions are made for the oldest processor of that name. Beside them it has ones that take the
// widest instructions found at run time, about twice as fast; distributions may leave those out, so that they are weak here.
#if defined(__x86_64__) && defined(__linux__)
#define WEIR_XXH_DISPATCH 1
__attribute__((weak)) XXH_errorcode XXH3_128bits_update_dispatch(XXH3_state_t *state, const void *input, size_t length);
__attribute__((weak)) XXH128_hash_t XXH3_128bits_dispatch(const void *input, size_t length);
__attribute__((weak)) XXH64_hash_t XXH3_64bits_dispatch(const void *input, size_t length);
#endif

/// Adds `length` bytes to a state.
static inline XXH_errorcode weir_xxh128_update(XXH3_state_t *state, const void *input, size_t length) {
#ifdef WEIR_XXH_DISPATCH
  if (XXH3_128bits_update_dispatch) return XXH3_128bits_update_dispatch(state, input, length);
#endif
  return XXH3_128bits_update(state, input, length);
}

/// The XXH3-128 of `length` bytes.
static inline XXH128_hash_t weir_xxh128(const void *input, size_t length) {
#ifdef WEIR_XXH_DISPATCH
  if (XXH3_128bits_dispatch) return XXH3_128bits_dispatch(input, length);
#endif
  return XXH3_128bits(input, length);
}

/// The XXH3-64 of `length` bytes.
static inline XXH64_hash_t weir_xxh64(const void *input, size_t length) {
#ifdef WEIR_XXH_DISPATCH
  if (XXH3_64bits_dispatch) return XXH3_64bits_dispatch(input, length);
#endif
  return XXH3_64bits(input, length);
}
