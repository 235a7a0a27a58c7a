// Shortcut A: the identity, subsampled by the stride, among zero channels.
#ifndef RK_SHORTCUT_H
#define RK_SHORTCUT_H

#include "simd.h"

// Copies channels between two blocked images where channel c of `from` is channel c + shift of
// `to`: block `to_block` of `to` is written whole, with zeros where there is no such channel. Both
// have as many pixels per row as cols; steps say how far apart those are, in pixels.
typedef struct shifted_copy {
  const float *from;  // first block of the image
  float *to;          // the destination block
  int64_t from_plane, from_row, from_step;
  int64_t to_row, to_step;
  int32_t from_channels, shift, to_block, rows, cols;
  int32_t accumulate;  // add to what is there; where there is no such channel it stays
} shifted_copy;

static void copy_shifted(const shifted_copy *copy) {
  // A block's lanes come from at most two blocks: [begin, middle) and [middle, end).
  const int32_t first = copy->to_block * RK_LANES - copy->shift;  // channel of `from` in lane 0
  int32_t begin = first < 0 ? -first : 0;
  int32_t end = min_i32(RK_LANES, copy->from_channels - first);
  if (end <= begin) begin = end = 0;
  const int32_t channel = first + begin;
  const int32_t middle = min_i32(end, begin + RK_LANES - (begin < end ? channel % RK_LANES : 0));
  const float *head = copy->from, *tail = copy->from;
  if (begin < end) head += channel / RK_LANES * copy->from_plane + channel % RK_LANES;
  if (middle < end) tail += (channel / RK_LANES + 1) * copy->from_plane;
  const int whole = begin == 0 && middle == RK_LANES;
  for (int32_t row = 0; row < copy->rows; row++) {
    for (int32_t col = 0; col < copy->cols; col++) {
      const int64_t from = row * copy->from_row + col * copy->from_step;
      float *to = copy->to + row * copy->to_row + col * copy->to_step;
      if (whole) {
        const vf v = load(head + from);
        store(to, copy->accumulate ? load(to) + v : v);
        continue;
      }
      vf v = splat(0);
      for (int32_t lane = begin; lane < middle; lane++) v[lane] = head[from + lane - begin];
      for (int32_t lane = middle; lane < end; lane++) v[lane] = tail[from + lane - middle];
      store(to, copy->accumulate ? load(to) + v : v);
    }
  }
}

static void pad_shortcut(int32_t in_channels, int32_t out_channels, int32_t before, int32_t stride,
                         int32_t in_h, int32_t in_w, const float *x, float *out, int64_t task) {
  const int64_t in_blocks = rk_ceil_div(in_channels, RK_LANES);
  const int64_t out_blocks = rk_ceil_div(out_channels, RK_LANES);
  const int32_t out_h = (in_h + stride - 1) / stride, out_w = (in_w + stride - 1) / stride;
  const int64_t in_plane = (int64_t)in_h * in_w * RK_LANES;
  const int64_t out_plane = (int64_t)out_h * out_w * RK_LANES;
  const shifted_copy copy = {
      .from = x + task / out_blocks * in_blocks * in_plane,
      .to = out + task * out_plane,
      .from_plane = in_plane,
      .from_row = (int64_t)stride * in_w * RK_LANES,
      .from_step = (int64_t)stride * RK_LANES,
      .to_row = (int64_t)out_w * RK_LANES,
      .to_step = RK_LANES,
      .from_channels = in_channels,
      .shift = before,
      .to_block = (int32_t)(task % out_blocks),
      .rows = out_h,
      .cols = out_w,
  };
  copy_shifted(&copy);
}

static void pad_shortcut_backward(int32_t in_channels, int32_t out_channels, int32_t before,
                                  int32_t stride, int32_t in_h, int32_t in_w, const float *dout,
                                  float *dx, int32_t accumulate, int64_t task) {
  const int64_t in_blocks = rk_ceil_div(in_channels, RK_LANES);
  const int64_t out_blocks = rk_ceil_div(out_channels, RK_LANES);
  const int32_t out_h = (in_h + stride - 1) / stride, out_w = (in_w + stride - 1) / stride;
  const int64_t in_plane = (int64_t)in_h * in_w * RK_LANES;
  const int64_t out_plane = (int64_t)out_h * out_w * RK_LANES;
  float *to = dx + task * in_plane;
  if (stride > 1 && !accumulate) {
    for (int64_t i = 0; i < in_plane; i += RK_LANES) store(to + i, splat(0));
  }
  const int32_t block = (int32_t)(task % in_blocks);
  const shifted_copy copy = {
      .from = dout + task / in_blocks * out_blocks * out_plane,
      .to = to,
      .from_plane = out_plane,
      .from_row = (int64_t)out_w * RK_LANES,
      .from_step = RK_LANES,
      .to_row = (int64_t)stride * in_w * RK_LANES,
      .to_step = (int64_t)stride * RK_LANES,
      // Channels of dout beyond the last of dx stay out of its padding lanes.
      .from_channels = min_i32(out_channels, before + in_channels),
      .shift = -before,
      .to_block = block,
      .rows = out_h,
      .cols = out_w,
      .accumulate = accumulate,
  };
  copy_shifted(&copy);
}

#endif
