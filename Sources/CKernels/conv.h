// Convolution, forward and with respect to the data: both are sums over taps of a source, see
// rk_phase.
//
// A task stages its band of the source in a panel, then goes over its destination blocks one or two
// at a time and over the source blocks in chunks whose weights stay in the L1 cache, keeping the
// sums of a tile of pixels in registers.
#ifndef RK_CONV_H
#define RK_CONV_H

#include "read_ahead.h"
#include "stage.h"

// What one tile works on.
typedef struct conv_tile {
  const float *panel;    // first source block, where tap offset 0 of the first pixel is
  const float *weights;  // of the first source and destination block
  float *out;            // first pixel of the first destination block
  const float *bias;     // of the first destination block, or NULL
  const float *addend;   // where `out` is, in the addend; or NULL
  const int64_t *taps;   // offsets in the panel; of an image, those of every channel
  int64_t panel_block;   // floats from a source block to the next in the panel
  int64_t weight_in;     // ... in the weights
  int64_t weight_out;    // floats from a destination block's weights to the next's
  int64_t out_block;     // floats from a destination block to the next
  int64_t out_pixel;     // floats from a destination pixel to the next
  const float *ahead;    // of the first source block, what to fetch for the next task
  int64_t ahead_block;   // floats from a source block to the next there
  int32_t ahead_lines;   // cache lines to fetch of each
  const float *next;     // the weights to be read after these, laid out like them
  int32_t next_lines;    // cache lines to fetch of each block's
  int32_t fetch;         // fetch the destination, which is in no near cache
  int32_t blocks;        // source blocks
  int32_t last_lanes;    // channels of the last of them
  int32_t tap_count;
  int32_t image;   // the panel's pixels have RK_IMAGE_LANES floats, else RK_LANES
  int32_t resume;  // start from what the destination holds
  int32_t relu;
} conv_tile;

// T pixels of B destination blocks, L lanes from each to the next. T, B and L are constants where
// this is inlined.
RK_INLINE void conv_tile_run(const int T, const int B, const int L, const conv_tile *tile) {
  vf sum[2][16];
  float *out[2] = {tile->out, tile->out + tile->out_block};
  const int64_t out_pixel = tile->out_pixel;
  if (tile->resume) {
    RK_UNROLL for (int b = 0; b < B; b++) {
      RK_UNROLL for (int t = 0; t < T; t++) sum[b][t] = load(out[b] + t * out_pixel);
    }
  } else {
    RK_UNROLL for (int b = 0; b < B; b++) {
      RK_UNROLL for (int t = 0; t < T; t++) sum[b][t] = splat(0);
    }
  }

  // Where blocks go in pairs, a single one of 16 lanes is over before it has asked.
  const int reads_ahead = B == 2 || RK_TILE_PAIR == 0 || L < RK_LANES;
  const float *panel = tile->panel;
  for (int32_t block = 0; block < tile->blocks; block++) {
    if (reads_ahead) {
      read_ahead_fetch(tile->ahead + block * tile->ahead_block, tile->ahead_lines);
    }
    if (reads_ahead && tile->next_lines > 0) {
      const float *next = tile->next + block * tile->weight_in;
      read_ahead_fetch(next, tile->next_lines);
      if (B > 1) read_ahead_fetch(next + tile->weight_out, tile->next_lines);
    }
    const float *weights = tile->weights + block * tile->weight_in;
    const int64_t lanes = L < RK_LANES ? 1 : block + 1 < tile->blocks ? RK_LANES : tile->last_lanes;
    for (int32_t tap = 0; tap < tile->tap_count; tap++) {
      const float *pixel = panel + tile->taps[tap];
      for (int64_t lane = 0; lane < lanes; lane++) {
        const vf w0 = load(weights + lane * RK_LANES);
        const vf w1 = B > 1 ? load(weights + tile->weight_out + lane * RK_LANES) : w0;
        RK_UNROLL for (int t = 0; t < T; t++) {
          const vf x = splat(pixel[t * L + lane]);
          sum[0][t] = mul_add(x, w0, sum[0][t]);
          if (B > 1) sum[1][t] = mul_add(x, w1, sum[1][t]);
        }
      }
      weights += L < RK_LANES ? RK_LANES : RK_LANES * RK_LANES;
    }
    panel += tile->panel_block;
  }

  RK_UNROLL for (int b = 0; b < B; b++) {
    if (tile->bias != NULL) {
      const vf bias = load(tile->bias + b * RK_LANES);
      RK_UNROLL for (int t = 0; t < T; t++) sum[b][t] += bias;
    }
    if (tile->addend != NULL) {
      const float *addend = tile->addend + b * tile->out_block;
      RK_UNROLL for (int t = 0; t < T; t++) sum[b][t] += load(addend + t * out_pixel);
    }
    if (tile->relu) {
      RK_UNROLL for (int t = 0; t < T; t++) sum[b][t] = relu(sum[b][t]);
    }
    RK_UNROLL for (int t = 0; t < T; t++) store(out[b] + t * out_pixel, sum[b][t]);
  }
}

// One function for each tile size that an even split of a row can ask for, of blocks and of images.
// clang-format off
#define RK_TILE(B, T) \
  static void conv_tile_##B##_##T(const conv_tile *tile) { \
    conv_tile_run(T, B, RK_LANES, tile); \
  } \
  static void conv_image_tile_##B##_##T(const conv_tile *tile) { \
    conv_tile_run(T, B, RK_IMAGE_LANES, tile); \
  }
#define RK_TILE_NAME(B, T) conv_tile_##B##_##T,
#define RK_IMAGE_TILE_NAME(B, T) conv_image_tile_##B##_##T,
#define RK_UP_TO_2(M, B) M(B, 1) M(B, 2)
#define RK_UP_TO_6(M, B) RK_UP_TO_2(M, B) M(B, 3) M(B, 4) M(B, 5) M(B, 6)
#define RK_UP_TO_14(M, B) \
  RK_UP_TO_6(M, B) M(B, 7) M(B, 8) M(B, 9) M(B, 10) M(B, 11) M(B, 12) M(B, 13) M(B, 14)
#define RK_UP_TO_16(M, B) RK_UP_TO_14(M, B) M(B, 15) M(B, 16)
#define RK_JOIN(A, B) A##B
#define RK_UP_TO(N) RK_JOIN(RK_UP_TO_, N)

RK_UP_TO(RK_TILE_SINGLE)(RK_TILE, 1)
#if RK_TILE_PAIR
RK_UP_TO(RK_TILE_PAIR)(RK_TILE, 2)
#endif
    // clang-format on

    typedef void (*conv_tile_function)(const conv_tile *);
static const conv_tile_function conv_tiles_single[] = {RK_UP_TO(RK_TILE_SINGLE)(RK_TILE_NAME, 1)};
static const conv_tile_function conv_image_tiles_single[] = {
    RK_UP_TO(RK_TILE_SINGLE)(RK_IMAGE_TILE_NAME, 1)};
#if RK_TILE_PAIR
static const conv_tile_function conv_tiles_pair[] = {RK_UP_TO(RK_TILE_PAIR)(RK_TILE_NAME, 2)};
static const conv_tile_function conv_image_tiles_pair[] = {
    RK_UP_TO(RK_TILE_PAIR)(RK_IMAGE_TILE_NAME, 2)};
#endif

// The destination pixels of a task: `rows` rows of `cols`, in floats from the block's start.
typedef struct conv_band {
  int64_t first, row, pixel;
  int32_t rows;
  int64_t cols;
} conv_band;

// Tiles of a row.
static int64_t conv_row_tiles(const conv_band *band, int pair) {
  return rk_ceil_div(band->cols, pair ? RK_TILE_PAIR : RK_TILE_SINGLE);
}

// The whole band of one or two destination blocks, for one chunk of source blocks. Rows are cut
// into tiles of as equal a size as possible: a narrow tile uses the multipliers badly. Inlined, so
// that a caller that fetches nothing does not ask whether to. Moves the tile's pointers.
RK_INLINE void conv_tiles(conv_tile *tile, const conv_band *band, int64_t panel_row, int pair) {
  const float *panel = tile->panel, *addend = tile->addend;
  float *block = tile->out;
  const int fetch = tile->fetch;
  const int64_t out_block = tile->out_block;
  const int64_t ahead = tile->ahead_lines * (int64_t)RK_LANES;
  const int64_t next = tile->next_lines * (int64_t)RK_LANES;
  const int64_t panel_pixel = tile->image ? RK_IMAGE_LANES : RK_LANES;
  const conv_tile_function *functions = tile->image ? conv_image_tiles_single : conv_tiles_single;
#if RK_TILE_PAIR
  if (pair) functions = tile->image ? conv_image_tiles_pair : conv_tiles_pair;
#endif
  const int64_t tiles = conv_row_tiles(band, pair);
  const int64_t narrow = band->cols / tiles, wider = band->cols % tiles;
  for (int32_t row = 0; row < band->rows; row++) {
    int64_t out = band->first + row * band->row;
    tile->panel = panel + row * panel_row;
    for (int64_t i = 0; i < tiles; i++) {
      const int64_t pixels = narrow + (i < wider);
      tile->out = block + out;
      if (addend != NULL) tile->addend = addend + out;
      for (int64_t pixel = 0; fetch && pixel < pixels; pixel++) {
        __builtin_prefetch(tile->out + pixel * band->pixel, 1, 3);
        if (pair) __builtin_prefetch(tile->out + out_block + pixel * band->pixel, 1, 3);
      }
      functions[pixels - 1](tile);
      tile->panel += pixels * panel_pixel;
      tile->ahead += ahead;
      tile->next += next;
      out += pixels * band->pixel;
    }
  }
}

// Mean and sum of squared deviations of one block's band, just written and still in the cache: two
// passes lose no digits, unlike sums of squares.
static void conv_statistics(const float *block, const conv_band *band, float *mean_out,
                            float *deviation_out) {
  vf mean = splat(0);
  for (int pass = 0; pass < 2; pass++) {
    vf sum[4] = {splat(0), splat(0), splat(0), splat(0)};
    for (int32_t row = 0; row < band->rows; row++) {
      const float *p = block + band->first + row * band->row;
      int64_t col = 0;
      for (; col + 4 <= band->cols; col += 4) {
        RK_UNROLL for (int i = 0; i < 4; i++) {
          const vf v = load(p + (col + i) * band->pixel) - mean;
          sum[i] = pass == 0 ? sum[i] + v : mul_add(v, v, sum[i]);
        }
      }
      for (; col < band->cols; col++) {
        const vf v = load(p + col * band->pixel) - mean;
        sum[0] = pass == 0 ? sum[0] + v : mul_add(v, v, sum[0]);
      }
    }
    const vf total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    if (pass == 0) {
      mean = total / splat((float)((int64_t)band->rows * band->cols));
      store(mean_out, mean);
    } else {
      store(deviation_out, total);
    }
  }
}

// Weights of one chunk of source blocks: little more than half of the smallest L1 cache in use (32 KB).
enum { CONV_CHUNK_FLOATS = 18 * 1024 / 4 };

static void direct_run(const rk_conv *conv, const rk_source *source, const float *packed,
                       float *destination, const rk_epilogue *epilogue, int64_t task,
                       float *scratch) {
  const int32_t group = (int32_t)(task % conv->groups);
  const int64_t slot = task / conv->groups;
  const int64_t image = slot / conv->bands;
  int32_t band_index = (int32_t)(slot % conv->bands);
  const rk_phase *phase = conv->phases;
  while (band_index >= phase->bands) band_index -= (phase++)->bands;

  const int64_t in_plane = (int64_t)conv->in_h * conv->in_w * RK_LANES;
  const int64_t out_plane = (int64_t)conv->out_h * conv->out_w * RK_LANES;
  const float *in = source->data + image * conv->in_blocks * in_plane;
  const int64_t out_image = image * conv->out_blocks * out_plane;
  const int image_source = conv->pixel_lanes < RK_LANES;
  int32_t tap_count = phase->tap_end - phase->tap_begin;

  window view = {.cols = phase->cols};
  view.first_row = (int32_t)rk_part_begin(phase->rows, phase->bands, band_index);
  view.rows = (int32_t)rk_part_begin(phase->rows, phase->bands, band_index + 1) - view.first_row;
  rk_phase_axes(conv, phase, &view.vertical, &view.horizontal);

  // The source: where it lies if that will do, otherwise staged.
  const float *panel = scratch;
  int64_t panel_block = 0, panel_row = 0;
  int64_t taps[RK_IMAGE_LANES * RK_MAX_TAPS];
  if (tap_count > 0 && image_source) {
    stage_image(&view, source, in, conv->in_h, conv->in_w, scratch);
    panel_row = window_row_pixels(&view) * RK_IMAGE_LANES;
    int32_t count = 0;
    for (int32_t i = phase->tap_begin; i < phase->tap_end; i++) {
      const int64_t first =
          window_offset(&view, conv->taps[i].dh, conv->taps[i].dw) * RK_IMAGE_LANES;
      for (int32_t lane = 0; lane < RK_IMAGE_LANES; lane++) taps[count++] = first + lane;
    }
    tap_count = count;
  } else if (tap_count > 0 && source->scale == NULL &&
             window_is_direct(&view, conv->in_h, conv->in_w)) {
    panel =
        in + ((int64_t)(view.first_row + view.vertical.low) * conv->in_w + view.horizontal.low) *
                 RK_LANES;
    panel_block = in_plane;
    panel_row = (int64_t)conv->in_w * RK_LANES;
    for (int32_t i = 0; i < tap_count; i++) {
      const rk_tap *tap = &conv->taps[phase->tap_begin + i];
      taps[i] = (int64_t)(tap->dh - view.vertical.low) * panel_row +
                (int64_t)(tap->dw - view.horizontal.low) * RK_LANES;
    }
  } else if (tap_count > 0) {
    stage(&view, source, in, conv->in_h, conv->in_w, 0, conv->in_blocks, scratch);
    panel_block = window_floats(&view);
    panel_row = window_row_floats(&view);
    for (int32_t i = 0; i < tap_count; i++) {
      const rk_tap *tap = &conv->taps[phase->tap_begin + i];
      taps[i] = window_offset(&view, tap->dh, tap->dw) * RK_LANES;
    }
  }

  conv_band band = {
      .first = ((phase->origin_h + (int64_t)view.first_row * conv->out_step) * conv->out_w +
                phase->origin_w) *
               RK_LANES,
      .row = (int64_t)conv->out_step * conv->out_w * RK_LANES,
      .pixel = (int64_t)conv->out_step * RK_LANES,
      .rows = view.rows,
      .cols = view.cols,
  };
  // A 1x1 convolution does not care where rows end.
  if (tap_count == 1 && conv->out_step == 1 && band.cols == conv->out_w &&
      panel_row == band.cols * RK_LANES) {
    band.cols *= band.rows;
    band.rows = 1;
  }

  const int64_t weight_tap = (int64_t)conv->pixel_lanes * RK_LANES;
  const int64_t weight_in = conv->tap_count * weight_tap;
  const int64_t weight_out = conv->in_blocks * weight_in;
  const int32_t first_block = group * conv->group_blocks;
  const int32_t block_end = min_i32(first_block + conv->group_blocks, conv->out_blocks);

  // Of the groups that share this source, the last fetches the next.
  read_ahead ahead = {.first = in};
  if (tap_count > 0 && group + 1 == conv->groups) {
    ahead = read_ahead_of_next(conv, &view, in, slot);
  }
  const int pairs = RK_TILE_PAIR && block_end - first_block > 1;
  const int64_t tiles = band.rows * conv_row_tiles(&band, pairs);
  const int64_t rounds = rk_ceil_div(block_end - first_block, pairs ? 2 : 1);
  const int32_t ahead_lines = (int32_t)rk_ceil_div(ahead.lines, tiles * rounds);

  // A block's weights, shared out among the tiles that come before they are wanted. Of an image, the
  // taps count each channel already.
  const int32_t weight_lines = image_source ? tap_count : tap_count * RK_LANES;
  const int32_t next_lines = conv->far_weights ? (int32_t)rk_ceil_div(weight_lines, tiles) : 0;

  int32_t width = 1;
  for (int32_t block = first_block; block < block_end; block += width) {
    width = RK_TILE_PAIR && block + 1 < block_end ? 2 : 1;
    const int64_t tap_floats = (int64_t)width * tap_count * RK_LANES * RK_LANES;
    int32_t chunk = conv->in_blocks;
    if (tap_floats > 0) chunk = (int32_t)(CONV_CHUNK_FLOATS / tap_floats);
    if (chunk < 1) chunk = 1;

    float *out = destination + out_image + block * out_plane;
    for (int32_t begin = 0; begin < conv->in_blocks; begin += chunk) {
      const int32_t blocks = min_i32(chunk, conv->in_blocks - begin);
      const int last = begin + blocks == conv->in_blocks;
      const int more = !last || block + width < conv->out_blocks;
      const float *next =
          packed + phase->tap_begin * weight_tap +
          (last ? (block + width) * weight_out : block * weight_out + (begin + blocks) * weight_in);
      conv_tile tile = {
          .panel = panel + begin * panel_block,
          .weights =
              packed + block * weight_out + begin * weight_in + phase->tap_begin * weight_tap,
          .out = out,
          .taps = taps,
          .panel_block = panel_block,
          .weight_in = weight_in,
          .weight_out = weight_out,
          .out_block = out_plane,
          .out_pixel = band.pixel,
          .ahead = ahead.first + begin * in_plane,
          .ahead_block = in_plane,
          .ahead_lines = ahead_lines,
          .next = more ? next : packed,
          .next_lines = more ? next_lines : 0,
          .fetch = begin == 0 && !epilogue->accumulate,
          .blocks = blocks,
          .last_lanes = last ? conv->in_channels - (conv->in_blocks - 1) * RK_LANES : RK_LANES,
          .tap_count = tap_count,
          .image = image_source,
          .resume = begin > 0 || epilogue->accumulate,
      };
      if (last) {
        tile.relu = epilogue->relu;
        if (epilogue->bias != NULL) tile.bias = epilogue->bias + block * RK_LANES;
        if (epilogue->addend != NULL) {
          tile.addend = epilogue->addend + out_image + block * out_plane;
        }
      }
      conv_tiles(&tile, &band, panel_row, width == 2);
    }
    ahead.first += tiles * ahead_lines * RK_LANES;

    if (epilogue->statistics != NULL) {
      const int64_t padded = (int64_t)conv->out_blocks * RK_LANES;
      float *means = epilogue->statistics + slot * 2 * padded + block * RK_LANES;
      for (int32_t i = 0; i < width; i++) {
        float *mean = means + i * RK_LANES;
        conv_statistics(out + i * out_plane, &band, mean, mean + padded);
      }
    }
  }
}

#endif
