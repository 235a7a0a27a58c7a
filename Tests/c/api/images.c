/* Image files and datasets of them. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

/* A PNG of 8 x 6 pixels; the one in row y and column x is (10 x, 20 y, 7). */
static const unsigned char png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x06, 0x08, 0x02, 0x00, 0x00,
    0x00, 0x71, 0x67, 0x48, 0xac, 0x00, 0x00, 0x00, 0x18, 0x49, 0x44, 0x41, 0x54, 0x78,
    0xda, 0x63, 0x64, 0x60, 0x60, 0xe7, 0x62, 0x60, 0xc0, 0x44, 0x2c, 0x0c, 0x22, 0x0c,
    0x58, 0x01, 0x3d, 0x24, 0x00, 0x4d, 0x07, 0x00, 0xc7, 0xfb, 0xcc, 0xe7, 0x48, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

static void test_one_image(void) {
  rn_image *image = NULL, *other = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "bytes", rn_image_decode(NULL, 5, 3, 0, &image));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "image", rn_image_decode(png, sizeof png, 3, 0, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "got 2", rn_image_decode(png, sizeof png, 2, 0, &image));
  CHECK_ERROR(RN_BAD_FORMAT, "empty", rn_image_decode(NULL, 0, 3, 0, &image));
  CHECK_ERROR(RN_BAD_FORMAT, "8 x 6", rn_image_decode(png, sizeof png, 3, 47, &image));
  CHECK_ERROR(RN_BAD_FORMAT, "truncated", rn_image_decode(png, sizeof png - 1, 3, 0, &image));
  CHECK_ERROR(RN_NOT_FOUND, "gone.png", rn_image_read("gone.png", 3, 0, &image));
  CHECK(image == NULL);
  CHECK_OK(rn_image_decode(png, sizeof png, 3, 48, &image));
  rn_image_info info = RN_IMAGE_INFO_INIT;
  CHECK_OK(rn_image_get_info(image, &info));
  CHECK(info.channels == 3 && info.height == 6 && info.width == 8);
  uint8_t pixels[3 * 6 * 8];
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "pixels",
              rn_image_pixels(image, RN_PLANAR, pixels, sizeof pixels - 1));
  CHECK_OK(rn_image_pixels(image, RN_PLANAR, pixels, sizeof pixels));
  CHECK(pixels[3] == 30 && pixels[48 + 8 * 2] == 40 && pixels[96] == 7);
  CHECK_OK(rn_image_pixels(image, RN_INTERLEAVED, pixels, sizeof pixels));
  CHECK(pixels[9] == 30 && pixels[3 * 8 * 2 + 1] == 40 && pixels[2] == 7);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "layout",
              rn_image_pixels(image, (rn_layout)9, pixels, sizeof pixels));

  CHECK_OK(rn_image_crop(image, 2, 3, 2, 4, &other));
  CHECK_OK(rn_image_pixels(other, RN_INTERLEAVED, pixels, sizeof pixels));
  CHECK(pixels[0] == 30 && pixels[1] == 40);
  CHECK_OK(rn_image_free(other));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "no part", rn_image_crop(image, 2, 3, 5, 4, &other));
  CHECK_OK(rn_image_centre(image, 0, 4, RN_BILINEAR, &other));
  CHECK_OK(rn_image_pixels(other, RN_INTERLEAVED, pixels, sizeof pixels));
  CHECK(pixels[0] == 20 && pixels[1] == 20);
  CHECK_OK(rn_image_free(other));
  CHECK_OK(rn_image_resize(image, 3, 16, RN_BICUBIC, &other));
  CHECK_OK(rn_image_get_info(other, &info));
  CHECK(info.height == 3 && info.width == 16);
  CHECK_OK(rn_image_free(other));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "0x16", rn_image_resize(image, 0, 16, RN_BICUBIC, &other));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "filter", rn_image_resize(image, 3, 16, (rn_filter)7, &other));
  CHECK_OK(rn_image_free(image));
  CHECK_ERROR(RN_INVALID_HANDLE, "freed", rn_image_get_info(image, &info));
}

static void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!CHECK(file != NULL)) exit(EXIT_FAILURE);
  CHECK(fwrite(bytes, 1, size, file) == size);
  CHECK(fclose(file) == 0);
}

static void test_folder(void) {
  char root[256], path[300], text[400];
  snprintf(root, sizeof root, "%s", scratch("images"));
  rn_dataset *dataset = NULL;
  CHECK_ERROR(RN_NOT_FOUND, "images", rn_dataset_open_folder(root, NULL, &dataset));
  CHECK(mkdir(root, 0700) == 0);
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%c", root, 'a' + i);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/%c/0.png", root, 'a' + i);
    write_file(path, png, sizeof png);
  }
  snprintf(path, sizeof path, "%s/b/1.png", root);
  write_file(path, png, 30);
  rn_image_options options = RN_IMAGE_OPTIONS_PUBLISHED;
  options.crop = 4;
  options.resize = 6;
  options.damage = RN_DAMAGE_SKIP;
  options.least_side = 7;
  options.most_side = 6;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "most_side", rn_dataset_open_folder(root, &options, &dataset));
  options.most_side = 0;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "most_side", rn_dataset_open_folder(root, &options, &dataset));
  // Neither is given: from 6 to 6 * 480 / 256, rounded.
  options.least_side = 0;
  float varied[2][48];
  for (int given = 0; given < 2; given++) {
    if (given) {
      options.least_side = 6;
      options.most_side = 11;
    }
    CHECK_OK(rn_dataset_open_folder(root, &options, &dataset));
    CHECK_OK(rn_dataset_read_varied(dataset, 0, 1, 5, 0, varied[given], 48, NULL, 0));
    CHECK_OK(rn_dataset_free(dataset));
  }
  CHECK(memcmp(varied[0], varied[1], sizeof varied[0]) == 0);
  options.least_side = 7;
  options.most_side = 9;
  CHECK_OK(rn_dataset_open_folder(root, &options, &dataset));
  CHECK_OK(rn_dataset_class_name(dataset, 1, text, sizeof text, NULL));
  CHECK(strcmp(text, "b") == 0);
  int64_t count = -1;
  CHECK_OK(rn_dataset_damaged_count(dataset, &count));
  CHECK(count == 0);
  CHECK_OK(rn_dataset_verify(dataset));
  CHECK_OK(rn_dataset_damaged_count(dataset, &count));
  CHECK(count == 1);
  CHECK_OK(rn_dataset_damaged_path(dataset, 0, text, sizeof text, NULL));
  CHECK(strcmp(text, path) == 0);
  CHECK_OK(rn_dataset_damaged_reason(dataset, 0, text, sizeof text, NULL));
  CHECK(strstr(text, "truncated") != NULL);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "1 are known",
              rn_dataset_damaged_path(dataset, 1, text, sizeof text, NULL));
  float pixels[2][48];
  int32_t labels[2];
  CHECK_OK(rn_dataset_read(dataset, 0, 2, pixels[0], 96, labels, 2));
  CHECK(labels[0] == 0 && labels[1] == 1);
  CHECK(pixels[0][0] == 20 && pixels[0][16] == 20 && pixels[0][32] == 7);
  CHECK_OK(rn_dataset_read_varied(dataset, 0, 2, 1, 0, pixels[0], 96, labels, 2));
  CHECK(memcmp(pixels[0], pixels[1], sizeof pixels[0]) != 0);
  double mean[3];
  rn_calibration calibration = RN_CALIBRATION_INIT;
  calibration.mean = mean;
  calibration.channel_capacity = 2;
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "mean", rn_dataset_calibrate(dataset, 0, 0, &calibration));
  calibration.channel_capacity = 3;
  CHECK_OK(rn_dataset_calibrate(dataset, 0, 0, &calibration));
  CHECK(calibration.count == 2 && calibration.has_colour && mean[2] == 7);
  CHECK_OK(rn_dataset_free(dataset));
}

void test_images(void) {
  test_one_image();
  test_folder();
}
