/* Making models from presets, and what can be asked of them. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

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
  test_text();
  test_class_names();
  test_metadata();
}
