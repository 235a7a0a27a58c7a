/* What a program that uses the installed library does first; C99 and C++17. */
#include <resnet.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char declared[64];
  rn_model *model = NULL;
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  float pixels[3 * 8 * 8];
  float scores[10];
  rn_images image = RN_IMAGES_F32(pixels, 1, 3, 8, 8);

  snprintf(declared, sizeof declared, "%d.%d.%d", RN_VERSION_MAJOR, RN_VERSION_MINOR,
           RN_VERSION_PATCH);
  if (strcmp(declared, rn_version()) != 0) {
    fprintf(stderr, "the header is of version %s, the library %s\n", declared, rn_version());
    return 1;
  }
  for (int i = 0; i < 3 * 8 * 8; i++) pixels[i] = (float)(i % 7);
  options.seed = 1;
  if (rn_model_create("resnet8", &options, &model) != RN_OK ||
      rn_model_logits(model, &image, scores, 10) != RN_OK) {
    fprintf(stderr, "%s\n", rn_last_error());
    return 1;
  }
  printf("%s %.6f\n", rn_version(), (double)scores[0]);
  return rn_model_free(model) == RN_OK ? 0 : 1;
}
