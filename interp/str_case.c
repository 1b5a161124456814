/* interp/str_case.c — str methods about classes of characters and letter case. */
#include "interp/native.h"
#include "interp/unicode.h"
#include "interp/str_methods.h"

/* ---- isalpha and its kin: every character has one of the flags, and there is at least one character -------------- */

static Value all_have(const Args *a, unsigned flags)
{
    const Str *s = STR(a->v[0]);
    for (size_t at = 0; at < s->size;)
        if (!(uni_flags(utf8_next(s->text, s->size, &at)) & flags))
            return V_BOOL(false);
    return V_BOOL(s->size > 0);
}

Value str_isalnum(VM *vm, const Args *a)   { return all_have(a, UNI_Alnum); }
Value str_isalpha(VM *vm, const Args *a)   { return all_have(a, UNI_Alpha); }
Value str_isdecimal(VM *vm, const Args *a) { return all_have(a, UNI_Decimal); }
Value str_isdigit(VM *vm, const Args *a)   { return all_have(a, UNI_Digit); }
Value str_isnumeric(VM *vm, const Args *a) { return all_have(a, UNI_Numeric); }
Value str_isspace(VM *vm, const Args *a)   { return all_have(a, UNI_Space); }

Value str_isprintable(VM *vm, const Args *a)
{
    return V_BOOL(STR(a->v[0])->size == 0 || all_have(a, UNI_Printable).u.i);
}

Value str_isascii(VM *vm, const Args *a)
{
    return V_BOOL(STR(a->v[0])->size == STR(a->v[0])->length);
}

Value str_isidentifier(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    for (size_t at = 0; at < s->size;) {
        unsigned needed = at == 0 ? UNI_IdStart : UNI_IdPart;
        if (!(uni_flags(utf8_next(s->text, s->size, &at)) & needed))
            return V_BOOL(false);
    }
    return V_BOOL(s->size > 0);
}

/* At least one letter with the wanted case, and none with another. */
static Value all_cased(const Args *a, unsigned wanted, unsigned other)
{
    const Str *s = STR(a->v[0]);
    bool found = false;
    for (size_t at = 0; at < s->size;) {
        unsigned flags = uni_flags(utf8_next(s->text, s->size, &at));
        if (flags & other)
            return V_BOOL(false);
        found |= (flags & wanted) != 0;
    }
    return V_BOOL(found);
}

Value str_islower(VM *vm, const Args *a) { return all_cased(a, UNI_Lower, UNI_Upper | UNI_Title); }
Value str_isupper(VM *vm, const Args *a) { return all_cased(a, UNI_Upper, UNI_Lower | UNI_Title); }

Value str_istitle(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    bool found = false, in_word = false;
    for (size_t at = 0; at < s->size;) {
        unsigned flags = uni_flags(utf8_next(s->text, s->size, &at));
        bool starts = (flags & (UNI_Upper | UNI_Title)) != 0, goes_on = (flags & UNI_Lower) != 0;
        if ((starts && in_word) || (goes_on && !starts && !in_word))
            return V_BOOL(false);
        in_word = starts || goes_on;
        found |= in_word;
    }
    return V_BOOL(found);
}

/* ---- changing case ----------------------------------------------------------------------------------------------- */

/* A capital sigma at the end of a word becomes the final form: a cased letter stands before it and none behind, case-ignorable
 * characters not counted. */
static bool is_final_sigma(const Str *s, size_t from, size_t behind)
{
    bool before = false;
    while (from > 0) {
        do
            from--;
        while (((unsigned char)s->text[from] & 0xC0) == 0x80 && from > 0);
        size_t at = from;
        unsigned flags = uni_flags(utf8_next(s->text, s->size, &at));
        if (!(flags & UNI_CaseIgnorable)) {
            before = flags & UNI_Cased;
            break;
        }
    }
    for (size_t at = behind; before && at < s->size;) {
        unsigned flags = uni_flags(utf8_next(s->text, s->size, &at));
        if (!(flags & UNI_CaseIgnorable))
            return !(flags & UNI_Cased);
    }
    return before;
}

static void put_lower(StrBuf *sb, const Str *s, size_t from, size_t behind, uint32_t c)
{
    if (c == 0x3A3)
        sb_put_cp(sb, is_final_sigma(s, from, behind) ? 0x3C2 : 0x3C3);
    else
        uni_put_case(sb, c, UNI_ToLower);
}

/* How each character is mapped, from its flags and whether the one before it was cased. */
typedef enum Mapping { MAP_Upper, MAP_Lower, MAP_Fold, MAP_Swap, MAP_Title, MAP_Capitalize } Mapping;

static UniCase mapping_of(Mapping how, unsigned flags, bool first, bool after_cased)
{
    switch (how) {
    case MAP_Upper:      return UNI_ToUpper;
    case MAP_Lower:      return UNI_ToLower;
    case MAP_Fold:       return UNI_Fold;
    case MAP_Swap:       return flags & UNI_Upper ? UNI_ToLower : UNI_ToUpper;
    case MAP_Title:      return after_cased ? UNI_ToLower : UNI_ToTitle;
    case MAP_Capitalize: return first ? UNI_ToTitle : UNI_ToLower;
    }
    return UNI_ToLower;
}

static Value map_ascii(VM *vm, const Str *s, Mapping how)
{
    Str *r = str_alloc(vm, s->size);
    if (!r)
        return V_ERR;
    bool after_cased = false;
    for (size_t k = 0; k < s->size; k++) {
        char c = s->text[k];
        bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', to_upper;
        switch (how) {
        case MAP_Upper:      to_upper = true;         break;
        case MAP_Swap:       to_upper = lower;        break;
        case MAP_Title:      to_upper = !after_cased; break;
        case MAP_Capitalize: to_upper = k == 0;       break;
        default:             to_upper = false;        break;
        }
        r->text[k] = (to_upper ? lower : upper) ? (char)(c ^ 0x20) : c;
        after_cased = lower || upper;
    }
    return V_OBJ(r);
}

static Value map_case(VM *vm, const Args *a, Mapping how)
{
    const Str *s = STR(a->v[0]);
    if (s->size == s->length)
        return map_ascii(vm, s, how);
    StrBuf sb;
    sb_init(&sb, vm);
    bool after_cased = false;
    for (size_t at = 0; at < s->size && !sb.failed;) {
        size_t from = at;
        uint32_t c = utf8_next(s->text, s->size, &at);
        unsigned flags = uni_flags(c);
        UniCase to = mapping_of(how, flags, from == 0, after_cased);
        if (to == UNI_ToLower)
            put_lower(&sb, s, from, at, c);
        else
            uni_put_case(&sb, c, how == MAP_Swap && !(flags & UNI_Lower) ? UNI_Keep : to);
        after_cased = flags & UNI_Cased;
    }
    return sb_finish(&sb);
}

Value str_upper(VM *vm, const Args *a)      { return map_case(vm, a, MAP_Upper); }
Value str_lower(VM *vm, const Args *a)      { return map_case(vm, a, MAP_Lower); }
Value str_casefold(VM *vm, const Args *a)   { return map_case(vm, a, MAP_Fold); }
Value str_swapcase(VM *vm, const Args *a)   { return map_case(vm, a, MAP_Swap); }
Value str_title(VM *vm, const Args *a)      { return map_case(vm, a, MAP_Title); }
Value str_capitalize(VM *vm, const Args *a) { return map_case(vm, a, MAP_Capitalize); }
