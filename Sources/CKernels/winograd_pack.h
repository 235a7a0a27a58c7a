// Weights for Winograd's algorithm: G g G^T of every 3x3 kernel, see winograd.h. In double precision,
// as it is done once and every sum depends on it.
#ifndef RK_WINOGRAD_PACK_H
#define RK_WINOGRAD_PACK_H

#include "simd.h"

typedef double vd __attribute__((ext_vector_type(RK_LANES)));

// Row by row.
static const double winograd4_g[6][3] = {
    {1 / 1.265625, 0, 0},
    {-1 / 1.8984375, -0.75 / 1.8984375, -0.5625 / 1.8984375},
    {-1 / 1.8984375, 0.75 / 1.8984375, -0.5625 / 1.8984375},
    {1 / 7.59375, 1.5 / 7.59375, 2.25 / 7.59375},
    {1 / 7.59375, -1.5 / 7.59375, 2.25 / 7.59375},
    {0, 0, 1},
};
static const double winograd2_g[4][3] = {{-1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

// Where a pass finds its weights in OIHW.
typedef struct winograd_weights_in {
  const float *oihw;
  int64_t in_stride, out_stride;  // floats between neighbouring source and destination channels
  int32_t index[9];               // of the taps, row by row
} winograd_weights_in;

// All values of one source channel and a block of destination channels, `value_floats` apart.
RK_INLINE void winograd_pack_lane(const int N, const double g[][3], const winograd_weights_in *from,
                                  const float *scales, int64_t in, int64_t out, int32_t lanes,
                                  float *to, int64_t value_floats) {
  float taps[9][RK_LANES] = {{0}};
  for (int32_t lane = 0; lane < lanes; lane++) {
    const float *w = from->oihw + in * from->in_stride + (out + lane) * from->out_stride;
    for (int tap = 0; tap < 9; tap++) taps[tap][lane] = w[from->index[tap]];
  }
  const vf scale = load(scales);
  vd half[6][3];
  RK_UNROLL for (int j = 0; j < 3; j++) {
    vd w[3];
    RK_UNROLL for (int i = 0; i < 3; i++) {
      w[i] = __builtin_convertvector(load(taps[i * 3 + j]) * scale, vd);
    }
    RK_UNROLL for (int i = 0; i < N; i++) half[i][j] =
        g[i][0] * w[0] + g[i][1] * w[1] + g[i][2] * w[2];
  }
  RK_UNROLL for (int i = 0; i < N; i++) {
    RK_UNROLL for (int j = 0; j < N; j++) {
      const vd u = g[j][0] * half[i][0] + g[j][1] * half[i][1] + g[j][2] * half[i][2];
      store(to + (i * N + j) * value_floats, __builtin_convertvector(u, vf));
    }
  }
}

// Layout: [value][destination block][source block][source lane][destination lane].
static void winograd_pack(const rk_conv *conv, const float *oihw, const float *row_scale,
                          int32_t transposed, float *packed, int64_t task) {
  winograd_weights_in from = {
      .oihw = oihw,
      .in_stride = transposed ? (int64_t)conv->out_channels * 9 : 9,
      .out_stride = transposed ? 9 : (int64_t)conv->in_channels * 9,
  };
  for (int32_t i = 0; i < 9; i++) {
    const rk_tap *tap = &conv->taps[i];
    from.index[(tap->dh - conv->tiles.low_h) * 3 + tap->dw - conv->tiles.low_w] = tap->index;
  }
  const int64_t value_floats = (int64_t)conv->out_blocks * conv->in_blocks * (RK_LANES * RK_LANES);
  const int64_t out = task * RK_LANES;
  const int32_t lanes = min_i32(RK_LANES, conv->out_channels - (int32_t)out);
  float scales[RK_LANES];
  for (int64_t in = 0; in < (int64_t)conv->in_blocks * RK_LANES; in++) {
    float *to = packed + (task * conv->in_blocks * RK_LANES + in) * RK_LANES;
    // The padding of the source's channels is packed as zeros.
    const int32_t real = in < conv->in_channels ? lanes : 0;
    for (int32_t lane = 0; lane < RK_LANES; lane++) {
      scales[lane] = row_scale == NULL ? 1
                     : lane < real     ? row_scale[transposed ? in : out + lane]
                                       : 0;
    }
    if (conv->algorithm == RK_WINOGRAD_4) {
      winograd_pack_lane(6, winograd4_g, &from, scales, in, out, real, to, value_floats);
    } else {
      winograd_pack_lane(4, winograd2_g, &from, scales, in, out, real, to, value_floats);
    }
  }
}

#endif
