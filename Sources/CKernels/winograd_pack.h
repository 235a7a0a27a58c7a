// Weights for Winograd's algorithm: G g G^T of every 3x3 kernel, see winograd.h. In double precision,
// as it is done once and every sum depends on it.
#ifndef RK_WINOGRAD_PACK_H
#define RK_WINOGRAD_PACK_H

#include "pack.h"
#include "winograd.h"

typedef double vd __attribute__((ext_vector_type(RK_LANES)));

// G of F(4): six values from three.
RK_INLINE void wino4_weights_in(const vd w[3], vd r[6]) {
  // 1/N of each point: N(0) = p*p*q*q, N(p) = 2*p*p*(p*p - q*q), N(q) = 2*q*q*(q*q - p*p).
  const double n0 = 1 / 1.265625, np = -1 / 1.8984375, nq = 1 / 7.59375;
  const vd even_p = np * w[0] + (np * WINO_PP) * w[2], odd_p = (np * WINO_P) * w[1];
  const vd even_q = nq * w[0] + (nq * WINO_QQ) * w[2], odd_q = (nq * WINO_Q) * w[1];
  r[0] = n0 * w[0];
  r[1] = even_p + odd_p;
  r[2] = even_p - odd_p;
  r[3] = even_q + odd_q;
  r[4] = even_q - odd_q;
  r[5] = w[2];
}

// G of F(2): four values from three.
RK_INLINE void wino2_weights_in(const vd w[3], vd r[4]) {
  const vd even = 0.5 * (w[0] + w[2]), odd = 0.5 * w[1];
  r[0] = -w[0];
  r[1] = even + odd;
  r[2] = even - odd;
  r[3] = w[2];
}

// All N x N values of one source channel and a block of destination channels, `value_floats` apart.
// Whole cache lines are written: value_floats tends to be a power of two, and none stays in the L1
// cache until the next.
// The taps are blocks of [source lane][destination lane], row by row.
RK_INLINE void winograd_pack_lane(const int N, const float *const taps[9], int64_t lane, float *to,
                                  int64_t value_floats) {
  vd half[3][6];
  RK_UNROLL for (int j = 0; j < 3; j++) {
    vd column[3];
    RK_UNROLL for (int i = 0; i < 3; i++) {
      column[i] = __builtin_convertvector(load(taps[i * 3 + j] + lane * RK_LANES), vd);
    }
    if (N == 6) {
      wino4_weights_in(column, half[j]);
    } else {
      wino2_weights_in(column, half[j]);
    }
  }
  RK_UNROLL for (int i = 0; i < N; i++) {
    const vd row[3] = {half[0][i], half[1][i], half[2][i]};
    vd u[6];
    if (N == 6) {
      wino4_weights_in(row, u);
    } else {
      wino2_weights_in(row, u);
    }
    RK_UNROLL for (int j = 0; j < N; j++) {
      store(to + (i * N + j) * value_floats, __builtin_convertvector(u[j], vf));
    }
  }
}

// Layout: [value][destination block][source block][source lane][destination lane].
static void winograd_pack(const rk_conv *conv, const float *oihw, const float *row_scale,
                          int32_t transposed, float *packed, int64_t task) {
  float block[9 * RK_LANES * RK_LANES];
  const float *taps[9];
  for (int32_t i = 0; i < 9; i++) {
    const rk_tap *tap = &conv->taps[i];
    taps[(tap->dh - conv->tiles.low_h) * 3 + tap->dw - conv->tiles.low_w] =
        block + i * RK_LANES * RK_LANES;
  }
  const int64_t value_floats = (int64_t)conv->out_blocks * conv->in_blocks * (RK_LANES * RK_LANES);
  for (int32_t in = 0; in < conv->in_blocks; in++) {
    pack_block(conv, oihw, row_scale, transposed, (int32_t)task * RK_LANES, in * RK_LANES, block);
    float *to = packed + (task * conv->in_blocks + in) * (RK_LANES * RK_LANES);
    for (int32_t lane = 0; lane < RK_LANES; lane++) {
      if (conv->algorithm == RK_WINOGRAD_4) {
        winograd_pack_lane(6, taps, lane, to + lane * RK_LANES, value_floats);
      } else {
        winograd_pack_lane(4, taps, lane, to + lane * RK_LANES, value_floats);
      }
    }
  }
}

#endif
