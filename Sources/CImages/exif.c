// The one thing that is wanted of EXIF: how the image is to be turned.
#include "formats.h"

typedef struct tiff {
  const uint8_t *bytes;
  size_t count;
  int big_endian;
} tiff;

static uint32_t word16(const tiff *t, size_t at) {
  const uint8_t *b = t->bytes + at;
  return t->big_endian ? (uint32_t)b[0] << 8 | b[1] : (uint32_t)b[1] << 8 | b[0];
}

static uint32_t word32(const tiff *t, size_t at) {
  const uint32_t first = word16(t, at), second = word16(t, at + 2);
  return t->big_endian ? first << 16 | second : second << 16 | first;
}

int32_t ri_exif_orientation(const uint8_t *bytes, size_t count) {
  enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3, LONG = 4 };
  if (count < HEADER || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return 1;
  const tiff t = {bytes, count, bytes[0] == 'M'};
  const size_t directory = word32(&t, 4);
  if (directory > count - 2) return 1;
  const size_t entries = word16(&t, directory);
  for (size_t entry = 0; entry < entries; entry++) {
    const size_t at = directory + 2 + entry * ENTRY;
    if (at + ENTRY > count) return 1;
    if (word16(&t, at) != ORIENTATION) continue;
    const uint32_t type = word16(&t, at + 2);
    if (type != SHORT && type != LONG) return 1;
    const uint32_t value = type == SHORT ? word16(&t, at + 8) : word32(&t, at + 8);
    return value >= 1 && value <= 8 ? (int32_t)value : 1;
  }
  return 1;
}
