#define _POSIX_C_SOURCE 200809L
#include "layers.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ResNet's layers on CIFAR-10 and on ImageNet.
const layer layers[LAYERS] = {
    {"cifar 3x3   16@32", 16, 16, 32, 3, 1, 16},   {"cifar 3x3   32@16", 32, 32, 16, 3, 1, 16},
    {"cifar 3x3   64@8", 64, 64, 8, 3, 1, 16},     {"cifar 3x3/2 16@32-32", 16, 32, 32, 3, 2, 16},
    {"cifar stem   3@32-16", 3, 16, 32, 3, 1, 16}, {"stem  7x7/2  3@224-64", 3, 64, 224, 7, 2, 1},
    {"3x3   64@56", 64, 64, 56, 3, 1, 1},          {"3x3   128@28", 128, 128, 28, 3, 1, 2},
    {"3x3   256@14", 256, 256, 14, 3, 1, 4},       {"3x3   512@7", 512, 512, 7, 3, 1, 8},
    {"3x3/2 128@56-128", 128, 128, 56, 3, 2, 1},   {"1x1   64@56-256", 64, 256, 56, 1, 1, 1},
    {"1x1   256@56-64", 256, 64, 56, 1, 1, 1},     {"1x1   512@28-128", 512, 128, 28, 1, 1, 2},
    {"1x1   1024@14-256", 1024, 256, 14, 1, 1, 4}, {"1x1   2048@7-512", 2048, 512, 7, 1, 1, 16},
    {"1x1/2 256@56-512", 256, 512, 56, 1, 2, 1},
};

const char *const pass_names[PASSES] = {"forward", "in training", "data", "weights"};

int32_t layer_out_extent(const layer *l) {
  return (l->extent + 2 * (l->kernel / 2) - l->kernel) / l->stride + 1;
}

double layer_flop(const layer *l) {
  const double out = layer_out_extent(l);
  return 2.0 * l->images * l->in * l->out * l->kernel * l->kernel * out * out;
}

bool layer_matches(const layer *l, const char *globs) {
  while (*globs != '\0') {
    char glob[64];
    const size_t length = strcspn(globs, ",");
    snprintf(glob, sizeof glob, "%.*s", (int)length, globs);
    if (fnmatch(glob, l->name, 0) == 0) return true;
    globs += length + (globs[length] == ',');
  }
  return false;
}

float *layer_floats(int64_t count) {
  const size_t bytes = ((size_t)(count < 1 ? 1 : count) * sizeof(float) + 63) / 64 * 64;
  float *p = aligned_alloc(64, bytes);
  if (p == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  layer_fill(p, bytes / sizeof(float));
  return p;
}

void layer_fill(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = (float)((i * 7919) % 1000) / 1000 - 0.5f;
}
