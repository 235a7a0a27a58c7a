// What the kernels of all instruction sets share: how work is cut into tasks, and how a source is
// laid out in a task's scratch panel.
#ifndef RK_PLAN_H
#define RK_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ckernels.h"

extern const rk_kernels rk_kernels_portable;
#if defined(__x86_64__)
extern const rk_kernels rk_kernels_avx2;
extern const rk_kernels rk_kernels_avx512;
#endif

// One axis (rows or columns) of what a pass reads: output i reads source i * step + d for taps d in
// [low, low + span].
//
// A panel holds these positions for n consecutive outputs, folded by step: first those with
// (d - low) % step = 0, then 1, and so on, each fold rk_axis_length long. Whatever the step,
// consecutive outputs of a tap are then consecutive in the panel, and a 1x1 convolution's panel
// holds only the pixels that it reads.
typedef struct rk_axis {
  int32_t low, span, step;
} rk_axis;

static inline int32_t rk_axis_folds(rk_axis axis) {
  return axis.step < axis.span + 1 ? axis.step : axis.span + 1;
}

static inline int32_t rk_axis_length(rk_axis axis, int32_t n) { return n + axis.span / axis.step; }

// Positions used in fold `fold`; at most the length.
static inline int32_t rk_axis_used(rk_axis axis, int32_t n, int32_t fold) {
  return n + (axis.span - fold) / axis.step;
}

// Where output 0's source at tap d is; output i's is i further.
static inline int64_t rk_axis_offset(rk_axis axis, int32_t n, int32_t d) {
  int32_t p = d - axis.low;
  return (int64_t)(p % axis.step) * rk_axis_length(axis, n) + p / axis.step;
}

static inline int64_t rk_panel_width(rk_axis axis, int32_t n) {
  return (int64_t)rk_axis_folds(axis) * rk_axis_length(axis, n);
}

// Lanes of a source pixel in a direct pass's panel. The three channels of an image lie close
// together: of whole blocks, neither the pixels nor the weights that a tile reads would stay in the
// L1 cache.
enum { RK_IMAGE_LANES = 3 };

static inline int32_t rk_pixel_lanes(int32_t channels, int32_t taps) {
  return channels == RK_IMAGE_LANES && taps > 1 ? RK_IMAGE_LANES : RK_LANES;
}

static inline int64_t rk_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Where part `part` of `total` things begins that are cut into `parts`, whose sizes differ by at
// most one.
static inline int64_t rk_part_begin(int64_t total, int64_t parts, int64_t part) {
  return total * part / parts;
}

// The axes of a phase, spanning its taps.
void rk_phase_axes(const rk_conv *conv, const rk_phase *phase, rk_axis *vertical,
                   rk_axis *horizontal);

// The strip of a batch that a weight-gradient task works on at a time: so many rows of one image,
// or so many whole images.
void rk_wgrad_strip(const rk_wgrad *wgrad, int32_t *rows, int32_t *images);

void rk_conv_prepare(rk_conv *conv, int32_t images, int32_t workers);
void rk_wgrad_prepare(rk_wgrad *wgrad);

// Values of a tile of 4x4 outputs; floats between the blocks of one value and the next's in scratch,
// which keep what a tile writes out of one set of the cache.
enum { RK_WINOGRAD_VALUES = 36, RK_WINOGRAD_PADDING = RK_LANES };

// Winograd's part of these (winograd_plan.c), for tiles of m x m outputs: whether it can do a pass,
// how it cuts the batch into slots, and the scratch that it needs once groups are known.
int rk_winograd_applies(const rk_conv *conv);
void rk_winograd_prepare(rk_conv *conv, int32_t images, int32_t m);
void rk_winograd_scratch(rk_conv *conv, int32_t m);
int64_t rk_winograd_slot_values(const rk_conv *conv, int64_t slot);
int rk_winograd_applies_to_gradient(const rk_wgrad *wgrad);
int64_t rk_winograd_gradient_tiles(const rk_wgrad *wgrad);
void rk_winograd_gradient_prepare(rk_wgrad *wgrad);

#endif
