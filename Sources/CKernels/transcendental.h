// Exponential, logarithm and hyperbolic tangent by arithmetic that every machine has, without branches, so that loops over
// them become vector code.
#pragma once
#include <stdint.h>
#include <string.h>

static inline double weir_from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint64_t weir_to_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// x = k ln 2 + r with |r| <= ln 2 / 2: gives e^r - 1, by its series to degree 13, and k. |x| is at most 2^30.
static inline double weir_reduced_expm1(double x, int64_t *k) {
  const double shift = 0x1.8p52;  // its sum with a small number has that number, rounded, in its last bits
  double t = x * 0x1.71547652b82fep0 + shift;
  *k = (int64_t)(weir_to_bits(t) - weir_to_bits(shift));
  t -= shift;
  double r = x - t * 0x1.62e42feep-1 - t * 0x1.a39ef35793c76p-33;  // the first part of ln 2 has zeros at its end
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return r + r * r * p;
}

// 2^k for k in [-1022, 1023].
static inline double weir_power_of_two(int64_t k) { return weir_from_bits((uint64_t)(k + 1023) << 52); }

static inline double weir_exp(double x) {
  double limited = x > 710 ? 710 : x < -746 ? -746 : x;
  int64_t k;
  double q = weir_reduced_expm1(limited, &k);
  int64_t half = (int64_t)((uint64_t)(k + 2048) >> 1) - 1024;  // in two steps, since 2^k may be more than a number can be, or less
  return x != x ? x : (1 + q) * weir_power_of_two(half) * weir_power_of_two(k - half);
}

static inline double weir_tanh(double x) {
  // (e^2x - 1) / (e^2x + 1); beyond 20 it rounds to 1.
  double twice = 2 * (x > 20 ? 20 : x < -20 ? -20 : x);
  int64_t k;
  double q = weir_reduced_expm1(twice, &k);
  double power = weir_power_of_two(k < 0 ? (k < -100 ? -100 : k) : k > 100 ? 100 : k);
  double e = power * q + (power - 1);
  return x != x || x == 0 ? x : e / (e + 2);
}

static inline double weir_log(double x) {
  double scaled = x < 0x1p-1022 ? x * 0x1p54 : x;
  uint64_t bits = weir_to_bits(scaled);
  // m in [sqrt 1/2, sqrt 2), by moving the boundary between exponents.
  uint64_t moved = bits + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
  int64_t e = (int64_t)(moved >> 52) - 1023 - (x < 0x1p-1022 ? 54 : 0);
  double m = weir_from_bits((moved & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
  double f = m - 1;
  double s = f / (2 + f);
  double z = s * s;
  // 2 atanh s = log m: the polynomial of fdlibm, whose error is below 2^-58.
  double p = 1.479819860511658591e-01;
  p = p * z + 1.531383769920937332e-01;
  p = p * z + 1.818357216161805012e-01;
  p = p * z + 2.222219843214978396e-01;
  p = p * z + 2.857142874366239149e-01;
  p = p * z + 3.999999999940941908e-01;
  p = p * z + 6.666666666666735130e-01;
  double r = p * z;
  double h = 0.5 * f * f;
  double k = (double)e;
  double y = k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f);
  y = x == 0 ? -__builtin_inf() : y;
  y = x == __builtin_inf() ? x : y;
  return x < 0 || x != x ? __builtin_nan("") : y;
}
