/*
 * isa_test NAME      RESNET_ISA has named an instruction set that this machine has: it is in use.
 * isa_test refused   It has named another: everything that computes says so.
 */
#include <resnet.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  printf("isa_test: failed: %s: %s\n", what, rn_last_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int refused = strcmp(argv[1], "refused") == 0;
  const char *isa = NULL;
  if (rn_get_isa(&isa) != (refused ? RN_INVALID_ARGUMENT : RN_OK)) return fail("rn_get_isa");
  if (refused ? isa != NULL : strcmp(isa, argv[1]) != 0) return fail("the name");

  rn_model *model = NULL;
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.base_width = 4;
  if (rn_model_create("resnet8", &options, &model) != RN_OK) return fail("rn_model_create");
  static const uint8_t pixels[3 * 8 * 8];
  float scores[10];
  rn_images image = RN_IMAGES_U8(pixels, 1, 3, 8, 8);
  if (rn_model_logits(model, &image, scores, 10) != (refused ? RN_INVALID_ARGUMENT : RN_OK))
    return fail("rn_model_logits");
  return rn_model_free(model) == RN_OK ? 0 : fail("rn_model_free");
}
