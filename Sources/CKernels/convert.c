// Conversions between the element types of files and the two working types.
#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ckernels.h"
#include "clones.h"

// Tensors begin at any byte, so file elements are read and written through types without alignment.
typedef uint16_t half_bits __attribute__((aligned(1)));
typedef uint32_t word_bits __attribute__((aligned(1)));
typedef uint64_t long_bits __attribute__((aligned(1)));

static inline float as_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t as_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline double as_double(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Exact for every half: the exponent is moved by a multiplication, so that subnormals need no case of their own. A NaN becomes a
// quiet one, as it does in the processor's own conversion.
static inline float from_half(uint16_t half) {
  float magnitude = as_float((uint32_t)(half & 0x7FFF) << 13) * 0x1p112f;
  uint32_t special = (half & 0x7C00) == 0x7C00 ? 0x7F800000u : 0, quiet = (half & 0x7FFF) > 0x7C00 ? 0x400000u : 0;
  return as_float(as_bits(magnitude) | special | quiet | (uint32_t)(half & 0x8000) << 16);
}

static inline float from_bfloat(uint16_t bits) { return as_float((uint32_t)bits << 16); }

static inline uint16_t to_half(float value) {
  uint32_t bits = as_bits(value), magnitude = bits & 0x7FFFFFFFu;
  uint32_t normal = (magnitude + 0xFFFu + (magnitude >> 13 & 1) - (112u << 23)) >> 13;
  uint32_t small = as_bits(as_float(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t half = magnitude < 0x38800000u ? small : normal;
  half = magnitude >= 0x47800000u ? 0x7C00u : half;
  half = magnitude > 0x7F800000u ? 0x7E00u : half;
  return (uint16_t)(half | (bits >> 16 & 0x8000u));
}

// The same by the processor's own instructions, for functions that run where it has them. NaNs keep no payload.
#if defined(__x86_64__) && !defined(WEIR_NO_CLONES)
#define HALVES __attribute__((target("arch=x86-64-v3")))
static inline int has_halves(void) { return __builtin_cpu_supports("x86-64-v3"); }
#elif defined(__ARM_FP16_FORMAT_IEEE)
#define HALVES
static inline int has_halves(void) { return 1; }
#endif

#ifdef HALVES
HALVES static inline float from_half_by_processor(uint16_t bits) {
  _Float16 half;
  memcpy(&half, &bits, sizeof half);
  return half;
}

HALVES static inline uint16_t to_half_by_processor(float value) {
  _Float16 half = (_Float16)value;
  uint16_t bits;
  memcpy(&bits, &half, sizeof bits);
  return value != value ? (uint16_t)(bits & 0x8000) | 0x7E00 : bits;
}
#else
#define HALVES
#define from_half_by_processor from_half
#define to_half_by_processor to_half
static inline int has_halves(void) { return 0; }
#endif
#define HALF_FUNCTION(NAME) (has_halves() ? NAME##_by_processor : NAME)

static inline uint16_t to_bfloat(float value) {
  uint32_t bits = as_bits(value);
  uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16;
  uint32_t quiet = bits >> 16 | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

// Narrows so that a second rounding to fewer bits gives what one rounding would have given: toward zero, with a sticky last bit.
static inline float to_float_odd(double value) {
  float nearest = (float)value;
  double back = (double)nearest;
  uint32_t bits = as_bits(nearest);
  if (back == value || back != back) return nearest;
  if ((back > value) == (value > 0)) bits -= 1;
  return as_float(bits | 1u);
}

// Elements between two requests for what comes a page later: the processor's own prefetching stops at the end of a page. A
// prefetch of what is not mapped does nothing.
enum { STRETCH = 256, AHEAD = 4096, LINE = 64 };

static inline void fetch_ahead(const void *src, size_t bytes) {
  const char *next = (const char *)src + AHEAD;
  for (size_t i = 0; i < bytes; i += LINE) __builtin_prefetch(next + i, 0, 2);
}

#define DECODE_FUNCTION(VARIANTS, NAME, T, BITS, STORED, EXPONENT, VALUE)      \
  VARIANTS static int NAME(T *dst, const void *src, size_t n) {                \
    const STORED *in = src;                                                    \
    BITS special = 0;                                                          \
    for (size_t start = 0; start < n; start += STRETCH) {                      \
      size_t end = n - start < STRETCH ? n : start + STRETCH;                  \
      fetch_ahead(in + start, (end - start) * sizeof *in);                     \
      for (size_t i = start; i < end; i++) {                                   \
        BITS bits = in[i];                                                     \
        special |= (bits & (EXPONENT)) == (EXPONENT) ? 1 : 0;                  \
        dst[i] = (VALUE);                                                      \
      }                                                                        \
    }                                                                          \
    return special != 0;                                                       \
  }

DECODE_FUNCTION(WEIR_CLONES, f32_from_f32, float, uint32_t, word_bits, 0x7F800000u, as_float(bits))
DECODE_FUNCTION(WEIR_CLONES, f32_from_f16, float, uint16_t, half_bits, 0x7C00, from_half(bits))
DECODE_FUNCTION(HALVES, f32_from_f16_by_processor, float, uint16_t, half_bits, 0x7C00, from_half_by_processor(bits))
DECODE_FUNCTION(WEIR_CLONES, f32_from_bf16, float, uint16_t, half_bits, 0x7F80, from_bfloat(bits))
DECODE_FUNCTION(WEIR_CLONES, f32_from_f64, float, uint64_t, long_bits, 0x7FF0000000000000u, (float)as_double(bits))
DECODE_FUNCTION(WEIR_CLONES, f64_from_f32, double, uint32_t, word_bits, 0x7F800000u, as_float(bits))
DECODE_FUNCTION(WEIR_CLONES, f64_from_f16, double, uint16_t, half_bits, 0x7C00, from_half(bits))
DECODE_FUNCTION(WEIR_CLONES, f64_from_bf16, double, uint16_t, half_bits, 0x7F80, from_bfloat(bits))
DECODE_FUNCTION(WEIR_CLONES, f64_from_f64, double, uint64_t, long_bits, 0x7FF0000000000000u, as_double(bits))

// Differences of elements of one type, decoded and subtracted in one step. A NaN or an infinity on either side makes the
// difference one, too.
#define DIFFERENCE_FUNCTION(VARIANTS, NAME, STORED, VALUE)                          \
  VARIANTS static int NAME(float *dst, const void *left, const void *right, size_t n) { \
    const STORED *a = left, *b = right;                                             \
    uint32_t special = 0;                                                           \
    for (size_t start = 0; start < n; start += STRETCH) {                           \
      size_t end = n - start < STRETCH ? n : start + STRETCH;                       \
      fetch_ahead(a + start, (end - start) * sizeof *a);                            \
      fetch_ahead(b + start, (end - start) * sizeof *b);                            \
      for (size_t i = start; i < end; i++) {                                        \
        float difference = VALUE(a[i]) - VALUE(b[i]);                               \
        special |= (as_bits(difference) & 0x7F800000u) == 0x7F800000u ? 1 : 0;      \
        dst[i] = difference;                                                        \
      }                                                                             \
    }                                                                               \
    return special != 0;                                                            \
  }

DIFFERENCE_FUNCTION(WEIR_CLONES, difference_f32, word_bits, as_float)
DIFFERENCE_FUNCTION(WEIR_CLONES, difference_f16, half_bits, from_half)
DIFFERENCE_FUNCTION(HALVES, difference_f16_by_processor, half_bits, from_half_by_processor)
DIFFERENCE_FUNCTION(WEIR_CLONES, difference_bf16, half_bits, from_bfloat)

static const unsigned char sizes[] = {4, 2, 2, 8, 1};

// Elements decoded and scaled, and added to others where there are any, in one step: one pass over a tile instead of two or
// three. The product is rounded before the sum, as it is in two steps. The result may take the place of the others.
#define SCALED_LOOP(STORED, EXPONENT, VALUE, RESULT)                           \
  for (size_t start = 0; start < n; start += STRETCH) {                        \
    size_t end = n - start < STRETCH ? n : start + STRETCH;                    \
    fetch_ahead(in + start, (end - start) * sizeof *in);                       \
    _Pragma("clang loop vectorize(assume_safety)")                             \
    for (size_t i = start; i < end; i++) {                                     \
      STORED bits = in[i];                                                     \
      special |= (bits & (EXPONENT)) == (EXPONENT) ? 1 : 0;                    \
      float product = VALUE(bits) * scale;                                     \
      dst[i] = RESULT;                                                         \
    }                                                                          \
  }

#define SCALED_FUNCTION(VARIANTS, NAME, BITS, STORED, EXPONENT, VALUE)                                     \
  VARIANTS static int NAME(float *dst, const float *others, const void *src, float scale, size_t n) {      \
    const STORED *in = src;                                                                                \
    BITS special = 0;                                                                                      \
    if (others) {                                                                                          \
      SCALED_LOOP(BITS, EXPONENT, VALUE, others[i] + product)                                              \
    } else {                                                                                               \
      SCALED_LOOP(BITS, EXPONENT, VALUE, product)                                                          \
    }                                                                                                      \
    return special != 0;                                                                                   \
  }

SCALED_FUNCTION(WEIR_CLONES, scaled_f32, uint32_t, word_bits, 0x7F800000u, as_float)
SCALED_FUNCTION(WEIR_CLONES, scaled_f16, uint16_t, half_bits, 0x7C00, from_half)
SCALED_FUNCTION(HALVES, scaled_f16_by_processor, uint16_t, half_bits, 0x7C00, from_half_by_processor)
SCALED_FUNCTION(WEIR_CLONES, scaled_bf16, uint16_t, half_bits, 0x7F80, from_bfloat)

// The same where it is not worth a loop of its own.
#define SCALED_IN_STEPS(T, S)                                                                  \
  T part[STRETCH];                                                                             \
  int special = 0;                                                                             \
  for (size_t at = 0; at < n; at += STRETCH) {                                                 \
    size_t count = n - at < STRETCH ? n - at : STRETCH;                                        \
    special |= weir_decode_##S(dtype, part, (const char *)src + at * sizes[dtype], count);     \
    if (others) weir_add_scaled_##S(dst + at, others + at, part, scale, count);                \
    else weir_binary_right_##S(WEIR_MUL, dst + at, part, scale, count);                        \
  }                                                                                            \
  return special;

int weir_decode_scaled_f32(int dtype, float *dst, const float *others, const void *src, float scale, size_t n) {
  switch (dtype) {
    case WEIR_F32: return scaled_f32(dst, others, src, scale, n);
    case WEIR_F16: return HALF_FUNCTION(scaled_f16)(dst, others, src, scale, n);
    case WEIR_BF16: return scaled_bf16(dst, others, src, scale, n);
  }
  SCALED_IN_STEPS(float, f32)
}

int weir_decode_scaled_f64(int dtype, double *dst, const double *others, const void *src, double scale, size_t n) {
  SCALED_IN_STEPS(double, f64)
}

// Differences of elements of any two types.
#define DIFFERENCE_IN_STEPS(T, S)                                                              \
  T part[STRETCH];                                                                             \
  int special = 0;                                                                             \
  for (size_t at = 0; at < n; at += STRETCH) {                                                 \
    size_t count = n - at < STRETCH ? n - at : STRETCH;                                        \
    special |= weir_decode_##S(left, dst + at, (const char *)a + at * sizes[left], count);     \
    special |= weir_decode_##S(right, part, (const char *)b + at * sizes[right], count);       \
    weir_binary_##S(WEIR_SUB, dst + at, dst + at, part, count);                                \
  }                                                                                            \
  return special;

int weir_difference_f32(int left, int right, float *dst, const void *a, const void *b, size_t n) {
  if (left == right) switch (left) {
      case WEIR_F32: return difference_f32(dst, a, b, n);
      case WEIR_F16: return HALF_FUNCTION(difference_f16)(dst, a, b, n);
      case WEIR_BF16: return difference_bf16(dst, a, b, n);
    }
  DIFFERENCE_IN_STEPS(float, f32)
}

int weir_difference_f64(int left, int right, double *dst, const void *a, const void *b, size_t n) {
  DIFFERENCE_IN_STEPS(double, f64)
}

WEIR_CLONES static void f32_from_u8(float *dst, const uint8_t *src, size_t n) {
  for (size_t i = 0; i < n; i++) dst[i] = src[i];
}

WEIR_CLONES static void f64_from_u8(double *dst, const uint8_t *src, size_t n) {
  for (size_t i = 0; i < n; i++) dst[i] = src[i];
}

int weir_decode_f32(int dtype, float *dst, const void *src, size_t n) {
  switch (dtype) {
    case WEIR_F32: return f32_from_f32(dst, src, n);
    case WEIR_F16: return HALF_FUNCTION(f32_from_f16)(dst, src, n);
    case WEIR_BF16: return f32_from_bf16(dst, src, n);
    case WEIR_U8: return f32_from_u8(dst, src, n), 0;
    default: return f32_from_f64(dst, src, n);
  }
}

int weir_decode_f64(int dtype, double *dst, const void *src, size_t n) {
  switch (dtype) {
    case WEIR_F32: return f64_from_f32(dst, src, n);
    case WEIR_F16: return f64_from_f16(dst, src, n);
    case WEIR_BF16: return f64_from_bf16(dst, src, n);
    case WEIR_U8: return f64_from_u8(dst, src, n), 0;
    default: return f64_from_f64(dst, src, n);
  }
}

#define ENCODE_FUNCTION(VARIANTS, NAME, STORED, VALUE)                         \
  VARIANTS static void NAME(STORED *out, const float *src, size_t n) {         \
    for (size_t i = 0; i < n; i++) out[i] = VALUE(src[i]);                     \
  }

ENCODE_FUNCTION(WEIR_CLONES, f16_from_f32, half_bits, to_half)
ENCODE_FUNCTION(HALVES, f16_from_f32_by_processor, half_bits, to_half_by_processor)
ENCODE_FUNCTION(WEIR_CLONES, bf16_from_f32, half_bits, to_bfloat)

void weir_encode_f32(int dtype, void *dst, const float *src, size_t n) {
  long_bits *wide = dst;
  switch (dtype) {
    case WEIR_F32: memcpy(dst, src, n * sizeof *src); break;
    case WEIR_F16: HALF_FUNCTION(f16_from_f32)(dst, src, n); break;
    case WEIR_BF16: bf16_from_f32(dst, src, n); break;
    default:
      for (size_t i = 0; i < n; i++) {
        double value = src[i];
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        wide[i] = bits;
      }
  }
}

void weir_encode_f64(int dtype, void *dst, const double *src, size_t n) {
  half_bits *half = dst;
  word_bits *word = dst;
  switch (dtype) {
    case WEIR_F32:
      for (size_t i = 0; i < n; i++) word[i] = as_bits((float)src[i]);
      break;
    case WEIR_F16:
      for (size_t i = 0; i < n; i++) half[i] = to_half(to_float_odd(src[i]));
      break;
    case WEIR_BF16:
      for (size_t i = 0; i < n; i++) half[i] = to_bfloat(to_float_odd(src[i]));
      break;
    default: memcpy(dst, src, n * sizeof *src);
  }
}

// Sums stored as what they were added to is stored: decoded, scaled, added and encoded in one step.
#define STORED_FUNCTION(VARIANTS, NAME, EXPONENT, VALUE, ENCODED)                                          \
  VARIANTS static int NAME(half_bits *dst, const float *others, const void *src, float scale, size_t n) {  \
    const half_bits *in = src;                                                                             \
    uint16_t special = 0;                                                                                  \
    for (size_t start = 0; start < n; start += STRETCH) {                                                  \
      size_t end = n - start < STRETCH ? n : start + STRETCH;                                              \
      fetch_ahead(in + start, (end - start) * sizeof *in);                                                 \
      _Pragma("clang loop vectorize(assume_safety)")                                                       \
      for (size_t i = start; i < end; i++) {                                                               \
        uint16_t bits = in[i];                                                                             \
        special |= (bits & (EXPONENT)) == (EXPONENT) ? 1 : 0;                                              \
        float product = VALUE(bits) * scale;                                                               \
        dst[i] = ENCODED(others[i] + product);                                                             \
      }                                                                                                    \
    }                                                                                                      \
    return special != 0;                                                                                   \
  }

STORED_FUNCTION(WEIR_CLONES, stored_f16, 0x7C00, from_half, to_half)
STORED_FUNCTION(HALVES, stored_f16_by_processor, 0x7C00, from_half_by_processor, to_half_by_processor)
STORED_FUNCTION(WEIR_CLONES, stored_bf16, 0x7F80, from_bfloat, to_bfloat)

int weir_store_added_f32(int dtype, void *dst, const float *others, const void *src, float scale, size_t n) {
  return (dtype == WEIR_F16 ? HALF_FUNCTION(stored_f16) : stored_bf16)(dst, others, src, scale, n);
}

#define ROUND_FUNCTION(VARIANTS, NAME, ENCODED, VALUE)                         \
  VARIANTS static void NAME(float *dst, const float *src, size_t n) {          \
    for (size_t i = 0; i < n; i++) dst[i] = VALUE(ENCODED(src[i]));            \
  }

ROUND_FUNCTION(WEIR_CLONES, round_to_f16, to_half, from_half)
ROUND_FUNCTION(HALVES, round_to_f16_by_processor, to_half_by_processor, from_half_by_processor)
ROUND_FUNCTION(WEIR_CLONES, round_to_bf16, to_bfloat, from_bfloat)

void weir_round_f32(int dtype, float *dst, const float *src, size_t n) {
  switch (dtype) {
    case WEIR_F16: HALF_FUNCTION(round_to_f16)(dst, src, n); break;
    case WEIR_BF16: round_to_bf16(dst, src, n); break;
    default:
      if (dst != src) memcpy(dst, src, n * sizeof *src);
  }
}

void weir_round_f64(int dtype, double *dst, const double *src, size_t n) {
  switch (dtype) {
    case WEIR_F32:
      for (size_t i = 0; i < n; i++) dst[i] = (float)src[i];
      break;
    case WEIR_F16:
      for (size_t i = 0; i < n; i++) dst[i] = from_half(to_half(to_float_odd(src[i])));
      break;
    case WEIR_BF16:
      for (size_t i = 0; i < n; i++) dst[i] = from_bfloat(to_bfloat(to_float_odd(src[i])));
      break;
    default:
      if (dst != src) memcpy(dst, src, n * sizeof *src);
  }
}

// Sums of 16 bits keep to the numbers' own lanes, and a run this short cannot overflow them.
WEIR_CLONES size_t weir_count_infinite_f16(const void *src, size_t n) {
  enum { RUN = 1 << 15 };
  const half_bits *in = src;
  size_t total = 0;
  for (size_t start = 0; start < n; start += RUN) {
    size_t end = n - start < RUN ? n : start + RUN;
    uint16_t found = 0;
    for (size_t i = start; i < end; i++) found += (in[i] & 0x7FFF) == 0x7C00;
    total += found;
  }
  return total;
}
