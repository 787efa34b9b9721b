// The entropy coder: range asymmetric numeral systems with 32-bit states that take in and give out 16 bits at a time.
//
// Between symbols a state is at least STATE_LEAST. Symbol number j is coded by state j % states, and all states share one
// list of 16-bit words. The encoder runs backwards from STATE_LEAST in every state, so the decoder must end there.
// Source: Duda, 2013, "Asymmetric numeral systems", arXiv:1311.2540; interleaving: Giesen, 2014, arXiv:1402.3392.
#pragma once
#include <stddef.h>
#include <string.h>

#include "density.h"

enum { STATE_LEAST = 1 << 16, STATES = 8 };

// The place of something uniform among `size` in SLOTS slots: place i has the slots from uniform_first(i) to those of i + 1.
static inline uint32_t uniform_first(uint32_t place, uint32_t size) { return (place * SLOTS + size - 1) / size; }

static inline uint32_t load16(const uint8_t *bytes) { return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8; }

static inline uint32_t load32(const uint8_t *bytes) { return load16(bytes) | load16(bytes + 2) << 16; }

// What a decoder carries from one run of symbols to the next.
typedef struct {
  const uint8_t *next, *end;
  uint32_t states[STATES];
  uint32_t state_mask;  // states - 1
} weir_decoder;

// Reads the states; returns 0 or a weir_codec_result.
int weir_decoder_start(weir_decoder *decoder, const uint8_t *bytes, const uint8_t *end, uint32_t states);

// Decodes the mask bytes first ..< end of a class of 1 ... CLASS_LAST.
int weir_decode_bytes(weir_decoder *decoder, weir_models *models, int class, uint8_t *bytes, size_t first, size_t end);

// Decodes `count` symbols of a static table that has SLOTS entries as those of weir_class_model.
int weir_decode_symbols(weir_decoder *decoder, const uint32_t *table, uint8_t *symbols, size_t count);

// Whether every state has come back to where the encoder began.
int weir_decoder_finish(const weir_decoder *decoder);

// Writes backwards, from the end of its memory.
typedef struct {
  uint8_t *next, *start;
  uint32_t states[STATES];
  uint32_t state_mask;
} weir_encoder;

void weir_encoder_start(weir_encoder *encoder, uint8_t *start, uint8_t *end, uint32_t states);

// Encodes the mask bytes first ..< end, last first. Returns 0, or -1 where memory is too short.
int weir_encode_bytes(weir_encoder *encoder, weir_models *models, int class, const uint8_t *bytes, size_t first, size_t end);

// Encodes symbols, last first, by a table of first slot | slots << 16.
int weir_encode_symbols(weir_encoder *encoder, const uint32_t *table, const uint8_t *symbols, size_t count);

// Writes the states; the stream begins at `next`.
int weir_encoder_finish(weir_encoder *encoder);
