// The arithmetic of libresnet: one set of kernels per instruction set, chosen at run time.
//
// Activations are blocked by 16 channels: [image][block][row][column][16], float32, 64-byte
// aligned ("NCHW16c"). Lanes beyond the real channel count are zero, and every kernel keeps them
// zero. A kernel call does one *task* of an operation; tasks are independent, and what they sum in
// which order depends only on shapes, so results are the same bits for any number of threads.
// Nothing here allocates, locks or keeps state.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RK_LANES 16
#define RK_MAX_TAPS 49
#define RK_MAX_PHASES 4

// A blocked tensor as an operation reads it. With scale and shift (one value per channel, padded
// to blocks) each value v is read as scale*v + shift, then max(0, .) if relu: batch normalisation
// and ReLU applied on load. Padding pixels read as 0, not as shift.
typedef struct rk_source {
  const float *data;
  const float *scale;  // NULL: values as they are (relu is then ignored)
  const float *shift;
  int32_t relu;
} rk_source;

// One weight position of a convolution-shaped pass: output pixel i of a phase reads source pixel
// i * in_step + (dh, dw). `index` is the position kh * kernel + kw in the OIHW weights.
typedef struct rk_tap {
  int32_t dh, dw, index;
} rk_tap;

// The outputs (origin_h + out_step * i, origin_w + out_step * j) for i < rows, j < cols, summed
// over taps [tap_begin, tap_end). A forward convolution has one phase; backward-data at stride s
// has s*s, each a stride-1 convolution of the output gradient with its own taps (possibly none:
// then those outputs are 0, or unchanged when accumulating).
typedef struct rk_phase {
  int32_t origin_h, origin_w, rows, cols, tap_begin, tap_end;
  int32_t band_rows, bands;  // filled by conv_prepare
} rk_phase;

// How a pass computes its sums. Winograd's algorithm, on tiles of 2x2 or 4x4 outputs, does 3x3
// kernels at stride 1; the gradient of the weights only on 4x4.
typedef enum rk_algorithm {
  RK_CHOOSE,  // conv_prepare chooses
  RK_DIRECT,
  RK_WINOGRAD_2,
  RK_WINOGRAD_4
} rk_algorithm;

// The tiles that Winograd's algorithm cuts a batch's outputs into, row by row and image by image.
typedef struct rk_tiles {
  int32_t low_h, low_w;  // least tap offsets: where a tile's source begins
  int32_t rows, cols;    // tiles of an image
  int32_t run;           // tiles that a task works on at a time
  int64_t count;         // tiles of the batch
  int32_t panel_rows;    // rows of tiles whose source is staged at a time
  int64_t panel_floats;  // room for it
} rk_tiles;

// A convolution-shaped pass: forward, or backward with respect to the data.
typedef struct rk_conv {
  int32_t in_channels, out_channels;  // real channels
  int32_t in_h, in_w, out_h, out_w;   // source and destination extents
  int32_t kernel;                     // taps index kernel*kernel positions
  int32_t in_step, out_step;
  int32_t phase_count, tap_count;
  rk_phase phases[RK_MAX_PHASES];
  rk_tap taps[RK_MAX_TAPS];
  int32_t algorithm;  // rk_algorithm; conv_prepare replaces RK_CHOOSE, and what does not apply
  // Filled by conv_prepare:
  int32_t in_blocks, out_blocks;
  int32_t pixel_lanes;  // of a source pixel, in a direct pass's panel and in packed weights
  int32_t group_blocks, groups;  // destination blocks of one task, tasks across blocks
  int32_t bands;                 // direct: bands of all phases together, tasks across rows
  int32_t far_weights;           // no near cache holds them: they are fetched ahead
  rk_tiles tiles;                // Winograd
  int64_t tasks;                 // slots * groups
  int64_t slots;                 // rows of the statistics: images * bands, or runs of tiles
  int64_t scratch_floats;        // per thread
  int64_t packed_floats;         // size of the packed weights
} rk_conv;

// What happens to a destination value after the sum over taps.
typedef struct rk_epilogue {
  int32_t accumulate;   // add to what the destination holds, instead of replacing it
  int32_t relu;         // max(0, .) last
  const float *bias;    // NULL, or one value per channel, padded to blocks
  const float *addend;  // NULL, or a blocked tensor of the destination's shape (a shortcut)
  // NULL, or [slots][2][out_blocks*16]: per slot and channel the mean of the
  // values stored there and the sum of squared deviations from that mean.
  float *statistics;
} rk_epilogue;

// Gradient of a convolution with respect to its weights.
typedef struct rk_wgrad {
  int32_t in_channels, out_channels, in_h, in_w, out_h, out_w, kernel, stride, padding, images;
  int32_t algorithm;  // RK_CHOOSE, RK_DIRECT or RK_WINOGRAD_4; see rk_conv
  // Filled by wgrad_prepare:
  int32_t in_blocks, out_blocks, in_group, out_group;  // blocks of one task
  int32_t pixel_lanes;                                 // direct: of a pixel of x, in the panel
  rk_tiles tiles;                                      // Winograd
  int32_t chunks;          // the batch is cut into this many parts, each with its own partial sum
  int64_t tasks;           // in groups * out groups * chunks
  int64_t reduce_tasks;    // tasks of wgrad_reduce
  int64_t scratch_floats;  // per thread
  int64_t partial_floats;  // size of all partial sums
} rk_wgrad;

// max(0, .) and its derivative's mask in batch normalisation's backward passes.
typedef struct rk_mask {
  int32_t relu;             // 0: no ReLU followed, the gradient passes whole
  const float *activation;  // the ReLU's output, if it was stored; else NULL, and the sign is
  const float *scale;       // that of scale*y + shift
  const float *shift;
} rk_mask;

typedef struct rk_pool {
  int32_t channels, in_h, in_w, out_h, out_w, kernel, stride, padding;
} rk_pool;

// Every window x window patch of a map as a vector, in the order channel, row, column. A side that
// is shorter than the window has one patch, each of whose cells averages the pixels between its
// edges, cell * side / window and (cell + 1) * side / window.
typedef struct rk_flatten {
  int32_t channels, in_h, in_w, window, images;
} rk_flatten;

// One axis of a resampling: output i is a weighted sum of `taps[i]` inputs from `first[i]` on, with
// weights[i * stride] and following, whose sum is 1 << 22.
typedef struct rk_filter {
  int32_t count, stride;  // outputs; weights from one output to the next
  const int32_t *first, *taps, *weights;
} rk_filter;

// How bytes become network inputs: (pixel + offset - mean) * scale, of the mirrored image or not.
typedef struct rk_normalize {
  int32_t channels;     // 1 or 3
  int32_t mirrored;     // left to right; the mean is not
  const float *offset;  // NULL (0), or one value per channel
  const float *mean;    // and mean_pixels, scale: as rk_load_image has them
  int64_t mean_pixels;
  const float *scale;
} rk_normalize;

typedef struct rk_kernels {
  const char *name;  // "avx512", "avx2", "portable"

  // ---- Convolution ------------------------------------------------------------------------
  // Chooses the algorithm and the blocking for a batch of `images` and fills in the derived
  // fields. `workers`: threads to keep busy. Neither results nor slots depend on it.
  void (*conv_prepare)(rk_conv *conv, int32_t images, int32_t workers);
  // Packs OIHW weights (out x in x kernel x kernel) for `conv`, one destination block per task
  // (conv->out_blocks tasks). transposed: `conv` is a backward-data pass, whose destination
  // channels are I and whose source channels are O. row_scale: NULL, or a factor per O.
  void (*conv_pack)(const rk_conv *conv, const float *oihw, const float *row_scale,
                    int32_t transposed, float *packed, int64_t task);
  void (*conv_run)(const rk_conv *conv, const rk_source *source, const float *packed,
                   float *destination, const rk_epilogue *epilogue, int64_t task, float *scratch);

  void (*wgrad_prepare)(rk_wgrad *wgrad);
  void (*wgrad_run)(const rk_wgrad *wgrad, const rk_source *x, const float *dy, float *partials,
                    int64_t task, float *scratch);
  // Adds up the chunks in order and writes the gradient in OIHW.
  void (*wgrad_reduce)(const rk_wgrad *wgrad, const float *partials, float *oihw, int64_t task);

  // ---- Batch normalisation, shortcut, ReLU ------------------------------------------------
  // out = relu?(scale*y + shift + addend), where the addend (or NULL) is itself read through
  // rk_source. One task per (image, block); pixels = height * width.
  void (*apply_run)(const float *y, const float *scale, const float *shift, const rk_source *addend,
                    int32_t relu, float *out, int32_t blocks, int64_t pixels, int64_t task);
  // Per task (image, block): sums over pixels of dz and of dz * (y - mean) * inverse_std, where
  // dz is the gradient of the ReLU's output with its mask applied. sums: [images][2][blocks*16].
  void (*bn_backward_sums)(const float *gradient, const float *y, const rk_mask *mask,
                           const float *mean, const float *inverse_std, float *sums, int32_t blocks,
                           int64_t pixels, int64_t task);
  // Per task (image, block): dy = c0*dz + c1*y + c2 with per-channel coefficients [3][blocks*16].
  // dz_out: NULL, or where the masked gradient goes (may be `gradient` itself). dy may be
  // `gradient` itself if dz_out is NULL.
  void (*bn_backward_apply)(const float *gradient, const float *y, const rk_mask *mask,
                            const float *coefficients, float *dy, float *dz_out, int32_t blocks,
                            int64_t pixels, int64_t task);

  // ---- What networks without batch normalisation have --------------------------------------
  // Per task (image, block): dz, the gradient of a ReLU's output where that activation is above 0
  // (all of it if activation is NULL), goes to dy and, unless it is NULL, to dz_out; its sums over
  // pixels to sums: [images][blocks*16]. Either may be `gradient` itself.
  void (*bias_backward)(const float *gradient, const float *activation, float *dy, float *dz_out,
                        float *sums, int64_t pixels, int64_t task);
  // Per task (image, block): y = h T + x (1 - T), T = sigmoid(g).
  void (*highway)(const float *h, const float *g, const float *x, float *y, int64_t pixels,
                  int64_t task);
  // The gradients of h and g and, unless dx is NULL, of x.
  void (*highway_backward)(const float *h, const float *g, const float *x, const float *gradient,
                           float *dh, float *dg, float *dx, int64_t pixels, int64_t task);
  // Channel c of out is the largest of channels c, C + c, 2C + c, ... of x, where `channels` is C.
  // winners: NULL, or [image][block][pixel][16], which of the pieces it was (the first of equals).
  void (*maxout)(int32_t channels, int32_t pieces, const float *x, float *out, uint8_t *winners,
                 int64_t pixels, int64_t task);
  // dx is written whole. Tasks over images * blocks of x.
  void (*maxout_backward)(int32_t channels, int32_t pieces, const float *dout,
                          const uint8_t *winners, float *dx, int64_t pixels, int64_t task);

  // ---- The rest, one task per (image, block) ----------------------------------------------
  // argmax: NULL, or [image][block][out_h][out_w][16] window positions kh * kernel + kw (first
  // maximum in scan order).
  void (*max_pool)(const rk_pool *pool, const float *x, float *out, uint8_t *argmax, int64_t task);
  void (*max_pool_backward)(const rk_pool *pool, const float *dout, const uint8_t *argmax,
                            float *dx, int64_t task);
  // Shortcut A: out has out_channels >= in_channels channels, channel c of x goes to c + before;
  // pixel (i, j) of out is pixel (i*stride, j*stride) of x. Tasks over images * OUT blocks.
  void (*pad_shortcut)(int32_t in_channels, int32_t out_channels, int32_t before, int32_t stride,
                       int32_t in_h, int32_t in_w, const float *x, float *out, int64_t task);
  // dx is written whole (zero where nothing was read), or added to. Tasks over images * IN blocks.
  void (*pad_shortcut_backward)(int32_t in_channels, int32_t out_channels, int32_t before,
                                int32_t stride, int32_t in_h, int32_t in_w, const float *dout,
                                float *dx, int32_t accumulate, int64_t task);
  // Mean over pixels: out [block][image][16], so that images are the pixels of what follows.
  void (*average_pool)(const float *x, float *out, int32_t images, int32_t blocks, int64_t pixels,
                       int64_t task);
  void (*average_pool_backward)(const float *dout, float *dx, int32_t images, int32_t blocks,
                                int64_t pixels, int64_t task);

  // ---- Parameters -------------------------------------------------------------------------
  // The paper's form: v = momentum*v + rate*(g + decay*w); w = w - v. n values, any n.
  void (*sgd)(float *w, const float *g, float *v, int64_t n, float rate, float momentum,
              float decay);

  // ---- Byte images, [row][column][channel] with 1 or 3 channels -----------------------------
  // Resamples up to 4 rows of RGB, or 16 of grey pixels, along themselves. `width`: pixels of a
  // source row; `columns`: scratch of 16 * width bytes. Strides are in bytes.
  void (*resample_columns)(const uint8_t *source, int64_t stride, int32_t rows, int32_t width,
                           int32_t channels, const rk_filter *filter, uint8_t *out,
                           int64_t out_stride, uint8_t *columns);
  // One output row of a resampling across rows: the weighted sum of `taps` rows.
  void (*resample_row)(const uint8_t *source, int64_t stride, const int32_t *weights, int32_t taps,
                       int64_t bytes, uint8_t *out);
  // Into one image of a batch, NCHW float32.
  void (*batch_image)(const uint8_t *pixels, int32_t height, int32_t width,
                      const rk_normalize *normalize, float *out);
} rk_kernels;

// Images enter: plain NCHW pixels (float32, or bytes when is_u8) to blocked activations,
// (x - mean) * scale. mean: NULL (0), one value per channel (mean_pixels = 1), or one per channel
// and pixel (mean_pixels = height*width). scale: NULL (1) or one per channel. One task per image.
// Returns 0, or 1 + the index (within the image) of the first value that is not finite.
int64_t rk_load_image(const void *nchw, int32_t is_u8, int32_t channels, int64_t pixels,
                      const float *mean, int64_t mean_pixels, const float *scale, float *out,
                      int64_t task);

// Patches as vectors: out [block][image][patch][16], so that they are the pixels of what follows.
// dx is written whole. One task per image.
void rk_flatten_run(const rk_flatten *shape, const float *x, float *out, int64_t task);
void rk_flatten_backward(const rk_flatten *shape, const float *dout, float *dx, int64_t task);

// The same sums as resample_columns and resample_row for float planes, in double precision.
// Resamples `rows` rows of floats along themselves; strides are in floats.
typedef struct rk_float_filter {
  int32_t count, stride;
  const int32_t *first, *taps;
  const double *weights;
} rk_float_filter;
void rk_resample_float_columns(const float *source, int64_t stride, int64_t rows,
                               const rk_float_filter *filter, float *out, int64_t out_stride);
void rk_resample_float_row(const float *source, int64_t stride, const double *weights, int32_t taps,
                           int64_t count, float *out);

// 1 + the index of the first NaN or infinity of n values, or 0.
int64_t rk_first_not_finite(const float *values, int64_t n);

// CRC-32: the state that `count` bytes leave behind in `state`. The state of no bytes is ~0, and the
// checksum its complement. By carry-less products or checksum instructions where there are any.
uint32_t rk_crc32(uint32_t state, const void *bytes, int64_t count);
// The same by tables, as on a processor that has neither.
uint32_t rk_crc32_portable(uint32_t state, const void *bytes, int64_t count);
// The state that `count` zero bytes leave behind. Bytes a, then b, leave behind in a state s:
// rk_crc32_advance(rk_crc32(s, a), count of b) ^ rk_crc32(0, b).
uint32_t rk_crc32_advance(uint32_t state, int64_t count);

// Merges per-slot statistics (see rk_epilogue) of channel `channel` in slot order, in double
// precision. counts[slot] values stood behind each slot. Returns the mean and the biased variance.
void rk_merge_statistics(const float *statistics, int64_t slots, const int64_t *counts,
                         int64_t padded_channels, int64_t channel, double *mean, double *variance);

// Values of one channel that stand behind a slot of a forward pass's statistics.
int64_t rk_conv_slot_values(const rk_conv *conv, int64_t slot);

// Spin-wait hint for the thread pool.
void rk_pause(void);

// Sets this thread's floating-point arithmetic to the default (round to nearest, subnormal numbers
// kept, no traps) and returns the mode that it had, for rk_float_mode_leave.
uint64_t rk_float_mode_enter(void);
void rk_float_mode_leave(uint64_t mode);

// Processors that this process may run on.
int32_t rk_available_cores(void);

// Locks that a fork waits for, in this order, so that the child finds none of them held: a thread that
// held it would not be there to release it. They need nothing that is made on first use, which a child
// would find half made.
typedef enum { RK_LOCK_HANDLES, RK_LOCK_DAMAGE, RK_LOCKS } rk_lock_name;
void rk_lock(rk_lock_name name);
void rk_unlock(rk_lock_name name);

// What a forked child does before anything else.
typedef enum { RK_CHILD_HANDLES, RK_CHILD_LOG, RK_CHILD_POOL, RK_CHILD_HOOKS } rk_child_hook_name;
typedef void (*rk_child_hook)(void);
void rk_in_forked_child(rk_child_hook_name name, rk_child_hook hook);

// The kernels of `name` ("avx512", "avx2", "portable"), or the best that this processor has for
// NULL. Returns NULL if the name is unknown or the processor lacks it.
const rk_kernels *rk_kernels_named(const char *name);

#ifdef __cplusplus
}
#endif

#endif
