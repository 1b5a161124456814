/* interp/image_png.h — PNG images from and to memory, through libpng.
 *
 * libpng leaves a function by longjmp when something is wrong; that happens, and ends, inside image_png.c. */
#ifndef ALP_INTERP_IMAGE_PNG_H
#define ALP_INTERP_IMAGE_PNG_H

#include "interp/fileio.h"

/* Samples as they are in the file, but for: palettes, and gray with alpha, as RGBA; colours of 16 bits cut to 8. */
typedef struct PngImage {
    uint32_t width, height;
    int      channels;          /* 1, 3, 4 */
    int      bits;              /* of the file's samples: 1, 2, 4, 8 stand in bytes, 16 in native uint16_t (gray only) */
    unsigned char *samples;     /* width * height * channels of them; owned */
    size_t   size;
} PngImage;

/* OSError, SyntaxError (not a PNG file) for what is no image. */
Status image_png_read(VM *vm, const char *bytes, size_t size, PngImage *out);
void   image_png_free(VM *vm, PngImage *image);

/* 8-bit RGBA rows to an open file. */
Status image_png_write(VM *vm, OutFile *f, uint32_t width, uint32_t height, const unsigned char *rgba);

#endif
