// The kernels for AVX2 with FMA. Only functions between push and pop may use it.
#if defined(__x86_64__)
#include "plan.h"

#define RK_NAME "avx2"
#define RK_TABLE rk_kernels_avx2
#define RK_FUSED 1
// 16 registers, 2 of them a vector: 12 for sums, 2 for weights, 1 for the broadcast pixel.
#define RK_TILE_PAIR 0
#define RK_TILE_SINGLE 6
#define RK_OUTER_PAIR 0
#define RK_OUTER_TAPS 2
#define RK_OUTER_SINGLE 4

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "kernels.h"
#pragma clang attribute pop
#endif
