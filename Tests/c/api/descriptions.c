/* Making models from descriptions: what they become, and what is no network. */
#include <math.h>
#include <string.h>

#include "check.h"

static void try_description(rn_description description, rn_status status, const char *text) {
  rn_model *model = NULL;
  CHECK_ERROR(status, text, rn_model_create_described(&description, &model));
  CHECK(model == NULL);
}

static void test_described(void) {
  rn_model *model = make_model(1);
  rn_model_info info = info_of(model);
  CHECK(info.classes == CLASSES && info.input_channels == 1);
  CHECK(info.weighted_layers == 6);
  CHECK_OK(rn_model_free(model));

  const rn_stage stages[2] = {{1, 8, 1, 0}, {1, 16, 2, 0}};
  rn_description good = RN_DESCRIPTION_INIT;
  good.stem = RN_STEM_CIFAR;
  good.block = RN_BLOCK_BOTTLENECK;
  good.shortcut = RN_SHORTCUT_B;
  good.stride_on = RN_STRIDE_ON_3X3;
  good.input_channels = 3;
  good.stem_width = 8;
  good.classes = 4;
  good.stage_count = 2;
  good.stages = stages;
  CHECK_OK(rn_model_create_described(&good, &model));
  char name[16];
  CHECK_OK(rn_model_name(model, name, sizeof name, NULL));
  CHECK(strcmp(name, "custom") == 0);
  CHECK_OK(rn_model_free(model));

  model = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_create_described(NULL, &model));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_create_described(&good, NULL));
  rn_description bad = good;
  bad.name = "\xc3(";
  try_description(bad, RN_INVALID_ARGUMENT, "UTF-8");
  bad = good;
  bad.stem = RN_STEM_DEFAULT;
  try_description(bad, RN_INVALID_ARGUMENT, "stem");
  bad = good;
  bad.shortcut = RN_SHORTCUT_DEFAULT;
  try_description(bad, RN_INVALID_ARGUMENT, "shortcut");
  bad = good;
  bad.block = (rn_block)0;
  try_description(bad, RN_INVALID_ARGUMENT, "block");
  bad = good;
  bad.stages = NULL;
  try_description(bad, RN_INVALID_ARGUMENT, "stages");
  bad = good;
  bad.stages = NULL;
  bad.stage_count = 0;
  try_description(bad, RN_INVALID_ARGUMENT, "stage");
  bad.stage_count = -1;
  try_description(bad, RN_INVALID_ARGUMENT, "stages");

  static const int32_t extremes[] = {0, -1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
    bad = good;
    bad.classes = extremes[i];
    try_description(bad, RN_INVALID_ARGUMENT, "");
    bad = good;
    bad.input_channels = extremes[i];
    try_description(bad, RN_INVALID_ARGUMENT, "");
    bad = good;
    bad.stem_width = extremes[i];
    try_description(bad, RN_INVALID_ARGUMENT, "");
    for (int member = 0; member < 3; member++) {
      rn_stage stage = {1, 8, 1, 0};
      if (member == 0) stage.blocks = extremes[i];
      if (member == 1) stage.width = extremes[i];
      if (member == 2) stage.stride = extremes[i];
      bad = good;
      bad.stages = &stage;
      bad.stage_count = 1;
      try_description(bad, RN_INVALID_ARGUMENT, "");
    }
  }
}

/* A pooling without padding gives other scores, and needs two pixels of what the stem leaves. */
static void test_stem_pool(void) {
  const rn_stage stage = {1, 4, 1, 0};
  rn_description description = RN_DESCRIPTION_INIT;
  description.stem = RN_STEM_IMAGENET;
  description.block = RN_BLOCK_BASIC;
  description.shortcut = RN_SHORTCUT_A;
  description.input_channels = 1;
  description.stem_width = 4;
  description.classes = 2;
  description.stage_count = 1;
  description.stages = &stage;
  float pixels[8 * 8], scores[3][2];
  for (int i = 0; i < 8 * 8; i++) pixels[i] = (float)(i * 7 % 11) - 5;
  const rn_images image = RN_IMAGES_F32(pixels, 1, 1, 8, 8),
                  small = RN_IMAGES_F32(pixels, 1, 1, 2, 8);
  for (int pool = 0; pool < 3; pool++) {
    rn_model *model = NULL;
    description.stem_pool = (rn_stem_pool)pool;
    CHECK_OK(rn_model_create_described(&description, &model));
    CHECK_OK(rn_model_logits(model, &image, scores[pool], 2));
    float score[2];
    if (pool == RN_STEM_POOL_CEIL)
      CHECK_ERROR(RN_SHAPE_MISMATCH, "maxpool", rn_model_logits(model, &small, score, 2));
    else
      CHECK_OK(rn_model_logits(model, &small, score, 2));
    CHECK_OK(rn_model_free(model));
  }
  CHECK(memcmp(scores[0], scores[1], sizeof scores[0]) == 0);
  CHECK(fabsf(scores[2][0] - scores[1][0]) > 1e-3F);
  description.stem_pool = (rn_stem_pool)3;
  try_description(description, RN_INVALID_ARGUMENT, "stem_pool");
  description.stem = RN_STEM_CIFAR;
  description.stem_pool = RN_STEM_POOL_CEIL;
  try_description(description, RN_INVALID_ARGUMENT, "stem cifar has none");
}

/* The kinds of networks that are no presets of the paper: blocks of any length, perceptrons, highway
 * layers, and sequences like VGG's. */
static void test_comparators(void) {
  static const rn_layer one[1] = {{3, 1}}, three[3] = {{1, 1}, {5, 1}, {1, 2}},
                        flat[2] = {{1, 1}, {1, 1}};
  static const rn_stage plain[1] = {{2, 8, 1, 0}}, pooled[2] = {{1, 8, 1, 2}, {1, 16, 1, 2}};
  static const int32_t hidden[2] = {12, 9};
  rn_description description = RN_DESCRIPTION_INIT;
  description.stem = RN_STEM_CIFAR;
  description.block = RN_BLOCK_LAYERS;
  description.shortcut = RN_SHORTCUT_B;
  description.input_channels = 3;
  description.stem_width = 8;
  description.classes = 4;
  description.stage_count = 1;
  description.stages = plain;
  description.layer_count = 3;
  description.layers = three;
  description.stride_layer = 1;
  rn_model *model = NULL;
  CHECK_OK(rn_model_create_described(&description, &model));
  CHECK(info_of(model).weighted_layers == 8);
  float pixels[3 * 12 * 12] = {0}, scores[4];
  const rn_images image = RN_IMAGES_F32(pixels, 1, 3, 12, 12);
  CHECK_OK(rn_model_logits(model, &image, scores, 4));
  CHECK_OK(rn_model_free(model));

  rn_description highway = description;
  highway.shortcut = RN_SHORTCUT_GATE;
  highway.affine = RN_AFFINE_BIAS;
  highway.layer_count = 1;
  highway.stride_layer = 0;
  highway.layers = one;
  CHECK_OK(rn_model_create_described(&highway, &model));
  float bias[8];
  CHECK_OK(rn_model_get_tensor(model, "layer1.0.gate.bias", bias, 8));
  CHECK(bias[0] == -2 && bias[7] == -2);
  CHECK_OK(rn_model_logits(model, &image, scores, 4));
  CHECK_OK(rn_model_free(model));

  rn_description perceptron = description;
  perceptron.stem = RN_STEM_VECTOR;
  perceptron.layer_count = 2;
  perceptron.stride_layer = 0;
  perceptron.layers = flat;
  CHECK_OK(rn_model_create_described(&perceptron, &model));
  CHECK(info_of(model).input_height == 1 && info_of(model).weighted_layers == 6);
  const rn_images vector = RN_IMAGES_F32(pixels, 1, 3, 1, 1);
  CHECK_OK(rn_model_logits(model, &vector, scores, 4));
  CHECK_OK(rn_model_free(model));

  rn_description sequence = highway;
  sequence.stem = RN_STEM_NONE;
  sequence.shortcut = RN_SHORTCUT_NONE;
  sequence.stem_width = 0;
  sequence.stage_count = 2;
  sequence.stages = pooled;
  sequence.maxout = 2;
  sequence.window = 3;
  sequence.hidden_count = 2;
  sequence.hidden = hidden;
  CHECK_OK(rn_model_create_described(&sequence, &model));
  rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
  CHECK_OK(rn_model_tensor_info(model, 4, &tensor));
  CHECK(strcmp(tensor.name, "classifier.0.weight") == 0);
  CHECK(tensor.rank == 2 && tensor.shape[0] == 24 && tensor.shape[1] == 144);
  CHECK_OK(rn_model_logits(model, &image, scores, 4));
  CHECK_OK(rn_model_free(model));

  model = NULL;
  rn_description bad = description;
  bad.block = RN_BLOCK_BASIC;
  try_description(bad, RN_INVALID_ARGUMENT, "RN_BLOCK_LAYERS");
  bad = description;
  bad.layers = NULL;
  try_description(bad, RN_INVALID_ARGUMENT, "layers");
  bad = description;
  bad.layer_count = 0;
  try_description(bad, RN_INVALID_ARGUMENT, "layers");
  bad = description;
  bad.affine = (rn_affine)9;
  try_description(bad, RN_INVALID_ARGUMENT, "affine");
  bad = sequence;
  bad.hidden = NULL;
  try_description(bad, RN_INVALID_ARGUMENT, "hidden");
  static const int32_t extremes[] = {-1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
    const rn_layer layer = {extremes[i], 1}, wide = {3, extremes[i]};
    const rn_stage stage = {1, 8, 1, extremes[i]};
    for (int member = 0; member < 8; member++) {
      bad = sequence;
      if (member == 0) bad.maxout = extremes[i];
      if (member == 1) bad.window = extremes[i];
      if (member == 2) bad.hidden_count = extremes[i];
      if (member == 3) bad.layer_count = extremes[i];
      if (member == 4) bad.stride_layer = extremes[i];
      if (member == 5) bad.layers = &layer;
      if (member == 6) bad.layers = &wide;
      if (member == 7) {
        bad.stage_count = 1;
        bad.stages = &stage;
      }
      // A count of so many elements cannot be told from a true one.
      if (extremes[i] == INT32_MAX && (member == 2 || member == 3)) continue;
      try_description(bad, RN_INVALID_ARGUMENT, "");
    }
  }
}

void test_descriptions(void) {
  test_described();
  test_stem_pool();
  test_comparators();
}
