// Gradient of a 3x3 stride-1 convolution's weights by Winograd's algorithm: with 4x4 gradients of a
// tile in the role of the weights and 3x3 outputs, 36 products take the place of 144.
//
// A task owns what its direct counterpart owns (see wgrad.h). It goes over its part of the batch
// in strips of tiles: transforms the source, V[value][input block][tile], and the gradient,
// Y[value][output block][tile]; adds, for each of the 36 values, their outer product summed over
// tiles to S[value][output block][input block][input lane][output lane]; and in the end transforms S
// back into its partial sums.
#ifndef RK_WINOGRAD_WGRAD_H
#define RK_WINOGRAD_WGRAD_H

#include "wgrad.h"
#include "winograd_conv.h"

// Transforms one tile of dy, of which `rows` and `cols` are inside.
static void winograd_gradient_tile(const float *dy, int64_t row_floats, int32_t rows, int32_t cols,
                                   float *to, int64_t step) {
  vf y[4][4];
  if (rows == 4 && cols == 4) {
    RK_UNROLL for (int i = 0; i < 4; i++) {
      RK_UNROLL for (int j = 0; j < 4; j++) y[i][j] = load(dy + i * row_floats + j * RK_LANES);
    }
  } else {
    RK_UNROLL for (int i = 0; i < 4; i++) {
      RK_UNROLL for (int j = 0; j < 4; j++) {
        y[i][j] = i < rows && j < cols ? load(dy + i * row_floats + j * RK_LANES) : splat(0);
      }
    }
  }
  wino4_gradient(y, to, step);
}

// The sums of one output and one input block, one row of output lanes per input lane, from S to
// taps.
static void winograd_weights(const float *s, int64_t step, int32_t lanes, float *sums) {
  for (int32_t lane = 0; lane < lanes; lane++) {
    const float *m = s + lane * RK_LANES;
    vf half[3][6];
    RK_UNROLL for (int j = 0; j < 6; j++) {
      vf column[6], w[3];
      RK_UNROLL for (int i = 0; i < 6; i++) column[i] = load(m + (i * 6 + j) * step);
      wino4_weights_1d(column, w);
      RK_UNROLL for (int i = 0; i < 3; i++) half[i][j] = w[i];
    }
    RK_UNROLL for (int i = 0; i < 3; i++) {
      vf w[3];
      wino4_weights_1d(half[i], w);
      RK_UNROLL for (int j = 0; j < 3; j++) {
        store(sums + ((i * 3 + j) * RK_LANES + lane) * (int64_t)RK_LANES, w[j]);
      }
    }
  }
}

static void winograd_wgrad_run(const rk_wgrad *wgrad, const rk_source *x, const float *dy,
                               float *partials, int64_t task, float *scratch) {
  const wgrad_task own = wgrad_task_at(wgrad, task);
  const rk_tiles *tiles = &wgrad->tiles;
  const int64_t strip = tiles->run;
  const int64_t in_floats = own.in_blocks * strip * RK_LANES + RK_WINOGRAD_PADDING;
  const int64_t out_floats = own.out_blocks * strip * RK_LANES + RK_WINOGRAD_PADDING;
  const int64_t pair_floats = RK_LANES * RK_LANES;
  const int64_t s_step = own.out_blocks * own.in_blocks * pair_floats;
  float *s = scratch;
  float *v = s + RK_WINOGRAD_VALUES * s_step;
  float *y = v + RK_WINOGRAD_VALUES * in_floats;
  float *panel = y + RK_WINOGRAD_VALUES * out_floats;
  for (int64_t i = 0; i < RK_WINOGRAD_VALUES * s_step; i += RK_LANES) store(s + i, splat(0));

  const tiled_source tiled = {
      .source = x, .tiles = tiles, .blocks = wgrad->in_blocks, .h = wgrad->in_h, .w = wgrad->in_w};
  const int64_t per_image = (int64_t)tiles->rows * tiles->cols;
  const int64_t row_floats = (int64_t)wgrad->out_w * RK_LANES, plane = wgrad->out_h * row_floats;
  const int64_t end = own.last_image * per_image;
  for (int64_t begin = own.first_image * per_image; begin < end; begin += strip) {
    const int64_t count = end - begin < strip ? end - begin : strip;
    for (int64_t tile = begin; tile < begin + count;) {
      const tile_run run = tile_run_at(tiles, tile, begin + count);
      for (int32_t block = 0; block < own.in_blocks; block++) {
        winograd_input(4, &tiled, &run, own.in_begin + block, panel,
                       v + (block * strip + tile - begin) * RK_LANES, in_floats);
      }
      for (int32_t block = 0; block < own.out_blocks; block++) {
        const float *image = dy + (run.image * wgrad->out_blocks + own.out_begin + block) * plane;
        float *to = y + (block * strip + tile - begin) * RK_LANES;
        for (int32_t i = 0; i < run.rows; i++) {
          const int32_t row = (run.row + i) * 4, rows = min_i32(4, wgrad->out_h - row);
          for (int32_t j = 0; j < run.cols; j++) {
            const int32_t col = (run.col + j) * 4, cols = min_i32(4, wgrad->out_w - col);
            winograd_gradient_tile(image + row * row_floats + (int64_t)col * RK_LANES, row_floats,
                                   rows, cols, to, out_floats);
            to += RK_LANES;
          }
        }
      }
      tile += run.rows * run.cols;
    }
    for (int value = 0; value < RK_WINOGRAD_VALUES; value++) {
      int32_t width = 1;
      for (int32_t out = 0; out < own.out_blocks; out += width) {
        width = RK_OUTER_PAIR && out + 1 < own.out_blocks ? 2 : 1;
        for (int32_t in = 0; in < own.in_blocks; in++) {
          const wgrad_piece piece = {
              .x = v + value * in_floats + in * strip * RK_LANES,
              .dy = y + value * out_floats + out * strip * RK_LANES,
              .sums = s + value * s_step + (out * own.in_blocks + in) * pair_floats,
              .dy_block = strip * RK_LANES,
              .sums_block = own.in_blocks * pair_floats,
              .cols = count,
              .rows = 1,
              .images = 1,
          };
          wgrad_lanes(piece, width == 2, wgrad_in_lanes(wgrad, own.in_begin + in));
        }
      }
    }
  }

  for (int32_t out = 0; out < own.out_blocks; out++) {
    for (int32_t in = 0; in < own.in_blocks; in++) {
      winograd_weights(
          s + (out * own.in_blocks + in) * pair_floats, s_step,
          wgrad_in_lanes(wgrad, own.in_begin + in),
          partials + own.sums + (out * (int64_t)wgrad->in_blocks + in) * 9 * pair_floats);
    }
  }
}

#endif
