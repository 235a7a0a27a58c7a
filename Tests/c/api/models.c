/* Making models from presets and descriptions, and what can be asked of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static rn_model_info info_of(rn_model *model) {
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(model, &info));
  return info;
}

/* The published sizes (sections 4.1 and 4.2, Table 1). */
static void test_presets(void) {
  static const struct {
    const char *name;
    int classes, side, layers;
    int64_t parameters;
  } presets[] = {{"resnet18", 1000, 224, 18, 11689512}, {"resnet34", 1000, 224, 34, 21797672},
                 {"resnet50", 1000, 224, 50, 25557032}, {"resnet20", 10, 32, 20, 269722},
                 {"resnet56", 10, 32, 56, 853018},      {"plain20", 10, 32, 20, 269722}};
  for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
    rn_model *model = NULL;
    if (!CHECK_OK(rn_model_create(presets[i].name, NULL, &model))) continue;
    rn_model_info info = info_of(model);
    CHECK(info.size == sizeof info);
    CHECK(info.classes == presets[i].classes);
    CHECK(info.input_channels == 3);
    CHECK(info.input_height == presets[i].side && info.input_width == presets[i].side);
    CHECK(info.weighted_layers == presets[i].layers);
    CHECK(info.parameters == presets[i].parameters);
    CHECK(info.multiply_adds > info.parameters);
    CHECK_OK(rn_model_free(model));
  }
}

static void test_options(void) {
  rn_model *model = NULL;
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.family = RN_FAMILY_CIFAR;
  options.classes = 7;
  options.input_channels = 1;
  options.base_width = 4;
  options.shortcut = RN_SHORTCUT_B;
  CHECK_OK(rn_model_create("resnet8", &options, &model));
  rn_model_info info = info_of(model);
  CHECK(info.classes == 7 && info.input_channels == 1 && info.weighted_layers == 8);
  rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
  CHECK_OK(rn_model_tensor_info(model, 0, &tensor));
  CHECK(tensor.shape[0] == 4 && tensor.shape[1] == 1);
  CHECK_OK(rn_model_free(model));

  /* "resnet50" is the ImageNet network, unless the other family is asked for. */
  options = (rn_model_options)RN_MODEL_OPTIONS_INIT;
  options.family = RN_FAMILY_CIFAR;
  CHECK_OK(rn_model_create("resnet50", &options, &model));
  CHECK(info_of(model).input_height == 32);
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_create("cifar-resnet50", NULL, &model));
  CHECK(info_of(model).input_height == 32);
  CHECK_OK(rn_model_free(model));

  /* The seed, and nothing else, decides the initial weights. */
  rn_model *a = make_model(1), *b = make_model(1), *c = make_model(2);
  CHECK(same_scores(a, b));
  CHECK(!same_scores(a, c));
  CHECK_OK(rn_model_free(a));
  CHECK_OK(rn_model_free(b));
  CHECK_OK(rn_model_free(c));
}

static void try_options(rn_model_options options, const char *text) {
  rn_model *model = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, text, rn_model_create("resnet20", &options, &model));
  CHECK(model == NULL);
}

static void test_bad_options(void) {
  const rn_model_options defaults = RN_MODEL_OPTIONS_INIT;
  static const int32_t extremes[] = {0, -2, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
    rn_model_options options = defaults;
    options.classes = extremes[i];
    try_options(options, "class");
    options = defaults;
    options.input_channels = extremes[i];
    try_options(options, "channels");
    options = defaults;
    options.base_width = extremes[i];
    try_options(options, "width");
  }
  static const int enums[] = {6, 99, -1, INT32_MIN};
  for (size_t i = 0; i < sizeof enums / sizeof *enums; i++) {
    rn_model_options options = defaults;
    options.family = (rn_family)enums[i];
    try_options(options, "family");
    options = defaults;
    options.stem = (rn_stem)enums[i];
    try_options(options, "stem");
    options = defaults;
    options.stem_pool = (rn_stem_pool)enums[i];
    try_options(options, "stem_pool");
    options = defaults;
    options.shortcut = (rn_shortcut)enums[i];
    try_options(options, "shortcut");
    options = defaults;
    options.stride_on = (rn_stride_on)enums[i];
    try_options(options, "stride_on");
    options = defaults;
    options.zero_channels = (rn_zero_channels)enums[i];
    try_options(options, "zero_channels");
  }
}

static void test_bad_presets(void) {
  rn_model *model = NULL;
  static const char *const names[] = {
      "",         "resnet",    "resnet0", "resnet-20", "resnet21", "resnet99999999999999999999",
      "ResNet20", "resnet20 ", "vgg17",   "plain"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    CHECK_STATUS(RN_NOT_FOUND, rn_model_create(names[i], NULL, &model));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_create(NULL, NULL, &model));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_create("resnet20", NULL, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "UTF-8", rn_model_create("resnet\xff", NULL, &model));
  CHECK(model == NULL);
}

/* Structs that are smaller than version 1.0's are refused, larger ones accepted. */
static void test_struct_sizes(void) {
  rn_model *model = NULL;
  struct {
    rn_model_options options;
    char more[64];
  } newer = {RN_MODEL_OPTIONS_INIT, {0}};
  newer.options.size = sizeof newer;
  CHECK_OK(rn_model_create("resnet8", &newer.options, &model));

  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  rn_model *other = NULL;
  options.size = 0;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_MODEL_OPTIONS_INIT",
              rn_model_create("resnet8", &options, &other));
  options.size = sizeof options - 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_MODEL_OPTIONS_INIT",
              rn_model_create("resnet8", &options, &other));
  rn_description description = RN_DESCRIPTION_INIT;
  description.size = 8;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_DESCRIPTION_INIT",
              rn_model_create_described(&description, &other));
  CHECK(other == NULL);

  rn_model_info info = RN_MODEL_INFO_INIT;
  info.size = 3;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_MODEL_INFO_INIT", rn_model_get_info(model, &info));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_get_info(model, NULL));
  CHECK(info.size == 3 && info.classes == 0);

  /* A larger struct keeps its size, and its members that this version does not know. */
  struct {
    rn_model_info info;
    char more[64];
  } wide;
  memset(&wide, 0x5a, sizeof wide);
  wide.info.size = sizeof wide;
  CHECK_OK(rn_model_get_info(model, &wide.info));
  CHECK(wide.info.size == sizeof wide && wide.info.classes == 10);
  for (size_t i = 0; i < sizeof wide.more; i++) CHECK(wide.more[i] == 0x5a);
  CHECK_OK(rn_model_free(model));
}

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

// The kinds of networks that are no presets of the paper: blocks of any length, perceptrons, highway
// layers, and sequences like VGG's.
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

static void test_text(void) {
  rn_model *model = make_model(1);
  char text[8];
  size_t needed = 0;
  CHECK_OK(rn_model_name(model, text, sizeof text, &needed));
  CHECK(strcmp(text, "toy") == 0 && needed == 4);
  CHECK_OK(rn_model_name(model, text, 4, NULL));
  CHECK_OK(rn_model_name(model, text, SIZE_MAX, NULL));
  needed = 0;
  CHECK_OK(rn_model_name(model, NULL, 0, &needed));
  CHECK(needed == 4);
  text[0] = '!';
  needed = 0;
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "4", rn_model_name(model, text, 3, &needed));
  CHECK(needed == 4 && text[0] == '!');
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_model_name(model, text, 0, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_name(model, NULL, 0, NULL));

  CHECK_OK(rn_model_summary(model, SIDE, SIDE, NULL, 0, &needed));
  CHECK(needed > 100);
  char *summary = malloc(needed);
  CHECK_OK(rn_model_summary(model, SIDE, SIDE, summary, needed, NULL));
  CHECK(strlen(summary) == needed - 1 && strstr(summary, "conv1") != NULL);
  free(summary);
  CHECK_OK(rn_model_summary(model, 0, 0, NULL, 0, &needed));
  CHECK(rn_model_summary(model, -1, 8, NULL, 0, &needed) != RN_OK);
  CHECK(rn_model_summary(model, 8, 0, NULL, 0, &needed) != RN_OK);
  CHECK(rn_model_summary(model, INT32_MAX, INT32_MAX, NULL, 0, &needed) != RN_OK);
  CHECK(rn_model_summary(model, INT32_MIN, INT32_MIN, NULL, 0, &needed) != RN_OK);
  CHECK_OK(rn_model_free(model));
}

static void test_class_names(void) {
  rn_model *model = make_model(1);
  const char *const names[] = {"left", "re\xc3\xa7ht"};
  char text[16];
  size_t needed = 0;
  CHECK_OK(rn_model_class_name(model, 0, text, sizeof text, &needed));
  CHECK(strcmp(text, "") == 0 && needed == 1);
  CHECK_OK(rn_model_set_class_names(model, names, 2));
  CHECK_OK(rn_model_class_name(model, 1, text, sizeof text, &needed));
  CHECK(strcmp(text, names[1]) == 0 && needed == strlen(names[1]) + 1);
  CHECK_ERROR(RN_SHAPE_MISMATCH, "2 classes", rn_model_set_class_names(model, names, 1));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_class_names(model, names, -1));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_class_names(model, names, INT32_MAX));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "names", rn_model_set_class_names(model, NULL, 2));
  const char *const with_null[] = {"left", NULL}, *const invalid[] = {"left", "\xff"};
  CHECK_ERROR(RN_INVALID_ARGUMENT, "names[1]", rn_model_set_class_names(model, with_null, 2));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "names[1]", rn_model_set_class_names(model, invalid, 2));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_class_name(model, 2, text, sizeof text, NULL));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_class_name(model, -1, text, sizeof text, NULL));
  CHECK_OK(rn_model_class_name(model, 0, text, sizeof text, NULL));
  CHECK(strcmp(text, "left") == 0);
  CHECK_OK(rn_model_set_class_names(model, NULL, 0));
  CHECK_OK(rn_model_class_name(model, 0, text, sizeof text, NULL));
  CHECK(strcmp(text, "") == 0);
  CHECK_OK(rn_model_free(model));
}

static void test_metadata(void) {
  rn_model *model = make_model(1);
  char text[16];
  size_t needed = 0;
  int32_t count = -1;
  CHECK_OK(rn_model_metadata_count(model, &count));
  CHECK(count == 0);
  CHECK_OK(rn_model_set_metadata(model, "licence", "MIT"));
  CHECK_OK(rn_model_set_metadata(model, "author", "re\xc3\xa7ht"));
  CHECK_OK(rn_model_set_metadata(model, "licence", "ISC"));
  CHECK_OK(rn_model_metadata_count(model, &count));
  CHECK(count == 2);
  CHECK_OK(rn_model_metadata_name(model, 1, text, sizeof text, &needed));
  CHECK(strcmp(text, "licence") == 0 && needed == sizeof "licence");
  CHECK_OK(rn_model_metadata(model, "author", text, sizeof text, &needed));
  CHECK(strcmp(text, "re\xc3\xa7ht") == 0 && needed == sizeof "re\xc3\xa7ht");
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_model_metadata(model, "author", text, 3, &needed));
  CHECK_OK(rn_model_set_metadata(model, "author", NULL));
  CHECK_OK(rn_model_set_metadata(model, "nothing", NULL));
  CHECK_ERROR(RN_NOT_FOUND, "author", rn_model_metadata(model, "author", text, sizeof text, NULL));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_metadata_name(model, 1, text, sizeof text, NULL));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_metadata_name(model, -1, text, sizeof text, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "1 to 255", rn_model_set_metadata(model, "", "x"));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "name", rn_model_set_metadata(model, NULL, "x"));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "value", rn_model_set_metadata(model, "x", "\xff"));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "count", rn_model_metadata_count(model, NULL));
  CHECK_OK(rn_model_free(model));
}

static void test_replacing_the_classifier(void) {
  rn_model *model = make_model(3), *replaced = NULL;
  CHECK_OK(rn_model_replace_classifier(model, 5, 1, &replaced));
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(replaced, &info));
  CHECK(info.classes == 5);
  float old[8], kept[8], weights[5 * 16];
  CHECK_OK(rn_model_get_tensor(model, "bn1.weight", old, 8));
  CHECK_OK(rn_model_get_tensor(replaced, "bn1.weight", kept, 8));
  CHECK(memcmp(old, kept, sizeof old) == 0);
  CHECK_OK(rn_model_get_tensor(replaced, "fc.weight", weights, 5 * 16));
  CHECK_OK(rn_model_free(replaced));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "class", rn_model_replace_classifier(model, 0, 1, &replaced));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_replace_classifier(model, 5, 1, NULL));
  CHECK_STATUS(RN_INVALID_HANDLE, rn_model_replace_classifier(NULL, 5, 1, &replaced));
  CHECK_OK(rn_model_free(model));
}

void test_models(void) {
  test_replacing_the_classifier();
  test_presets();
  test_options();
  test_bad_options();
  test_bad_presets();
  test_struct_sizes();
  test_described();
  test_stem_pool();
  test_comparators();
  test_text();
  test_class_names();
  test_metadata();
}
