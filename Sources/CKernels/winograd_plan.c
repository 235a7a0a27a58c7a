// Where Winograd's algorithm is used, and how it is cut into tasks.
#include "plan.h"

// What a task transforms should stay in the L2 cache of one core.
static const int64_t run_floats = 512 * 1024 / sizeof(float);
// Two register tiles at most, as more gains nothing; at least one, as fewer pixels use the
// multipliers badly.
enum { RUN_LEAST = 8, RUN_MIN = 14, RUN_MAX = 28 };
enum { SLOTS_MANY = 32 };
// Weights that no L2 cache holds are read from further away for every task, so a task then has
// tiles enough for that not to be what it waits for.
static const int64_t far_weights = 4 * 1024 * 1024 / sizeof(float);
enum { RUN_FAR = 56 };

int rk_winograd_applies(const rk_conv *conv) {
  if (conv->phase_count != 1 || conv->kernel != 3 || conv->tap_count != 9) return 0;
  return conv->in_step == 1 && conv->out_step == 1;
}

// A staged panel stays in the L1 cache.
static const int64_t panel_target = 24 * 1024 / sizeof(float);

static void cut_tiles(rk_tiles *tiles, int32_t images, int32_t height, int32_t width, int32_t m) {
  tiles->rows = (int32_t)rk_ceil_div(height, m);
  tiles->cols = (int32_t)rk_ceil_div(width, m);
  tiles->count = (int64_t)images * tiles->rows * tiles->cols;
  const int64_t row_floats = (tiles->cols * (int64_t)m + 2) * RK_LANES;
  const int64_t fit = (panel_target / row_floats - 2) / m;
  tiles->panel_rows = (int32_t)(fit < 1 ? 1 : fit > tiles->rows ? tiles->rows : fit);
  tiles->panel_floats = (tiles->panel_rows * m + 2) * row_floats;
}

void rk_winograd_prepare(rk_conv *conv, int32_t images, int32_t m) {
  const int64_t values = (int64_t)(m + 2) * (m + 2);
  rk_axis vertical, horizontal;
  rk_phase_axes(conv, &conv->phases[0], &vertical, &horizontal);
  rk_tiles *tiles = &conv->tiles;
  tiles->low_h = vertical.low;
  tiles->low_w = horizontal.low;
  cut_tiles(tiles, images, conv->out_h, conv->out_w, m);
  conv->pixel_lanes = RK_LANES;
  conv->packed_floats = values * conv->out_blocks * conv->in_blocks * (RK_LANES * RK_LANES);

  int64_t most = run_floats / (values * (conv->in_blocks + conv->out_blocks) * RK_LANES);
  if (most > RUN_MAX) most = RUN_MAX;
  if (most < RUN_MIN) most = RUN_MIN;
  if (conv->packed_floats > far_weights) most = RUN_FAR;
  conv->slots = rk_ceil_div(tiles->count, most);
  // Few are evenly shared among threads only if they are a power of two, and no less than two unless
  // sharing the weights out is what matters.
  if (conv->slots < SLOTS_MANY && conv->packed_floats <= far_weights) {
    int64_t even = 2;
    while (even < conv->slots) even *= 2;
    if (even * RUN_LEAST <= tiles->count) conv->slots = even;
  }
  tiles->run = (int32_t)rk_ceil_div(tiles->count, conv->slots);
}

void rk_winograd_scratch(rk_conv *conv, int32_t m) {
  const int64_t values = (int64_t)(m + 2) * (m + 2);
  const int64_t blocks = conv->in_blocks + conv->group_blocks;
  conv->scratch_floats = conv->tiles.panel_floats +
                         values * (2 * RK_WINOGRAD_PADDING + blocks * conv->tiles.run * RK_LANES);
}

int64_t rk_winograd_slot_values(const rk_conv *conv, int64_t slot) {
  const rk_tiles *tiles = &conv->tiles;
  const int32_t m = conv->algorithm == RK_WINOGRAD_4 ? 4 : 2;
  const int64_t per_image = (int64_t)tiles->rows * tiles->cols;
  int64_t values = 0;
  const int64_t end = rk_part_begin(tiles->count, conv->slots, slot + 1);
  for (int64_t tile = rk_part_begin(tiles->count, conv->slots, slot); tile < end; tile++) {
    const int32_t row = (int32_t)(tile % per_image) / tiles->cols * m;
    const int32_t col = (int32_t)(tile % per_image) % tiles->cols * m;
    const int32_t rows = conv->out_h - row, cols = conv->out_w - col;
    values += (int64_t)(rows < m ? rows : m) * (cols < m ? cols : m);
  }
  return values;
}

int rk_winograd_applies_to_gradient(const rk_wgrad *wgrad) {
  return wgrad->kernel == 3 && wgrad->stride == 1;
}

int64_t rk_winograd_gradient_tiles(const rk_wgrad *wgrad) {
  return wgrad->images * rk_ceil_div(wgrad->out_h, 4) * rk_ceil_div(wgrad->out_w, 4);
}

void rk_winograd_gradient_prepare(rk_wgrad *wgrad) {
  rk_tiles *tiles = &wgrad->tiles;
  tiles->low_h = tiles->low_w = -wgrad->padding;
  cut_tiles(tiles, wgrad->images, wgrad->out_h, wgrad->out_w, 4);
  const int64_t blocks = wgrad->in_group + wgrad->out_group;
  const int64_t chunk_tiles =
      tiles->count / wgrad->images * rk_ceil_div(wgrad->images, wgrad->chunks);
  int64_t most = run_floats / (RK_WINOGRAD_VALUES * blocks * RK_LANES);
  if (most < RUN_MIN) most = RUN_MIN;
  if (most > RUN_FAR) most = RUN_FAR;
  tiles->run = (int32_t)rk_ceil_div(chunk_tiles, rk_ceil_div(chunk_tiles, most));
  wgrad->scratch_floats =
      RK_WINOGRAD_VALUES * ((int64_t)wgrad->in_group * wgrad->out_group * RK_LANES * RK_LANES +
                            blocks * tiles->run * RK_LANES + 2 * RK_WINOGRAD_PADDING) +
      tiles->panel_floats;
}
