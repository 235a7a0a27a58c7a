/* Weights of other programs: what is exported comes back, and reports say what did not fit. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MOST = 1 << 16 };

/* All tensors of a model, one after the other; returns how many values they are. */
static size_t values_of(rn_model *model, float *values) {
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(model, &info));
  size_t count = 0;
  for (int32_t i = 0; i < info.tensors; i++) {
    rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
    CHECK_OK(rn_model_tensor_info(model, i, &tensor));
    if (!CHECK(count + (size_t)tensor.count <= MOST)) exit(EXIT_FAILURE);
    CHECK_OK(rn_model_get_tensor(model, tensor.name, values + count, MOST - count));
    count += (size_t)tensor.count;
  }
  return count;
}

static int same_values(rn_model *a, rn_model *b) {
  static float values[2][MOST];
  const size_t count = values_of(a, values[0]);
  return values_of(b, values[1]) == count &&
         memcmp(values[0], values[1], count * sizeof(float)) == 0;
}

static int32_t tensors_of(rn_model *model) {
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(model, &info));
  return info.tensors;
}

static rn_import_report report_of(rn_model *model) {
  rn_import_report report = RN_IMPORT_REPORT_INIT;
  CHECK_OK(rn_model_get_import_report(model, &report));
  return report;
}

/* The reason in the note on a tensor, which is of that kind; NULL if there is none. */
static const char *reason_of(rn_model *model, rn_note kind, const char *name) {
  const rn_import_report report = report_of(model);
  for (int32_t i = 0; i < report.notes; i++) {
    rn_import_note note = RN_IMPORT_NOTE_INIT;
    CHECK_OK(rn_model_import_note(model, i, &note));
    if (note.kind == kind && strcmp(note.name, name) == 0) return note.reason;
  }
  return NULL;
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!CHECK(file != NULL)) exit(EXIT_FAILURE);
  char *bytes = malloc(1 << 20);
  *size = fread(bytes, 1, 1 << 20, file);
  CHECK(feof(file));
  fclose(file);
  return bytes;
}

/* The toy with a class or a stage more, or without BN. */
static rn_model *make_relative(int32_t classes, int32_t stage_count, rn_affine affine) {
  const rn_stage stages[3] = {{1, 8, 1, 0}, {1, 16, 2, 0}, {1, 16, 1, 0}};
  rn_description description = RN_DESCRIPTION_INIT;
  description.name = "relative";
  description.stem = RN_STEM_CIFAR;
  description.block = RN_BLOCK_BASIC;
  description.shortcut = RN_SHORTCUT_A;
  description.input_channels = 1;
  description.stem_width = 8;
  description.classes = classes;
  description.stage_count = stage_count;
  description.stages = stages;
  description.affine = affine;
  description.seed = 9;
  rn_model *model = NULL;
  CHECK_OK(rn_model_create_described(&description, &model));
  return model;
}

static void test_round_trips(void) {
  const struct {
    const char *name;
    rn_format asked, format;
  } files[] = {
      {"toy.safetensors", RN_FORMAT_AUTO, RN_FORMAT_SAFETENSORS},
      {"toy.pth", RN_FORMAT_AUTO, RN_FORMAT_TORCH},
      {"toy.pt", RN_FORMAT_AUTO, RN_FORMAT_TORCH},
      {"toy.onnx", RN_FORMAT_AUTO, RN_FORMAT_ONNX},
      {"toy.bin", RN_FORMAT_ONNX, RN_FORMAT_ONNX},
  };
  rn_model *model = make_model(3), *other = make_model(4);
  CHECK(report_of(model).format == RN_FORMAT_AUTO && report_of(model).notes == 0);
  CHECK(!same_values(model, other));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const char *path = scratch(files[i].name);
    rn_model *imported[2] = {NULL, NULL};
    CHECK_OK(rn_model_export(model, path, files[i].asked));
    CHECK_OK(rn_model_import(path, NULL, &imported[0]));
    size_t size;
    char *bytes = read_file(path, &size);
    const rn_import_options options = RN_IMPORT_OPTIONS_INIT;
    CHECK_OK(rn_model_import_bytes(bytes, size, &options, &imported[1]));
    for (int j = 0; j < 2; j++) {
      CHECK(same_values(model, imported[j]));
      CHECK(same_scores(model, imported[j]));
      const rn_import_report report = report_of(imported[j]);
      CHECK(report.format == files[i].format && report.notes == 0);
      CHECK(report.imported == tensors_of(model));
      CHECK_OK(rn_model_free(imported[j]));
    }
    rn_model *target = make_model(5);
    CHECK_OK(rn_model_import_weights(target, path, 0));
    CHECK(same_values(model, target) && report_of(target).format == files[i].format);
    CHECK_OK(rn_model_free(target));
    target = make_model(6);
    CHECK_OK(rn_model_import_weights_bytes(target, bytes, size, 0));
    CHECK(same_values(model, target) && report_of(target).imported == tensors_of(model));
    CHECK_OK(rn_model_free(target));
    /* Every beginning of a file is refused, and what it was for stays as it was. */
    target = make_model(4);
    for (size_t cut = 0; cut < size; cut += size / 40 + 1) {
      rn_model *made = NULL;
      CHECK(rn_model_import_bytes(bytes, cut, NULL, &made) != RN_OK && made == NULL);
      CHECK(rn_model_import_weights_bytes(target, bytes, cut, 1) != RN_OK);
    }
    CHECK(same_values(other, target));
    CHECK_OK(rn_model_free(target));
    free(bytes);
  }
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(other));
}

/* A safetensors file holds the values, little-endian, where its header says. */
static void test_contents(void) {
  rn_model *model = make_model(3);
  const char *path = scratch("contents.safetensors");
  CHECK_OK(rn_model_export(model, path, RN_FORMAT_AUTO));
  size_t size;
  char *bytes = read_file(path, &size);
  uint64_t length;
  memcpy(&length, bytes, sizeof length);
  if (!CHECK(length < size - 8)) exit(EXIT_FAILURE);
  float values[2 * 16], written[2 * 16];
  CHECK_OK(rn_model_get_tensor(model, "fc.weight", values, 2 * 16));
  const char saved = bytes[8 + length];
  bytes[8 + length] = 0;
  unsigned long start = 0, end = 0;
  const char *entry = strstr(bytes + 8, "\"fc.weight\":");
  CHECK(entry != NULL && sscanf(entry,
                                "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,16],"
                                "\"data_offsets\":[%lu,%lu]}",
                                &start, &end) == 2);
  bytes[8 + length] = saved;
  if (CHECK(end - start == sizeof written && end <= size - 8 - length)) {
    memcpy(written, bytes + 8 + length + start, sizeof written);
    CHECK(memcmp(written, values, sizeof values) == 0);
  }
  free(bytes);
  CHECK_OK(rn_model_free(model));
}

static void test_partial_import(void) {
  rn_model *source = make_model(3);
  char path[256];
  snprintf(path, sizeof path, "%s", scratch("partial.pth"));
  CHECK_OK(rn_model_export(source, path, RN_FORMAT_AUTO));

  /* Another number of classes. */
  rn_model *target = make_relative(5, 2, RN_AFFINE_BN);
  rn_model *before = make_relative(5, 2, RN_AFFINE_BN);
  CHECK_ERROR(RN_SHAPE_MISMATCH, "fc.weight (has shape (2, 16), expected (5, 16))",
              rn_model_import_weights(target, path, 0));
  CHECK(same_values(target, before));
  CHECK(report_of(target).format == RN_FORMAT_TORCH && report_of(target).imported == 0);
  CHECK(report_of(target).notes == 2);
  CHECK_OK(rn_model_import_weights(target, path, 1));
  CHECK(report_of(target).imported == tensors_of(target) - 2 && report_of(target).notes == 2);
  const char *reason = reason_of(target, RN_NOTE_MISMATCHED, "fc.bias");
  CHECK(reason != NULL && strcmp(reason, "has shape (2), expected (5)") == 0);
  float values[3][5 * 16];
  CHECK_OK(rn_model_get_tensor(target, "fc.weight", values[0], 5 * 16));
  CHECK_OK(rn_model_get_tensor(before, "fc.weight", values[1], 5 * 16));
  CHECK(memcmp(values[0], values[1], sizeof values[0]) == 0);
  CHECK_OK(rn_model_get_tensor(target, "conv1.weight", values[0], 8 * 9));
  CHECK_OK(rn_model_get_tensor(before, "conv1.weight", values[1], 8 * 9));
  CHECK_OK(rn_model_get_tensor(source, "conv1.weight", values[2], 8 * 9));
  CHECK(memcmp(values[0], values[2], 8 * 9 * sizeof(float)) == 0);
  CHECK(memcmp(values[0], values[1], 8 * 9 * sizeof(float)) != 0);
  rn_import_note note = RN_IMPORT_NOTE_INIT;
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_import_note(target, 2, &note));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_import_note(target, -1, &note));
  CHECK_OK(rn_model_free(target));
  CHECK_OK(rn_model_free(before));

  /* A stage more in the model, or in the file; and BN in the file alone. */
  target = make_relative(CLASSES, 3, RN_AFFINE_BN);
  CHECK_ERROR(RN_SHAPE_MISMATCH, "missing: layer3.0.conv1.weight",
              rn_model_import_weights(target, path, 0));
  CHECK_OK(rn_model_import_weights(target, path, 1));
  CHECK(reason_of(target, RN_NOTE_MISSING, "layer3.0.bn2.running_var") != NULL);
  CHECK(report_of(target).imported == tensors_of(source) && report_of(target).notes == 10);
  CHECK_OK(rn_model_export(target, path, RN_FORMAT_AUTO));
  CHECK_ERROR(RN_SHAPE_MISMATCH, "unexpected: layer3.0.conv1.weight",
              rn_model_import_weights(source, path, 0));
  CHECK(reason_of(source, RN_NOTE_UNEXPECTED, "layer3.0.conv2.weight") != NULL);
  CHECK_OK(rn_model_import_weights(source, path, 1));
  CHECK(report_of(source).imported == tensors_of(source) && report_of(source).notes == 10);
  CHECK_OK(rn_model_free(target));
  target = make_relative(CLASSES, 2, RN_AFFINE_BIAS);
  CHECK_ERROR(RN_SHAPE_MISMATCH, "conv1.bias", rn_model_import_weights(target, path, 0));
  CHECK_OK(rn_model_free(target));

  /* A new model of a file in which a tensor has another name. */
  const char *renamed = scratch("renamed.safetensors");
  CHECK_OK(rn_model_export(source, renamed, RN_FORMAT_AUTO));
  size_t size;
  char *bytes = read_file(renamed, &size);
  const char old[] = "layer2.0.bn2.bias";
  size_t at = 0;
  while (at + sizeof old < size && memcmp(bytes + at, old, sizeof old - 1) != 0) at++;
  bytes[at] = 'x';
  rn_model *made = NULL;
  rn_import_options options = RN_IMPORT_OPTIONS_INIT;
  CHECK_ERROR(RN_SHAPE_MISMATCH, "missing: layer2.0.bn2.bias; unexpected: xayer2.0.bn2.bias",
              rn_model_import_bytes(bytes, size, &options, &made));
  options.partial = 1;
  CHECK_OK(rn_model_import_bytes(bytes, size, &options, &made));
  CHECK(report_of(made).imported == tensors_of(source) - 1 && report_of(made).notes == 2);
  CHECK(reason_of(made, RN_NOTE_MISSING, old) != NULL);
  CHECK(reason_of(made, RN_NOTE_UNEXPECTED, "xayer2.0.bn2.bias") != NULL);
  CHECK_OK(rn_model_get_tensor(made, old, values[0], 16));
  CHECK(values[0][0] == 0);
  free(bytes);
  CHECK_OK(rn_model_free(made));
  CHECK_OK(rn_model_free(source));
}

static void test_options(void) {
  rn_model *model = make_model(3), *made = NULL;
  char path[256];
  snprintf(path, sizeof path, "%s", scratch("options.safetensors"));
  CHECK_OK(rn_model_export(model, path, RN_FORMAT_AUTO));
  rn_import_options options = RN_IMPORT_OPTIONS_INIT;
  options.plain = 1;
  CHECK_OK(rn_model_import(path, &options, &made));
  CHECK(same_values(model, made) && !same_scores(model, made));
  char name[16];
  CHECK_OK(rn_model_name(made, name, sizeof name, NULL));
  CHECK(strcmp(name, "plain6") == 0);
  CHECK_OK(rn_model_free(made));
  options.plain = 0;
  options.zero_channels = RN_ZEROS_SPLIT;
  CHECK_OK(rn_model_import(path, &options, &made));
  CHECK(same_values(model, made) && !same_scores(model, made));
  CHECK_OK(rn_model_free(made));
  made = NULL;
  options.zero_channels = RN_DEFAULT;
  options.preprocessing = RN_PREPROCESSING_TORCH;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "images of 3 channels", rn_model_import(path, &options, &made));
  CHECK(made == NULL);
  CHECK_OK(rn_model_free(model));
}

static void test_refusals(void) {
  rn_model *model = make_model(3), *twin = make_model(3), *made = NULL;
  char path[256];
  snprintf(path, sizeof path, "%s", scratch("refused.pth"));
  CHECK_STATUS(RN_NOT_FOUND, rn_model_import(path, NULL, &made));
  CHECK_STATUS(RN_NOT_FOUND, rn_model_import_weights(model, path, 0));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "extension",
              rn_model_export(model, scratch("refused.txt"), RN_FORMAT_AUTO));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "not bottlenecks",
              rn_model_export(model, scratch("refused.h5"), RN_FORMAT_AUTO));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "not bottlenecks",
              rn_model_export(model, scratch("refused.h5"), RN_FORMAT_CAFFE));
  const char text[] = "no weights of anybody";
  CHECK_ERROR(RN_BAD_FORMAT, "no format", rn_model_import_bytes(text, sizeof text, NULL, &made));
  CHECK_ERROR(RN_BAD_FORMAT, "no format",
              rn_model_import_weights_bytes(model, text, sizeof text, 1));
  CHECK(made == NULL && same_values(model, twin));

  /* What is not finite stays out of files, and out of models. */
  CHECK_OK(rn_model_export(model, path, RN_FORMAT_AUTO));
  size_t size;
  char *bytes = read_file(path, &size);
  float bias[CLASSES] = {1, 0}, *place = NULL;
  CHECK_OK(rn_model_set_tensor(model, "fc.bias", bias, CLASSES));
  const char *good = scratch("finite.safetensors");
  CHECK_OK(rn_model_export(model, good, RN_FORMAT_AUTO));
  free(bytes);
  bytes = read_file(good, &size);
  /* fc.bias is the last tensor. */
  place = (float *)(bytes + size - sizeof bias);
  memcpy(bias, place, sizeof bias);
  CHECK(bias[0] == 1 && bias[1] == 0);
  const uint32_t infinity = 0x7F800000;
  memcpy(place, &infinity, sizeof infinity);
  CHECK_ERROR(RN_NOT_FINITE, "fc.bias", rn_model_import_weights_bytes(twin, bytes, size, 0));
  CHECK(reason_of(twin, RN_NOTE_MISMATCHED, "fc.bias") != NULL);
  CHECK_ERROR(RN_NOT_FINITE, "fc.bias", rn_model_import_bytes(bytes, size, NULL, &made));
  rn_model *again = make_model(3);
  CHECK(made == NULL && same_values(twin, again));
  free(bytes);
  CHECK_OK(rn_model_free(again));
  CHECK_OK(rn_model_free(twin));
  CHECK_OK(rn_model_free(model));
}

void test_exchange(void) {
  test_round_trips();
  test_contents();
  test_partial_import();
  test_options();
  test_refusals();
}
