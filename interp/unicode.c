/* interp/unicode.c — look-up in the table of runs; ASCII case mapping does without it. */
#include "interp/unicode.h"

typedef struct UniRecord {
    uint16_t flags;
    int32_t  to[4];         /* by UniCase: distance to the mapped character, or SPECIAL + index into uni_special */
} UniRecord;

enum { SPECIAL = 0x200000 };

#include "interp/unicode_table.h"

static size_t run_of(uint32_t cp)
{
    size_t lo = 0, hi = COUNT_OF(uni_run);
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (uni_run[mid] >> 10 <= cp)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static const UniRecord *record_of(uint32_t cp)
{
    return &uni_record[uni_run[run_of(cp)] & 0x3FF];
}

unsigned uni_flags(uint32_t cp)
{
    return record_of(cp)->flags;
}

void uni_put_case(StrBuf *sb, uint32_t cp, UniCase to)
{
    if (to == UNI_Keep) {
        sb_put_cp(sb, cp);
        return;
    }
    if (cp < 0x80) {
        bool lower = cp - 'a' < 26, upper = cp - 'A' < 26;
        bool flip = to == UNI_ToUpper || to == UNI_ToTitle ? lower : upper;
        sb_putc(sb, (char)(flip ? cp ^ 0x20 : cp));
        return;
    }
    int32_t d = record_of(cp)->to[to];
    if (d >= SPECIAL)
        sb_putz(sb, uni_special[d - SPECIAL]);
    else
        sb_put_cp(sb, (uint32_t)((int32_t)cp + d));
}

int uni_decimal(uint32_t cp)
{
    if (cp < 0x80)
        return cp - '0' < 10 ? (int)(cp - '0') : -1;
    size_t run = run_of(cp);
    if (!(uni_record[uni_run[run] & 0x3FF].flags & UNI_Decimal))
        return -1;
    /* all decimal digits share one record, so their run begins with a zero */
    return (int)((cp - (uni_run[run] >> 10)) % 10);
}

Status utf8_check(VM *vm, const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0, n; i < size; i += n) {
        unsigned c = s[i];
        /* Length of the sequence, and the range of its second byte: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
        n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
        unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        size_t good = n > 0;
        while (good < n && i + good < size && s[i + good] >= low && s[i + good] <= high) {
            good++;
            low = 0x80;
            high = 0xbf;
        }
        if (n > 0 && good == n)
            continue;
        const char *why = n == 0 ? "invalid start byte" : i + good >= size ? "unexpected end of data" : "invalid continuation byte";
        if (good > 1)
            raise(vm, TY_UnicodeDecodeError, "'utf-8' codec can't decode bytes in position %zu-%zu: %s", i, i + good - 1, why);
        else
            raise(vm, TY_UnicodeDecodeError, "'utf-8' codec can't decode byte 0x%02x in position %zu: %s", c, i, why);
        return ALP_FAIL;
    }
    return ALP_OK;
}
