/* Datasets from the files of CIFAR-100 and from IDX files. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

static void write_file(const char *path, const unsigned char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!CHECK(file != NULL)) exit(EXIT_FAILURE);
  CHECK(fwrite(bytes, 1, size, file) == size);
  CHECK(fclose(file) == 0);
}

enum { RECORD = 2 + 3 * 32 * 32, RECORDS = 500 };

/* Image i has coarse label i % 20, fine label i % 100 and pixels (i + position) % 256. */
static unsigned char *cifar100_records(void) {
  static unsigned char bytes[RECORDS * RECORD];
  for (int i = 0; i < RECORDS; i++) {
    unsigned char *record = bytes + (size_t)i * RECORD;
    record[0] = (unsigned char)(i % 20);
    record[1] = (unsigned char)(i % 100);
    for (int p = 0; p < RECORD - 2; p++) record[2 + p] = (unsigned char)(i + p);
  }
  return bytes;
}

static void test_cifar100(void) {
  char directory[256], path[300];
  snprintf(directory, sizeof directory, "%s", scratch("cifar100"));
  snprintf(path, sizeof path, "%s/test.bin", directory);
  rn_dataset *dataset = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "directory", rn_dataset_open_cifar100(NULL, 0, 0, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "dataset", rn_dataset_open_cifar100(directory, 0, 0, NULL));
  CHECK(mkdir(directory, 0700) == 0);
  CHECK_ERROR(RN_NOT_FOUND, "test.bin", rn_dataset_open_cifar100(directory, 0, 0, &dataset));

  unsigned char *bytes = cifar100_records();
  write_file(path, bytes, (size_t)RECORDS * RECORD);
  for (int coarse = 0; coarse <= 1; coarse++) {
    CHECK_OK(rn_dataset_open_cifar100(directory, 0, coarse, &dataset));
    rn_dataset_info info = RN_DATASET_INFO_INIT;
    CHECK_OK(rn_dataset_get_info(dataset, &info));
    CHECK(info.count == RECORDS && info.channels == 3 && info.height == 32 && info.width == 32);
    CHECK(info.classes == (coarse ? 20 : 100));
    static float pixels[RECORD - 2];
    int32_t label = 0;
    CHECK_OK(rn_dataset_read(dataset, 457, 1, pixels, RECORD - 2, &label, 1));
    CHECK(label == (coarse ? 457 % 20 : 457 % 100));
    int same = 1;
    for (int p = 0; p < RECORD - 2; p++) same &= pixels[p] == (float)((457 + p) % 256);
    CHECK(same);
    CHECK_OK(rn_dataset_free(dataset));
  }
  /* The training file is another file. */
  CHECK_ERROR(RN_NOT_FOUND, "train.bin", rn_dataset_open_cifar100(directory, 1, 0, &dataset));

  write_file(path, bytes, (size_t)RECORDS * RECORD - 1);
  CHECK_ERROR(RN_BAD_FORMAT, "test.bin", rn_dataset_open_cifar100(directory, 0, 0, &dataset));
  bytes[0] = 20;
  write_file(path, bytes, RECORD);
  CHECK_ERROR(RN_BAD_FORMAT, "coarse label 20",
              rn_dataset_open_cifar100(directory, 0, 0, &dataset));
  bytes[0] = 0;
  bytes[1] = 100;
  write_file(path, bytes, RECORD);
  CHECK_ERROR(RN_BAD_FORMAT, "fine label 100", rn_dataset_open_cifar100(directory, 0, 1, &dataset));
}

static void test_idx(void) {
  /* Three grey images of 2x2, or one of three channels; and labels. */
  unsigned char grey[] = {0, 0, 8,  3,  0,  0,  0,  3,  0,  0,  0,  2,   0,   0,
                          0, 2, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 255};
  const unsigned char colour[] = {0, 0, 8, 4, 0,  0,  0,  1,  0,  0,  0,  3,  0,  0,   0,   2,
                                  0, 0, 0, 2, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 255};
  const unsigned char three[] = {0, 0, 8, 1, 0, 0, 0, 3, 4, 0, 2};
  const unsigned char one[] = {0, 0, 8, 1, 0, 0, 0, 1, 7};
  const unsigned char gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0};
  char images[256], labels[256];
  snprintf(images, sizeof images, "%s", scratch("images-idx3-ubyte"));
  snprintf(labels, sizeof labels, "%s", scratch("labels-idx1-ubyte"));
  rn_dataset *dataset = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "images", rn_dataset_open_idx(NULL, labels, 0, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "labels", rn_dataset_open_idx(images, NULL, 0, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "dataset", rn_dataset_open_idx(images, labels, 0, NULL));
  CHECK_ERROR(RN_NOT_FOUND, images, rn_dataset_open_idx(images, labels, 0, &dataset));
  write_file(images, grey, sizeof grey);
  CHECK_ERROR(RN_NOT_FOUND, labels, rn_dataset_open_idx(images, labels, 0, &dataset));
  write_file(labels, three, sizeof three);

  CHECK_OK(rn_dataset_open_idx(images, labels, 0, &dataset));
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  CHECK_OK(rn_dataset_get_info(dataset, &info));
  CHECK(info.count == 3 && info.channels == 1 && info.height == 2 && info.width == 2);
  CHECK(info.classes == 5);
  float pixels[12];
  int32_t read[3];
  CHECK_OK(rn_dataset_read(dataset, 0, 3, pixels, 12, read, 3));
  for (int i = 0; i < 12; i++) CHECK(pixels[i] == (float)grey[16 + i]);
  CHECK(read[0] == 4 && read[1] == 0 && read[2] == 2);
  CHECK_OK(rn_dataset_free(dataset));

  CHECK_OK(rn_dataset_open_idx(images, labels, 10, &dataset));
  CHECK_OK(rn_dataset_get_info(dataset, &info));
  CHECK(info.classes == 10);
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_ERROR(RN_BAD_FORMAT, "label 0 is 4", rn_dataset_open_idx(images, labels, 4, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "-1", rn_dataset_open_idx(images, labels, -1, &dataset));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_dataset_open_idx(images, labels, INT32_MIN, &dataset));

  write_file(labels, one, sizeof one);
  CHECK_ERROR(RN_BAD_FORMAT, "1 labels", rn_dataset_open_idx(images, labels, 0, &dataset));
  write_file(images, colour, sizeof colour);
  CHECK_OK(rn_dataset_open_idx(images, labels, 0, &dataset));
  CHECK_OK(rn_dataset_get_info(dataset, &info));
  CHECK(info.count == 1 && info.channels == 3 && info.classes == 8);
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_ERROR(RN_BAD_FORMAT, "0x00000801", rn_dataset_open_idx(labels, images, 0, &dataset));

  /* No byte of a header can be anything else; and no file shorter. */
  write_file(labels, three, sizeof three);
  for (size_t i = 0; i < 16; i++) {
    grey[i] ^= 0x80;
    write_file(images, grey, sizeof grey);
    CHECK_ERROR(RN_BAD_FORMAT, images, rn_dataset_open_idx(images, labels, 0, &dataset));
    grey[i] ^= 0x80;
  }
  for (size_t size = 0; size < sizeof grey; size++) {
    write_file(images, grey, size);
    CHECK_ERROR(RN_BAD_FORMAT, images, rn_dataset_open_idx(images, labels, 0, &dataset));
  }
  write_file(images, gzip, sizeof gzip);
  CHECK_ERROR(RN_BAD_FORMAT, "unpack", rn_dataset_open_idx(images, labels, 0, &dataset));
}

enum { PHOTOS = 5, ROWS = 2, COLUMNS = 3 };

static void test_hdf5(void) {
  const char *path = HDF5_FILES "/photos.h5"; /* in which each pixel is its index */
  static const int labels[PHOTOS] = {0, 2, 1, 2, 0};
  rn_dataset *dataset = NULL;
  CHECK_ERROR(RN_NOT_FOUND, "none.h5", rn_dataset_open_hdf5(scratch("none.h5"), NULL, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "path", rn_dataset_open_hdf5(NULL, NULL, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "dataset", rn_dataset_open_hdf5(path, NULL, NULL));

  CHECK_ERROR(RN_NOT_FOUND, "/images", rn_dataset_open_hdf5(path, NULL, &dataset));
  rn_hdf5_options options = RN_HDF5_OPTIONS_INIT;
  options.images = "photos";
  options.layout = RN_INTERLEAVED;
  CHECK_OK(rn_dataset_open_hdf5(path, &options, &dataset));
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  CHECK_OK(rn_dataset_get_info(dataset, &info));
  CHECK(info.count == PHOTOS && info.channels == 3 && info.height == ROWS);
  CHECK(info.width == COLUMNS && info.classes == 3);
  float pixels[2][3][ROWS][COLUMNS];
  int32_t read[2];
  CHECK_OK(rn_dataset_read(dataset, 2, 2, &pixels[0][0][0][0], 2 * 3 * ROWS * COLUMNS, read, 2));
  CHECK(read[0] == labels[2] && read[1] == labels[3]);
  for (int i = 0; i < 2; i++)
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLUMNS; x++)
          CHECK(pixels[i][c][y][x] == (float)((((2 + i) * ROWS + y) * COLUMNS + x) * 3 + c));
  CHECK_OK(rn_dataset_free(dataset));

  options.classes = 2;
  CHECK_ERROR(RN_BAD_FORMAT, path, rn_dataset_open_hdf5(path, &options, &dataset));
  options.classes = -1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "-1", rn_dataset_open_hdf5(path, &options, &dataset));
  options.classes = 0;
  options.layout = (rn_layout)2;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "layout", rn_dataset_open_hdf5(path, &options, &dataset));
  options.size = 0;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "INIT", rn_dataset_open_hdf5(path, &options, &dataset));
}

void test_dataset_files(void) {
  test_cifar100();
  test_idx();
  test_hdf5();
}
