#pragma once
// SHA-256 as FIPS 180-4 defines it, by the processor's own instructions where it has them.
#include <stddef.h>
#include <stdint.h>

/// Takes `count` blocks of 64 bytes into a state of eight words.
void weir_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t count);

/// The same without the processor's own instructions, for tests.
void weir_sha256_blocks_plain(uint32_t state[8], const uint8_t *bytes, size_t count);
