// The kernels for any processor: what the compiler may assume of the target, and nothing more.
#include "plan.h"

#define RK_NAME "portable"
#define RK_TABLE rk_kernels_portable
#if defined(__aarch64__)
// 32 registers, 4 of them a vector: 24 for sums, 4 for weights, 1 for the broadcast pixel.
#define RK_FUSED 1
#define RK_TILE_SINGLE 6
#define RK_OUTER_SINGLE 4
#define RK_OUTER_TAPS 2
#else
// 16 registers, 4 of them a vector: 8 for sums, 4 for weights, the rest for broadcast pixels and
// products. With 3 pixels, sums move between registers and memory and it is a quarter slower.
#define RK_FUSED 0
#define RK_TILE_SINGLE 2
#define RK_OUTER_SINGLE 2
#define RK_OUTER_TAPS 1
#endif
#define RK_TILE_PAIR 0
#define RK_OUTER_PAIR 0

#include "kernels.h"
