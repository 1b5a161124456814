/* profile/report_int.h — what the printers of a report share: writing pieces of text, and keeping to UTF-8. */
#ifndef ALP_PROFILE_REPORT_INT_H
#define ALP_PROFILE_REPORT_INT_H

#include "profile/report.h"

enum { REPORT_VERSION = 1 };    /* of the JSON schema in docs/explain.md */

typedef struct Out { ReportEmit emit; void *user; } Out;

void out_bytes(const Out *o, const char *s, size_t n);
void out_text(const Out *o, const char *s);
void out_fmt(const Out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);     /* up to 255 bytes */
void out_spaces(const Out *o, uint32_t n);

/* Bytes of the character at p < end; 0: they are no UTF-8 (a name of a file, or a text that was cut off). */
size_t utf8_size(const char *p, const char *end);
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

#endif
