// The disjoint merge of TIES: a sign is elected per element, and the values that have it are summed.
//
//     v[k] = w[k] * x[k]        e = +1 if v[0] + v[1] + ... >= 0, else -1
//     out = sum of the v[k] with the sign e        over the sum of their w[k], or over 1 where that is 0
#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ckernels.h"
#include "clones.h"
#include "keys.h"

#if defined(__x86_64__) && !defined(WEIR_NO_CLONES)
#include <immintrin.h>
#define HAS_MASKS 1
#endif

enum { PART = 256 };  // elements whose sums stay in the nearest cache

// What model k brings in: its number, or 0 where that is trimmed away, times its weight. VALUE names the trimmed number.
#define VOTE(T, VALUE)                                       \
  for (size_t i = 0; i < PART; i++) {                        \
    T value = VALUE * w[k];                                  \
    votes[i] = k == 0 ? value : votes[i] + value;            \
  }

// Takes a model's part into the sums of those that agree.
#define TAKE(T, VALUE)                                                            \
  for (size_t i = 0; i < PART; i++) {                                             \
    T value = VALUE * w[k];                                                       \
    int agrees = value * elected[i] > 0;                                          \
    merged[i] = k == 0 ? (agrees ? value : 0) : merged[i] + (agrees ? value : 0); \
    divisor[i] = k == 0 ? (agrees ? w[k] : 0) : divisor[i] + (agrees ? w[k] : 0); \
  }

// LOAD puts the next PART elements of model k at `part`.
#define ELECTION(T, LOAD, VALUE)                                                    \
  T votes[PART], elected[PART], merged[PART], divisor[PART];                        \
  for (size_t k = 0; k < models; k++) {                                             \
    LOAD                                                                            \
    VOTE(T, VALUE)                                                                  \
  }                                                                                 \
  for (size_t i = 0; i < PART; i++) elected[i] = votes[i] >= 0 ? (T)1 : (T)-1;      \
  for (size_t k = 0; k < models; k++) {                                             \
    LOAD                                                                            \
    TAKE(T, VALUE)                                                                  \
  }                                                                                 \
  if (normalize)                                                                    \
    for (size_t i = 0; i < PART; i++) merged[i] /= divisor[i] == 0 ? (T)1 : divisor[i];

// The same of few models, one element after another: nothing but the result is stored.
#define FEW_LOOP(T, S, MODELS, NORMALIZED)                                                                           \
  _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++) {                                    \
    T value[MODELS], votes = 0, merged = 0, divisor = 0;                                                             \
    _Pragma("clang loop unroll(full)") for (int k = 0; k < MODELS; k++) {                                            \
      T number = x[k][i];                                                                                            \
      value[k] = (weir_key_##S(number) >= least[k] ? number : 0) * w[k];                                                  \
      votes = k == 0 ? value[k] : votes + value[k];                                                                  \
    }                                                                                                                \
    T elected = votes >= 0 ? (T)1 : (T)-1;                                                                           \
    _Pragma("clang loop unroll(full)") for (int k = 0; k < MODELS; k++) {                                            \
      int agrees = value[k] * elected > 0;                                                                           \
      merged = k == 0 ? (agrees ? value[k] : 0) : merged + (agrees ? value[k] : 0);                                  \
      divisor = k == 0 ? (agrees ? w[k] : 0) : divisor + (agrees ? w[k] : 0);                                        \
    }                                                                                                                \
    dst[i] = NORMALIZED ? merged / (divisor == 0 ? (T)1 : divisor) : merged;                                         \
  }

#define ELECT_FEW(T, K, S, MODELS)                                                                                   \
  WEIR_CLONES static void elect_##MODELS##_##S(T *dst, const T *const *from, const K *limits, const T *weights,      \
                                               int normalize, size_t n) {                                            \
    const T *x[MODELS];                                                                                              \
    T w[MODELS];                                                                                                     \
    K least[MODELS];                                                                                                 \
    for (int k = 0; k < MODELS; k++) x[k] = from[k], w[k] = weights[k], least[k] = limits[k];                        \
    if (normalize) {                                                                                                 \
      FEW_LOOP(T, S, MODELS, 1)                                                                                      \
    } else {                                                                                                         \
      FEW_LOOP(T, S, MODELS, 0)                                                                                      \
    }                                                                                                                \
  }

#define TRIMMED(S) (weir_key_##S(part[i]) >= least[k] ? part[i] : 0)

#define ELECTED(T, K, S)                                                                                              \
  ELECT_FEW(T, K, S, 1)                                                                                               \
  ELECT_FEW(T, K, S, 2)                                                                                               \
  ELECT_FEW(T, K, S, 3)                                                                                               \
  ELECT_FEW(T, K, S, 4)                                                                                               \
  ELECT_FEW(T, K, S, 5)                                                                                               \
  ELECT_FEW(T, K, S, 6)                                                                                               \
  ELECT_FEW(T, K, S, 7)                                                                                               \
  ELECT_FEW(T, K, S, 8)                                                                                               \
  WEIR_CLONES static void elect_whole_##S(T *dst, const T *const *x, const K *least, const T *w, size_t models,       \
                                          int normalize, size_t at) {                                                 \
    const T *part;                                                                                                    \
    ELECTION(T, part = x[k] + at;, TRIMMED(S))                                                                        \
    memcpy(dst + at, merged, sizeof merged);                                                                          \
  }                                                                                                                   \
  WEIR_CLONES static void elect_rest_##S(T *dst, const T *const *x, const K *least, const T *w, size_t models,        \
                                         int normalize, size_t at, size_t n) {                                        \
    T part[PART] = {0};                                                                                               \
    ELECTION(T, memcpy(part, x[k] + at, n * sizeof(T));, TRIMMED(S))                                                  \
    memcpy(dst + at, merged, n * sizeof(T));                                                                          \
  }                                                                                                                   \
  void weir_elected_sum_##S(T *dst, const T *const *x, const K *least, const T *w, size_t models, int normalize,      \
                            size_t n) {                                                                               \
    switch (models) {                                                                                                 \
      case 1: elect_1_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 2: elect_2_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 3: elect_3_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 4: elect_4_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 5: elect_5_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 6: elect_6_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 7: elect_7_##S(dst, x, least, w, normalize, n); return;                                                    \
      case 8: elect_8_##S(dst, x, least, w, normalize, n); return;                                                    \
    }                                                                                                                 \
    size_t at = 0;                                                                                                    \
    for (; at + PART <= n; at += PART) elect_whole_##S(dst, x, least, w, models, normalize, at);                      \
    if (at < n) elect_rest_##S(dst, x, least, w, models, normalize, at, n - at);                                      \
  }                                                                                                                   \
  WEIR_CLONES static void elect_planes_##S(T *dst, const struct weir_plane_window *const *planes, const T *w,         \
                                           size_t models, int normalize, size_t first, size_t n) {                    \
    T part[PART] = {0};                                                                                               \
    ELECTION(T, weir_load_planes_##S(part, planes[k], first, n);, part[i])                                            \
    memcpy(dst, merged, n * sizeof(T));                                                                               \
  }

ELECTED(float, uint32_t, f32)
ELECTED(double, uint64_t, f64)

#ifdef HAS_MASKS
// Sixteen elements at a time, straight from the bits: a kept element adds its model's number under a mask, so that no model
// is ever expanded. Adding nothing is adding zero, so that the bits of the result are those of the plain form.
__attribute__((target("avx512f"))) static void elect_masks(float *dst, const struct weir_plane_window *const *planes,
                                                          const float *w, size_t models, int normalize, size_t first,
                                                          size_t n) {
  const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1);
  for (size_t at = 0; at < n; at += 16) {
    size_t place = first + at, word = place / 64;
    unsigned shift = place % 64;
    __mmask16 live = n - at < 16 ? (__mmask16)((1u << (n - at)) - 1) : (__mmask16)0xFFFF;
    int wraps = shift > 48 && shift + (n - at < 16 ? n - at : 16) > 64;
    __m512 votes = zero, merged = zero, divisor = zero;
#define BITS(PLANE) (__mmask16)((PLANE)[word] >> shift | (wraps ? (PLANE)[word + 1] << (64 - shift) : 0))
    for (size_t k = 0; k < models; k++) {
      __mmask16 kept = BITS(planes[k]->mask) & live, negative = BITS(planes[k]->sign) & kept;
      __m512 value = _mm512_set1_ps(planes[k]->scales[0] * w[k]);
      votes = _mm512_mask_add_ps(votes, kept & ~negative, votes, value);
      votes = _mm512_mask_sub_ps(votes, negative, votes, value);
    }
    __mmask16 minus = _mm512_cmp_ps_mask(votes, zero, _CMP_NGE_UQ);
    for (size_t k = 0; k < models; k++) {
      float number = planes[k]->scales[0] * w[k];
      if (number == 0) continue;
      __mmask16 kept = BITS(planes[k]->mask) & live, negative = BITS(planes[k]->sign) & kept;
      __mmask16 agrees = kept & (number > 0 ? ~(negative ^ minus) : negative ^ minus);
      __m512 value = _mm512_set1_ps(number);
      merged = _mm512_mask_add_ps(merged, agrees & ~negative, merged, value);
      merged = _mm512_mask_sub_ps(merged, agrees & negative, merged, value);
      divisor = _mm512_mask_add_ps(divisor, agrees, divisor, _mm512_set1_ps(w[k]));
    }
#undef BITS
    if (normalize) {
      __mmask16 none = _mm512_cmp_ps_mask(divisor, zero, _CMP_EQ_OQ);
      merged = _mm512_div_ps(merged, _mm512_mask_mov_ps(divisor, none, one));
    }
    _mm512_mask_storeu_ps(dst + at, live, merged);
  }
}

static int has_one_scale(const struct weir_plane_window *const *planes, size_t models) {
  for (size_t k = 0; k < models; k++)
    if (planes[k]->row_length != 0) return 0;
  return 1;
}
#endif

void weir_elected_planes_f32(float *dst, const struct weir_plane_window *const *planes, const float *w, size_t models,
                             int normalize, size_t first, size_t n) {
#ifdef HAS_MASKS
  if (__builtin_cpu_supports("avx512f") && has_one_scale(planes, models)) {
    elect_masks(dst, planes, w, models, normalize, first, n);
    return;
  }
#endif
  for (size_t at = 0; at < n; at += PART)
    elect_planes_f32(dst + at, planes, w, models, normalize, first + at, n - at < PART ? n - at : PART);
}

void weir_elected_planes_f64(double *dst, const struct weir_plane_window *const *planes, const double *w, size_t models,
                             int normalize, size_t first, size_t n) {
  for (size_t at = 0; at < n; at += PART)
    elect_planes_f64(dst + at, planes, w, models, normalize, first + at, n - at < PART ? n - at : PART);
}
