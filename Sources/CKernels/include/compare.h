// What two runs of elements have in common; the same bits on every CPU. Pointers into files need not be aligned.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Lanes of the sums below, and places that a distance can have: 0, 1, 2, 3-4, 5-8, … 2^63+1 to 2^64.
enum { WEIR_COMPARE_LANES = 8, WEIR_ULP_BINS = 66 };

// Adds to four times eight lanes: a², b², (b - a)², a·b, element i in lane i % 8; keeps the largest |b - a| per lane. Elements
// of which one is a NaN or an infinity are left out and counted in *special. All but a last run are multiples of eight long.
void weir_compare_f32(double *sums, double *largest, uint64_t *special, const float *a, const float *b, size_t n);
void weir_compare_f64(double *sums, double *largest, uint64_t *special, const double *a, const double *b, size_t n);

// Counts distances in units of the last place between elements of `dtype` into 66 bins, 0, 1, 2, 3-4, 5-8, …; returns how
// many elements have different bits. The two zeros lie 0 apart.
uint64_t weir_count_ulps(int dtype, uint64_t *bins, const void *a, const void *b, size_t n);

// Counts elements of `size` bytes that differ.
uint64_t weir_count_changed(int size, const void *a, const void *b, size_t n);
