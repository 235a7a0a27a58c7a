// Patches as vectors: what fully connected layers read of a map.
#include <string.h>

#include "ckernels.h"

// The pixels of a side that cell `cell` of the window at `position` covers: one, or, if the side is
// shorter than the window, those between the cell's edges.
typedef struct span {
  int32_t begin, end;
} span;

static span covered(int32_t side, int32_t window, int32_t position, int32_t cell) {
  if (side >= window) return (span){position + cell, position + cell + 1};
  return (span){cell * side / window, ((cell + 1) * side + window - 1) / window};
}

static int32_t positions(int32_t side, int32_t window) {
  return side > window ? side - window + 1 : 1;
}

// Goes over an image's patches: into `to`, or, if that is NULL, from `from` back into `dx`.
static void walk(const rk_flatten *shape, const float *x, float *to, const float *from, float *dx,
                 int64_t image) {
  const int32_t window = shape->window;
  const int32_t down = positions(shape->in_h, window), across = positions(shape->in_w, window);
  const int64_t plane = (int64_t)shape->in_h * shape->in_w * RK_LANES;
  const int64_t vectors = (int64_t)shape->images * down * across;
  for (int32_t position = 0; position < down * across; position++) {
    const int64_t vector = image * down * across + position;
    int64_t feature = 0;
    for (int32_t channel = 0; channel < shape->channels; channel++) {
      const int64_t source = channel / RK_LANES * plane + channel % RK_LANES;
      for (int32_t i = 0; i < window; i++) {
        const span rows = covered(shape->in_h, window, position / across, i);
        for (int32_t j = 0; j < window; j++, feature++) {
          const span cols = covered(shape->in_w, window, position % across, j);
          const int64_t at =
              (feature / RK_LANES * vectors + vector) * RK_LANES + feature % RK_LANES;
          const float share = 1 / (float)((rows.end - rows.begin) * (cols.end - cols.begin));
          float sum = 0;
          for (int32_t row = rows.begin; row < rows.end; row++) {
            for (int32_t col = cols.begin; col < cols.end; col++) {
              const int64_t pixel = source + ((int64_t)row * shape->in_w + col) * RK_LANES;
              if (to != NULL) {
                sum += x[pixel];
              } else {
                dx[pixel] += from[at] * share;
              }
            }
          }
          if (to != NULL) to[at] = sum * share;
        }
      }
    }
    // The lanes beyond the last feature.
    for (; to != NULL && feature % RK_LANES != 0; feature++) {
      to[(feature / RK_LANES * vectors + vector) * RK_LANES + feature % RK_LANES] = 0;
    }
  }
}

static int64_t image_floats(const rk_flatten *shape) {
  const int64_t blocks = (shape->channels + RK_LANES - 1) / RK_LANES;
  return blocks * shape->in_h * shape->in_w * RK_LANES;
}

void rk_flatten_run(const rk_flatten *shape, const float *x, float *out, int64_t task) {
  walk(shape, x + task * image_floats(shape), out, NULL, NULL, task);
}

void rk_flatten_backward(const rk_flatten *shape, const float *dout, float *dx, int64_t task) {
  const int64_t floats = image_floats(shape);
  memset(dx + task * floats, 0, (size_t)floats * sizeof *dx);
  walk(shape, NULL, NULL, dout, dx + task * floats, task);
}
