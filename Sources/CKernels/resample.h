// Resampling of byte images, and their way into a batch. Included once per instruction set.
//
// Sums are those of Pillow's antialiased resampling, bit for bit: weights in 22 bits after the
// point, columns first, rounded to bytes in between.
#ifndef RK_RESAMPLE_H
#define RK_RESAMPLE_H

#include "simd.h"

enum { RK_WEIGHT_BITS = 22 };

RK_INLINE vi widen(const uint8_t *p) {
  return __builtin_convertvector(*(const vb_unaligned *)p, vi);
}

RK_INLINE vb rounded(vi sums) {
  const vi bytes =
      __builtin_elementwise_min(__builtin_elementwise_max(sums >> RK_WEIGHT_BITS, (vi)0), (vi)255);
  return __builtin_convertvector(bytes, vb);
}

// Some rows side by side, so that one vector holds a column of them: 16 of grey pixels, or 4 of
// RGB ones whose fourth byte is whatever follows. Where rows are missing, the last stands for them.
RK_INLINE void interleave_grey(const uint8_t *source, int64_t stride, int32_t rows, int32_t width,
                               uint8_t *columns) {
  for (int32_t r = 0; r < RK_LANES; r++) {
    const uint8_t *row = source + stride * min_i32(r, rows - 1);
    for (int32_t x = 0; x < width; x++) columns[x * RK_LANES + r] = row[x];
  }
}

RK_INLINE void interleave_rgb(const uint8_t *source, int64_t stride, int32_t rows, int32_t width,
                              uint8_t *columns) {
  const uint8_t *row[4];
  for (int32_t r = 0; r < 4; r++) row[r] = source + stride * min_i32(r, rows - 1);
  for (int32_t x = 0; x < width - 1; x++) {
    RK_UNROLL for (int32_t r = 0; r < 4; r++) {
      memcpy(columns + x * RK_LANES + 4 * r, row[r] + 3 * (int64_t)x, 4);
    }
  }
  for (int32_t r = 0; r < 4; r++) {
    uint8_t *last = columns + (width - 1) * RK_LANES + 4 * r;
    memcpy(last, row[r] + 3 * (int64_t)(width - 1), 3);
    last[3] = 0;
  }
}

static void resample_columns(const uint8_t *source, int64_t stride, int32_t rows, int32_t width,
                             int32_t channels, const rk_filter *filter, uint8_t *out,
                             int64_t out_stride, uint8_t *columns) {
  if (channels == 3) {
    interleave_rgb(source, stride, rows, width, columns);
  } else {
    interleave_grey(source, stride, rows, width, columns);
  }
  for (int32_t x = 0; x < filter->count; x++) {
    const int32_t *weights = filter->weights + (int64_t)x * filter->stride;
    const uint8_t *from = columns + (int64_t)filter->first[x] * RK_LANES;
    vi sums = (vi)(1 << (RK_WEIGHT_BITS - 1));
    for (int32_t t = 0; t < filter->taps[x]; t++) sums += widen(from + t * RK_LANES) * weights[t];
    const vb bytes = rounded(sums);
    uint8_t all[RK_LANES];
    memcpy(all, &bytes, RK_LANES);
    if (channels == 3) {
      // The fourth byte is overwritten by the next pixel; the last has no room for it.
      const size_t size = x < filter->count - 1 ? 4 : 3;
      for (int32_t r = 0; r < rows; r++) {
        memcpy(out + out_stride * r + 3 * (int64_t)x, all + 4 * r, size);
      }
    } else {
      for (int32_t r = 0; r < rows; r++) out[out_stride * r + x] = all[r];
    }
  }
}

static void resample_row(const uint8_t *source, int64_t stride, const int32_t *weights,
                         int32_t taps, int64_t bytes, uint8_t *out) {
  const vi half = (vi)(1 << (RK_WEIGHT_BITS - 1));
  int64_t i = 0;
  for (; i + RK_LANES <= bytes; i += RK_LANES) {
    vi sums = half;
    for (int32_t t = 0; t < taps; t++) sums += widen(source + stride * t + i) * weights[t];
    *(vb_unaligned *)(out + i) = rounded(sums);
  }
  for (; i < bytes; i++) {
    int32_t sum = 1 << (RK_WEIGHT_BITS - 1);
    for (int32_t t = 0; t < taps; t++) sum += source[stride * t + i] * weights[t];
    sum >>= RK_WEIGHT_BITS;
    out[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
  }
}

// ---- Into a batch --------------------------------------------------------------------------

typedef uint8_t vb2 __attribute__((ext_vector_type(2 * RK_LANES)));

// The values of one channel of 16 RGB pixels. a and b together, and c twice, are two vectors of 32.
#define RK_EVERY_THIRD(ab, cc, k)                                                                 \
  __builtin_shufflevector(ab, cc, k, k + 3, k + 6, k + 9, k + 12, k + 15, k + 18, k + 21, k + 24, \
                          k + 27, k + 30, k + 33, k + 36, k + 39, k + 42, k + 45)

RK_INLINE vb2 joined(vb a, vb b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
                                 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
}

RK_INLINE vf channel_of(const uint8_t *pixels, int32_t channels, int32_t channel) {
  const vb_unaligned *from = (const vb_unaligned *)pixels;
  if (channels == 1) return __builtin_convertvector(from[0], vf);
  const vb2 ab = joined(from[0], from[1]), cc = joined(from[2], from[2]);
  const vb bytes = channel == 0   ? RK_EVERY_THIRD(ab, cc, 0)
                   : channel == 1 ? RK_EVERY_THIRD(ab, cc, 1)
                                  : RK_EVERY_THIRD(ab, cc, 2);
  return __builtin_convertvector(bytes, vf);
}

RK_INLINE vf reversed(vf v) {
  return __builtin_shufflevector(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

RK_INLINE void batch_row(const uint8_t *pixels, int32_t channels, int32_t channel, int32_t width,
                         int32_t mirrored, float offset, const float *mean, int32_t mean_step,
                         float scale, float *out) {
  int32_t x = 0;
  for (; x + RK_LANES <= width; x += RK_LANES) {
    const int32_t at = mirrored ? width - RK_LANES - x : x;
    vf values = channel_of(pixels + (int64_t)x * channels, channels, channel) + splat(offset);
    if (mirrored) values = reversed(values);
    const vf means = mean_step ? load(mean + at) : splat(mean[0]);
    store(out + at, (values - means) * splat(scale));
  }
  for (; x < width; x++) {
    const int32_t at = mirrored ? width - 1 - x : x;
    const float value = (float)pixels[(int64_t)x * channels + channel] + offset;
    out[at] = (value - mean[at * mean_step]) * scale;
  }
}

static void batch_image(const uint8_t *pixels, int32_t height, int32_t width,
                        const rk_normalize *normalize, float *out) {
  const int32_t channels = normalize->channels;
  const int64_t plane = (int64_t)height * width;
  const float zero = 0;
  const int32_t mean_step = normalize->mean != NULL && normalize->mean_pixels > 1;
  for (int32_t y = 0; y < height; y++) {
    const uint8_t *row = pixels + (int64_t)y * width * channels;
    for (int32_t c = 0; c < channels; c++) {
      const float *mean = &zero;
      if (normalize->mean != NULL) {
        mean = normalize->mean + c * normalize->mean_pixels + (int64_t)y * width * mean_step;
      }
      const float offset = normalize->offset != NULL ? normalize->offset[c] : 0;
      const float scale = normalize->scale != NULL ? normalize->scale[c] : 1;
      float *to = out + c * plane + (int64_t)y * width;
      // Each case with its channels known, so that the choice is made outside the loop.
      if (channels == 1) {
        batch_row(row, 1, 0, width, normalize->mirrored, offset, mean, mean_step, scale, to);
      } else if (c == 0) {
        batch_row(row, 3, 0, width, normalize->mirrored, offset, mean, mean_step, scale, to);
      } else if (c == 1) {
        batch_row(row, 3, 1, width, normalize->mirrored, offset, mean, mean_step, scale, to);
      } else {
        batch_row(row, 3, 2, width, normalize->mirrored, offset, mean, mean_step, scale, to);
      }
    }
  }
}

#endif
