// Staging: copying what a task reads of its source into a panel, with padding as zeros and batch
// normalisation and ReLU applied on the way.
#ifndef RK_STAGE_H
#define RK_STAGE_H

#include "simd.h"

// The values of one block are read as scale*v + shift, then through ReLU, as rk_source says.
enum { LOAD_PLAIN, LOAD_AFFINE, LOAD_AFFINE_RELU };

RK_INLINE int load_kind(const rk_source *source) {
  if (source->scale == NULL) return LOAD_PLAIN;
  return source->relu ? LOAD_AFFINE_RELU : LOAD_AFFINE;
}

RK_INLINE vf load_as(const int kind, const float *p, vf scale, vf shift) {
  vf v = load(p);
  if (kind != LOAD_PLAIN) v = mul_add(v, scale, shift);
  if (kind == LOAD_AFFINE_RELU) v = relu(v);
  return v;
}

// A panel's pixel has `lanes` floats: RK_LANES, or RK_IMAGE_LANES. Of the latter four are stored at
// a time, the last of which is the next pixel's, stored after it; so the panel is one float longer.
typedef float vf4 __attribute__((ext_vector_type(4), may_alias, aligned(4)));

RK_INLINE void stage_pixel(const int lanes, float *to, vf v) {
  if (lanes == RK_LANES) {
    store(to, v);
  } else {
    *(vf4 *)to = __builtin_shufflevector(v, v, 0, 1, 2, 3);
  }
}

RK_INLINE void stage_zeros(const int lanes, float *to, int64_t n) {
  for (int64_t i = 0; i < n; i++) stage_pixel(lanes, to + i * lanes, splat(0));
}

RK_INLINE void stage_copy(const int kind, const int lanes, const float *from, int64_t step,
                          float *to, int64_t n, vf scale, vf shift) {
  for (int64_t i = 0; i < n; i++) {
    stage_pixel(lanes, to + i * lanes, load_as(kind, from + i * step, scale, shift));
  }
}

// A window of a source: outputs [first, first + count) of a pass along each axis.
typedef struct window {
  rk_axis vertical, horizontal;
  int32_t first_row, rows, first_col, cols;
} window;

// Pixels of a panel row.
RK_INLINE int64_t window_row_pixels(const window *w) {
  return rk_panel_width(w->horizontal, w->cols);
}

RK_INLINE int64_t window_pixels(const window *w) {
  return rk_panel_width(w->vertical, w->rows) * window_row_pixels(w);
}

// Floats of a block's panel, and from one row of it to the next.
RK_INLINE int64_t window_floats(const window *w) { return window_pixels(w) * RK_LANES; }
RK_INLINE int64_t window_row_floats(const window *w) { return window_row_pixels(w) * RK_LANES; }

// The pixel where output (0, 0) of the window finds tap (dh, dw) in a block's panel.
RK_INLINE int64_t window_offset(const window *w, int32_t dh, int32_t dw) {
  return rk_axis_offset(w->vertical, w->rows, dh) * window_row_pixels(w) +
         rk_axis_offset(w->horizontal, w->cols, dw);
}

// True if the window can be read where the source lies: pixels follow each other and none is
// padding.
RK_INLINE int window_is_direct(const window *w, int32_t in_h, int32_t in_w) {
  const rk_axis v = w->vertical, h = w->horizontal;
  return v.step == 1 && h.step == 1 && w->first_row + v.low >= 0 && w->first_col + h.low >= 0 &&
         (int64_t)w->first_row + w->rows - 1 + v.low + v.span < in_h &&
         (int64_t)w->first_col + w->cols - 1 + h.low + h.span < in_w;
}

// Stages one row of one block.
RK_INLINE void stage_row(const int kind, const int lanes, const window *w, const float *row,
                         int32_t in_w, vf scale, vf shift, float *panel_row) {
  const rk_axis axis = w->horizontal;
  const int64_t step = axis.step;
  for (int32_t fold = 0; fold < rk_axis_folds(axis); fold++) {
    // Entry e of this fold holds source column origin + e * step: find those inside the source.
    const int64_t origin = (int64_t)w->first_col * step + axis.low + fold;
    const int64_t used = rk_axis_used(axis, w->cols, fold);
    int64_t begin = origin < 0 ? (-origin + step - 1) / step : 0;
    int64_t end = origin < in_w ? (in_w - origin + step - 1) / step : 0;
    if (begin > used) begin = used;
    if (end > used) end = used;
    if (end < begin) end = begin;
    float *to = panel_row + (int64_t)fold * rk_axis_length(axis, w->cols) * lanes;
    stage_zeros(lanes, to, begin);
    stage_copy(kind, lanes, row + (origin + begin * step) * RK_LANES, step * RK_LANES,
               to + begin * lanes, end - begin, scale, shift);
    stage_zeros(lanes, to + end * lanes, used - end);
  }
}

RK_INLINE void stage_block(const int kind, const int lanes, const window *w, const float *plane,
                           int32_t in_h, int32_t in_w, vf scale, vf shift, float *panel) {
  const rk_axis axis = w->vertical;
  const int64_t row_pixels = window_row_pixels(w);
  for (int32_t fold = 0; fold < rk_axis_folds(axis); fold++) {
    for (int32_t e = 0; e < rk_axis_used(axis, w->rows, fold); e++) {
      const int64_t row = ((int64_t)w->first_row + e) * axis.step + axis.low + fold;
      float *to = panel + ((int64_t)fold * rk_axis_length(axis, w->rows) + e) * row_pixels * lanes;
      if (row < 0 || row >= in_h) {
        stage_zeros(lanes, to, row_pixels);
      } else {
        stage_row(kind, lanes, w, plane + row * in_w * RK_LANES, in_w, scale, shift, to);
      }
    }
  }
}

RK_INLINE void stage_lanes(const int lanes, const window *w, const rk_source *source,
                           const float *image, int32_t in_h, int32_t in_w, int32_t first_block,
                           int32_t blocks, float *panel) {
  const int kind = load_kind(source);
  const int64_t plane = (int64_t)in_h * in_w * RK_LANES, panel_block = window_pixels(w) * lanes;
  for (int32_t i = 0; i < blocks; i++) {
    const int64_t block = first_block + i;
    const float *from = image + block * plane;
    float *to = panel + i * panel_block;
    vf scale = splat(0), shift = splat(0);
    if (kind != LOAD_PLAIN) {
      scale = load(source->scale + block * RK_LANES);
      shift = load(source->shift + block * RK_LANES);
    }
    switch (kind) {
      case LOAD_PLAIN:
        stage_block(LOAD_PLAIN, lanes, w, from, in_h, in_w, scale, shift, to);
        break;
      case LOAD_AFFINE:
        stage_block(LOAD_AFFINE, lanes, w, from, in_h, in_w, scale, shift, to);
        break;
      default:
        stage_block(LOAD_AFFINE_RELU, lanes, w, from, in_h, in_w, scale, shift, to);
    }
  }
}

// Stages blocks [first_block, first_block + blocks) of one image, `image` being its first block.
static void stage(const window *w, const rk_source *source, const float *image, int32_t in_h,
                  int32_t in_w, int32_t first_block, int32_t blocks, float *panel) {
  stage_lanes(RK_LANES, w, source, image, in_h, in_w, first_block, blocks, panel);
}

// The same of a source of three channels, whose panel holds no others.
static void stage_image(const window *w, const rk_source *source, const float *image, int32_t in_h,
                        int32_t in_w, float *panel) {
  stage_lanes(RK_IMAGE_LANES, w, source, image, in_h, in_w, 0, 1, panel);
}

#endif
