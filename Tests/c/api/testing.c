/* Testing by several views of each image, and the figures of each class. */
#include <math.h>
#include <string.h>

#include "check.h"

/* The four corners and the middle of a toy image, and their mirror images. */
enum { CROP = SIDE - 3, CROPS = 10 };

static void crop(const float *image, int top, int left, int mirrored, float *part) {
  for (int row = 0; row < CROP; row++)
    for (int column = 0; column < CROP; column++)
      part[row * CROP + column] =
          image[(top + row) * SIDE + left + (mirrored ? CROP - 1 - column : column)];
}

static void test_ten_crops(void) {
  rn_model *model = make_model(1);
  float pixels[BATCH * PIXELS], averages[BATCH * CLASSES];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  rn_test_options options = RN_TEST_OPTIONS_INIT;
  options.views = RN_VIEWS_10_CROP;
  options.resize = 0;
  options.crop = CROP;
  CHECK_OK(rn_model_view_probabilities(model, &images, &options, averages, BATCH * CLASSES));

  /* Half of three pixels is rounded to the even side. */
  const int tops[5] = {0, 0, SIDE - CROP, SIDE - CROP, 2};
  const int lefts[5] = {0, SIDE - CROP, 0, SIDE - CROP, 2};
  for (int i = 0; i < BATCH; i++) {
    float parts[CROPS * CROP * CROP], probabilities[CROPS * CLASSES];
    for (int v = 0; v < CROPS; v++)
      crop(pixels + i * PIXELS, tops[v / 2], lefts[v / 2], v % 2, parts + v * CROP * CROP);
    rn_images views = RN_IMAGES_F32(parts, CROPS, 1, CROP, CROP);
    CHECK_OK(rn_model_probabilities(model, &views, probabilities, CROPS * CLASSES));
    for (int c = 0; c < CLASSES; c++) {
      double sum = 0;
      for (int v = 0; v < CROPS; v++) sum += probabilities[v * CLASSES + c];
      CHECK(fabs(sum / CROPS - averages[i * CLASSES + c]) < 1e-5);
    }
  }
  CHECK_OK(rn_model_free(model));
}

static void test_metrics(void) {
  rn_model *model = make_model(1);
  rn_dataset *dataset = make_dataset(BATCH);
  float pixels[BATCH * PIXELS], averages[BATCH * CLASSES];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  const int32_t scales[2] = {SIDE - 2, SIDE + 3};
  rn_test_options options = RN_TEST_OPTIONS_INIT;
  options.views = RN_VIEWS_MULTI_SCALE;
  options.scales = scales;
  options.scale_count = 2;
  options.mirror = 1;
  rn_metrics metrics = RN_METRICS_INIT, alone = RN_METRICS_INIT;
  int64_t confusion[CLASSES * CLASSES], counts[CLASSES * CLASSES] = {0};
  CHECK_OK(rn_model_test(model, dataset, &options, &metrics, confusion, CLASSES * CLASSES));
  CHECK_OK(rn_model_test(model, dataset, &options, &alone, NULL, 0));
  CHECK(memcmp(&metrics, &alone, sizeof metrics) == 0);
  CHECK_OK(rn_model_view_probabilities(model, &images, &options, averages, BATCH * CLASSES));
  double loss = 0;
  for (int i = 0; i < BATCH; i++) {
    loss -= log(averages[i * CLASSES + labels[i]]) / BATCH;
    counts[labels[i] * CLASSES + (averages[i * CLASSES + 1] > averages[i * CLASSES])]++;
  }
  CHECK(fabs(loss - metrics.loss) < 1e-5 && metrics.count == BATCH);
  CHECK(memcmp(counts, confusion, sizeof counts) == 0);
  CHECK(metrics.accuracy == (double)(counts[0] + counts[CLASSES + 1]) / BATCH);

  /* One view of the images as they are is what evaluating does. */
  options = (rn_test_options)RN_TEST_OPTIONS_INIT;
  CHECK_OK(rn_model_test(model, dataset, &options, &alone, NULL, 0));
  CHECK_OK(rn_model_evaluate(model, dataset, &metrics));
  CHECK(fabs(alone.loss - metrics.loss) < 1e-5 && alone.accuracy == metrics.accuracy);
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_model_free(model));
}

static void test_errors(void) {
  rn_model *model = make_model(1);
  rn_dataset *dataset = make_dataset(BATCH);
  rn_metrics metrics = RN_METRICS_INIT;
  int64_t confusion[CLASSES * CLASSES];
  rn_test_options options = RN_TEST_OPTIONS_INIT;
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_test(model, dataset, NULL, &metrics, NULL, 0));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_test(model, dataset, &options, NULL, NULL, 0));
  CHECK_STATUS(RN_INVALID_HANDLE, rn_model_test(model, NULL, &options, &metrics, NULL, 0));
  CHECK_STATUS(RN_BUFFER_TOO_SMALL,
               rn_model_test(model, dataset, &options, &metrics, confusion, CLASSES));
  options.views = (rn_views)9;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "views is 9",
              rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  options.views = RN_VIEWS_CENTRE;
  options.average = (rn_average)7;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "average is 7",
              rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  options.average = RN_AVERAGE_DEFAULT;
  options.resize = SIDE;
  options.crop = SIDE + 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "9x9 is larger",
              rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  options.resize = -1;
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  options.views = RN_VIEWS_MULTI_SCALE;
  options.scale_count = 2;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "scales",
              rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  options.scale_count = -2;
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  options.size = 8;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_TEST_OPTIONS_INIT",
              rn_model_test(model, dataset, &options, &metrics, NULL, 0));
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_model_free(model));
}

static void test_class_figures(void) {
  const int64_t confusion[9] = {3, 1, 0, 2, 2, 0, 0, 0, 0};
  double recall[3], precision[3];
  CHECK_OK(rn_class_figures(confusion, 3, recall, precision));
  CHECK(recall[0] == 0.75 && recall[1] == 0.5 && isnan(recall[2]));
  CHECK(precision[0] == 0.6 && precision[1] == 2.0 / 3 && isnan(precision[2]));
  CHECK_OK(rn_class_figures(confusion, 3, NULL, NULL));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_class_figures(NULL, 3, recall, precision));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_class_figures(confusion, 0, recall, precision));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_class_figures(confusion, -3, recall, precision));
}

void test_testing(void) {
  test_ten_crops();
  test_metrics();
  test_errors();
  test_class_figures();
}
