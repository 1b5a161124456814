/* interp/str_split.c — str methods that take strings apart and join them. */
#include <string.h>

#include "interp/iter.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str_methods.h"
#include "interp/unicode.h"

/* ---- white space, forwards and backwards ------------------------------------------------------------------------- */

static bool is_space(uint32_t c)
{
    return c < 0x80 ? c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) : (uni_flags(c) & UNI_Space) != 0;
}

/* The character that ends at `at`, which moves to its start. */
static uint32_t previous(const char *text, size_t *at)
{
    size_t from = *at;
    do
        from--;
    while (from > 0 && ((unsigned char)text[from] & 0xC0) == 0x80);
    size_t pos = from;
    uint32_t c = utf8_next(text, *at, &pos);
    *at = from;
    return c;
}

static size_t skip(const Str *s, size_t at, bool space)
{
    while (at < s->size) {
        unsigned char c = (unsigned char)s->text[at];
        if (c < 0x80) {
            if (is_space(c) != space)
                break;
            at++;
            continue;
        }
        size_t next = at;
        if (is_space(utf8_next(s->text, s->size, &next)) != space)
            break;
        at = next;
    }
    return at;
}

static size_t skip_back(const Str *s, size_t at, bool space)
{
    while (at > 0) {
        size_t next = at;
        if (is_space(previous(s->text, &next)) != space)
            break;
        at = next;
    }
    return at;
}

/* ---- strip ------------------------------------------------------------------------------------------------------- */

static bool in_set(uint32_t c, const Str *set)
{
    if (!set)
        return is_space(c);
    for (size_t at = 0; at < set->size;)
        if (utf8_next(set->text, set->size, &at) == c)
            return true;
    return false;
}

static Value strip(VM *vm, const Args *a, const char *name, bool left, bool right)
{
    const Str *s = STR(a->v[0]), *set = NULL;
    if (a->v[1].tag == T_Str)
        set = STR(a->v[1]);
    else if (a->v[1].tag != T_None && a->v[1].tag != T_Unbound)
        return raise(vm, TY_TypeError, "%s arg must be None or str", name);
    size_t from = 0, to = s->size;
    while (left && from < to) {
        size_t next = from;
        if (!in_set(utf8_next(s->text, s->size, &next), set))
            break;
        from = next;
    }
    while (right && to > from) {
        size_t next = to;
        if (!in_set(previous(s->text, &next), set))
            break;
        to = next;
    }
    return to - from == s->size ? value_ref(a->v[0]) : str_new(vm, s->text + from, to - from);
}

Value str_strip(VM *vm, const Args *a)  { return strip(vm, a, "strip", true, true); }
Value str_lstrip(VM *vm, const Args *a) { return strip(vm, a, "lstrip", true, false); }
Value str_rstrip(VM *vm, const Args *a) { return strip(vm, a, "rstrip", false, true); }

/* ---- split ------------------------------------------------------------------------------------------------------- */

static Status put_piece(VM *vm, Value list, const Str *s, size_t from, size_t to)
{
    Value piece = str_new(vm, s->text + from, to - from);
    return IS_ERR(piece) ? ALP_FAIL : list_append(vm, list, piece);
}

static Status split_at_space(VM *vm, Value list, const Str *s, int64_t max)
{
    size_t at = skip(s, 0, true);
    while (at < s->size) {
        size_t end = max-- == 0 ? s->size : skip(s, at, false);
        TRY(put_piece(vm, list, s, at, end));
        at = skip(s, end, true);
    }
    return ALP_OK;
}

static Status rsplit_at_space(VM *vm, Value list, const Str *s, int64_t max)
{
    size_t at = skip_back(s, s->size, true);
    while (at > 0) {
        size_t start = max-- == 0 ? 0 : skip_back(s, at, false);
        TRY(put_piece(vm, list, s, start, at));
        at = skip_back(s, start, true);
    }
    return ALP_OK;
}

static const char *find_last(const char *text, size_t size, const Str *sep)
{
    for (size_t at = size < sep->size ? 0 : size - sep->size + 1; at-- > 0;)
        if (memcmp(text + at, sep->text, sep->size) == 0)
            return text + at;
    return NULL;
}

static Status split_at_text(VM *vm, Value list, const Str *s, const Str *sep, int64_t max)
{
    size_t at = 0;
    const char *hit;
    while (max-- != 0 && (hit = text_find(s->text + at, s->size - at, sep))) {
        TRY(put_piece(vm, list, s, at, (size_t)(hit - s->text)));
        at = (size_t)(hit - s->text) + sep->size;
    }
    return put_piece(vm, list, s, at, s->size);
}

static Status rsplit_at_text(VM *vm, Value list, const Str *s, const Str *sep, int64_t max)
{
    size_t end = s->size;
    const char *hit;
    while (max-- != 0 && (hit = find_last(s->text, end, sep))) {
        TRY(put_piece(vm, list, s, (size_t)(hit - s->text) + sep->size, end));
        end = (size_t)(hit - s->text);
    }
    return put_piece(vm, list, s, 0, end);
}

static void reverse(List *l)
{
    for (size_t i = 0, j = l->count; i + 1 < j; i++) {
        Value v = l->item[--j];
        l->item[j] = l->item[i];
        l->item[i] = v;
    }
}

static Value split(VM *vm, const Args *a, bool from_right)
{
    const Str *s = STR(a->v[0]);
    Value sep = a->v[1];
    int64_t max = -1;
    if (sep.tag != T_Unbound && sep.tag != T_None && sep.tag != T_Str)
        return raise(vm, TY_TypeError, "must be str or None, not %s", value_type_name(sep));
    if (a->v[2].tag != T_Unbound && arg_int(vm, a->v[2], &max) != ALP_OK)
        return V_ERR;
    if (sep.tag == T_Str && STR(sep)->size == 0)
        return raise(vm, TY_ValueError, "empty separator");
    if (max < 0)
        max = INT64_MAX;
    Value list = list_new(vm, NULL, 0);
    if (IS_ERR(list))
        return V_ERR;
    Status done;
    if (sep.tag == T_Str)
        done = from_right ? rsplit_at_text(vm, list, s, STR(sep), max) : split_at_text(vm, list, s, STR(sep), max);
    else
        done = from_right ? rsplit_at_space(vm, list, s, max) : split_at_space(vm, list, s, max);
    if (done != ALP_OK) {
        value_free(vm, list);
        return V_ERR;
    }
    if (from_right)
        reverse(LIST(list));
    return list;
}

Value str_split(VM *vm, const Args *a)  { return split(vm, a, false); }
Value str_rsplit(VM *vm, const Args *a) { return split(vm, a, true); }

static bool is_line_end(uint32_t c)
{
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

Value str_splitlines(VM *vm, const Args *a)
{
    const Str *s = STR(a->v[0]);
    int64_t keep = 0;
    if (a->v[1].tag != T_Unbound && arg_int(vm, a->v[1], &keep) != ALP_OK)
        return V_ERR;
    Value list = list_new(vm, NULL, 0);
    for (size_t at = 0, start = 0; at < s->size && !IS_ERR(list);) {
        size_t end = at;
        uint32_t c = utf8_next(s->text, s->size, &at);
        bool ends = is_line_end(c);
        if (c == '\r' && at < s->size && s->text[at] == '\n')
            at++;
        if (!ends && at < s->size)
            continue;
        if (put_piece(vm, list, s, start, ends && !keep ? end : at) != ALP_OK) {
            value_free(vm, list);
            list = V_ERR;
        }
        start = at;
    }
    return list;
}

static Value partition(VM *vm, const Args *a, bool from_right)
{
    const Str *s = STR(a->v[0]);
    if (a->v[1].tag != T_Str)
        return raise(vm, TY_TypeError, "must be str, not %s", value_type_name(a->v[1]));
    const Str *sep = STR(a->v[1]);
    if (sep->size == 0)
        return raise(vm, TY_ValueError, "empty separator");
    const char *hit = from_right ? find_last(s->text, s->size, sep) : text_find(s->text, s->size, sep);
    if (!hit) {
        Value self = value_ref(a->v[0]), e1 = str_new(vm, "", 0), e2 = str_new(vm, "", 0);
        return from_right ? tuple_of(vm, 3, e1, e2, self) : tuple_of(vm, 3, self, e1, e2);
    }
    size_t at = (size_t)(hit - s->text), behind = at + sep->size;
    return tuple_of(vm, 3, str_new(vm, s->text, at), value_ref(a->v[1]), str_new(vm, s->text + behind, s->size - behind));
}

Value str_partition(VM *vm, const Args *a)  { return partition(vm, a, false); }
Value str_rpartition(VM *vm, const Args *a) { return partition(vm, a, true); }

/* ---- join -------------------------------------------------------------------------------------------------------- */

Value str_join(VM *vm, const Args *a)
{
    const Str *sep = STR(a->v[0]);
    Value seq;
    if (a->v[1].tag == T_List || a->v[1].tag == T_Tuple) {
        seq = value_ref(a->v[1]);
    } else {
        Value it = iter_new(vm, a->v[1]);
        if (IS_ERR(it)) {
            if (vm->exc_type == TY_TypeError) {
                vm_clear_exc(vm);
                raise(vm, TY_TypeError, "can only join an iterable");
            }
            return V_ERR;
        }
        seq = seq_to_list(vm, it);
        value_free(vm, it);
        if (IS_ERR(seq))
            return V_ERR;
    }
    const Value *item = seq.tag == T_List ? LIST(seq)->item : TUPLE(seq)->item;
    size_t count = seq.tag == T_List ? LIST(seq)->count : TUPLE(seq)->count;
    size_t size = 0, length = 0;
    for (size_t k = 0; k < count; k++) {
        if (item[k].tag != T_Str) {
            raise(vm, TY_TypeError, "sequence item %zu: expected str instance, %s found", k, value_type_name(item[k]));
            value_free(vm, seq);
            return V_ERR;
        }
        size_t more = STR(item[k])->size + (k ? sep->size : 0);
        length += STR(item[k])->length + (k ? sep->length : 0);
        if (__builtin_add_overflow(size, more, &size)) {
            raise(vm, TY_OverflowError, "join() result is too long for a Python string");
            value_free(vm, seq);
            return V_ERR;
        }
    }
    if (count == 1) {
        Value only = value_ref(item[0]);
        value_free(vm, seq);
        return only;
    }
    Str *r = str_alloc(vm, size);
    if (r) {
        char *to = r->text;
        for (size_t k = 0; k < count; k++) {
            if (k)
                to = mempcpy(to, sep->text, sep->size);
            to = mempcpy(to, STR(item[k])->text, STR(item[k])->size);
        }
        r->length = length;
    }
    value_free(vm, seq);
    return r ? V_OBJ(r) : V_ERR;
}
