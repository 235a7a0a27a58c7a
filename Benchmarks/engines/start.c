// From nothing to the scores of one image: what a program that embeds libresnet does when started.
//
//   start MODEL.h5 IMAGE.f32 SIZE THREADS
//
// Writes the scores as raw floats to standard output.
#include <resnet.h>
#include <stdio.h>
#include <stdlib.h>

static void check(rn_status status) {
  if (status == RN_OK) return;
  fprintf(stderr, "%s\n", rn_last_error());
  exit(1);
}

static float *floats(size_t count) {
  float *values = malloc(count * sizeof *values);
  if (values == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  return values;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: start MODEL.h5 IMAGE.f32 SIZE THREADS\n");
    return 2;
  }
  const int size = atoi(argv[3]);
  check(rn_set_threads(atoi(argv[4])));
  rn_model *model = NULL;
  check(rn_model_open(argv[1], &model));

  const size_t count = 3 * (size_t)size * (size_t)size;
  float *pixels = floats(count);
  FILE *file = fopen(argv[2], "rb");
  if (file == NULL || fread(pixels, sizeof *pixels, count, file) != count) {
    fprintf(stderr, "%s: cannot read %zu floats\n", argv[2], count);
    return 1;
  }
  fclose(file);

  rn_model_info info = RN_MODEL_INFO_INIT;
  check(rn_model_get_info(model, &info));
  const size_t classes = (size_t)info.classes;
  float *scores = floats(classes);
  const rn_images image = RN_IMAGES_F32(pixels, 1, 3, size, size);
  check(rn_model_logits(model, &image, scores, classes));
  fwrite(scores, sizeof *scores, classes, stdout);
  fflush(stdout);

  free(scores);
  free(pixels);
  check(rn_model_free(model));
  return 0;
}
