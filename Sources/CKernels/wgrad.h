// Gradient of a convolution with respect to its weights: for every tap, input and output channel
// the sum over all pixels of x (at the tap) times dy.
//
// A task owns a group of input blocks, a group of output blocks and a part of the batch, which it
// walks in strips that fit the L2 cache. Partial sums: [chunk][output block][input
// block][tap][input lane][output lane].
#ifndef RK_WGRAD_H
#define RK_WGRAD_H

#include "stage.h"

// An outer product summed over the pixels of a piece of a strip: all output lanes of one or two
// blocks with L input lanes.
typedef struct wgrad_piece {
  const float *x;   // first pixel at this tap, first lane
  const float *dy;  // first pixel, first output block
  float *sums;      // of the first lane and output block
  int64_t x_image, x_row;
  int64_t dy_image, dy_row, dy_block;
  int64_t sums_block;
  int64_t cols;
  int32_t rows, images;
} wgrad_piece;

// L and B are constants where this is inlined. Sums start at 0 and are added to what is there at
// the end, so rounding errors do not grow with the batch.
RK_INLINE void wgrad_outer(const int B, const int L, const wgrad_piece *piece) {
  vf sum[2][16];
  RK_UNROLL for (int b = 0; b < B; b++) {
    RK_UNROLL for (int lane = 0; lane < L; lane++) sum[b][lane] = splat(0);
  }
  for (int32_t image = 0; image < piece->images; image++) {
    for (int32_t row = 0; row < piece->rows; row++) {
      const float *x = piece->x + image * piece->x_image + row * piece->x_row;
      const float *dy0 = piece->dy + image * piece->dy_image + row * piece->dy_row;
      const float *dy1 = dy0 + (B > 1 ? piece->dy_block : 0);
      for (int64_t i = 0; i < piece->cols * RK_LANES; i += RK_LANES) {
        const vf d0 = load(dy0 + i);
        const vf d1 = load(dy1 + i);
        RK_UNROLL for (int lane = 0; lane < L; lane++) {
          const vf v = splat(x[i + lane]);
          sum[0][lane] = mul_add(v, d0, sum[0][lane]);
          if (B > 1) sum[1][lane] = mul_add(v, d1, sum[1][lane]);
        }
      }
    }
  }
  RK_UNROLL for (int b = 0; b < B; b++) {
    RK_UNROLL for (int lane = 0; lane < L; lane++) {
      float *to = piece->sums + b * piece->sums_block + lane * RK_LANES;
      store(to, load(to) + sum[b][lane]);
    }
  }
}

#define RK_OUTER(B, L) \
  static void wgrad_outer_##B##_##L(const wgrad_piece *piece) { wgrad_outer(B, L, piece); }
RK_OUTER(1, 2)
RK_OUTER(1, 4)
#if RK_OUTER_SINGLE > 4
RK_OUTER(1, 8)
RK_OUTER(1, 16)
#endif
#if RK_OUTER_PAIR
RK_OUTER(2, 2)
RK_OUTER(2, 4)
RK_OUTER(2, 8)
#endif

// For 2, 4, 8 and 16 lanes.
typedef void (*wgrad_outer_function)(const wgrad_piece *);
static const wgrad_outer_function wgrad_outer_single[] = {
    wgrad_outer_1_2,
    wgrad_outer_1_4,
#if RK_OUTER_SINGLE > 4
    wgrad_outer_1_8,
    wgrad_outer_1_16,
#endif
};
#if RK_OUTER_PAIR
static const wgrad_outer_function wgrad_outer_pair[] = {
    wgrad_outer_2_2,
    wgrad_outer_2_4,
    wgrad_outer_2_8,
};
#endif

// Adds the outer product of one output block, or two, with the first `lanes` input lanes.
static void wgrad_lanes(wgrad_piece piece, int pair, int32_t lanes) {
#if RK_OUTER_PAIR
  const wgrad_outer_function *functions = pair ? wgrad_outer_pair : wgrad_outer_single;
  const int32_t most = pair ? RK_OUTER_PAIR : RK_OUTER_SINGLE;
#else
  (void)pair;
  const wgrad_outer_function *functions = wgrad_outer_single;
  const int32_t most = RK_OUTER_SINGLE;
#endif
  for (int32_t lane = 0; lane < lanes;) {
    int32_t step = 2, size = 0;
    for (; step < lanes - lane && step < most; step *= 2) size++;
    functions[size](&piece);
    piece.x += step;
    piece.sums += step * RK_LANES;
    lane += step;
  }
}

// A strip's x and dy, where and how they lie.
typedef struct wgrad_strip {
  const float *x, *dy;  // first image, block and row
  int64_t x_image, x_block, x_row, dy_image, dy_block, dy_row;
  int32_t images, rows;
  int64_t cols;
} wgrad_strip;

// Pixels whose x and dy (two blocks) stay in the L1 cache while all taps go over them.
enum { WGRAD_PIECE_PIXELS = 128 };

// The pieces of a strip: whole images if they are small, else some rows of each, evenly.
typedef struct wgrad_cut {
  int32_t images, rows;
} wgrad_cut;

static wgrad_cut wgrad_pieces(const wgrad_strip *strip) {
  const int32_t fit = (int32_t)(WGRAD_PIECE_PIXELS / strip->cols);
  const int64_t pieces = rk_ceil_div(strip->rows, fit < 1 ? 1 : fit);
  return (wgrad_cut){.images = fit > strip->rows ? fit / strip->rows : 1,
                     .rows = (int32_t)rk_ceil_div(strip->rows, pieces)};
}

// The piece that begins at a row of an image, for the strip's block at dy; x is that of its tap.
static wgrad_piece wgrad_piece_at(const wgrad_strip *strip, wgrad_cut cut, int32_t image,
                                  int32_t row, const float *dy, int64_t sums_block) {
  return (wgrad_piece){
      .dy = dy + image * strip->dy_image + row * strip->dy_row,
      .x_image = strip->x_image,
      .x_row = strip->x_row,
      .dy_image = strip->dy_image,
      .dy_row = strip->dy_row,
      .dy_block = strip->dy_block,
      .sums_block = sums_block,
      .cols = strip->cols,
      .rows = min_i32(cut.rows, strip->rows - row),
      .images = min_i32(cut.images, strip->images - image),
  };
}

// All taps of one input block and `width` output blocks, over the strip.
static void wgrad_block(const wgrad_strip *strip, const int64_t *taps, int32_t tap_count, int width,
                        int32_t lanes, const float *x, const float *dy, float *sums,
                        int64_t sums_block) {
  const wgrad_cut cut = wgrad_pieces(strip);
  for (int32_t image = 0; image < strip->images; image += cut.images) {
    for (int32_t row = 0; row < strip->rows; row += cut.rows) {
      wgrad_piece piece = wgrad_piece_at(strip, cut, image, row, dy, sums_block);
      const float *first = x + image * strip->x_image + row * strip->x_row;
      for (int32_t tap = 0; tap < tap_count; tap++) {
        piece.x = first + taps[tap];
        piece.sums = sums + (int64_t)tap * RK_LANES * RK_LANES;
        wgrad_lanes(piece, width == 2, lanes);
      }
    }
  }
}

#include "wgrad_image.h"

// What a task works on, see rk_wgrad.
typedef struct wgrad_task {
  int32_t in_begin, in_blocks, out_begin, out_blocks;
  int32_t first_image, last_image;
  int64_t sums;  // offset of its first pair of blocks in the partial sums
} wgrad_task;

static wgrad_task wgrad_task_at(const rk_wgrad *wgrad, int64_t task) {
  const int64_t in_groups = rk_ceil_div(wgrad->in_blocks, wgrad->in_group);
  const int64_t out_groups = rk_ceil_div(wgrad->out_blocks, wgrad->out_group);
  const int64_t chunk = task / in_groups / out_groups;
  wgrad_task own = {
      .in_begin = (int32_t)(task % in_groups) * wgrad->in_group,
      .out_begin = (int32_t)(task / in_groups % out_groups) * wgrad->out_group,
      .first_image = (int32_t)(chunk * wgrad->images / wgrad->chunks),
      .last_image = (int32_t)((chunk + 1) * wgrad->images / wgrad->chunks),
  };
  own.in_blocks = min_i32(wgrad->in_group, wgrad->in_blocks - own.in_begin);
  own.out_blocks = min_i32(wgrad->out_group, wgrad->out_blocks - own.out_begin);
  const int64_t first_out = chunk * wgrad->out_blocks + own.out_begin;
  own.sums = (first_out * wgrad->in_blocks + own.in_begin) * wgrad->kernel * wgrad->kernel *
             (RK_LANES * RK_LANES);
  return own;
}

// Real channels of an input block.
static int32_t wgrad_in_lanes(const rk_wgrad *wgrad, int32_t block) {
  return min_i32(wgrad->in_channels - block * RK_LANES, RK_LANES);
}

static void wgrad_direct_run(const rk_wgrad *wgrad, const rk_source *x, const float *dy,
                             float *partials, int64_t task, float *scratch) {
  const wgrad_task own = wgrad_task_at(wgrad, task);
  const int32_t in_begin = own.in_begin, in_blocks = own.in_blocks;
  const int32_t out_begin = own.out_begin, out_blocks = own.out_blocks;

  const int32_t tap_count = wgrad->kernel * wgrad->kernel;
  const int64_t sums_in = (int64_t)tap_count * RK_LANES * RK_LANES;
  const int64_t sums_out = wgrad->in_blocks * sums_in;
  float *sums = partials + own.sums;
  for (int32_t block = 0; block < out_blocks; block++) {
    float *to = sums + block * sums_out;
    for (int64_t i = 0; i < in_blocks * sums_in; i += RK_LANES) store(to + i, splat(0));
  }

  const int64_t x_plane = (int64_t)wgrad->in_h * wgrad->in_w * RK_LANES;
  const int64_t dy_plane = (int64_t)wgrad->out_h * wgrad->out_w * RK_LANES;
  const rk_axis axis = {.low = -wgrad->padding, .span = wgrad->kernel - 1, .step = wgrad->stride};
  int32_t strip_rows, strip_images;
  rk_wgrad_strip(wgrad, &strip_rows, &strip_images);

  for (int32_t image = own.first_image; image < own.last_image; image += strip_images) {
    for (int32_t row = 0; row < wgrad->out_h; row += strip_rows) {
      window view = {.vertical = axis,
                     .horizontal = axis,
                     .first_row = row,
                     .rows = min_i32(strip_rows, wgrad->out_h - row),
                     .cols = wgrad->out_w};
      wgrad_strip strip = {
          .dy = dy + (image * (int64_t)wgrad->out_blocks + out_begin) * dy_plane +
                (int64_t)row * wgrad->out_w * RK_LANES,
          .dy_image = wgrad->out_blocks * dy_plane,
          .dy_block = dy_plane,
          .dy_row = (int64_t)wgrad->out_w * RK_LANES,
          .images = min_i32(strip_images, own.last_image - image),
          .rows = view.rows,
          .cols = view.cols,
      };
      int64_t taps[RK_MAX_TAPS];
      const float *in = x->data + image * (int64_t)wgrad->in_blocks * x_plane;
      if (wgrad->pixel_lanes < RK_LANES) {
        strip.x = scratch;
        strip.x_row = window_row_pixels(&view) * RK_IMAGE_LANES;
        strip.x_image = window_pixels(&view) * RK_IMAGE_LANES;
        for (int32_t i = 0; i < strip.images; i++) {
          stage_image(&view, x, in + i * x_plane, wgrad->in_h, wgrad->in_w,
                      scratch + i * strip.x_image);
        }
        for (int32_t tap = 0; tap < tap_count; tap++) {
          taps[tap] =
              window_offset(&view, axis.low + tap / wgrad->kernel, axis.low + tap % wgrad->kernel) *
              RK_IMAGE_LANES;
        }
      } else if (x->scale == NULL && window_is_direct(&view, wgrad->in_h, wgrad->in_w)) {
        strip.x_image = wgrad->in_blocks * x_plane;
        strip.x_block = x_plane;
        strip.x_row = (int64_t)wgrad->in_w * RK_LANES;
        strip.x = in + in_begin * x_plane + (row + (int64_t)axis.low) * strip.x_row +
                  (int64_t)axis.low * RK_LANES;
        for (int32_t tap = 0; tap < tap_count; tap++) {
          taps[tap] = tap / wgrad->kernel * strip.x_row + (int64_t)(tap % wgrad->kernel) * RK_LANES;
        }
      } else {
        strip.x = scratch;
        strip.x_block = window_floats(&view);
        strip.x_row = window_row_floats(&view);
        strip.x_image = in_blocks * strip.x_block;
        for (int32_t i = 0; i < strip.images; i++) {
          stage(&view, x, in + i * (int64_t)wgrad->in_blocks * x_plane, wgrad->in_h, wgrad->in_w,
                in_begin, in_blocks, scratch + i * strip.x_image);
        }
        for (int32_t tap = 0; tap < tap_count; tap++) {
          taps[tap] =
              window_offset(&view, axis.low + tap / wgrad->kernel, axis.low + tap % wgrad->kernel) *
              RK_LANES;
        }
      }
      // A 1x1 convolution does not care where rows end.
      if (tap_count == 1 && strip.x_row == strip.dy_row) {
        strip.cols *= strip.rows;
        strip.rows = 1;
      }

      int32_t width = 1;
      for (int32_t out = 0; out < out_blocks; out += width) {
        width = RK_OUTER_PAIR && out + 1 < out_blocks ? 2 : 1;
        if (wgrad->pixel_lanes < RK_LANES) {
          wgrad_image_block(&strip, taps, wgrad->kernel, wgrad->stride, width,
                            strip.dy + out * strip.dy_block, sums + out * sums_out, sums_out);
          continue;
        }
        for (int32_t block = 0; block < in_blocks; block++) {
          wgrad_block(&strip, taps, tap_count, width, wgrad_in_lanes(wgrad, in_begin + block),
                      strip.x + block * strip.x_block, strip.dy + out * strip.dy_block,
                      sums + out * sums_out + block * sums_in, sums_out);
        }
      }
    }
  }
}

// One task per output and input block. Rows of the gradient are often a power of two apart, where
// writing single values to sixteen of them by turns would make them push each other out of the
// cache: so they are put together here first, some input lanes at a time.
static void wgrad_reduce(const rk_wgrad *wgrad, const float *partials, float *oihw, int64_t task) {
  const int32_t in_first = (int32_t)(task % wgrad->in_blocks) * RK_LANES;
  const int32_t out_first = (int32_t)(task / wgrad->in_blocks) * RK_LANES;
  const int32_t in_lanes = min_i32(RK_LANES, wgrad->in_channels - in_first);
  const int32_t out_lanes = min_i32(RK_LANES, wgrad->out_channels - out_first);
  const int32_t tap_count = wgrad->kernel * wgrad->kernel;
  const int64_t block_floats = (int64_t)tap_count * RK_LANES * RK_LANES;
  const int64_t chunk_floats = (int64_t)wgrad->out_blocks * wgrad->in_blocks * block_floats;
  const float *first = partials + task * block_floats;

  enum { ROW_FLOATS = 4 * RK_MAX_TAPS };
  float rows[RK_LANES][ROW_FLOATS];
  const int32_t together = min_i32(RK_LANES, ROW_FLOATS / tap_count);
  for (int32_t begin = 0; begin < in_lanes; begin += together) {
    const int32_t end = min_i32(begin + together, in_lanes);
    for (int32_t tap = 0; tap < tap_count; tap++) {
      for (int32_t in = begin; in < end; in++) {
        const float *p = first + ((int64_t)tap * RK_LANES + in) * RK_LANES;
        vf sum = load(p);
        for (int32_t chunk = 1; chunk < wgrad->chunks; chunk++) {
          sum += load(p + chunk * chunk_floats);
        }
        RK_UNROLL for (int out = 0; out < RK_LANES; out++) {
          rows[out][(in - begin) * tap_count + tap] = sum[out];
        }
      }
    }
    for (int32_t out = 0; out < out_lanes; out++) {
      const int64_t row = (int64_t)(out_first + out) * wgrad->in_channels + in_first + begin;
      memcpy(oihw + row * tap_count, rows[out],
             (size_t)(end - begin) * (size_t)tap_count * sizeof(float));
    }
  }
}

#endif
