// The convolutions that are measured, and memory for them.
#ifndef LAYERS_H
#define LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct layer {
  const char *name;
  int32_t in, out, extent, kernel, stride, images;  // `extent` is the input's
} layer;

enum { LAYERS = 17 };
extern const layer layers[LAYERS];

// In training the forward pass reads its source through batch normalisation and ReLU, and leaves
// statistics behind.
typedef enum pass { FORWARD, TRAINING, DATA, WEIGHTS, PASSES } pass;
extern const char *const pass_names[PASSES];

int32_t layer_out_extent(const layer *l);

// Operations of any one pass, a multiply-add being two.
double layer_flop(const layer *l);

// Whether the layer's name matches any of some comma-separated globs.
bool layer_matches(const layer *l, const char *globs);

// Memory for `count` floats, aligned to 64 bytes, with values between -0.5 and 0.5; ends the
// program if there is none.
float *layer_floats(int64_t count);
void layer_fill(float *values, size_t count);

#endif
