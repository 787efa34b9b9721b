#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ckernels.h"
#include "clones.h"
#include "keys.h"
#include "random_bits.h"
#include "transcendental.h"

// The product of two floats is exact in double, so that a fused multiply-add gives the bits of the two steps.
#define FUSED_PRODUCTS _Pragma("clang fp contract(fast)")
#define T float
#define K uint32_t
#define NAME(name) name##_f32
#include "elementwise.inc"
#undef T
#undef K
#undef NAME

#undef FUSED_PRODUCTS
#define FUSED_PRODUCTS
#define T double
#define K uint64_t
#define NAME(name) name##_f64
#include "elementwise.inc"
