/* interp/colormap.h — matplotlib's colour maps, by name, byte for byte. */
#ifndef ALP_INTERP_COLORMAP_H
#define ALP_INTERP_COLORMAP_H

#include "interp/vm.h"

#define COLORMAP_SIZE 256

typedef uint8_t ColorTable[COLORMAP_SIZE][3];

/* The table of a map, reversed for a name that ends in _r.  ValueError "'x' is not a valid value for cmap. Supported values are …". */
Status colormap_get(VM *vm, const char *name, ColorTable out);

#endif
