/* profile/fd_io.h — whole reads and writes of file descriptors, whatever pieces the system does them in. */
#ifndef ALP_PROFILE_FD_IO_H
#define ALP_PROFILE_FD_IO_H

#include <stdbool.h>
#include <stddef.h>

/* False: an error, or the file ends before. */
bool fd_read_all(int fd, void *to, size_t size);
bool fd_write_all(int fd, const void *from, size_t size);

#endif
