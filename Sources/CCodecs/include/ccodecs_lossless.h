// Codec 10: the exact difference between two tensors of floats, in units of the last place.
#pragma once
#include "ccodecs.h"

/// Element types that the codec takes, numbered as CKernels numbers them.
enum weir_lossless_type { WEIR_LOSSLESS_F32, WEIR_LOSSLESS_F16, WEIR_LOSSLESS_BF16 };

/// Instruction sets that decoding may use; all give the same bytes.
enum weir_lossless_level { WEIR_LEVEL_PLAIN, WEIR_LEVEL_AVX2, WEIR_LEVEL_AVX512, WEIR_LEVEL_BEST };

/// Bytes of memory, aligned to 64, that coding works in; decoding takes the first 640 KiB, encoding what its block needs.
enum { WEIR_LOSSLESS_WORK_BYTES = 9 << 20 };

/// The most bytes that a payload of `count` elements has.
size_t weir_lossless_bound(int type, uint32_t count);

/// Writes a block's payload and returns its size, at most `weir_lossless_bound`.
///
/// `base` is null where there is none: all its elements are +0 then. Rows of `row_length` elements begin at the block's first
/// element; they say where scales are likely to change, and nothing depends on them otherwise.
size_t weir_lossless_encode(int type, uint32_t count, uint64_t row_length, const void *tuned, const void *base, void *work,
                            uint8_t *payload);

/// Writes the tuned bytes of a block, and returns a `weir_codec_result`; the bytes are undefined where it is an error.
int weir_lossless_decode(int type, uint32_t count, const uint8_t *payload, size_t byte_count, const void *base, void *work,
                         void *tuned, int level);
