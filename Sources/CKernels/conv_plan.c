// How a convolution is computed and cut into tasks. Neither the algorithm nor the slots depend on the
// number of threads or the instruction set, so results depend on neither the one nor, beyond
// rounding, the other. How many destination blocks a task has does, and changes no sum.
#include "plan.h"

// A task's panel should leave room in a 512 KB L2 cache for destination and weights...
static const int64_t panel_target = 192 * 1024 / sizeof(float);
// ... unless weights are too large to stay there anyhow: then the fewer bands, the less often they
// are read.
static const int64_t panel_target_wide = 512 * 1024 / sizeof(float);
// Enough tasks for the threads of a large machine to share evenly.
enum { TASKS_WANTED = 64 };
// But a band with fewer pixels than this spends its time starting and stopping.
enum { BAND_PIXELS_MIN = 56, BAND_ROWS_MIN = 4 };

void rk_phase_axes(const rk_conv *conv, const rk_phase *phase, rk_axis *vertical,
                   rk_axis *horizontal) {
  *vertical = *horizontal = (rk_axis){.low = 0, .span = 0, .step = conv->in_step};
  if (phase->tap_begin >= phase->tap_end) return;
  const rk_tap *first = &conv->taps[phase->tap_begin];
  int32_t high_h = first->dh, high_w = first->dw;
  vertical->low = first->dh;
  horizontal->low = first->dw;
  for (int32_t i = phase->tap_begin + 1; i < phase->tap_end; i++) {
    const rk_tap *tap = &conv->taps[i];
    if (tap->dh < vertical->low) vertical->low = tap->dh;
    if (tap->dh > high_h) high_h = tap->dh;
    if (tap->dw < horizontal->low) horizontal->low = tap->dw;
    if (tap->dw > high_w) high_w = tap->dw;
  }
  vertical->span = high_h - vertical->low;
  horizontal->span = high_w - horizontal->low;
}

static int64_t panel_floats(const rk_conv *conv, const rk_phase *phase, int32_t rows) {
  if (phase->tap_begin >= phase->tap_end) return 0;
  rk_axis vertical, horizontal;
  rk_phase_axes(conv, phase, &vertical, &horizontal);
  return conv->in_blocks * rk_panel_width(vertical, rows) *
         rk_panel_width(horizontal, phase->cols) * conv->pixel_lanes;
}

// Cuts a phase into bands of at most `rows` rows, as equal as possible.
static void cut_bands(rk_phase *phase, int64_t rows) {
  phase->bands = phase->band_rows = 0;
  if (phase->rows <= 0 || phase->cols <= 0) return;
  phase->bands = (int32_t)rk_ceil_div(phase->rows, rows);
  phase->band_rows = (int32_t)rk_ceil_div(phase->rows, phase->bands);
}

// Halves the bands of a phase unless they would become too small. Returns whether it did.
static int halve_bands(const rk_conv *conv, rk_phase *phase) {
  if (phase->band_rows < 2) return 0;
  const int32_t rows = (phase->band_rows + 1) / 2;
  if ((int64_t)rows * phase->cols < BAND_PIXELS_MIN) return 0;
  if (phase->tap_end - phase->tap_begin > 1 && rows < BAND_ROWS_MIN) return 0;
  // Or that stages more than half of its rows once more, for the next band.
  rk_axis vertical, horizontal;
  rk_phase_axes(conv, phase, &vertical, &horizontal);
  if ((int64_t)rows * vertical.step < 2 * vertical.span) return 0;
  cut_bands(phase, rows);
  return 1;
}

// Cuts the batch into slots, which make up the statistics and therefore must not depend on the
// number of threads: images, in bands that fit the cache, and in narrower ones where there would be
// too few tasks for a large machine even if every pair of destination blocks were a task.
static void cut_direct(rk_conv *conv, int32_t images) {
  conv->pixel_lanes = rk_pixel_lanes(conv->in_channels, conv->tap_count);
  conv->packed_floats = (int64_t)conv->out_blocks * conv->in_blocks * conv->tap_count *
                        (conv->pixel_lanes * RK_LANES);
  const int64_t target = conv->packed_floats > panel_target_wide ? panel_target_wide : panel_target;
  for (int32_t i = 0; i < conv->phase_count; i++) {
    rk_phase *phase = &conv->phases[i];
    // The panel's size is linear in its rows.
    const int64_t one = panel_floats(conv, phase, 1), more = panel_floats(conv, phase, 2) - one;
    int64_t rows = phase->rows;
    if (more > 0) rows = target > one ? 1 + (target - one) / more : 1;
    cut_bands(phase, rows < 1 ? 1 : rows);
  }
  for (int halved = 1; halved;) {
    conv->bands = 0;
    for (int32_t i = 0; i < conv->phase_count; i++) conv->bands += conv->phases[i].bands;
    conv->slots = (int64_t)images * conv->bands;
    halved = 0;
    if (conv->slots * rk_ceil_div(conv->out_blocks, 2) >= TASKS_WANTED) break;
    for (int32_t i = 0; i < conv->phase_count; i++) halved |= halve_bands(conv, &conv->phases[i]);
  }

  conv->scratch_floats = 0;
  for (int32_t i = 0; i < conv->phase_count; i++) {
    const int64_t floats = panel_floats(conv, &conv->phases[i], conv->phases[i].band_rows);
    if (floats > conv->scratch_floats) conv->scratch_floats = floats;
  }
  // A panel of an image ends with one float more, see stage_pixel.
  conv->scratch_floats += RK_LANES;
}

// The time that the thread with most to do takes, in pairs of destination blocks of a slot.
static int64_t longest_share(const rk_conv *conv, int32_t group_blocks, int32_t workers) {
  const int64_t tasks = conv->slots * rk_ceil_div(conv->out_blocks, group_blocks);
  return rk_ceil_div(tasks, workers) * rk_ceil_div(group_blocks, 2);
}

// Groups of destination blocks where slots alone do not share out evenly among the threads: the
// largest that do, to within a sixteenth, because each group stages or transforms the source again.
// In pairs, because the kernels work on two at a time.
static void cut_groups(rk_conv *conv, int32_t workers) {
  int64_t shortest = longest_share(conv, conv->out_blocks, workers);
  for (int32_t blocks = 2; blocks < conv->out_blocks; blocks += 2) {
    const int64_t share = longest_share(conv, blocks, workers);
    if (share < shortest) shortest = share;
  }
  conv->group_blocks = conv->out_blocks;
  while (conv->group_blocks > 2 &&
         longest_share(conv, conv->group_blocks, workers) * 16 > shortest * 17) {
    const int32_t less = conv->group_blocks - 1;
    conv->group_blocks = less - less % 2;
  }
  conv->groups = (int32_t)rk_ceil_div(conv->out_blocks, conv->group_blocks);
  conv->tasks = conv->slots * conv->groups;
}

// Winograd's algorithm on tiles of 4x4 has the fewest products, but four times the weights of the
// direct sum; on 2x2 not quite twice. A vector of weights serves as many multiply-adds as there are
// tiles: with very few, and more weights (in pairs of blocks) than an L2 cache keeps from one image
// to the next, reading weights is what takes the time.
enum { FEW_TILES = 4, MANY_WEIGHTS = 16 };

static int32_t choose_algorithm(const rk_conv *conv, int32_t images) {
  if (conv->algorithm == RK_DIRECT || !rk_winograd_applies(conv)) return RK_DIRECT;
  if (conv->algorithm != RK_CHOOSE) return conv->algorithm;
  // A tile of an image costs more to transform than its three channels take to multiply.
  if (rk_pixel_lanes(conv->in_channels, conv->tap_count) < RK_LANES) return RK_DIRECT;
  const int64_t tiles = images * rk_ceil_div(conv->out_h, 4) * rk_ceil_div(conv->out_w, 4);
  const int64_t weights = conv->in_blocks * (int64_t)conv->out_blocks;
  return tiles <= FEW_TILES && weights >= MANY_WEIGHTS ? RK_WINOGRAD_2 : RK_WINOGRAD_4;
}

// Weights that an L2 cache holds beside source and destination. Those of a single image's networks
// are in none, as other layers' have been read since.
enum { NEAR_FLOATS = 256 * 1024 / sizeof(float) };

void rk_conv_prepare(rk_conv *conv, int32_t images, int32_t workers) {
  conv->in_blocks = (int32_t)rk_ceil_div(conv->in_channels, RK_LANES);
  conv->out_blocks = (int32_t)rk_ceil_div(conv->out_channels, RK_LANES);
  conv->algorithm = choose_algorithm(conv, images);
  if (conv->algorithm == RK_DIRECT) {
    cut_direct(conv, images);
    cut_groups(conv, workers);
  } else {
    const int32_t m = conv->algorithm == RK_WINOGRAD_4 ? 4 : 2;
    rk_winograd_prepare(conv, images, m);
    cut_groups(conv, workers);
    rk_winograd_scratch(conv, m);
  }
  conv->far_weights = images == 1 || conv->packed_floats > NEAR_FLOATS;
}

int64_t rk_conv_slot_values(const rk_conv *conv, int64_t slot) {
  if (conv->algorithm != RK_DIRECT) return rk_winograd_slot_values(conv, slot);
  const rk_phase *phase = conv->phases;
  const int64_t band = slot % conv->bands;
  const int64_t rows = rk_part_begin(phase->rows, phase->bands, band + 1) -
                       rk_part_begin(phase->rows, phase->bands, band);
  return rows * phase->cols;
}
