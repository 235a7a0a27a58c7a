// 3x3 convolutions at stride 1 by Winograd's algorithm, forward and with respect to the data.
//
// A task owns consecutive tiles of the batch and a group of destination blocks. It transforms its
// tiles of all source blocks, V[value][source block][tile]; multiplies, for each of the n*n values,
// as a 1x1 convolution does whose pixels are the tiles, M[value][destination block][tile]; and
// transforms back, where the epilogue happens.
#ifndef RK_WINOGRAD_CONV_H
#define RK_WINOGRAD_CONV_H

#include "conv.h"
#include "winograd.h"

// A rectangle of consecutive tiles: a part of a tile row, or several whole ones, of an image.
typedef struct tile_run {
  int64_t image;
  int32_t row, col, rows, cols;
} tile_run;

// The largest rectangle that begins with `tile`, ends before `end` and fits the panel.
RK_INLINE tile_run tile_run_at(const rk_tiles *tiles, int64_t tile, int64_t end) {
  const int64_t per_image = (int64_t)tiles->rows * tiles->cols;
  tile_run run = {.image = tile / per_image, .rows = 1};
  const int32_t within = (int32_t)(tile % per_image);
  run.row = within / tiles->cols;
  run.col = within % tiles->cols;
  const int64_t left = end - tile;
  run.cols = tiles->cols - run.col;
  if (run.cols > left) run.cols = (int32_t)left;
  if (run.cols == tiles->cols) {
    run.rows = min_i32(tiles->panel_rows, tiles->rows - run.row);
    if (run.rows > left / tiles->cols) run.rows = (int32_t)(left / tiles->cols);
  }
  return run;
}

// A source of h x w pixels in `blocks` blocks, cut into tiles of M x M outputs.
typedef struct tiled_source {
  const rk_source *source;
  const rk_tiles *tiles;
  int32_t blocks, h, w;
} tiled_source;

// Transforms a run of tiles of one block.
static void winograd_input_run(const int M, const tiled_source *tiled, const tile_run *run,
                               int32_t block, float *panel, float *to, int64_t step) {
  const rk_axis vertical = {.low = tiled->tiles->low_h, .span = 2, .step = 1};
  const rk_axis horizontal = {.low = tiled->tiles->low_w, .span = 2, .step = 1};
  const window view = {.vertical = vertical,
                       .horizontal = horizontal,
                       .first_row = run->row * M,
                       .rows = run->rows * M,
                       .first_col = run->col * M,
                       .cols = run->cols * M};
  const int64_t plane = (int64_t)tiled->h * tiled->w * RK_LANES;
  const float *image = tiled->source->data + run->image * tiled->blocks * plane;
  const float *from = panel;
  int64_t row_floats = window_row_floats(&view);
  if (tiled->source->scale == NULL && window_is_direct(&view, tiled->h, tiled->w)) {
    row_floats = (int64_t)tiled->w * RK_LANES;
    from = image + block * plane + (view.first_row + vertical.low) * row_floats +
           (int64_t)(view.first_col + horizontal.low) * RK_LANES;
  } else {
    stage(&view, tiled->source, image, tiled->h, tiled->w, block, 1, panel);
  }
  for (int32_t row = 0; row < run->rows; row++) {
    for (int32_t col = 0; col < run->cols; col++) {
      const float *tile = from + row * M * row_floats + (int64_t)col * M * RK_LANES;
      if (M == 4) {
        wino4_input(tile, row_floats, to, step);
      } else {
        wino2_input(tile, row_floats, to, step);
      }
      to += RK_LANES;
    }
  }
}

// The same; in wide images all but the tiles at the border are read where they lie.
static void winograd_input(const int M, const tiled_source *tiled, const tile_run *run,
                           int32_t block, float *panel, float *to, int64_t step) {
  enum { WIDE = 7 };
  const int32_t tile_rows = tiled->tiles->rows, tile_cols = tiled->tiles->cols;
  if (tiled->source->scale != NULL || tile_cols < WIDE) {
    winograd_input_run(M, tiled, run, block, panel, to, step);
    return;
  }
  for (int32_t row = run->row; row < run->row + run->rows; row++) {
    const int32_t end = run->col + run->cols;
    for (int32_t col = run->col; col < end;) {
      tile_run part = *run;
      part.row = row;
      part.rows = 1;
      part.col = col;
      part.cols = end - col;
      if (row > 0 && row < tile_rows - 1) {
        if (col == 0) {
          part.cols = 1;
        } else if (col < tile_cols - 1) {
          part.cols = min_i32(end, tile_cols - 1) - col;
        }
      }
      winograd_input_run(M, tiled, &part, block, panel, to, step);
      to += part.cols * RK_LANES;
      col += part.cols;
    }
  }
}

// Sums of v - shift and of its square over the values of a slot: with a shift near the mean they
// lose few digits, and need no second pass.
typedef struct shifted_sums {
  vf shift, sum, squares;
  int64_t count;
} shifted_sums;

RK_INLINE void shifted_add(shifted_sums *sums, vf value) {
  const vf v = value - sums->shift;
  sums->sum += v;
  sums->squares = mul_add(v, v, sums->squares);
}

// What becomes of the tiles of one destination block.
typedef struct winograd_output_block {
  float *out;           // the first image's block
  const float *addend;  // the same in the addend, or NULL
  vf bias;
  int32_t accumulate, relu, statistics;
} winograd_output_block;

// A rows x cols part of a tile of M x M values whose first goes to offset `first`. Each part of the
// epilogue is a loop of its own, so that none is decided value by value.
#define RK_TILE_LOOP(rows, cols) \
  RK_UNROLL for (int i = 0; i < (rows); i++) RK_UNROLL for (int j = 0; j < (cols); j++)
RK_INLINE void winograd_epilogue(const winograd_output_block *block, int64_t first,
                                 int64_t row_floats, const int rows, const int cols, vf y[4][4],
                                 shifted_sums *sums) {
  float *out = block->out + first;
  RK_TILE_LOOP(rows, cols) y[i][j] += block->bias;
  if (block->accumulate) {
    RK_TILE_LOOP(rows, cols) y[i][j] += load(out + i * row_floats + j * RK_LANES);
  }
  if (block->addend != NULL) {
    const float *addend = block->addend + first;
    RK_TILE_LOOP(rows, cols) y[i][j] += load(addend + i * row_floats + j * RK_LANES);
  }
  if (block->relu) {
    RK_TILE_LOOP(rows, cols) y[i][j] = relu(y[i][j]);
  }
  RK_TILE_LOOP(rows, cols) store(out + i * row_floats + j * RK_LANES, y[i][j]);
  if (block->statistics) {
    if (sums->count == 0) sums->shift = y[0][0];
    sums->count += rows * cols;
    RK_TILE_LOOP(rows, cols) shifted_add(sums, y[i][j]);
  }
}

RK_INLINE void winograd_output_tile(const int M, const winograd_output_block *block, const float *m,
                                    int64_t step, int64_t first, int64_t row_floats, int32_t rows,
                                    int32_t cols, shifted_sums *sums) {
  vf y[4][4];
  if (M == 4) {
    wino4_output(m, step, y);
  } else {
    wino2_output(m, step, y);
  }
  if (rows == M && cols == M) {
    winograd_epilogue(block, first, row_floats, M, M, y, sums);
    return;
  }
  // The tile reaches beyond the image: value by value.
  float values[4 * 4 * RK_LANES];
  RK_TILE_LOOP(M, M) store(values + (i * M + j) * RK_LANES, y[i][j]);
  for (int32_t i = 0; i < rows; i++) {
    for (int32_t j = 0; j < cols; j++) {
      vf one[4][4] = {{load(values + (i * M + j) * RK_LANES)}};
      winograd_epilogue(block, first + i * row_floats + j * RK_LANES, row_floats, 1, 1, one, sums);
    }
  }
}

RK_INLINE void winograd_run(const int M, const rk_conv *conv, const rk_source *source,
                            const float *packed, float *destination, const rk_epilogue *epilogue,
                            int64_t task, float *scratch) {
  const int N = M + 2;
  const int32_t group = (int32_t)(task % conv->groups);
  const int64_t slot = task / conv->groups;
  const rk_tiles *tiles = &conv->tiles;
  const int64_t begin = rk_part_begin(tiles->count, conv->slots, slot);
  const int64_t end = rk_part_begin(tiles->count, conv->slots, slot + 1);
  const int64_t count = end - begin, block_floats = count * RK_LANES;
  const int32_t first_block = group * conv->group_blocks;
  const int32_t block_end = min_i32(first_block + conv->group_blocks, conv->out_blocks);

  const int64_t v_step = conv->in_blocks * block_floats + RK_WINOGRAD_PADDING;
  const int64_t m_step = (block_end - first_block) * block_floats + RK_WINOGRAD_PADDING;
  float *panel = scratch;
  float *v = scratch + tiles->panel_floats;
  float *m = v + N * N * v_step;

  const tiled_source tiled = {.source = source,
                              .tiles = tiles,
                              .blocks = conv->in_blocks,
                              .h = conv->in_h,
                              .w = conv->in_w};
  for (int32_t block = 0; block < conv->in_blocks; block++) {
    float *to = v + block * block_floats;
    for (int64_t tile = begin; tile < end;) {
      const tile_run run = tile_run_at(tiles, tile, end);
      winograd_input(M, &tiled, &run, block, panel, to + (tile - begin) * RK_LANES, v_step);
      tile += run.rows * run.cols;
    }
  }

  const int64_t weight_out = conv->in_blocks * (int64_t)(RK_LANES * RK_LANES);
  const int64_t no_tap = 0;
  const conv_band band = {.first = 0, .row = 0, .pixel = RK_LANES, .rows = 1, .cols = count};
  const int pairs = RK_TILE_PAIR && block_end - first_block > 1;
  const int32_t next_lines =
      conv->far_weights ? (int32_t)rk_ceil_div(RK_LANES, conv_row_tiles(&band, pairs)) : 0;
  for (int value = 0; value < N * N; value++) {
    int32_t width = 1;
    for (int32_t block = first_block; block < block_end; block += width) {
      width = RK_TILE_PAIR && block + 1 < block_end ? 2 : 1;
      const int over = block + width == block_end, more = value + over < N * N;
      const int64_t next =
          (int64_t)(value + over) * conv->out_blocks + (over ? first_block : block + width);
      conv_tile tile = {
          .panel = v + value * v_step,
          .weights = packed + ((int64_t)value * conv->out_blocks + block) * weight_out,
          .out = m + value * m_step + (block - first_block) * block_floats,
          .taps = &no_tap,
          .panel_block = block_floats,
          .weight_in = RK_LANES * RK_LANES,
          .weight_out = weight_out,
          .next = packed + (more ? next * weight_out : 0),
          .next_lines = more ? next_lines : 0,
          .out_block = block_floats,
          .out_pixel = RK_LANES,
          .blocks = conv->in_blocks,
          .last_lanes = conv->in_channels - (conv->in_blocks - 1) * RK_LANES,
          .tap_count = 1,
      };
      conv_tiles(&tile, &band, 0, width == 2);
    }
  }

  const int64_t row_floats = (int64_t)conv->out_w * RK_LANES, plane = conv->out_h * row_floats;
  for (int32_t block = first_block; block < block_end; block++) {
    const winograd_output_block out = {
        .out = destination + block * plane,
        .addend = epilogue->addend == NULL ? NULL : epilogue->addend + block * plane,
        .bias = epilogue->bias == NULL ? splat(0) : load(epilogue->bias + block * RK_LANES),
        .accumulate = epilogue->accumulate,
        .relu = epilogue->relu,
        .statistics = epilogue->statistics != NULL,
    };
    shifted_sums sums = {.shift = splat(0), .sum = splat(0), .squares = splat(0), .count = 0};
    const float *from = m + (block - first_block) * block_floats;
    for (int64_t tile = begin; tile < end;) {
      const tile_run run = tile_run_at(tiles, tile, end);
      for (int32_t i = 0; i < run.rows; i++) {
        const int32_t row = (run.row + i) * M, rows = min_i32(M, conv->out_h - row);
        const int64_t first = run.image * conv->out_blocks * plane + row * row_floats;
        for (int32_t j = 0; j < run.cols; j++) {
          const int32_t col = (run.col + j) * M, cols = min_i32(M, conv->out_w - col);
          winograd_output_tile(M, &out, from, m_step, first + (int64_t)col * RK_LANES, row_floats,
                               rows, cols, &sums);
          from += RK_LANES;
        }
      }
      tile += run.rows * run.cols;
    }
    if (epilogue->statistics != NULL) {
      const int64_t padded = (int64_t)conv->out_blocks * RK_LANES;
      float *mean = epilogue->statistics + slot * 2 * padded + block * RK_LANES;
      const vf average = sums.sum / splat((float)sums.count);
      const vf deviation = sums.squares - sums.sum * average;
      store(mean, sums.shift + average);
      store(mean + padded, deviation < splat(0) ? splat(0) : deviation);
    }
  }
}

static void winograd2_run(const rk_conv *conv, const rk_source *source, const float *packed,
                          float *destination, const rk_epilogue *epilogue, int64_t task,
                          float *scratch) {
  winograd_run(2, conv, source, packed, destination, epilogue, task, scratch);
}

static void winograd4_run(const rk_conv *conv, const rk_source *source, const float *packed,
                          float *destination, const rk_epilogue *epilogue, int64_t task,
                          float *scratch) {
  winograd_run(4, conv, source, packed, destination, epilogue, task, scratch);
}

#endif
