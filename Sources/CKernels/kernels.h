// All kernels of one instruction set. Included once by each isa_*.c, which says what that is.
#include "batchnorm.h"
#include "conv.h"
#include "pooling.h"
#include "sgd.h"
#include "shortcut.h"
#include "wgrad.h"

const rk_kernels RK_TABLE = {
    .name = RK_NAME,
    .conv_prepare = rk_conv_prepare,
    .conv_pack = rk_conv_pack,
    .conv_run = conv_run,
    .wgrad_prepare = rk_wgrad_prepare,
    .wgrad_run = wgrad_run,
    .wgrad_reduce = wgrad_reduce,
    .apply_run = apply_run,
    .bn_backward_sums = bn_backward_sums,
    .bn_backward_apply = bn_backward_apply,
    .max_pool = max_pool,
    .max_pool_backward = max_pool_backward,
    .pad_shortcut = pad_shortcut,
    .pad_shortcut_backward = pad_shortcut_backward,
    .average_pool = average_pool,
    .average_pool_backward = average_pool_backward,
    .sgd = sgd,
};
