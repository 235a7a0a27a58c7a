/* The files that the soak test reads: noise of changing sizes, as JPEG and as PNG. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "soak.h"

/* These two need stdio.h first. */
#include <jpeglib.h>
#include <png.h>

static uint8_t *make_pixels(int height, int width, uint32_t seed) {
  size_t count = (size_t)height * (size_t)width * 3;
  uint8_t *pixels = malloc(count);
  REQUIRE(pixels != NULL);
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    pixels[i] = (uint8_t)(i / 48 % 2 * 100 + (seed >> 26));
  }
  return pixels;
}

static void write_png(const char *path, uint8_t *pixels, int height, int width) {
  png_image image = {0};
  image.version = PNG_IMAGE_VERSION;
  image.width = (png_uint_32)width;
  image.height = (png_uint_32)height;
  image.format = PNG_FORMAT_RGB;
  REQUIRE(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

static void write_jpeg(const char *path, uint8_t *pixels, int height, int width) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file != NULL);
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_width = (JDIMENSION)width;
  jpeg.image_height = (JDIMENSION)height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < height; y++) {
    JSAMPROW row = pixels + (size_t)y * (size_t)width * 3;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  REQUIRE(fclose(file) == 0);
}

void write_pictures(const char *folder) {
  enum { PICTURES = 12 };
  char path[512];
  for (int label = 0; label < 2; label++) {
    snprintf(path, sizeof path, "%s/%d", folder, label);
    REQUIRE(mkdir(path, 0777) == 0);
  }
  for (int i = 0; i < PICTURES; i++) {
    int height = 40 + i * 37 % 90, width = 40 + i * 53 % 110;
    uint8_t *pixels = make_pixels(height, width, (uint32_t)i);
    snprintf(path, sizeof path, "%s/%d/%d.%s", folder, i % 2, i, i % 3 == 0 ? "png" : "jpg");
    if (i % 3 == 0)
      write_png(path, pixels, height, width);
    else
      write_jpeg(path, pixels, height, width);
    free(pixels);
  }
  uint8_t *pixels = make_pixels(64, 64, 99);
  snprintf(path, sizeof path, "%s/damaged.png", folder);
  write_png(path, pixels, 64, 64);
  free(pixels);
  struct stat status;
  REQUIRE(stat(path, &status) == 0);
  FILE *file = fopen(path, "r+b");
  REQUIRE(file != NULL);
  /* Its pixels lose their middle; the last chunk is where it was. */
  static const uint8_t zeros[64];
  REQUIRE(fseek(file, (long)status.st_size / 2, SEEK_SET) == 0);
  REQUIRE(fwrite(zeros, sizeof zeros, 1, file) == 1);
  REQUIRE(fclose(file) == 0);
}
