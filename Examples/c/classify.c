/*
 * Classifies images: prints the class that a model finds most probable, and how probable it is.
 *
 *   classify model.h5 image.jpg ...
 *
 * Images are JPEG and PNG files. An ImageNet model sees the middle of each as the paper does (the
 * shorter side resized to 256, of that 224 x 224), other models see the image as it is. Compile
 * with: cc -std=c99 classify.c -lresnet -o classify
 */
#include <resnet.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with a message that says what went wrong, unless nothing did. */
static void check(rn_status status, const char *what) {
  if (status == RN_OK) return;
  fprintf(stderr, "classify: %s: %s: %s\n", what, rn_status_string(status), rn_last_error());
  exit(EXIT_FAILURE);
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL) check(RN_OUT_OF_MEMORY, "memory");
  return memory;
}

/* Reads a file as a model of those channels and that published height sees it. */
static rn_image *read_view(const char *path, int32_t channels, int32_t height) {
  rn_image *image = NULL, *view = NULL;
  check(rn_image_read(path, channels, 0, &image), path);
  if (height != 224) return image;
  check(rn_image_centre(image, 256, 224, RN_BILINEAR, &view), path);
  check(rn_image_free(image), path);
  return view;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: classify MODEL.h5 IMAGE.jpg ...\n");
    return EXIT_FAILURE;
  }
  rn_model *model = NULL;
  check(rn_model_open(argv[1], &model), argv[1]);
  rn_model_info info = RN_MODEL_INFO_INIT;
  check(rn_model_get_info(model, &info), argv[1]);
  size_t classes = (size_t)info.classes;
  float *probabilities = allocate(classes * sizeof *probabilities);

  for (int i = 2; i < argc; i++) {
    rn_image *view = read_view(argv[i], info.input_channels, info.input_height);
    rn_image_info size = RN_IMAGE_INFO_INIT;
    check(rn_image_get_info(view, &size), argv[i]);
    size_t count = (size_t)size.channels * (size_t)size.height * (size_t)size.width;
    uint8_t *pixels = allocate(count);
    check(rn_image_pixels(view, RN_PLANAR, pixels, count), argv[i]);
    check(rn_image_free(view), argv[i]);

    rn_images images = RN_IMAGES_U8(pixels, 1, size.channels, size.height, size.width);
    check(rn_model_probabilities(model, &images, probabilities, classes), argv[i]);
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
