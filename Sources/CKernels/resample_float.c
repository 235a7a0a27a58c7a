// Resampling of float planes: Pillow's sums for its mode F, which are rounded after each pass.
#include "ckernels.h"

// A fused multiply-add would round otherwise.
#pragma STDC FP_CONTRACT OFF

void rk_resample_float_columns(const float *source, int64_t stride, int64_t rows,
                               const rk_float_filter *filter, float *out, int64_t out_stride) {
  for (int64_t r = 0; r < rows; r++) {
    for (int32_t x = 0; x < filter->count; x++) {
      const float *from = source + r * stride + filter->first[x];
      const double *weights = filter->weights + (int64_t)x * filter->stride;
      double sum = 0;
      for (int32_t t = 0; t < filter->taps[x]; t++) sum += from[t] * weights[t];
      out[r * out_stride + x] = (float)sum;
    }
  }
}

void rk_resample_float_row(const float *source, int64_t stride, const double *weights, int32_t taps,
                           int64_t count, float *out) {
  for (int64_t x = 0; x < count; x++) {
    double sum = 0;
    for (int32_t t = 0; t < taps; t++) sum += source[t * stride + x] * weights[t];
    out[x] = (float)sum;
  }
}
