// Costs of bits, for encoders: floats that every machine computes alike, without contraction and without a library.
#pragma STDC FP_CONTRACT OFF
#include "costs.h"

#include <string.h>

// log2 of a number in [1, 2], to 16 binary places, by repeated squaring.
static float slow_log2(double x) {
  double result = 0;
  for (double place = 1; place > 0x1p-17; place /= 2) {
    if (x >= 2) {
      x /= 2;
      result += place;
    }
    x *= x;
  }
  return (float)result;
}

float weir_log2(const weir_costs *costs, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t step = bits >> 15 & (STEPS - 1);
  float rest = (float)(bits & 0x7FFF) * 0x1p-15f, low = costs->log2[step], high = costs->log2[step + 1];
  return (float)(int)(bits >> 23) - 127 + low + (high - low) * rest;
}

float weir_entropy(const weir_costs *costs, uint32_t kept, uint32_t total) {
  if (kept == 0 || kept >= total) return 0;
  float dropped = (float)(total - kept);
  return kept * weir_log2(costs, (float)total / kept) + dropped * weir_log2(costs, total / dropped);
}

static float density_of(int class) {
  float density = weir_densities[weir_shared(class)] * 0x1p-16f;
  return class > CLASS_HALF ? 1 - density : density;
}

void weir_prepare_costs(weir_costs *costs) {
  if (costs->is_prepared) return;
  for (int i = 0; i <= STEPS; i++) costs->log2[i] = slow_log2(1 + (double)i / STEPS);
  for (int i = 0; i < COSTS; i++) {
    float density = density_of(weir_shifted_class(1, i - SHIFT - WINDOW - 1));
    costs->one[i] = -weir_log2(costs, density);
    costs->zero[i] = -weir_log2(costs, 1 - density);
  }
  for (int class = 1; class <= PLACES; class++) costs->density[class] = class < CLASS_LAST ? density_of(class) : 2;
  costs->is_prepared = 1;
}

int weir_nearest_class(const weir_costs *costs, uint32_t kept, uint32_t total) {
  float density = (float)kept / total;
  int class = 1;
  for (int step = 64; step; step /= 2) class += costs->density[class + step - 1] < density ? step : 0;
  return class;
}
