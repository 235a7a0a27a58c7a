// libpng, for the package manager to find and link. CImages alone calls it.
#ifndef CPNG_SHIM_H
#define CPNG_SHIM_H

#include <png.h>

#endif
