// From nothing to the scores of one image on ONNX Runtime: the peer of start.c.
//
//   start-onnxruntime LIBRARY OPTIMISED.onnx IMAGE.f32 SIZE THREADS
//
// Writes the scores as raw floats to standard output. The library is PyPI's, which comes without its
// header; but its functions are a table to which new ones are only ever appended, so the places of
// those used here are part of its ABI.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  GET_ERROR_MESSAGE = 2,
  CREATE_ENV = 3,
  CREATE_SESSION = 7,
  RUN = 9,
  CREATE_SESSION_OPTIONS = 10,
  SET_SESSION_GRAPH_OPTIMIZATION_LEVEL = 23,
  SET_INTRA_OP_NUM_THREADS = 24,
  SET_INTER_OP_NUM_THREADS = 25,
  CREATE_TENSOR_WITH_DATA_AS_ORT_VALUE = 49,
  GET_TENSOR_MUTABLE_DATA = 51,
  CREATE_CPU_MEMORY_INFO = 69,
};
// Of enums of its header.
enum {
  LOG_WARNINGS = 2,
  OPTIMIZE_NOTHING = 0,
  TYPE_FLOAT = 1,
  ARENA_ALLOCATOR = 1,
  MEMORY_DEFAULT = 0
};

typedef void *status;
typedef struct api_base {
  void **(*get_api)(uint32_t version);
  const char *(*get_version)(void);
} api_base;

static void **api;

static void check(status failure) {
  if (failure == NULL) return;
  fprintf(stderr, "%s\n", ((const char *(*)(status))api[GET_ERROR_MESSAGE])(failure));
  exit(1);
}

static float *read_floats(const char *path, size_t count) {
  float *values = malloc(count * sizeof *values);
  FILE *file = fopen(path, "rb");
  if (values == NULL || file == NULL || fread(values, sizeof *values, count, file) != count) {
    fprintf(stderr, "%s: cannot read %zu floats\n", path, count);
    exit(1);
  }
  fclose(file);
  return values;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: start-onnxruntime LIBRARY OPTIMISED.onnx IMAGE.f32 SIZE THREADS\n");
    return 2;
  }
  const char *path = argv[2], *image = argv[3];
  const int size = atoi(argv[4]), threads = atoi(argv[5]);
  void *library = dlopen(argv[1], RTLD_NOW);
  const api_base *(*get_base)(void) = NULL;
  if (library != NULL) *(void **)&get_base = dlsym(library, "OrtGetApiBase");
  if (get_base == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  api = get_base()->get_api(1);
  if (api == NULL) {
    fprintf(stderr, "%s: ONNX Runtime %s has no API of version 1\n", argv[1],
            get_base()->get_version());
    return 1;
  }

  void *env, *options, *session, *memory, *input, *output = NULL;
  check(((status(*)(int, const char *, void **))api[CREATE_ENV])(LOG_WARNINGS, "start", &env));
  check(((status(*)(void **))api[CREATE_SESSION_OPTIONS])(&options));
  check(((status(*)(void *, int))api[SET_INTRA_OP_NUM_THREADS])(options, threads));
  check(((status(*)(void *, int))api[SET_INTER_OP_NUM_THREADS])(options, 1));
  // The graph was optimised beforehand.
  check(((status(*)(void *, int))api[SET_SESSION_GRAPH_OPTIMIZATION_LEVEL])(options,
                                                                            OPTIMIZE_NOTHING));
  check(((status(*)(void *, const char *, void *, void **))api[CREATE_SESSION])(env, path, options,
                                                                                &session));

  const size_t count = 3 * (size_t)size * (size_t)size;
  float *pixels = read_floats(image, count);
  const int64_t shape[] = {1, 3, size, size};
  check(((status(*)(int, int, void **))api[CREATE_CPU_MEMORY_INFO])(ARENA_ALLOCATOR, MEMORY_DEFAULT,
                                                                    &memory));
  check(((status(*)(void *, void *, size_t, const int64_t *, size_t, int,
                    void **))api[CREATE_TENSOR_WITH_DATA_AS_ORT_VALUE])(
      memory, pixels, count * sizeof *pixels, shape, 4, TYPE_FLOAT, &input));
  const char *const inputs[] = {"images"}, *const outputs[] = {"scores"};
  check(((status(*)(void *, void *, const char *const *, void *const *, size_t, const char *const *,
                    size_t, void **))api[RUN])(session, NULL, inputs, &input, 1, outputs, 1,
                                               &output));
  float *scores;
  check(((status(*)(void *, void **))api[GET_TENSOR_MUTABLE_DATA])(output, (void **)&scores));
  enum { CLASSES = 1000 };
  fwrite(scores, sizeof *scores, CLASSES, stdout);
  fflush(stdout);
  // Tearing down what the process takes along anyhow would only cost it time.
  _Exit(0);
}
