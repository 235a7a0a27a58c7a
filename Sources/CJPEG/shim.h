// libjpeg-turbo, for the package manager to find and link. CImages alone calls it.
#ifndef CJPEG_SHIM_H
#define CJPEG_SHIM_H

#include <jpeglib.h>
#include <stddef.h>
#include <stdio.h>

#endif
