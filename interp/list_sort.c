/* interp/list_sort.c — list.sort() and sorted(): a stable merge sort of natural runs.
 *
 * Runs that lie in the list already (descending ones are reversed) are used, short ones extended by binary insertion, as in
 * CPython's timsort; so presorted input takes n - 1 comparisons.  Comparisons may run any code and may fail: at every moment the
 * arrays hold a permutation of the items, and on failure the list gets them back in the order reached. */
#include <string.h>

#include "interp/interp.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"

typedef struct Run { size_t start, count; } Run;

typedef struct Sorter {
    VM    *vm;
    int  (*less)(VM *vm, Value a, Value b);     /* 0, 1; -1: exception */
    Value *key;                                 /* what is compared */
    Value *item;                                /* what goes along; NULL: the keys are the items */
    Value *tmp;                                 /* room for half the keys, and behind them half the items */
    size_t half;
    Run    run[96];                             /* waiting to be merged; each longer than the sum of the next two */
    int    n_run;
} Sorter;

static int less_int(VM *vm, Value a, Value b)   { return a.u.i < b.u.i; }
static int less_float(VM *vm, Value a, Value b) { return a.u.f < b.u.f; }
static int less_str(VM *vm, Value a, Value b)   { return str_compare(STR(a), STR(b)) < 0; }

static int less_any(VM *vm, Value a, Value b)
{
    Value r = op_compare(vm, CM_Lt, a, b);
    if (r.tag == T_Bool)
        return (int)r.u.i;
    int t = IS_ERR(r) ? -1 : op_truth(vm, r);
    value_free(vm, r);
    return t;
}

/* Keys of one type need no dispatch at each comparison. */
static void choose_less(Sorter *s, size_t n)
{
    uint32_t tag = n ? s->key[0].tag : T_None;
    s->less = tag == T_Int ? less_int : tag == T_Float || tag == T_NpF64 ? less_float : tag == T_Str ? less_str : less_any;
    for (size_t i = 1; i < n && s->less != less_any; i++)
        if (s->key[i].tag != tag)
            s->less = less_any;
}

static void reverse(Value *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        Value t = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = t;
    }
}

static void reverse_both(Sorter *s, size_t start, size_t n)
{
    reverse(s->key + start, n);
    if (s->item)
        reverse(s->item + start, n);
}

/* Length of the run at `start`, made ascending; 0: exception. */
static size_t count_run(Sorter *s, size_t start, size_t end)
{
    const Value *k = s->key;
    size_t i = start + 1;
    if (i == end)
        return 1;
    int down = s->less(s->vm, k[i], k[i - 1]), t = down;
    while (t == down && ++i < end)
        t = s->less(s->vm, k[i], k[i - 1]);
    if (down < 0 || t < 0)
        return 0;
    if (down)
        reverse_both(s, start, i - start);
    return i - start;
}

static void rotate_in(Value *v, size_t to, size_t from)
{
    Value moved = v[from];
    memmove(v + to + 1, v + to, (from - to) * sizeof *v);
    v[to] = moved;
}

/* Sort [start, end), of which the items before `sorted` are in order. */
static Status insert_items(Sorter *s, size_t start, size_t sorted, size_t end)
{
    for (size_t i = sorted; i < end; i++) {
        size_t low = start, high = i;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            int t = s->less(s->vm, s->key[i], s->key[mid]);
            if (t < 0)
                return ALP_FAIL;
            if (t)
                high = mid;
            else
                low = mid + 1;
        }
        rotate_in(s->key, low, i);
        if (s->item)
            rotate_in(s->item, low, i);
    }
    return ALP_OK;
}

/* Merge two neighbouring runs.  The shorter one waits in tmp; the hole it leaves moves through the other. */
static Status merge(Sorter *s, size_t start, size_t n, size_t m)
{
    Value *k = s->key + start, *v = s->item ? s->item + start : NULL, *tk = s->tmp, *tv = s->tmp + s->half;
    bool forward = n <= m;
    size_t waiting = forward ? n : m;
    memcpy(tk, forward ? k : k + n, waiting * sizeof *k);
    if (v)
        memcpy(tv, forward ? v : v + n, waiting * sizeof *v);
    int t = 0;
    if (forward) {
        size_t i = 0, j = n, out = 0;
        while (i < n && j < n + m && (t = s->less(s->vm, k[j], tk[i])) >= 0) {
            k[out] = t ? k[j] : tk[i];
            if (v)
                v[out] = t ? v[j] : tv[i];
            out++;
            if (t)
                j++;
            else
                i++;
        }
        memcpy(k + out, tk + i, (n - i) * sizeof *k);       /* the hole is as long as what waits */
        if (v)
            memcpy(v + out, tv + i, (n - i) * sizeof *v);
    } else {
        size_t i = n, j = m, out = n + m;
        while (i > 0 && j > 0 && (t = s->less(s->vm, tk[j - 1], k[i - 1])) >= 0) {
            out--;
            k[out] = t ? k[i - 1] : tk[j - 1];
            if (v)
                v[out] = t ? v[i - 1] : tv[j - 1];
            if (t)
                i--;
            else
                j--;
        }
        memcpy(k + out - j, tk, j * sizeof *k);
        if (v)
            memcpy(v + out - j, tv, j * sizeof *v);
    }
    return t < 0 ? ALP_FAIL : ALP_OK;
}

static Status merge_at(Sorter *s, int i)
{
    Run *a = &s->run[i], *b = a + 1;
    if (poll_fails(s->vm))
        return ALP_FAIL;
    Status status = merge(s, a->start, a->count, b->count);
    a->count += b->count;
    memmove(b, b + 1, (size_t)(s->n_run - i - 2) * sizeof *b);
    s->n_run--;
    return status;
}

/* Keep the lengths on the stack growing towards its bottom like Fibonacci numbers; at the end merge all. */
static Status collapse(Sorter *s, bool all)
{
    while (s->n_run > 1) {
        const Run *r = s->run;
        int n = s->n_run - 2;
        bool short_below = n > 0 && r[n - 1].count < r[n + 1].count;
        bool need = all || r[n].count <= r[n + 1].count || (n > 0 && r[n - 1].count <= r[n].count + r[n + 1].count) ||
                    (n > 1 && r[n - 2].count <= r[n - 1].count + r[n].count);
        if (!need)
            return ALP_OK;
        TRY(merge_at(s, short_below ? n - 1 : n));
    }
    return ALP_OK;
}

/* Runs of at least this many items, chosen so that about a power of two of them fill the list. */
static size_t min_run(size_t n)
{
    size_t odd = 0;
    while (n >= 64) {
        odd |= n & 1;
        n >>= 1;
    }
    return n + odd;
}

static Status sort_items(Sorter *s, size_t n)
{
    size_t least = min_run(n), start = 0;
    while (start < n) {
        size_t count = count_run(s, start, n), want = n - start < least ? n - start : least;
        if (count == 0)
            return ALP_FAIL;
        if (count < want) {
            TRY(insert_items(s, start, start + count, start + want));
            count = want;
        }
        s->run[s->n_run++] = (Run){ start, count };
        start += count;
        TRY(collapse(s, false));
    }
    return collapse(s, true);
}

/* Keys of all items; on failure none is left. */
static Status compute_keys(VM *vm, Value key, const Value *item, size_t n, Value *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = vm_call(vm, key, &item[i], 1, NULL, 0);
        if (IS_ERR(out[i])) {
            while (i > 0)
                value_free(vm, out[--i]);
            return ALP_FAIL;
        }
    }
    return ALP_OK;
}

static Status sort_taken(VM *vm, Value *item, size_t n, Value key, bool reversed)
{
    Sorter s = { .vm = vm, .key = item, .half = n / 2 + 1 };
    bool with_key = key.tag != T_None;
    size_t keys_size = n * sizeof(Value), tmp_size = s.half * (with_key ? 2 : 1) * sizeof(Value);
    Status status = ALP_FAIL;
    if (with_key) {
        s.key = vm_alloc(vm, keys_size);
        if (!s.key)
            return ALP_FAIL;
        s.item = item;
        if (compute_keys(vm, key, item, n, s.key) != ALP_OK)
            goto free_keys;
    }
    s.tmp = vm_alloc(vm, tmp_size);
    if (s.tmp) {
        choose_less(&s, n);
        /* Reversed before and after, equal items keep their order. */
        if (reversed)
            reverse_both(&s, 0, n);
        status = sort_items(&s, n);
        if (reversed)
            reverse_both(&s, 0, n);
        vm_dealloc(vm, s.tmp, tmp_size);
    }
    if (with_key)
        for (size_t i = 0; i < n; i++)
            value_free(vm, s.key[i]);
free_keys:
    if (with_key)
        vm_dealloc(vm, s.key, keys_size);
    return status;
}

Status list_sort(VM *vm, Value list, Value key, bool reversed)
{
    List *l = LIST(list);
    Value *item = l->item;
    size_t count = l->count, cap = l->cap;
    Status status = ALP_OK;
    if (count < 2 && key.tag == T_None)
        return ALP_OK;
    l->item = NULL;
    l->count = l->cap = 0;
    if (count)
        status = sort_taken(vm, item, count, key, reversed);
    Value *strange = l->item;
    size_t n_strange = l->count, cap_strange = l->cap;
    l->item = item;
    l->count = count;
    l->cap = cap;
    if (strange) {
        for (size_t i = 0; i < n_strange; i++)
            value_free(vm, strange[i]);
        vm_dealloc(vm, strange, cap_strange * sizeof(Value));
        if (status == ALP_OK)
            raise(vm, TY_ValueError, "list modified during sort");
        status = ALP_FAIL;
    }
    return status;
}
