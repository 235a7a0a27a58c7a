/*
 * Classifies images: prints the class that a model finds most probable, and how probable it is.
 *
 *   classify model.h5 image.ppm ...
 *
 * Images are binary PGM (grey) or PPM (colour) files with 8 bits a sample, of any size that the
 * network can take. Compile with: cc -std=c99 classify.c -lresnet -o classify
 */
#include <ctype.h>
#include <resnet.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with a message that says what went wrong, unless nothing did. */
static void check(rn_status status, const char *what) {
  if (status == RN_OK) return;
  fprintf(stderr, "classify: %s: %s: %s\n", what, rn_status_string(status), rn_last_error());
  exit(EXIT_FAILURE);
}

static void fail(const char *path, const char *message) {
  fprintf(stderr, "classify: %s: %s\n", path, message);
  exit(EXIT_FAILURE);
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL) fail("memory", "could not be allocated");
  return memory;
}

/* The next number of a PGM or PPM header; -1 if there is none, or none that is sensible. */
static int read_number(FILE *file) {
  int c = getc(file);
  while (isspace(c) || c == '#') {
    if (c == '#')
      while (c != '\n' && c != EOF) c = getc(file);
    if (c != EOF) c = getc(file);
  }
  if (!isdigit(c)) return -1;
  int number = 0;
  for (; isdigit(c); c = getc(file)) {
    if (number > 65535) return -1;
    number = 10 * number + (c - '0');
  }
  return number; /* and the one white space after it is gone */
}

/* Reads a file into channels x height x width bytes, to be freed by the caller. */
static unsigned char *read_image(const char *path, int *channels, int *height, int *width) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(path, "cannot be opened");
  int magic = getc(file) == 'P' ? getc(file) : EOF;
  if (magic != '5' && magic != '6') fail(path, "is not a binary PGM or PPM file");
  *channels = magic == '6' ? 3 : 1;
  *width = read_number(file);
  *height = read_number(file);
  int maximum = read_number(file);
  if (*width < 1 || *width > 65535 || *height < 1 || *height > 65535)
    fail(path, "has no sensible width and height");
  if (maximum != 255) fail(path, "must have a maximum value of 255");

  /* The file has the samples of a pixel side by side; the library takes one plane per channel. */
  size_t plane = (size_t)*height * (size_t)*width, size = plane * (size_t)*channels;
  unsigned char *samples = allocate(size), *planes = allocate(size);
  if (fread(samples, 1, size, file) != size) fail(path, "ends too early");
  for (size_t i = 0; i < size; i++)
    planes[i % (size_t)*channels * plane + i / (size_t)*channels] = samples[i];
  free(samples);
  fclose(file);
  return planes;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: classify MODEL.h5 IMAGE.ppm ...\n");
    return EXIT_FAILURE;
  }
  rn_model *model = NULL;
  check(rn_model_open(argv[1], &model), argv[1]);
  rn_model_info info = RN_MODEL_INFO_INIT;
  check(rn_model_get_info(model, &info), argv[1]);
  size_t classes = (size_t)info.classes;
  float *probabilities = allocate(classes * sizeof *probabilities);

  for (int i = 2; i < argc; i++) {
    int channels, height, width;
    unsigned char *pixels = read_image(argv[i], &channels, &height, &width);
    /* The library refuses images whose channels are not those of the model. */
    rn_images image = RN_IMAGES_U8(pixels, 1, channels, height, width);
    check(rn_model_probabilities(model, &image, probabilities, classes), argv[i]);
    free(pixels);

    int32_t best = 0;
    for (int32_t c = 1; c < info.classes; c++)
      if (probabilities[c] > probabilities[best]) best = c;
    char name[256];
    check(rn_model_class_name(model, best, name, sizeof name, NULL), argv[1]);
    if (name[0] == '\0') snprintf(name, sizeof name, "%d", (int)best);
    printf("%s: %s %.4f\n", argv[i], name, probabilities[best]);
  }

  free(probabilities);
  check(rn_model_free(model), argv[1]);
  return EXIT_SUCCESS;
}
