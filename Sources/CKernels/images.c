// Images enter the engine.
#include <string.h>

#include "ckernels.h"

int64_t rk_first_not_finite(const float *values, int64_t n) {
  const uint32_t exponent = 0x7f800000u;
  enum { STRETCH = 1024 };
  for (int64_t begin = 0; begin < n; begin += STRETCH) {
    const int64_t end = n - begin < STRETCH ? n : begin + STRETCH;
    uint32_t found = 0;
    for (int64_t i = begin; i < end; i++) {
      uint32_t bits;
      memcpy(&bits, &values[i], sizeof bits);
      found |= (bits & exponent) == exponent;
    }
    if (!found) continue;
    for (int64_t i = begin; i < end; i++) {
      uint32_t bits;
      memcpy(&bits, &values[i], sizeof bits);
      if ((bits & exponent) == exponent) return i + 1;
    }
  }
  return 0;
}

// One channel into its lane.
static void load_channel(const void *nchw, int32_t is_u8, int64_t first, int64_t pixels,
                         const float *mean, int64_t mean_step, float scale, float *lane) {
  if (is_u8) {
    const uint8_t *from = (const uint8_t *)nchw + first;
    for (int64_t i = 0; i < pixels; i++) {
      lane[i * RK_LANES] = ((float)from[i] - mean[i * mean_step]) * scale;
    }
  } else {
    const float *from = (const float *)nchw + first;
    for (int64_t i = 0; i < pixels; i++) {
      lane[i * RK_LANES] = (from[i] - mean[i * mean_step]) * scale;
    }
  }
}

int64_t rk_load_image(const void *nchw, int32_t is_u8, int32_t channels, int64_t pixels,
                      const float *mean, int64_t mean_pixels, const float *scale, float *out,
                      int64_t task) {
  const int64_t first = task * channels * pixels;
  if (!is_u8) {
    const int64_t bad = rk_first_not_finite((const float *)nchw + first, channels * pixels);
    if (bad != 0) return bad;
  }
  const int64_t blocks = (channels + RK_LANES - 1) / RK_LANES;
  out += task * blocks * pixels * RK_LANES;
  // A stretch of pixels at a time, so that it is still in the cache when its next channel comes.
  enum { STRETCH = 256 };
  for (int64_t block = 0; block < blocks; block++) {
    const int64_t left = channels - block * RK_LANES;
    const int64_t lanes = left < RK_LANES ? left : RK_LANES;
    for (int64_t begin = 0; begin < pixels; begin += STRETCH) {
      const int64_t n = pixels - begin < STRETCH ? pixels - begin : STRETCH;
      float *to = out + (block * pixels + begin) * RK_LANES;
      if (lanes < RK_LANES) memset(to, 0, (size_t)n * RK_LANES * sizeof *to);
      for (int64_t lane = 0; lane < lanes; lane++) {
        const int64_t channel = block * RK_LANES + lane;
        const float zero = 0;
        const float *means = &zero;
        int64_t mean_step = 0;
        if (mean != NULL) {
          mean_step = mean_pixels > 1;
          means = mean + channel * mean_pixels + begin * mean_step;
        }
        load_channel(nchw, is_u8, first + channel * pixels + begin, n, means, mean_step,
                     scale != NULL ? scale[channel] : 1, to + lane);
      }
    }
  }
  return 0;
}
