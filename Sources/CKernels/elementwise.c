#pragma STDC FP_CONTRACT OFF
#include <string.h>

#include "ckernels.h"
#include "clones.h"
#include "random_bits.h"
#include "transcendental.h"

#define T float
#define K uint32_t
#define NAME(name) name##_f32
#include "elementwise.inc"
#undef T
#undef K
#undef NAME

#define T double
#define K uint64_t
#define NAME(name) name##_f64
#include "elementwise.inc"
