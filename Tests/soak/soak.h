/* What the parts of the soak test share. */
#ifndef SOAK_H
#define SOAK_H

#include <resnet.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program, with the library's message, unless a call returned `expected`. */
#define EXPECT(expected, call) expect((expected), (call), #call, __FILE__, __LINE__)
#define OK(call) EXPECT(RN_OK, call)
void expect(rn_status expected, rn_status actual, const char *what, const char *file, int line);
/* Ends the program if a condition does not hold. */
#define REQUIRE(condition) require((condition) != 0, #condition, __FILE__, __LINE__)
void require(int holds, const char *what, const char *file, int line);

/* Writes colour images of changing sizes as JPEG and PNG files into `folder`/0 and `folder`/1,
 * which it makes, and a damaged PNG file as `folder`/damaged.png. */
void write_pictures(const char *folder);

/* Does all that the test repeats, with files in `folder`, and returns a hash of every result. */
uint64_t do_round(const char *folder);

#endif
