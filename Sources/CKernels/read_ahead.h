// Fetching what the next task reads while this one multiplies. A task begins with a source that is
// rarely in a near cache, and waits for it while staging, or in every tile for a few lines of each
// block, which the processor does not foresee. Threads take tasks in order, so the next slot's
// source is fetched into the L2 cache by this slot's tiles, some lines each.
#ifndef RK_READ_AHEAD_H
#define RK_READ_AHEAD_H

#include "stage.h"

// Consecutive cache lines, as many of every source block.
typedef struct read_ahead {
  const float *first;  // of the first source block
  int64_t lines;
} read_ahead;

// The rows of source that the slot after `slot` reads and this one, whose window and image are
// given, does not. None for a pass in phases, whose bands overlap, or one that skips rows.
static read_ahead read_ahead_of_next(const rk_conv *conv, const window *view, const float *image,
                                     int64_t slot) {
  const read_ahead none = {.first = image};
  const rk_axis axis = view->vertical;
  if (conv->phase_count > 1 || rk_axis_folds(axis) != axis.step) return none;
  if (slot + 1 == conv->slots) return none;
  const int64_t reach = axis.low + axis.span + 1;
  int64_t first_row = view->first_row + view->rows;
  int64_t begin = (first_row - 1) * axis.step + reach;
  if ((slot + 1) % conv->bands == 0) {
    image += (int64_t)conv->in_blocks * conv->in_h * conv->in_w * RK_LANES;
    first_row = begin = 0;
  }
  int64_t end = (first_row + view->rows - 1) * axis.step + reach;
  if (end > conv->in_h) end = conv->in_h;
  if (end <= begin) return none;
  return (read_ahead){.first = image + begin * conv->in_w * RK_LANES,
                      .lines = (end - begin) * conv->in_w};
}

// `lines` of them into the L2 cache.
RK_INLINE void read_ahead_fetch(const float *first, int32_t lines) {
  for (int32_t i = 0; i < lines; i++) __builtin_prefetch(first + i * RK_LANES, 0, 2);
}

#endif
