// JPEG, by libjpeg-turbo.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"

// The message codes depend on what jpeglib.h says.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

// A decompressor, and where its errors go.
typedef struct decoder {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf failed;
  uint8_t *row;  // one row as libjpeg hands it over, or NULL
  ri_reason *reason;
  ri_status status;
} decoder;

static void fail(decoder *d, ri_status status, const char *text) {
  if (text != NULL) snprintf(d->reason->text, sizeof d->reason->text, "%s", text);
  d->status = status;
  longjmp(d->failed, 1);
}

static void on_error(j_common_ptr common) {
  decoder *d = common->client_data;
  char text[JMSG_LENGTH_MAX];
  if (common->err->msg_code == JERR_OUT_OF_MEMORY)
    fail(d, RI_OUT_OF_MEMORY, "libjpeg could not allocate what it decodes with");
  common->err->format_message(common, text);
  fail(d, RI_DAMAGED, text);
}

// libjpeg goes on after these with grey or wrong pixels. Its other warnings are about bytes between
// the segments and about versions: many good images have them.
static void on_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
      fail(common->client_data, RI_DAMAGED, "the file is truncated");
      break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
      on_error(common);
      break;
    default:
      break;
  }
}

// A small file can have so many scans that decoding it takes hours.
static void on_progress(j_common_ptr common) {
  enum { MOST_SCANS = 1000 };
  if (((j_decompress_ptr)common)->input_scan_number > MOST_SCANS) {
    fail(common->client_data, RI_DAMAGED, "it has more than 1000 scans");
  }
}

// Must be followed by setjmp before anything else, in a function that has the decoder from its caller:
// of its own variables, those that changed would be undefined afterwards.
static void begin(decoder *d, ri_reason *reason) {
  memset(d, 0, sizeof *d);
  d->reason = reason;
  d->jpeg.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = on_error;
  d->errors.emit_message = on_message;
  d->progress.progress_monitor = on_progress;
  d->jpeg.client_data = d;
}

static void read_header(decoder *d, const uint8_t *bytes, size_t count) {
  jpeg_create_decompress(&d->jpeg);
  d->jpeg.client_data = d;
  d->jpeg.progress = &d->progress;
  jpeg_mem_src(&d->jpeg, bytes, count);
}

static void read_image_header(decoder *d) {
  jpeg_read_header(&d->jpeg, TRUE);
  // Its decoder makes up what is missing or wrong without a word.
  if (d->jpeg.arith_code) {
    fail(d, RI_DAMAGED, "it is compressed by arithmetic coding, in which damage cannot be told");
  }
}

static ri_status end(decoder *d) {
  free(d->row);
  jpeg_destroy_decompress(&d->jpeg);
  return d->status;
}

static ri_status header_by(decoder *d, const uint8_t *bytes, size_t count, int64_t most_pixels,
                           ri_header *header, ri_reason *reason) {
  static const char mark[] = "Exif\0";  // and its final 0: six bytes
  begin(d, reason);
  if (setjmp(d->failed)) return end(d);
  read_header(d, bytes, count);
  jpeg_save_markers(&d->jpeg, JPEG_APP0 + 1, 0xffff);
  read_image_header(d);
  d->status = ri_check_size(d->jpeg.image_width, d->jpeg.image_height, most_pixels, reason);
  if (d->status != RI_OK) return end(d);
  *header = (ri_header){RI_JPEG, (int32_t)d->jpeg.image_width, (int32_t)d->jpeg.image_height, 1};
  for (jpeg_saved_marker_ptr m = d->jpeg.marker_list; m != NULL; m = m->next) {
    if (m->data_length > sizeof mark && memcmp(m->data, mark, sizeof mark) == 0) {
      header->orientation =
          ri_exif_orientation(m->data + sizeof mark, m->data_length - sizeof mark);
      break;
    }
  }
  return end(d);
}

ri_status ri_jpeg_header(const uint8_t *bytes, size_t count, int64_t most_pixels, ri_header *header,
                         ri_reason *reason) {
  decoder d;
  return header_by(&d, bytes, count, most_pixels, header, reason);
}

// Fewer channels than 3 come out of the library as they are; CMYK's ink is the complement of what
// is stored, as Adobe writes it (and everybody else since).
static void choose_colours(decoder *d) {
  switch (d->jpeg.num_components) {
    case 1:
      d->jpeg.out_color_space = JCS_GRAYSCALE;
      break;
    case 3:
      d->jpeg.out_color_space = JCS_RGB;
      break;
    case 4:
      d->jpeg.out_color_space = JCS_CMYK;
      break;
    default:
      fail(d, RI_DAMAGED, "its number of colour components is not 1, 3 or 4");
  }
}

static uint8_t multiply(uint32_t a, uint32_t b) {
  const uint32_t product = a * b + 128;
  return (uint8_t)(((product >> 8) + product) >> 8);
}

static void rgb_of_cmyk(const uint8_t *cmyk, int32_t width, uint8_t *rgb) {
  for (int32_t i = 0; i < width; i++) {
    const uint8_t *from = cmyk + 4 * (size_t)i;
    uint8_t *to = rgb + 3 * (size_t)i;
    for (int c = 0; c < 3; c++) to[c] = (uint8_t)(from[3] - multiply(255u - from[c], from[3]));
  }
}

// `from`: the row as libjpeg hands it over, from the first pixel wanted on. May be overwritten.
static void convert_row(uint8_t *from, int components, const ri_request *request, uint8_t *to) {
  const int32_t width = request->width;
  if (components == 4) {
    rgb_of_cmyk(from, width, from);
    components = 3;
  }
  if (components == request->channels) {
    memcpy(to, from, (size_t)width * (size_t)components);
  } else if (components == 3) {
    ri_grey_row(from, width, to);
  } else {
    ri_rgb_row(from, width, to);
  }
}

// Whether the end-of-image marker is among what has not been read: compressed data cannot hold it.
static int is_complete(decoder *d) {
  if (d->jpeg.unread_marker == JPEG_EOI || jpeg_input_complete(&d->jpeg)) return 1;
  const struct jpeg_source_mgr *source = d->jpeg.src;
  const uint8_t *at = source->next_input_byte;
  const uint8_t *last = at + source->bytes_in_buffer;
  while (last - at >= 2) {
    const uint8_t *found = memchr(at, 0xff, (size_t)(last - at) - 1);
    if (found == NULL) return 0;
    if (found[1] == JPEG_EOI) return 1;
    at = found + 1;
  }
  return 0;
}

static ri_status decode_by(decoder *d, const uint8_t *bytes, size_t count,
                           const ri_request *request, uint8_t *pixels, ri_reason *reason) {
  // The outermost columns and rows of a part are decoded without their neighbours outside, which
  // chroma upsampling reads: a few more are decoded than are wanted.
  enum { MARGIN = 2 };
  begin(d, reason);
  if (setjmp(d->failed)) return end(d);
  read_header(d, bytes, count);
  read_image_header(d);
  choose_colours(d);
  d->jpeg.scale_num = 1;
  d->jpeg.scale_denom = (unsigned)request->denominator;
  jpeg_start_decompress(&d->jpeg);

  const int32_t full = (int32_t)d->jpeg.output_width, rows = (int32_t)d->jpeg.output_height;
  if (request->x < 0 || request->width < 1 || request->width > full - request->x ||
      request->y < 0 || request->height < 1 || request->height > rows - request->y) {
    fail(d, RI_DAMAGED, "its size is not that of its header");
  }
  // At a fraction of the size, chroma at a quarter of the pixels is upsampled from further away.
  const int is_whole =
      d->jpeg.max_h_samp_factor * d->jpeg.max_v_samp_factor > 4 && request->denominator > 1;
  const int32_t left = is_whole || request->x < MARGIN ? 0 : request->x - MARGIN;
  int32_t right = request->x + request->width;
  right = is_whole || full - right < MARGIN ? full : right + MARGIN;
  JDIMENSION offset = (JDIMENSION)left, width = (JDIMENSION)(right - left);
  if (width < (JDIMENSION)full) {
    jpeg_crop_scanline(&d->jpeg, &offset, &width);
  }
  const int components = d->jpeg.output_components;
  d->row = malloc((size_t)d->jpeg.output_width * (size_t)components);
  if (d->row == NULL) fail(d, RI_OUT_OF_MEMORY, "a row of pixels could not be allocated");

  int32_t y = is_whole || request->y < MARGIN ? 0 : request->y - MARGIN;
  if (y > 0) jpeg_skip_scanlines(&d->jpeg, (JDIMENSION)y);
  for (; y < request->y + request->height; y++) {
    JSAMPROW target = d->row;
    jpeg_read_scanlines(&d->jpeg, &target, 1);
    if (y < request->y) continue;
    convert_row(
        d->row + ((size_t)request->x - offset) * (size_t)components, components, request,
        pixels + (size_t)(y - request->y) * (size_t)request->width * (size_t)request->channels);
  }
  if (!is_complete(d)) fail(d, RI_DAMAGED, "the file is truncated");
  return end(d);
}

ri_status ri_jpeg_decode(const uint8_t *bytes, size_t count, const ri_request *request,
                         uint8_t *pixels, ri_reason *reason) {
  decoder d;
  return decode_by(&d, bytes, count, request, pixels, reason);
}
