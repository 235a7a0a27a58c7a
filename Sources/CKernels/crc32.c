// CRC-32 as in zlib, gzip and PNG: polynomial 0x04C11DB7, bits reflected. A checksum is the
// complement of the state that all bytes leave behind in a state that began as ~0.
#include "plan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

static const uint32_t polynomial = 0xEDB88320u;

// What a nibble followed by k zero nibbles leaves behind in state 0.
static const uint32_t table[16][16] = {
    {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
     0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278,
     0xBDBDF21C},
    {0x00000000, 0x77073096, 0xEE0E612C, 0x990951BA, 0x076DC419, 0x706AF48F, 0xE963A535, 0x9E6495A3,
     0x0EDB8832, 0x79DCB8A4, 0xE0D5E91E, 0x97D2D988, 0x09B64C2B, 0x7EB17CBD, 0xE7B82D07,
     0x90BF1D91},
    {0x00000000, 0x4AC21251, 0x958424A2, 0xDF4636F3, 0xF0794F05, 0xBABB5D54, 0x65FD6BA7, 0x2F3F79F6,
     0x3B83984B, 0x71418A1A, 0xAE07BCE9, 0xE4C5AEB8, 0xCBFAD74E, 0x8138C51F, 0x5E7EF3EC,
     0x14BCE1BD},
    {0x00000000, 0x191B3141, 0x32366282, 0x2B2D53C3, 0x646CC504, 0x7D77F445, 0x565AA786, 0x4F4196C7,
     0xC8D98A08, 0xD1C2BB49, 0xFAEFE88A, 0xE3F4D9CB, 0xACB54F0C, 0xB5AE7E4D, 0x9E832D8E,
     0x87981CCF},
    {0x00000000, 0x1C26A370, 0x384D46E0, 0x246BE590, 0x709A8DC0, 0x6CBC2EB0, 0x48D7CB20, 0x54F16850,
     0xE1351B80, 0xFD13B8F0, 0xD9785D60, 0xC55EFE10, 0x91AF9640, 0x8D893530, 0xA9E2D0A0,
     0xB5C473D0},
    {0x00000000, 0x01C26A37, 0x0384D46E, 0x0246BE59, 0x0709A8DC, 0x06CBC2EB, 0x048D7CB2, 0x054F1685,
     0x0E1351B8, 0x0FD13B8F, 0x0D9785D6, 0x0C55EFE1, 0x091AF964, 0x08D89353, 0x0A9E2D0A,
     0x0B5C473D},
    {0x00000000, 0x5019579F, 0xA032AF3E, 0xF02BF8A1, 0x9B14583D, 0xCB0D0FA2, 0x3B26F703, 0x6B3FA09C,
     0xED59B63B, 0xBD40E1A4, 0x4D6B1905, 0x1D724E9A, 0x764DEE06, 0x2654B999, 0xD67F4138,
     0x866616A7},
    {0x00000000, 0xB8BC6765, 0xAA09C88B, 0x12B5AFEE, 0x8F629757, 0x37DEF032, 0x256B5FDC, 0x9DD738B9,
     0xC5B428EF, 0x7D084F8A, 0x6FBDE064, 0xD7018701, 0x4AD6BFB8, 0xF26AD8DD, 0xE0DF7733,
     0x58631056},
    {0x00000000, 0x60E09782, 0xC1C12F04, 0xA121B886, 0x58F35849, 0x3813CFCB, 0x9932774D, 0xF9D2E0CF,
     0xB1E6B092, 0xD1062710, 0x70279F96, 0x10C70814, 0xE915E8DB, 0x89F57F59, 0x28D4C7DF,
     0x4834505D},
    {0x00000000, 0x3D6029B0, 0x7AC05360, 0x47A07AD0, 0xF580A6C0, 0xC8E08F70, 0x8F40F5A0, 0xB220DC10,
     0x30704BC1, 0x0D106271, 0x4AB018A1, 0x77D03111, 0xC5F0ED01, 0xF890C4B1, 0xBF30BE61,
     0x825097D1},
    {0x00000000, 0x03D6029B, 0x07AC0536, 0x047A07AD, 0x0F580A6C, 0x0C8E08F7, 0x08F40F5A, 0x0B220DC1,
     0x1EB014D8, 0x1D661643, 0x191C11EE, 0x1ACA1375, 0x11E81EB4, 0x123E1C2F, 0x16441B82,
     0x15921919},
    {0x00000000, 0xCB5CD3A5, 0x4DC8A10B, 0x869472AE, 0x9B914216, 0x50CD91B3, 0xD659E31D, 0x1D0530B8,
     0xEC53826D, 0x270F51C8, 0xA19B2366, 0x6AC7F0C3, 0x77C2C07B, 0xBC9E13DE, 0x3A0A6170,
     0xF156B2D5},
    {0x00000000, 0x67DE9CCE, 0xCFBD399C, 0xA863A552, 0x440B7579, 0x23D5E9B7, 0x8BB64CE5, 0xEC68D02B,
     0x8816EAF2, 0xEFC8763C, 0x47ABD36E, 0x20754FA0, 0xCC1D9F8B, 0xABC30345, 0x03A0A617,
     0x647E3AD9},
    {0x00000000, 0xA6770BB4, 0x979F1129, 0x31E81A9D, 0xF44F2413, 0x52382FA7, 0x63D0353A, 0xC5A73E8E,
     0x33EF4E67, 0x959845D3, 0xA4705F4E, 0x020754FA, 0xC7A06A74, 0x61D761C0, 0x503F7B5D,
     0xF64870E9},
    {0x00000000, 0x7CBB312B, 0xF9766256, 0x85CD537D, 0x299DC2ED, 0x5526F3C6, 0xD0EBA0BB, 0xAC509190,
     0x533B85DA, 0x2F80B4F1, 0xAA4DE78C, 0xD6F6D6A7, 0x7AA64737, 0x061D761C, 0x83D02561,
     0xFF6B144A},
    {0x00000000, 0xCCAA009E, 0x4225077D, 0x8E8F07E3, 0x844A0EFA, 0x48E00E64, 0xC66F0987, 0x0AC50919,
     0xD3E51BB5, 0x1F4F1B2B, 0x91C01CC8, 0x5D6A1C56, 0x57AF154F, 0x9B0515D1, 0x158A1232,
     0xD92012AC},
};

uint32_t rk_crc32_portable(uint32_t state, const void *bytes, int64_t count) {
  const uint8_t *p = bytes;
  // Eight bytes a step: each row advances its nibble past those that follow it.
  for (; count >= 8; count -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    word ^= state;
    state = 0;
    for (int nibble = 0; nibble < 16; nibble++) {
      state ^= table[15 - nibble][word >> (4 * nibble) & 0xF];
    }
  }
  for (; count > 0; count--, p++) {
    const uint32_t byte = (state ^ *p) & 0xFF;
    state = state >> 8 ^ table[1][byte & 0xF] ^ table[0][byte >> 4];
  }
  return state;
}

#if defined(__x86_64__)
// Sixteen bytes as a polynomial times x^n, modulo the polynomial of the checksum: each half is
// multiplied by what x^n makes of it. Gopal et al., "Fast CRC Computation for Generic Polynomials
// Using PCLMULQDQ Instruction" (2009).
#pragma clang attribute push(__attribute__((target("pclmul,sse4.1"))), apply_to = function)

static inline __m128i fold(__m128i bytes, __m128i factors) {
  return _mm_xor_si128(_mm_clmulepi64_si128(bytes, factors, 0x00),
                       _mm_clmulepi64_si128(bytes, factors, 0x11));
}

static inline __m128i load_bytes(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }

// At least 64 bytes.
static uint32_t crc32_folded(uint32_t state, const uint8_t *p, int64_t count) {
  // x^(n+32) and x^(n-32) modulo the polynomial, reflected, for n = 512 and n = 128 bits.
  const __m128i by_64 = _mm_set_epi64x(0x1C6E41596, 0x154442BD4);
  const __m128i by_16 = _mm_set_epi64x(0x0CCAA009E, 0x1751997D0);
  __m128i sums[4];
  for (int i = 0; i < 4; i++) sums[i] = load_bytes(p + 16 * i);
  sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)state));
  for (p += 64, count -= 64; count >= 64; p += 64, count -= 64) {
    for (int i = 0; i < 4; i++) {
      sums[i] = _mm_xor_si128(fold(sums[i], by_64), load_bytes(p + 16 * i));
    }
  }
  __m128i sum = sums[0];
  for (int i = 1; i < 4; i++) sum = _mm_xor_si128(fold(sum, by_16), sums[i]);
  for (; count >= 16; p += 16, count -= 16) {
    sum = _mm_xor_si128(fold(sum, by_16), load_bytes(p));
  }
  // These sixteen bytes leave behind what all before them do.
  uint8_t last[16];
  _mm_storeu_si128((__m128i *)last, sum);
  return rk_crc32_portable(rk_crc32_portable(0, last, sizeof last), p, count);
}

#pragma clang attribute pop

// The same, sixteen times sixteen bytes at a time. At least 256.
#pragma clang attribute push(__attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1"))), \
                             apply_to = function)

static uint32_t crc32_folded_wide(uint32_t state, const uint8_t *p, int64_t count) {
  enum { STEP = 256 };
  // As above for n = 2048 bits.
  const __m512i by_256 = _mm512_broadcast_i32x4(_mm_set_epi64x(0x1322D1430, 0x11542778A));
  __m512i sums[4];
  for (int i = 0; i < 4; i++) sums[i] = _mm512_loadu_si512(p + 64 * i);
  sums[0] = _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
  for (p += STEP, count -= STEP; count >= STEP; p += STEP, count -= STEP) {
    for (int i = 0; i < 4; i++) {
      const __m512i low = _mm512_clmulepi64_epi128(sums[i], by_256, 0x00);
      const __m512i high = _mm512_clmulepi64_epi128(sums[i], by_256, 0x11);
      sums[i] = _mm512_xor_si512(_mm512_xor_si512(low, high), _mm512_loadu_si512(p + 64 * i));
    }
  }
  // These bytes leave behind what all before them do.
  uint8_t last[STEP];
  for (int i = 0; i < 4; i++) _mm512_storeu_si512(last + 64 * i, sums[i]);
  state = crc32_folded(0, last, STEP);
  return count >= 64 ? crc32_folded(state, p, count) : rk_crc32_portable(state, p, count);
}

#pragma clang attribute pop

uint32_t rk_crc32(uint32_t state, const void *bytes, int64_t count) {
  __builtin_cpu_init();
  if (count >= 256 && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f")) {
    return crc32_folded_wide(state, bytes, count);
  }
  if (count >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
    return crc32_folded(state, bytes, count);
  }
  return rk_crc32_portable(state, bytes, count);
}

#elif defined(__aarch64__)
__attribute__((target("crc"))) static uint32_t crc32_instruction(uint32_t state, const uint8_t *p,
                                                                 int64_t count) {
  for (; count >= 8; count -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    state = __builtin_arm_crc32d(state, word);
  }
  for (; count > 0; count--, p++) state = __builtin_arm_crc32b(state, *p);
  return state;
}

uint32_t rk_crc32(uint32_t state, const void *bytes, int64_t count) {
  enum { CRC32_INSTRUCTIONS = 1 << 7 };  // HWCAP_CRC32
  if (getauxval(AT_HWCAP) & CRC32_INSTRUCTIONS) return crc32_instruction(state, bytes, count);
  return rk_crc32_portable(state, bytes, count);
}

#else
uint32_t rk_crc32(uint32_t state, const void *bytes, int64_t count) {
  return rk_crc32_portable(state, bytes, count);
}
#endif

// a * b modulo the polynomial; bit 31 is x^0.
static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; bit--) {
    // Without branches, which would be guessed wrong every other time.
    product ^= b & (0 - (a >> bit & 1));
    b = b >> 1 ^ (polynomial & (0 - (b & 1)));
  }
  return product;
}

// x^(2^n). They repeat after these.
static const uint32_t powers[32] = {
    0x40000000, 0x20000000, 0x08000000, 0x00800000, 0x00008000, 0xEDB88320, 0xB1E6B092, 0xA06A2517,
    0xED627DAE, 0x88D14467, 0xD7BBFE6A, 0xEC447F11, 0x8E7EA170, 0x6427800E, 0x4D47BAE0, 0x09FE548F,
    0x83852D0F, 0x30362F1A, 0x7B5A9CC3, 0x31FEC169, 0x9FEC022A, 0x6C8DEDC4, 0x15D6874D, 0x5FDE7A4E,
    0xBAD90E37, 0x2E4E5EEF, 0x4EABA214, 0xA8A472C0, 0x429A969E, 0x148D302A, 0xC40BA6D0, 0xC4E22C3C};

uint32_t rk_crc32_advance(uint32_t state, int64_t count) {
  // A byte is x^8.
  for (int n = 3; count > 0; count >>= 1, n++) {
    if (count & 1) state = multiply(state, powers[n % 32]);
  }
  return state;
}
