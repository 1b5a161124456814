/* interp/unicode.h — UTF-8, and properties and case mappings of characters, as Python 3.11 sees them (Unicode 14.0). */
#ifndef ALP_INTERP_UNICODE_H
#define ALP_INTERP_UNICODE_H

#include "interp/str.h"

/* ORDER uni_flag: tools/unicode_table.py */
enum {
    UNI_Alpha = 1, UNI_Decimal = 2, UNI_Digit = 4, UNI_Numeric = 8, UNI_Lower = 16, UNI_Upper = 32, UNI_Title = 64, UNI_Space = 128,
    UNI_Printable = 256, UNI_IdStart = 512, UNI_IdPart = 1024, UNI_Cased = 2048, UNI_CaseIgnorable = 4096,
    UNI_Alnum = UNI_Alpha | UNI_Decimal | UNI_Digit | UNI_Numeric,
};

typedef enum UniCase { UNI_ToUpper, UNI_ToLower, UNI_ToTitle, UNI_Fold, UNI_Keep } UniCase;

unsigned uni_flags(uint32_t cp);                            /* UNI_… bits */
void     uni_put_case(StrBuf *sb, uint32_t cp, UniCase to); /* one to three characters */
int      uni_decimal(uint32_t cp);                          /* value of a decimal digit, or -1 */
/* UnicodeDecodeError as CPython's, if text is not UTF-8. */
Status utf8_check(VM *vm, const char *text, size_t size);

#endif
