/* jit/nest/facts.c — collecting the facts of one execution, and forms in numbers.
 *
 * The key, in this order: each computable symbol's value and whether it is known; each array's shape, strides, offset within its group, and one word
 * of group and flags; the magnitude of each scalar input.  Its length depends on the nest alone. */
#include "jit/nest/facts.h"

#include <string.h>

#include "interp/module.h"
#include "interp/ops.h"

/* ---- memory --------------------------------------------------------------------------------------------------------------------- */

static bool is_computable(const NSym *s)
{
    return s->expr || (s->factor[0] && is_computable(s->factor[0]) && is_computable(s->factor[1]));
}

static uint32_t key_length(const Nest *nest)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < nest->n_syms; i++)
        n += is_computable(nest->syms[i]) ? 2 : 0;
    for (uint32_t i = 0; i < nest->n_arrays; i++)
        n += 2u * nest->arrays[i]->ndim + 2;
    for (uint32_t i = 0; i < nest->n_inputs; i++)
        n += nest->inputs[i].var != NULL;
    return n;
}

/* Everything is one block: the struct, arrays, key and values, then the bytes. */
static size_t block_size(const Nest *nest)
{
    return sizeof(Facts) + nest->n_arrays * sizeof(ArrayFact) + key_length(nest) * sizeof(int64_t) +
           (nest->n_syms + nest->n_vars) * (sizeof(int64_t) + sizeof(bool));
}

Facts *facts_new(const Nest *nest)
{
    char *p = mem_zalloc(&nest->vm->mem, block_size(nest));
    if (!p)
        return NULL;
    Facts *f = (Facts *)(void *)p;
    f->nest = nest;
    f->n_key = key_length(nest);
    p += sizeof *f;
    f->array = (ArrayFact *)(void *)p;
    p += nest->n_arrays * sizeof *f->array;
    f->key = (int64_t *)(void *)p;
    p += f->n_key * sizeof *f->key;
    f->sym = (int64_t *)(void *)p;
    p += nest->n_syms * sizeof *f->sym;
    f->var = (int64_t *)(void *)p;
    p += nest->n_vars * sizeof *f->var;
    f->sym_known = (bool *)p;
    f->var_known = f->sym_known + nest->n_syms;
    return f;
}

void facts_free(Facts *f, const Nest *nest)
{
    mem_free(&nest->vm->mem, f, f ? block_size(nest) : 0);
}

/* ---- symbols --------------------------------------------------------------------------------------------------------------------- */

static bool divide_floor(int64_t x, int64_t y, int64_t *q, int64_t *r)
{
    if (y == 0 || (y == -1 && x == INT64_MIN))
        return false;
    *q = x / y;
    *r = x % y;
    if (*r != 0 && (*r < 0) != (y < 0)) {
        (*q)--;
        *r += y;
    }
    return true;
}

static bool power(int64_t x, int64_t n, int64_t *out)
{
    int64_t r = 1;
    if (n < 0)
        return false;
    for (; n; n >>= 1) {
        if ((n & 1) && __builtin_mul_overflow(r, x, &r))
            return false;
        if (n > 1 && __builtin_mul_overflow(x, x, &x))
            return false;
    }
    *out = r;
    return true;
}

/* Python's integer operations; false: it would raise, or the result leaves 64 bits. */
static bool apply(NOp op, int64_t x, int64_t y, int64_t *r)
{
    int64_t other;
    switch (op) {
    case NOP_Add:       return !__builtin_add_overflow(x, y, r);
    case NOP_Sub:       return !__builtin_sub_overflow(x, y, r);
    case NOP_Mul:       return !__builtin_mul_overflow(x, y, r);
    case NOP_FloorDiv:  return divide_floor(x, y, r, &other);
    case NOP_Mod:       return divide_floor(x, y, &other, r);
    case NOP_Pow:       return power(x, y, r);
    case NOP_And:       *r = x & y; return true;
    case NOP_Or:        *r = x | y; return true;
    case NOP_Xor:       *r = x ^ y; return true;
    case NOP_NpMin:     *r = x < y ? x : y; return true;
    case NOP_NpMax:     *r = x > y ? x : y; return true;
    case NOP_Shr:       *r = x >> (y > 63 ? 63 : y); return y >= 0;
    case NOP_Shl:       return y >= 0 && y < 63 && !__builtin_mul_overflow(x, (int64_t)1 << y, r);
    case NOP_Neg:       return !__builtin_sub_overflow(0, x, r);
    case NOP_Abs:       *r = x; return x >= 0 || !__builtin_sub_overflow(0, x, r);
    case NOP_Invert:    *r = ~x; return true;
    default:            return false;
    }
}

static bool eval(const Facts *f, const NExpr *e, int64_t *out)
{
    int64_t x, y = 0;
    switch ((NOp)e->op) {
    case NOP_Const:
        *out = e->u.i;
        return true;
    case NOP_Extent:
        *out = f->array[e->u.extent.array->id].array->shape[e->u.extent.axis];
        return true;
    case NOP_Var:
        *out = f->var[e->u.var->id];
        return f->var_known[e->u.var->id];
    case NOP_Cast:
        /* Between integer representations, and exact: the value is the same. */
        return eval(f, e->a, out);
    default:
        return e->a && eval(f, e->a, &x) && (!e->b || eval(f, e->b, &y)) && apply((NOp)e->op, x, y, out);
    }
}

/* The integers among the inputs. */
static void collect_inputs(Facts *f, Frame *frame, Value iterable)
{
    const Nest *nest = f->nest;
    for (uint32_t i = 0; i < nest->n_inputs; i++) {
        const NInput *in = &nest->inputs[i];
        if (!in->var)
            continue;
        Value v = nest_input_value(in, frame, iterable);
        if (v.tag == T_Module && in->attr != SYM_NONE)
            v = module_get((const Module *)(const void *)v.u.o, in->attr);
        f->var_known[in->var->id] = value_as_int(v, &f->var[in->var->id]);
    }
}

static void collect_symbols(Facts *f)
{
    const Nest *nest = f->nest;
    for (uint32_t i = 0; i < nest->n_syms; i++) {
        const NSym *s = nest->syms[i];
        int64_t v = 0;
        bool known = false;
        if (s->expr)
            known = eval(f, s->expr, &v);
        else if (s->factor[0])          /* products come after their factors */
            known = f->sym_known[s->factor[0]->id] && f->sym_known[s->factor[1]->id] &&
                    !__builtin_mul_overflow(f->sym[s->factor[0]->id], f->sym[s->factor[1]->id], &v);
        f->sym[i] = known ? v : 0;
        f->sym_known[i] = known;
    }
}

/* ---- arrays ---------------------------------------------------------------------------------------------------------------------- */

/* Strides in ascending order each step over all that the smaller ones reach: then no two index tuples meet.  That suffices, and
 * holds for every view made by slicing and transposing. */
static bool may_overlap_itself(const Array *a)
{
    uint64_t step[ALP_MAX_NDIM], reach[ALP_MAX_NDIM];
    int n = 0;
    if (a->c_contig || a->f_contig)
        return false;
    for (int k = 0; k < a->ndim; k++) {
        if (a->shape[k] < 2)
            continue;
        uint64_t s = a->strides[k] < 0 ? 0 - (uint64_t)a->strides[k] : (uint64_t)a->strides[k];
        int at = n++;
        for (; at > 0 && step[at - 1] > s; at--) {
            step[at] = step[at - 1];
            reach[at] = reach[at - 1];
        }
        step[at] = s;
        reach[at] = s * (uint64_t)(a->shape[k] - 1);
    }
    uint64_t size = dtype_info[a->dtype].size;
    for (int k = 0; k < n; k++) {
        if (step[k] < size)
            return true;
        size += reach[k];
    }
    return false;
}

static void collect_array(ArrayFact *x, const Array *a, uint32_t id)
{
    *x = (ArrayFact){ .array = a, .lo = a->data, .hi = a->data, .group = id };
    if (a->size == 0)
        return;
    for (int k = 0; k < a->ndim; k++) {
        int64_t reach = a->strides[k] * (a->shape[k] - 1);
        if (reach < 0)
            x->lo += reach;
        else
            x->hi += reach;
    }
    x->hi += dtype_info[a->dtype].size;
    x->overlaps_itself = may_overlap_itself(a);
}

enum { FEW = 24 };              /* up to here all pairs are compared */

/* Arrays whose byte ranges overlap get one number: the least id. Ranges that have been joined count as one. */
static void join_pairs(ArrayFact *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++) {
            if (x[i].lo >= x[j].hi || x[j].lo >= x[i].hi || x[i].group == x[j].group)
                continue;
            uint32_t from = x[i].group > x[j].group ? x[i].group : x[j].group, to = x[i].group ^ x[j].group ^ from;
            for (uint32_t k = 0; k <= i; k++)
                if (x[k].group == from)
                    x[k].group = to;
        }
}

/* The same for many arrays: from the lowest to the highest, each sweep of overlapping ranges is a group. */
static void join_sorted(ArrayFact *x, uint32_t n, uint32_t *order)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && x[order[at - 1]].lo > x[i].lo; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (uint32_t i = 0, j; i < n; i = j) {
        char *hi = x[order[i]].hi;
        uint32_t least = order[i];
        for (j = i + 1; j < n && x[order[j]].lo < hi; j++) {
            if (x[order[j]].lo == x[order[j]].hi)
                continue;
            hi = x[order[j]].hi > hi ? x[order[j]].hi : hi;
            least = order[j] < least ? order[j] : least;
        }
        for (uint32_t k = i; k < j; k++)
            if (x[order[k]].lo != x[order[k]].hi)
                x[order[k]].group = least;
    }
}

static void collect_arrays(Facts *f, Frame *frame, Value iterable)
{
    const Nest *nest = f->nest;
    ArrayFact *x = f->array;
    uint32_t n = nest->n_arrays;
    for (uint32_t i = 0; i < n; i++)
        collect_array(&x[i], nest_array(nest->arrays[i], frame, iterable), i);
    if (n <= FEW)
        join_pairs(x, n);
    else
        join_sorted(x, n, (uint32_t *)(void *)f->key);          /* the key is written afterwards, and has two words or more per array */
    for (uint32_t i = 0; i < n; i++)
        x[i].offset = x[i].array->data - x[x[i].group].array->data;
}

/* ---- all ------------------------------------------------------------------------------------------------------------------------- */

int facts_var_bits(const Facts *f, const NVar *v)
{
    static const int steps[] = { 32, 40, 48, 56, 62 };
    int64_t x = f->var[v->id];
    if (f->var_known[v->id])
        for (size_t i = 0; i < COUNT_OF(steps); i++)
            if (x >= -((int64_t)1 << steps[i]) && x <= (int64_t)1 << steps[i])
                return steps[i];
    return 64;
}

static void make_key(Facts *f)
{
    const Nest *nest = f->nest;
    int64_t *key = f->key;
    for (uint32_t i = 0; i < nest->n_syms; i++)
        if (is_computable(nest->syms[i])) {
            *key++ = f->sym[i];
            *key++ = f->sym_known[i];
        }
    for (uint32_t i = 0; i < nest->n_arrays; i++) {
        const ArrayFact *x = &f->array[i];
        for (int k = 0; k < nest->arrays[i]->ndim; k++) {
            *key++ = x->array->shape[k];
            *key++ = x->array->strides[k];
        }
        *key++ = x->offset;
        *key++ = (int64_t)x->group << 2 | x->overlaps_itself << 1 | x->array->readonly;
    }
    for (uint32_t i = 0; i < nest->n_inputs; i++)
        if (nest->inputs[i].var)
            *key++ = facts_var_bits(f, nest->inputs[i].var);
    ALP_ASSERT(key == f->key + f->n_key);
}

void facts_collect(Facts *f, const Nest *nest, Frame *frame, Value iterable)
{
    ALP_ASSERT(f->nest == nest);
    collect_arrays(f, frame, iterable);
    collect_inputs(f, frame, iterable);
    collect_symbols(f);
    make_key(f);
}

/* ---- forms ------------------------------------------------------------------------------------------------------------------------ */

/* The coefficient of a term with its symbol's number. */
static bool term_number(const Facts *f, const NTerm *t, int64_t *out)
{
    *out = t->coef;
    return !t->sym || (f->sym_known[t->sym->id] && !__builtin_mul_overflow(t->coef, f->sym[t->sym->id], out));
}

bool facts_form_numeric(const Facts *f, const NForm *form, int64_t *c0, int64_t *coef)
{
    *c0 = 0;
    for (uint32_t i = 0; i < form->n; i++) {
        const NTerm *t = &form->term[i];
        int64_t k, *to = t->loop ? &coef[t->loop->id] : c0;
        if (!term_number(f, t, &k) || __builtin_add_overflow(*to, k, to))
            return false;
    }
    return true;
}

bool facts_form_const(const Facts *f, const NForm *form, int64_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < form->n; i++) {
        int64_t k;
        if (form->term[i].loop || !term_number(f, &form->term[i], &k) || __builtin_add_overflow(*out, k, out))
            return false;
    }
    return true;
}
