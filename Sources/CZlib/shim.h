// zlib, for the package manager to find and link. The HDF5 reader alone calls it.
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

#endif
