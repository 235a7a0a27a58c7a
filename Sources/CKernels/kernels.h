// All kernels of one instruction set. Included once by each isa_*.c, which says what that is.
#include "batchnorm.h"
#include "bias.h"
#include "conv.h"
#include "highway.h"
#include "maxout.h"
#include "pack.h"
#include "pooling.h"
#include "resample.h"
#include "sgd.h"
#include "shortcut.h"
#include "wgrad.h"
#include "winograd_conv.h"
#include "winograd_pack.h"
#include "winograd_wgrad.h"

static void conv_pack(const rk_conv *conv, const float *oihw, const float *row_scale,
                      int32_t transposed, float *packed, int64_t task) {
  if (conv->algorithm == RK_DIRECT) {
    direct_pack(conv, oihw, row_scale, transposed, packed, task);
  } else {
    winograd_pack(conv, oihw, row_scale, transposed, packed, task);
  }
}

static void conv_run(const rk_conv *conv, const rk_source *source, const float *packed,
                     float *destination, const rk_epilogue *epilogue, int64_t task,
                     float *scratch) {
  switch (conv->algorithm) {
    case RK_WINOGRAD_4:
      winograd4_run(conv, source, packed, destination, epilogue, task, scratch);
      break;
    case RK_WINOGRAD_2:
      winograd2_run(conv, source, packed, destination, epilogue, task, scratch);
      break;
    default:
      direct_run(conv, source, packed, destination, epilogue, task, scratch);
  }
}

static void wgrad_run(const rk_wgrad *wgrad, const rk_source *x, const float *dy, float *partials,
                      int64_t task, float *scratch) {
  if (wgrad->algorithm == RK_WINOGRAD_4) {
    winograd_wgrad_run(wgrad, x, dy, partials, task, scratch);
  } else {
    wgrad_direct_run(wgrad, x, dy, partials, task, scratch);
  }
}

const rk_kernels RK_TABLE = {
    .name = RK_NAME,
    .conv_prepare = rk_conv_prepare,
    .conv_pack = conv_pack,
    .conv_run = conv_run,
    .wgrad_prepare = rk_wgrad_prepare,
    .wgrad_run = wgrad_run,
    .wgrad_reduce = wgrad_reduce,
    .apply_run = apply_run,
    .bn_backward_sums = bn_backward_sums,
    .bn_backward_apply = bn_backward_apply,
    .bias_backward = bias_backward,
    .highway = highway,
    .highway_backward = highway_backward,
    .maxout = maxout,
    .maxout_backward = maxout_backward,
    .max_pool = max_pool,
    .max_pool_backward = max_pool_backward,
    .pad_shortcut = pad_shortcut,
    .pad_shortcut_backward = pad_shortcut_backward,
    .average_pool = average_pool,
    .average_pool_backward = average_pool_backward,
    .sgd = sgd,
    .resample_columns = resample_columns,
    .resample_row = resample_row,
    .batch_image = batch_image,
};
