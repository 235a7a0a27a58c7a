// How the gradient of a convolution's weights is cut into tasks. None of it depends on the number
// of threads.
#include "plan.h"

// What a task keeps in the L2 cache: its partial sums, and a strip of x and dy.
static const int64_t sums_target = 256 * 1024 / sizeof(float);
// Products of 4 x 4 blocks: of fewer, transforming the tiles would be too large a part.
static const int64_t sums_target_winograd = 640 * 1024 / sizeof(float);
static const int64_t strip_target = 256 * 1024 / sizeof(float);
// Whole small images are put together in a strip up to about so many pixels.
enum { STRIP_PIXELS = 512 };
enum { TASKS_WANTED = 64, CHUNK_TILES_MIN = 28 };

// Multiply-adds of vectors per vector read from memory, at least: below that, memory is what a
// task waits for.
enum { INTENSITY_MIN = 2 };

static rk_axis wgrad_axis(const rk_wgrad *wgrad) {
  return (rk_axis){.low = -wgrad->padding, .span = wgrad->kernel - 1, .step = wgrad->stride};
}

static int64_t panel_floats(const rk_wgrad *wgrad, int32_t rows) {
  const rk_axis axis = wgrad_axis(wgrad);
  return wgrad->in_group * rk_panel_width(axis, rows) * rk_panel_width(axis, wgrad->out_w) *
         wgrad->pixel_lanes;
}

static int64_t strip_floats(const rk_wgrad *wgrad, int32_t rows) {
  return panel_floats(wgrad, rows) + (int64_t)wgrad->out_group * rows * wgrad->out_w * RK_LANES;
}

void rk_wgrad_strip(const rk_wgrad *wgrad, int32_t *rows, int32_t *images) {
  // A strip's size is linear in its rows.
  const int64_t one = strip_floats(wgrad, 1), more = strip_floats(wgrad, 2) - one;
  int64_t fit = strip_target > one ? 1 + (strip_target - one) / more : 1;
  *images = 1;
  if (fit >= wgrad->out_h) {
    const int64_t by_size = strip_target / strip_floats(wgrad, wgrad->out_h);
    const int64_t by_pixels = STRIP_PIXELS / ((int64_t)wgrad->out_h * wgrad->out_w);
    const int64_t together = by_size < by_pixels ? by_size : by_pixels;
    if (together > 1) *images = (int32_t)together;
    fit = wgrad->out_h;
  }
  const int64_t strips = rk_ceil_div(wgrad->out_h, fit);
  *rows = (int32_t)rk_ceil_div(wgrad->out_h, strips);
}

static int64_t ceil_half(int32_t n) { return (n + 1) / 2; }

static int64_t group_tasks(const rk_wgrad *wgrad) {
  return rk_ceil_div(wgrad->in_blocks, wgrad->in_group) *
         rk_ceil_div(wgrad->out_blocks, wgrad->out_group);
}

// Halves the larger group. Output blocks stay in pairs, because the kernels take two at a time.
// Returns 0, and changes nothing, if none can be halved.
static int halve_group(rk_wgrad *wgrad) {
  if (wgrad->out_group > 2 && wgrad->out_group >= wgrad->in_group) {
    const int32_t half = (int32_t)ceil_half(wgrad->out_group);
    wgrad->out_group = half + half % 2;
  } else if (wgrad->in_group > 1) {
    wgrad->in_group = (int32_t)ceil_half(wgrad->in_group);
  } else {
    return 0;
  }
  return 1;
}

void rk_wgrad_prepare(rk_wgrad *wgrad) {
  const int64_t taps = (int64_t)wgrad->kernel * wgrad->kernel;
  const int image = rk_pixel_lanes(wgrad->in_channels, (int32_t)taps) < RK_LANES;
  if (wgrad->algorithm == RK_CHOOSE) wgrad->algorithm = image ? RK_DIRECT : RK_WINOGRAD_4;
  if (!rk_winograd_applies_to_gradient(wgrad)) wgrad->algorithm = RK_DIRECT;
  const int winograd = wgrad->algorithm == RK_WINOGRAD_4;
  wgrad->pixel_lanes = rk_pixel_lanes(wgrad->in_channels, (int32_t)taps);
  wgrad->in_blocks = (int32_t)rk_ceil_div(wgrad->in_channels, RK_LANES);
  wgrad->out_blocks = (int32_t)rk_ceil_div(wgrad->out_channels, RK_LANES);
  wgrad->in_group = wgrad->in_blocks;
  wgrad->out_group = wgrad->out_blocks;
  // Sums of products that a pair of blocks needs: one per tap, or per value of a tile.
  const int64_t held = (winograd ? RK_WINOGRAD_VALUES : taps) * RK_LANES * RK_LANES;
  const int64_t target = winograd ? sums_target_winograd : sums_target;
  while (wgrad->in_group * (int64_t)wgrad->out_group * held > target && halve_group(wgrad)) {
  }
  // More tasks by smaller groups, as long as enough is done with what is read (what is transformed
  // is worth too much); then by cutting the batch, which costs writing and adding up more partial
  // sums.
  while (!winograd && group_tasks(wgrad) < TASKS_WANTED) {
    rk_wgrad smaller = *wgrad;
    if (!halve_group(&smaller)) break;
    const int64_t products = (int64_t)smaller.in_group * smaller.out_group * taps;
    if (products < INTENSITY_MIN * (smaller.in_group + smaller.out_group)) break;
    *wgrad = smaller;
  }
  const int64_t groups = group_tasks(wgrad);
  int64_t chunks = rk_ceil_div(TASKS_WANTED, groups);
  if (winograd) {
    // Each long enough for sums to stay in registers a while.
    const int64_t longest = rk_winograd_gradient_tiles(wgrad) / CHUNK_TILES_MIN;
    if (chunks > longest) chunks = longest;
  }
  if (chunks > wgrad->images) chunks = wgrad->images;
  wgrad->chunks = (int32_t)(chunks < 1 ? 1 : chunks);

  const int64_t sums = (int64_t)wgrad->out_blocks * wgrad->in_blocks;
  wgrad->tasks = groups * wgrad->chunks;
  wgrad->reduce_tasks = sums;
  wgrad->partial_floats = wgrad->chunks * sums * taps * RK_LANES * RK_LANES;
  if (winograd) {
    rk_winograd_gradient_prepare(wgrad);
  } else {
    int32_t rows, images;
    rk_wgrad_strip(wgrad, &rows, &images);
    // A panel of an image ends with one float more, see stage_pixel.
    wgrad->scratch_floats = images * panel_floats(wgrad, rows) + RK_LANES;
  }
}
