// Which format an image has is told by its first bytes, never by its name.
#include "formats.h"

#include <stdio.h>
#include <string.h>

static int begins_with(const uint8_t *bytes, size_t count, const char *mark, size_t length) {
  return count >= length && memcmp(bytes, mark, length) == 0;
}

static int format_of(const uint8_t *bytes, size_t count) {
  if (begins_with(bytes, count, "\xff\xd8\xff", 3)) return RI_JPEG;
  if (begins_with(bytes, count, "\x89PNG\r\n\x1a\n", 8)) return RI_PNG;
  return 0;
}

static ri_status unknown(size_t count, ri_reason *reason) {
  snprintf(reason->text, sizeof reason->text, "%s",
           count == 0 ? "the file is empty" : "it is neither a JPEG nor a PNG image");
  return RI_UNKNOWN;
}

ri_status ri_check_size(uint32_t width, uint32_t height, int64_t most_pixels, ri_reason *reason) {
  // A row is what memory is counted in, whatever the number of them.
  enum { MOST_SIDE = 1 << 20 };
  if (width >= 1 && width <= MOST_SIDE && height >= 1 && height <= MOST_SIDE &&
      (int64_t)width <= most_pixels / height) {
    return RI_OK;
  }
  snprintf(reason->text, sizeof reason->text,
           "its header says %u x %u pixels, expected 1 to %d a side and %lld in all", width, height,
           MOST_SIDE, (long long)most_pixels);
  return RI_DAMAGED;
}

ri_status ri_read_header(const uint8_t *bytes, size_t count, int64_t most_pixels, ri_header *header,
                         ri_reason *reason) {
  switch (format_of(bytes, count)) {
    case RI_JPEG:
      return ri_jpeg_header(bytes, count, most_pixels, header, reason);
    case RI_PNG:
      return ri_png_header(bytes, count, most_pixels, header, reason);
    default:
      return unknown(count, reason);
  }
}

ri_status ri_decode(const uint8_t *bytes, size_t count, const ri_request *request, uint8_t *pixels,
                    ri_reason *reason) {
  switch (format_of(bytes, count)) {
    case RI_JPEG:
      return ri_jpeg_decode(bytes, count, request, pixels, reason);
    case RI_PNG:
      return ri_png_decode(bytes, count, request, pixels, reason);
    default:
      return unknown(count, reason);
  }
}
