// PNG, by libpng.
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"

typedef struct decoder {
  png_structp png;
  png_infop info;
  const uint8_t *next;
  size_t left;
  uint8_t *rows;  // where libpng writes, or NULL
  uint8_t **pointers;
  ri_reason *reason;
  ri_status status;
  size_t refused;  // what could not be allocated; 0 if all could
} decoder;

static void note_refusal(decoder *d) {
  snprintf(d->reason->text, sizeof d->reason->text, "could not allocate %zu bytes", d->refused);
  d->status = RI_OUT_OF_MEMORY;
}

static void on_error(png_structp png, png_const_charp text) {
  decoder *d = png_get_error_ptr(png);
  snprintf(d->reason->text, sizeof d->reason->text, "%s", text);
  d->status = RI_DAMAGED;
  if (d->refused != 0) note_refusal(d);
  png_longjmp(png, 1);
}

// libpng speaks of want of memory in many ways, and of some as of damage.
static png_voidp on_allocate(png_structp png, png_alloc_size_t size) {
  decoder *d = png_get_mem_ptr(png);
  void *block = malloc(size);
  if (block == NULL) d->refused = size;
  return block;
}

static void on_free(png_structp png, png_voidp block) {
  (void)png;
  free(block);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void on_read(png_structp png, png_bytep target, size_t count) {
  decoder *d = png_get_io_ptr(png);
  if (count > d->left) png_error(png, "the file is truncated");
  memcpy(target, d->next, count);
  d->next += count;
  d->left -= count;
}

static int begin(decoder *d, const uint8_t *bytes, size_t count, ri_reason *reason) {
  *d = (decoder){.next = bytes, .left = count, .reason = reason};
  d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, on_allocate,
                                    on_free);
  if (d->png != NULL) d->info = png_create_info_struct(d->png);
  if (d->info != NULL) return 1;
  note_refusal(d);
  return 0;
}

static ri_status end(decoder *d) {
  free(d->rows);
  free(d->pointers);
  png_destroy_read_struct(&d->png, &d->info, NULL);
  return d->status;
}

static uint32_t big_endian(const uint8_t *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

// Goes from chunk to chunk, whose data are not looked at: whether the last one is there, and
// EXIF's, which may come after the image.
ri_status ri_png_header(const uint8_t *bytes, size_t count, int64_t most_pixels, ri_header *header,
                        ri_reason *reason) {
  enum { SIGNATURE = 8, FRAME = 12, NAME = 4, DATA = 8, SIZE_END = SIGNATURE + DATA + 8 };
  if (count < SIZE_END || memcmp(bytes + SIGNATURE + NAME, "IHDR", 4) != 0) {
    snprintf(reason->text, sizeof reason->text, "the file is truncated");
    return RI_DAMAGED;
  }
  const uint32_t width = big_endian(bytes + SIGNATURE + DATA);
  const uint32_t height = big_endian(bytes + SIGNATURE + DATA + 4);
  // Before anything else: a bomb need not have more than a header.
  const ri_status status = ri_check_size(width, height, most_pixels, reason);
  if (status != RI_OK) return status;
  *header = (ri_header){RI_PNG, (int32_t)width, (int32_t)height, 1};
  int has_image = 0;
  for (size_t at = SIGNATURE; count - at >= FRAME;) {
    const uint8_t *chunk = bytes + at;
    const size_t length = big_endian(chunk);
    if (length > count - at - FRAME) break;
    if (memcmp(chunk + NAME, "eXIf", 4) == 0) {
      header->orientation = ri_exif_orientation(chunk + DATA, length);
    }
    if (memcmp(chunk + NAME, "IDAT", 4) == 0) has_image = 1;
    if (memcmp(chunk + NAME, "IEND", 4) == 0) {
      if (has_image) return RI_OK;
      snprintf(reason->text, sizeof reason->text, "it has no image data");
      return RI_DAMAGED;
    }
    at += FRAME + length;
  }
  snprintf(reason->text, sizeof reason->text, "the file is truncated");
  return RI_DAMAGED;
}

// 8 bits, grey or RGB, without alpha. 16 bits lose the lower 8.
static int choose_colours(decoder *d) {
  const int colour = png_get_color_type(d->png, d->info);
  if (png_get_bit_depth(d->png, d->info) == 16) png_set_strip_16(d->png);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(d->png);
  if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(d->png);
  png_set_strip_alpha(d->png);
  return colour & PNG_COLOR_MASK_COLOR ? 3 : 1;
}

static void convert_row(const uint8_t *from, int components, const ri_request *request,
                        uint8_t *to) {
  from += (size_t)request->x * (size_t)components;
  if (components == request->channels) {
    memcpy(to, from, (size_t)request->width * (size_t)components);
  } else if (components == 3) {
    ri_grey_row(from, request->width, to);
  } else {
    ri_rgb_row(from, request->width, to);
  }
}

static void allocate(decoder *d, size_t bytes, size_t pointers) {
  d->rows = malloc(bytes);
  d->pointers = malloc(pointers * sizeof *d->pointers);
  if (d->rows != NULL && d->pointers != NULL) return;
  snprintf(d->reason->text, sizeof d->reason->text, "its pixels could not be allocated");
  d->status = RI_OUT_OF_MEMORY;
  png_longjmp(d->png, 1);
}

// The decoder is the caller's: of the variables of the function that calls setjmp, those that changed
// would be undefined afterwards.
static ri_status decode_by(decoder *d, const uint8_t *bytes, size_t count,
                           const ri_request *request, uint8_t *pixels, ri_reason *reason) {
  if (!begin(d, bytes, count, reason)) return end(d);
  if (setjmp(png_jmpbuf(d->png))) return end(d);
  png_set_read_fn(d->png, d, on_read);
  png_set_user_limits(d->png, INT32_MAX, INT32_MAX);
  png_read_info(d->png, d->info);
  const int components = choose_colours(d);
  const int passes = png_set_interlace_handling(d->png);
  png_read_update_info(d->png, d->info);
  const int32_t width = (int32_t)png_get_image_width(d->png, d->info);
  const int32_t height = (int32_t)png_get_image_height(d->png, d->info);
  if (request->denominator != 1 || request->x < 0 || request->width < 1 ||
      request->width > width - request->x || request->y < 0 || request->height < 1 ||
      request->height > height - request->y) {
    png_error(d->png, "its size is not that of its header");
  }
  const size_t stride = png_get_rowbytes(d->png, d->info);
  const size_t target_stride = (size_t)request->width * (size_t)request->channels;
  if (passes == 1) {
    allocate(d, stride, 1);
    for (int32_t y = 0; y < request->y + request->height; y++) {
      png_read_row(d->png, d->rows, NULL);
      if (y < request->y) continue;
      convert_row(d->rows, components, request, pixels + (size_t)(y - request->y) * target_stride);
    }
  } else {
    // Every pass adds to all rows.
    allocate(d, stride * (size_t)height, (size_t)height);
    for (int32_t y = 0; y < height; y++) d->pointers[y] = d->rows + (size_t)y * stride;
    png_read_image(d->png, d->pointers);
    for (int32_t y = 0; y < request->height; y++) {
      convert_row(d->pointers[request->y + y], components, request,
                  pixels + (size_t)y * target_stride);
    }
  }
  return end(d);
}

ri_status ri_png_decode(const uint8_t *bytes, size_t count, const ri_request *request,
                        uint8_t *pixels, ri_reason *reason) {
  decoder d;
  return decode_by(&d, bytes, count, request, pixels, reason);
}
