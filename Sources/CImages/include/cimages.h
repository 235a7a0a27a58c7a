// JPEG and PNG images out of memory, by libjpeg-turbo and libpng: what must be C because both report
// errors by longjmp. Nothing here reads files, keeps state or prints.
#ifndef CIMAGES_H
#define CIMAGES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ri_format { RI_JPEG = 1, RI_PNG = 2 } ri_format;

typedef struct ri_header {
  int32_t format;         // ri_format
  int32_t width, height;  // as stored, before orientation
  int32_t orientation;    // EXIF's, 1 to 8; 1 if the file has none
} ri_header;

typedef enum ri_status {
  RI_OK = 0,
  RI_UNKNOWN,  // neither JPEG nor PNG
  RI_DAMAGED,  // or of a kind that the library cannot decode
  RI_OUT_OF_MEMORY
} ri_status;

// Why an image could not be read, in words; set with every status but RI_OK.
typedef struct ri_reason {
  char text[200];
} ri_reason;

// What the file says about itself. Nothing of the image is decoded or allocated. An image of more
// than most_pixels (below 2^31) is RI_DAMAGED.
ri_status ri_read_header(const uint8_t *bytes, size_t count, int64_t most_pixels, ri_header *header,
                         ri_reason *reason);

typedef struct ri_request {
  // JPEG: 1, 2, 4 or 8: the image at that fraction of its size, rounded up. PNG: 1.
  int32_t denominator;
  int32_t channels;  // 1 (grey) or 3 (RGB)
  // The part that is wanted, in pixels of the image at that size.
  int32_t x, y, width, height;
} ri_request;

// Decodes a part of an image as it is stored into `pixels`, [height][width][channels] without gaps:
// the same bytes that decoding the whole image gives there. A file that ends early, or whose
// compressed data are damaged, is RI_DAMAGED, also if the damage is after the part that is wanted
// and known without decoding it.
ri_status ri_decode(const uint8_t *bytes, size_t count, const ri_request *request, uint8_t *pixels,
                    ri_reason *reason);

#ifdef __cplusplus
}
#endif

#endif
