// Maxout: channel c is the largest of channels c, C + c, 2C + c, ... of the source.
#ifndef RK_MAXOUT_H
#define RK_MAXOUT_H

#include "simd.h"

// The largest so far and where it was. NaN wins and stays, as in max-pooling.
RK_INLINE void maxout_take(vf value, vi piece, vf *best, vi *winner) {
  const vi wins = (value > *best) | (value != value);
  *best = wins ? value : *best;
  *winner = wins ? piece : *winner;
}

static void maxout(int32_t channels, int32_t pieces, const float *x, float *out, uint8_t *winners,
                   int64_t pixels, int64_t task) {
  const int64_t blocks = rk_ceil_div(channels, RK_LANES);
  const int64_t in_blocks = rk_ceil_div((int64_t)channels * pieces, RK_LANES);
  const int64_t plane = pixels * RK_LANES;
  const int32_t first = (int32_t)(task % blocks) * RK_LANES;
  const int32_t lanes = min_i32(RK_LANES, channels - first);
  x += task / blocks * in_blocks * plane;
  out += task * plane;
  if (winners != NULL) winners += task * plane;
  for (int64_t i = 0; i < plane; i += RK_LANES) {
    vf best = splat(-__builtin_inff());
    vi winner = (vi)0;
    for (int32_t piece = 0; piece < pieces; piece++) {
      const int32_t from = piece * channels + first;
      vf value;
      if (channels % RK_LANES == 0) {
        value = load(x + from / RK_LANES * plane + i);
      } else {
        // The lanes lie in two blocks, or are not there.
        float gathered[RK_LANES] = {0};
        for (int32_t lane = 0; lane < lanes; lane++) {
          gathered[lane] = x[(from + lane) / RK_LANES * plane + i + (from + lane) % RK_LANES];
        }
        value = load(gathered);
      }
      maxout_take(value, (vi)piece, &best, &winner);
    }
    store(out + i, best);
    if (winners != NULL) {
      *(vb_unaligned *)(winners + i) = __builtin_convertvector(winner, vb);
    }
  }
}

static void maxout_backward(int32_t channels, int32_t pieces, const float *dout,
                            const uint8_t *winners, float *dx, int64_t pixels, int64_t task) {
  const int64_t blocks = rk_ceil_div(channels, RK_LANES);
  const int64_t in_blocks = rk_ceil_div((int64_t)channels * pieces, RK_LANES);
  const int64_t plane = pixels * RK_LANES;
  const int32_t first = (int32_t)(task % in_blocks) * RK_LANES;
  dout += task / in_blocks * blocks * plane;
  winners += task / in_blocks * blocks * plane;
  dx += task * plane;
  if (channels % RK_LANES == 0) {
    const int64_t block = first % channels / RK_LANES * plane;
    const vi piece = (vi)(first / channels);
    for (int64_t i = 0; i < plane; i += RK_LANES) {
      const vi winner = __builtin_convertvector(*(const vb_unaligned *)(winners + block + i), vi);
      store(dx + i, winner == piece ? load(dout + block + i) : splat(0));
    }
    return;
  }
  for (int64_t i = 0; i < plane; i += RK_LANES) store(dx + i, splat(0));
  for (int32_t lane = 0; lane < RK_LANES && first + lane < channels * pieces; lane++) {
    const int32_t channel = (first + lane) % channels, piece = (first + lane) / channels;
    const int64_t from = channel / RK_LANES * plane + channel % RK_LANES;
    for (int64_t i = 0; i < plane; i += RK_LANES) {
      if (winners[from + i] == piece) dx[i + lane] = dout[from + i];
    }
  }
}

#endif
