// The weight gradient of a layer that reads images: with three input lanes a tap has too few sums
// to keep the multipliers busy, so neighbouring taps of a kernel row are summed together. In the
// panel of an image their lanes follow each other: at stride s, those of every s-th tap.
//
// Included by wgrad.h.

// The outer product of N such taps' lanes with all output lanes of B blocks, see wgrad_outer. Sums
// of a tap are `sums_tap` floats from the one before. N and B are constants where this is inlined.
RK_INLINE void wgrad_image_outer(const int B, const int N, const wgrad_piece *piece,
                                 int64_t sums_tap) {
  enum { MOST = 4 * RK_IMAGE_LANES };
  vf sum[2][MOST];
  RK_UNROLL for (int b = 0; b < B; b++) {
    RK_UNROLL for (int i = 0; i < N * RK_IMAGE_LANES; i++) sum[b][i] = splat(0);
  }
  for (int32_t image = 0; image < piece->images; image++) {
    for (int32_t row = 0; row < piece->rows; row++) {
      const float *x = piece->x + image * piece->x_image + row * piece->x_row;
      const float *dy0 = piece->dy + image * piece->dy_image + row * piece->dy_row;
      const float *dy1 = dy0 + (B > 1 ? piece->dy_block : 0);
      for (int64_t col = 0; col < piece->cols; col++) {
        const vf d0 = load(dy0 + col * RK_LANES);
        const vf d1 = load(dy1 + col * RK_LANES);
        RK_UNROLL for (int i = 0; i < N * RK_IMAGE_LANES; i++) {
          const vf v = splat(x[i]);
          sum[0][i] = mul_add(v, d0, sum[0][i]);
          if (B > 1) sum[1][i] = mul_add(v, d1, sum[1][i]);
        }
        x += RK_IMAGE_LANES;
      }
    }
  }
  RK_UNROLL for (int b = 0; b < B; b++) {
    RK_UNROLL for (int i = 0; i < N * RK_IMAGE_LANES; i++) {
      float *to = piece->sums + b * piece->sums_block + i / RK_IMAGE_LANES * sums_tap +
                  i % RK_IMAGE_LANES * RK_LANES;
      store(to, load(to) + sum[b][i]);
    }
  }
}

typedef void (*wgrad_image_function)(const wgrad_piece *, int64_t);
#define RK_IMAGE_OUTER(B, N)                                                      \
  static void wgrad_image_##B##_##N(const wgrad_piece *piece, int64_t sums_tap) { \
    wgrad_image_outer(B, N, piece, sums_tap);                                     \
  }
RK_IMAGE_OUTER(1, 1)
#if RK_OUTER_TAPS > 1
RK_IMAGE_OUTER(1, 2)
#endif
#if RK_OUTER_TAPS > 2
RK_IMAGE_OUTER(1, 3)
RK_IMAGE_OUTER(1, 4)
#endif
static const wgrad_image_function wgrad_image_single[] = {
    wgrad_image_1_1,
#if RK_OUTER_TAPS > 1
    wgrad_image_1_2,
#endif
#if RK_OUTER_TAPS > 2
    wgrad_image_1_3,
    wgrad_image_1_4,
#endif
};
#if RK_OUTER_PAIR
RK_IMAGE_OUTER(2, 1)
RK_IMAGE_OUTER(2, 2)
RK_IMAGE_OUTER(2, 3)
RK_IMAGE_OUTER(2, 4)
static const wgrad_image_function wgrad_image_pair[] = {wgrad_image_2_1, wgrad_image_2_2,
                                                        wgrad_image_2_3, wgrad_image_2_4};
#endif

// All taps and `width` output blocks, over the strip.
static void wgrad_image_block(const wgrad_strip *strip, const int64_t *taps, int32_t kernel,
                              int32_t stride, int width, const float *dy, float *sums,
                              int64_t sums_block) {
#if RK_OUTER_PAIR
  const wgrad_image_function *functions = width == 2 ? wgrad_image_pair : wgrad_image_single;
#else
  (void)width;
  const wgrad_image_function *functions = wgrad_image_single;
#endif
  const int64_t sums_tap = (int64_t)stride * RK_LANES * RK_LANES;
  const wgrad_cut cut = wgrad_pieces(strip);
  for (int32_t image = 0; image < strip->images; image += cut.images) {
    for (int32_t row = 0; row < strip->rows; row += cut.rows) {
      wgrad_piece piece = wgrad_piece_at(strip, cut, image, row, dy, sums_block);
      const float *first = strip->x + image * strip->x_image + row * strip->x_row;
      for (int32_t run = 0; run < kernel * stride; run++) {
        const int32_t fold = run % stride, tap = run / stride * kernel + fold;
        int32_t left = fold < kernel ? (kernel - fold + stride - 1) / stride : 0;
        for (int32_t done = 0; left > 0;) {
          // As even as possible.
          const int32_t count = left / (int32_t)rk_ceil_div(left, RK_OUTER_TAPS);
          piece.x = first + taps[tap + done * stride];
          piece.sums = sums + ((int64_t)tap + done * stride) * RK_LANES * RK_LANES;
          functions[count - 1](&piece, sums_tap);
          done += count;
          left -= count;
        }
      }
    }
  }
}
