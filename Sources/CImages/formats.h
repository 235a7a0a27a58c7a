// The two formats, behind one interface: ri_read_header and ri_decode choose by the first bytes.
#ifndef FORMATS_H
#define FORMATS_H

#include "cimages.h"

ri_status ri_jpeg_header(const uint8_t *bytes, size_t count, int64_t most_pixels, ri_header *header,
                         ri_reason *reason);
ri_status ri_jpeg_decode(const uint8_t *bytes, size_t count, const ri_request *request,
                         uint8_t *pixels, ri_reason *reason);
ri_status ri_png_header(const uint8_t *bytes, size_t count, int64_t most_pixels, ri_header *header,
                        ri_reason *reason);
ri_status ri_png_decode(const uint8_t *bytes, size_t count, const ri_request *request,
                        uint8_t *pixels, ri_reason *reason);

// RI_DAMAGED for an image without pixels, or with more than those.
ri_status ri_check_size(uint32_t width, uint32_t height, int64_t most_pixels, ri_reason *reason);

// EXIF's orientation in a TIFF structure, 1 to 8; 1 where there is none that makes sense.
int32_t ri_exif_orientation(const uint8_t *tiff, size_t count);

// A row of RGB pixels as grey ones, by the weights of ITU-R 601 in 16 bits, as Pillow has them.
static inline void ri_grey_row(const uint8_t *rgb, int32_t width, uint8_t *grey) {
  for (int32_t i = 0; i < width; i++) {
    const uint8_t *pixel = rgb + 3 * (size_t)i;
    grey[i] = (uint8_t)((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
  }
}

static inline void ri_rgb_row(const uint8_t *grey, int32_t width, uint8_t *rgb) {
  for (int32_t i = 0; i < width; i++) {
    uint8_t *pixel = rgb + 3 * (size_t)i;
    pixel[0] = pixel[1] = pixel[2] = grey[i];
  }
}

#endif
