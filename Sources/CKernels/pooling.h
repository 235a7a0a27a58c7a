// Max-pooling and global average pooling. Every task is one (image, block).
#ifndef RK_POOLING_H
#define RK_POOLING_H

#include "simd.h"

static void max_pool(const rk_pool *pool, const float *x, float *out, uint8_t *argmax,
                     int64_t task) {
  const int64_t in_row = (int64_t)pool->in_w * RK_LANES;
  const int64_t out_plane = (int64_t)pool->out_h * pool->out_w * RK_LANES;
  x += task * pool->in_h * in_row;
  out += task * out_plane;
  if (argmax != NULL) argmax += task * out_plane;
  for (int32_t i = 0; i < pool->out_h; i++) {
    for (int32_t j = 0; j < pool->out_w; j++) {
      const int32_t top = i * pool->stride - pool->padding;
      const int32_t left = j * pool->stride - pool->padding;
      // The part of the window inside the image.
      const int32_t h_begin = top < 0 ? -top : 0, w_begin = left < 0 ? -left : 0;
      const int32_t h_end = min_i32(pool->kernel, pool->in_h - top);
      const int32_t w_end = min_i32(pool->kernel, pool->in_w - left);
      vf best = splat(-__builtin_inff());
      vi position = (vi)(h_begin * pool->kernel + w_begin);
      for (int32_t h = h_begin; h < h_end; h++) {
        for (int32_t w = w_begin; w < w_end; w++) {
          const vf v = load(x + (top + h) * in_row + (int64_t)(left + w) * RK_LANES);
          // NaN wins and stays.
          const vi wins = (v > best) | (v != v);
          best = wins ? v : best;
          position = wins ? (vi)(h * pool->kernel + w) : position;
        }
      }
      store(out, best);
      out += RK_LANES;
      if (argmax != NULL) {
        *(vb_unaligned *)argmax = __builtin_convertvector(position, vb);
        argmax += RK_LANES;
      }
    }
  }
}

static void max_pool_backward(const rk_pool *pool, const float *dout, const uint8_t *argmax,
                              float *dx, int64_t task) {
  const int64_t in_row = (int64_t)pool->in_w * RK_LANES;
  const int64_t out_plane = (int64_t)pool->out_h * pool->out_w * RK_LANES;
  dx += task * pool->in_h * in_row;
  dout += task * out_plane;
  argmax += task * out_plane;
  for (int64_t i = 0; i < pool->in_h * in_row; i += RK_LANES) store(dx + i, splat(0));
  for (int32_t i = 0; i < pool->out_h; i++) {
    for (int32_t j = 0; j < pool->out_w; j++) {
      const int32_t top = i * pool->stride - pool->padding;
      const int32_t left = j * pool->stride - pool->padding;
      const int32_t h_begin = top < 0 ? -top : 0, w_begin = left < 0 ? -left : 0;
      const int32_t h_end = min_i32(pool->kernel, pool->in_h - top);
      const int32_t w_end = min_i32(pool->kernel, pool->in_w - left);
      const vf gradient = load(dout);
      const vi winner = __builtin_convertvector(*(const vb_unaligned *)argmax, vi);
      dout += RK_LANES;
      argmax += RK_LANES;
      for (int32_t h = h_begin; h < h_end; h++) {
        for (int32_t w = w_begin; w < w_end; w++) {
          float *to = dx + (top + h) * in_row + (int64_t)(left + w) * RK_LANES;
          const vi here = winner == (vi)(h * pool->kernel + w);
          store(to, load(to) + (here ? gradient : splat(0)));
        }
      }
    }
  }
}

static void average_pool(const float *x, float *out, int32_t images, int32_t blocks, int64_t pixels,
                         int64_t task) {
  const int64_t n = pixels * RK_LANES;
  x += task * n;
  vf sum[4] = {splat(0), splat(0), splat(0), splat(0)};
  int64_t i = 0;
  for (; i + 4 * RK_LANES <= n; i += 4 * RK_LANES) {
    RK_UNROLL for (int w = 0; w < 4; w++) sum[w] += load(x + i + w * RK_LANES);
  }
  for (; i < n; i += RK_LANES) sum[0] += load(x + i);
  out += (task % blocks * images + task / blocks) * RK_LANES;
  store(out, ((sum[0] + sum[1]) + (sum[2] + sum[3])) / splat((float)pixels));
}

static void average_pool_backward(const float *dout, float *dx, int32_t images, int32_t blocks,
                                  int64_t pixels, int64_t task) {
  dout += (task % blocks * images + task / blocks) * RK_LANES;
  const vf share = load(dout) / splat((float)pixels);
  dx += task * pixels * RK_LANES;
  for (int64_t i = 0; i < pixels * RK_LANES; i += RK_LANES) store(dx + i, share);
}

#endif
