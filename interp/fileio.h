/* interp/fileio.h — files that programs read and write through numpy and pyplot: path arguments, whole contents, and saving that does
 * not destroy what was there.  Every failure is an exception with CPython's text. */
#ifndef ALP_INTERP_FILEIO_H
#define ALP_INTERP_FILEIO_H

#include "interp/vm.h"

/* A path argument: str without NUL bytes; borrowed. */
Status path_arg(VM *vm, Value v, const char **path);

/* An open file for reading.  size: of a regular file, -1 for pipes and devices. */
typedef struct InFile {
    VM      *vm;
    int      fd;
    int64_t  size;
    char    *base;              /* contents read so far by infile_slurp, `used` of `cap` bytes; freed by infile_close */
    size_t   used, cap;
} InFile;

/* OSError, FileNotFoundError … with the path. */
Status infile_open(VM *vm, InFile *f, const char *path);
/* Up to n bytes; fewer only at the end of the file.  -1: exception. */
int64_t infile_read(InFile *f, void *to, size_t n);
/* Everything up to the end of the file, into base. */
Status infile_slurp(InFile *f);
void   infile_close(InFile *f);

/* Saving: the bytes go to a temporary file in the same folder, which takes the place of the old one, with its mode, only when all
 * of them are written.  What is not a regular file (a device, a pipe), or has several names, is written directly. */
typedef struct OutFile {
    VM      *vm;
    int      fd;
    char    *path;              /* what will be replaced, links resolved; NULL: written directly */
    char    *temp;
    size_t   path_size, temp_size;
    char    *buffer;
    size_t   used;
} OutFile;

Status outfile_open(VM *vm, OutFile *f, const char *path);
Status outfile_write(OutFile *f, const void *bytes, size_t n);      /* ALP_FAIL: exception */
/* Ends the saving: the file is in place, or an exception is pending and the old one is untouched.  failed: give up, for a reason
 * that is pending already.  To be called once after every successful outfile_open. */
Status outfile_close(OutFile *f, bool failed);

#endif
