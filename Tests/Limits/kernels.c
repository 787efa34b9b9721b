// Runs every kernel over the same elements, each in a function of its own, for kernels.py to count instructions of.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckernels.h"

enum { N = 1 << 14, COLUMNS = 512, MODELS = 12 };
static float a[N], b[N], out[N], tiles[MODELS][N];
static double wide[N], lanes[3][16], columns[COLUMNS];
static char bytes[2][N * 8], file[N * 8];
static uint32_t bins[1 << 17];

#define KERNEL(NAME, ...) \
  __attribute__((noinline)) void kernel_##NAME(void) { __VA_ARGS__; }

#define DECODE(NAME, TYPE) KERNEL(decode_##NAME, weir_decode_f32(TYPE, out, bytes[0], N))
#define DIFFERENCE(NAME, TYPE) KERNEL(difference_##NAME, weir_difference_f32(TYPE, TYPE, out, bytes[0], bytes[1], N))
#define SCALED(NAME, TYPE) KERNEL(scaled_##NAME, weir_decode_scaled_f32(TYPE, out, NULL, bytes[0], 0.3f, N))
// In place, as programs do.
#define ADDED(NAME, TYPE) KERNEL(added_##NAME, weir_decode_scaled_f32(TYPE, out, out, bytes[0], 0.3f, N))
#define ENCODE(NAME, TYPE) KERNEL(encode_##NAME, weir_encode_f32(TYPE, file, a, N))
#define UNARY(NAME, OPERATION) KERNEL(NAME, weir_unary_f32(OPERATION, out, a, N))

DECODE(f32, WEIR_F32)
DECODE(f16, WEIR_F16)
DECODE(bf16, WEIR_BF16)
DECODE(f64, WEIR_F64)
KERNEL(decode_bf16_as_f64, weir_decode_f64(WEIR_BF16, wide, bytes[0], N))
DIFFERENCE(f32, WEIR_F32)
DIFFERENCE(f16, WEIR_F16)
DIFFERENCE(bf16, WEIR_BF16)
SCALED(bf16, WEIR_BF16)
ADDED(f32, WEIR_F32)
ADDED(f16, WEIR_F16)
ADDED(bf16, WEIR_BF16)
KERNEL(stored_f16, weir_store_added_f32(WEIR_F16, file, out, bytes[0], 0.3f, N))
KERNEL(stored_bf16, weir_store_added_f32(WEIR_BF16, file, out, bytes[0], 0.3f, N))
ENCODE(f16, WEIR_F16)
ENCODE(bf16, WEIR_BF16)
KERNEL(count_infinite_f16, weir_count_infinite_f16(bytes[0], N))
KERNEL(round_bf16, weir_round_f32(WEIR_BF16, out, a, N))
KERNEL(add, weir_binary_f32(WEIR_ADD, out, a, b, N))
KERNEL(multiply_by_number, weir_binary_right_f32(WEIR_MUL, out, a, 0.3f, N))
KERNEL(greater, weir_binary_f32(WEIR_GT, out, a, b, N))
KERNEL(add_scaled, weir_add_scaled_f32(out, a, b, 0.3f, N))
KERNEL(select, weir_select_f32(out, a, b, a, N))
UNARY(sign, WEIR_SIGN)
UNARY(exponential, WEIR_EXP)
UNARY(logarithm, WEIR_LOG)
UNARY(hyperbolic_tangent, WEIR_TANH)
KERNEL(trim, weir_trim_f32(out, a, 0x3F000000u, N))
KERNEL(trim_sign, weir_trim_sign_f32(out, a, 0x3F000000u, 0.3f, N))
KERNEL(drop, weir_drop_f32(out, a, 12345, 0, (uint64_t)1 << 52, N))
KERNEL(sum, weir_sum_f32(lanes[0], a, 0, N))
KERNEL(dot, weir_dot_f32(lanes[0], a, b, 0, N))
KERNEL(products, weir_products_f32(lanes[0], lanes[1], lanes[2], a, b, 0, N))
KERNEL(column_sum, weir_column_sum_f32(columns, a, 0, COLUMNS, N))

static void elect(size_t models) {
  const float *x[MODELS], weights[MODELS] = {1, 0.5f, 0.25f, 1, 2, 1, 1, 1, 3, 1, 1, 1};
  uint32_t least[MODELS];
  for (int k = 0; k < MODELS; k++) x[k] = tiles[k], least[k] = 0x3F000000u;
  weir_elected_sum_f32(out, x, least, weights, models, 1, N);
}
KERNEL(election_of_2, elect(2))
KERNEL(election_of_4, elect(4))
KERNEL(election_of_8, elect(8))
KERNEL(election_of_12, elect(12))

static void count(uint32_t lower, uint32_t upper) {
  uint64_t above = 0;
  weir_count_keys_f32(a, N, 0, lower, upper, 8, bins, &above);
}
KERNEL(count_narrow, count(0x3F000000u, 0x3F020000u))
KERNEL(count_wide, count(0x3E000000u, 0x3F800000u))

static void compare(void) {
  static double sums[4 * WEIR_COMPARE_LANES], largest[WEIR_COMPARE_LANES];
  uint64_t special = 0;
  weir_compare_f32(sums, largest, &special, a, b, N);
}
KERNEL(compare, compare())

int main(void) {
  uint64_t state = 1;
  for (int i = 0; i < N; i++) {
    // Uniform in [-1, 1), by a generator of its own.
    state = state * 6364136223846793005u + 1442695040888963407u;
    a[i] = (float)((double)(int64_t)state / 9223372036854775808.0);
    b[i] = (float)(N - i) / N;
    for (int k = 0; k < MODELS; k++) tiles[k][i] = a[(i + 37 * k) % N];
  }
  weir_encode_f32(WEIR_BF16, bytes[0], a, N);
  weir_encode_f32(WEIR_BF16, bytes[1], b, N);
#define RUN(NAME) extern void kernel_##NAME(void); kernel_##NAME(); printf("%s %d\n", #NAME, N);
  RUN(decode_bf16) RUN(difference_bf16) RUN(scaled_bf16) RUN(added_bf16) RUN(stored_bf16)
  RUN(decode_bf16_as_f64)
  weir_encode_f32(WEIR_F16, bytes[0], a, N);
  weir_encode_f32(WEIR_F16, bytes[1], b, N);
  RUN(decode_f16) RUN(difference_f16) RUN(added_f16) RUN(stored_f16) RUN(count_infinite_f16)
  memcpy(bytes[0], a, sizeof a);
  memcpy(bytes[1], b, sizeof b);
  RUN(decode_f32) RUN(difference_f32) RUN(added_f32)
  weir_encode_f32(WEIR_F64, bytes[0], a, N);
  RUN(decode_f64)
  RUN(encode_f16) RUN(encode_bf16) RUN(round_bf16) RUN(add) RUN(multiply_by_number) RUN(greater) RUN(add_scaled) RUN(select)
  RUN(sign) RUN(exponential) RUN(logarithm) RUN(hyperbolic_tangent) RUN(trim)
  RUN(trim_sign) RUN(drop) RUN(sum) RUN(dot) RUN(products)
  RUN(column_sum) RUN(election_of_2) RUN(election_of_4) RUN(election_of_8) RUN(election_of_12) RUN(count_narrow) RUN(count_wide) RUN(compare)
  return 0;
}
