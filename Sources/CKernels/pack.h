// Weights as the convolutions read them: [destination block][source block][tap][source
// lane][destination lane], of conv->pixel_lanes source lanes.
#ifndef RK_PACK_H
#define RK_PACK_H

#include "simd.h"

// Turns 16 rows into 16 columns: four times, the even and the odd vectors are interleaved.
RK_INLINE void transpose(vf rows[RK_LANES]) {
  RK_UNROLL for (int round = 0; round < 4; round++) {
    vf next[RK_LANES];
    RK_UNROLL for (int i = 0; i < RK_LANES / 2; i++) {
      const vf a = rows[i], b = rows[i + RK_LANES / 2];
      next[2 * i] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    }
    RK_UNROLL for (int i = 0; i < RK_LANES; i++) rows[i] = next[i];
  }
}

// One destination and one source block of a forward pass. In OIHW, what a destination lane reads of
// the source block is one row, lane by lane and position by position: 16 such rows are turned into
// columns, and each column goes where its lane and tap are.
static void pack_rows(const rk_conv *conv, const float *rows, int32_t row_count, int32_t lanes,
                      vf scale, float *to) {
  const int32_t kernel = conv->kernel * conv->kernel;
  const int64_t stride = (int64_t)conv->in_channels * kernel;
  int32_t tap_of[RK_MAX_TAPS];
  for (int32_t tap = 0; tap < conv->tap_count; tap++) tap_of[conv->taps[tap].index] = tap;
  int32_t lane = 0, position = 0;
  for (int32_t first = 0; first < lanes * kernel; first += RK_LANES) {
    const int32_t width = min_i32(RK_LANES, lanes * kernel - first);
    vf columns[RK_LANES];
    for (int32_t row = 0; row < RK_LANES; row++) columns[row] = splat(0);
    for (int32_t row = 0; row < row_count; row++) {
      const float *from = rows + row * stride + first;
      if (width == RK_LANES) {
        columns[row] = load(from);
      } else {
        float some[RK_LANES] = {0};
        memcpy(some, from, (size_t)width * sizeof(float));
        columns[row] = load(some);
      }
    }
    transpose(columns);
    for (int32_t column = 0; column < width; column++) {
      store(to + (tap_of[position] * conv->pixel_lanes + lane) * RK_LANES, columns[column] * scale);
      if (++position == kernel) {
        position = 0;
        lane++;
      }
    }
  }
}

// The same of a backward-data pass, whose destination lanes are I and whose source lanes are O: what
// a source lane has for the destination block is one row, lane by lane and position by position.
static void pack_rows_transposed(const rk_conv *conv, const float *rows, int32_t row_count,
                                 int32_t lanes, const float *scale, float *to) {
  const int32_t kernel = conv->kernel * conv->kernel;
  const int64_t stride = (int64_t)conv->out_channels * kernel;
  for (int32_t row = 0; row < row_count; row++) {
    const float *from = rows + row * stride;
    const float factor = scale[row];
    for (int32_t lane = 0; lane < lanes; lane++) {
      for (int32_t tap = 0; tap < conv->tap_count; tap++) {
        to[(tap * conv->pixel_lanes + row) * RK_LANES + lane] =
            from[lane * kernel + conv->taps[tap].index] * factor;
      }
    }
  }
}

// One destination and one source block, those that begin with channels `out` and `in`: [tap][source
// lane][destination lane].
static void pack_block(const rk_conv *conv, const float *oihw, const float *row_scale,
                       int32_t transposed, int32_t out, int32_t in, float *to) {
  const int64_t kernel = (int64_t)conv->kernel * conv->kernel;
  const int64_t block_floats = (int64_t)conv->tap_count * conv->pixel_lanes * RK_LANES;
  const int32_t out_lanes = min_i32(RK_LANES, conv->out_channels - out);
  const int32_t in_lanes = min_i32(RK_LANES, conv->in_channels - in);
  // Factors of the O of this block.
  const int32_t row = transposed ? in : out, row_count = transposed ? in_lanes : out_lanes;
  float scale[RK_LANES];
  for (int32_t i = 0; i < RK_LANES; i++) {
    scale[i] = row_scale != NULL && i < row_count ? row_scale[row + i] : 1;
  }
  if (in_lanes < conv->pixel_lanes || (transposed && out_lanes < RK_LANES)) {
    for (int64_t i = 0; i < block_floats; i += RK_LANES) store(to + i, splat(0));
  }
  if (transposed) {
    pack_rows_transposed(conv, oihw + ((int64_t)in * conv->out_channels + out) * kernel, row_count,
                         out_lanes, scale, to);
  } else {
    pack_rows(conv, oihw + ((int64_t)out * conv->in_channels + in) * kernel, row_count, in_lanes,
              load(scale), to);
  }
}

static void direct_pack(const rk_conv *conv, const float *oihw, const float *row_scale,
                        int32_t transposed, float *packed, int64_t task) {
  const int64_t block_floats = (int64_t)conv->tap_count * conv->pixel_lanes * RK_LANES;
  for (int32_t block = 0; block < conv->in_blocks; block++) {
    pack_block(conv, oihw, row_scale, transposed, (int32_t)task * RK_LANES, block * RK_LANES,
               packed + (task * conv->in_blocks + block) * block_floats);
  }
}

#endif
