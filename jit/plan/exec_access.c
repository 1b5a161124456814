/* jit/plan/exec_access.c — references to array elements: reading and writing, per element type and kind of address; and
 * what slots hold as elements and as Values.
 *
 * Where the plan says that a subscript lies in 0 <= i < n, its address is computed without further question; the three
 * commonest shapes of such addresses have functions of their own.  All else goes through address_any(), which tests, wraps
 * and records. */
#include "jit/plan/exec_code.h"

#include "interp/elem.h"
#include "interp/ops.h"

#define ARGS const Code *c, Run *x

/* 1 to 3 subscripts of the form variable + constant; any plain ones; any at all.  ORDER address kind */
typedef enum AddressKind { AK_1, AK_2, AK_3, AK_Plain, AK_Any, AK_COUNT } AddressKind;
#define EACH_ADDRESS(X, ...) X(AK_1, one, __VA_ARGS__) X(AK_2, two, __VA_ARGS__) X(AK_3, three, __VA_ARGS__) \
    X(AK_Plain, plain, __VA_ARGS__) X(AK_Any, any, __VA_ARGS__)

#define OFFSET(k) ((m->sub[k].slot->i + m->sub[k].add) * m->ref->stride[k])

static inline char *address_one(const AccessCode *m, Run *x)
{
    return m->ref->data + OFFSET(0);
}

static inline char *address_two(const AccessCode *m, Run *x)
{
    return m->ref->data + OFFSET(0) + OFFSET(1);
}

static inline char *address_three(const AccessCode *m, Run *x)
{
    return m->ref->data + OFFSET(0) + OFFSET(1) + OFFSET(2);
}

static inline int64_t subscript(const SubCode *s, Run *x)
{
    return s->code ? s->code->fn.i(s->code, x) : s->slot->i + s->add;
}

static inline char *address_plain(const AccessCode *m, Run *x)
{
    char *p = m->ref->data;
    for (uint32_t k = 0; k < m->n; k++)
        p += subscript(&m->sub[k], x) * m->ref->stride[k];
    return p;
}

static void record(const AccessCode *m, Run *x, const char *p)
{
    const Prog *prog = x->prog;
    for (uint32_t i = 0; i < prog->nest->n_loops; i++)
        prog->recorded[i] = prog->counter[i].i;
    x->opt->record(x->opt->record_user, m->access, p, prog->recorded);
}

/* A failed test leads to an address where reading and writing does no harm. */
static char *address_any(const AccessCode *m, Run *x)
{
    char *p = m->ref->data;
    for (uint32_t k = 0; k < m->n; k++) {
        const SubCode *s = &m->sub[k];
        int64_t n = m->ref->extent[k].i, i = subscript(s, x);
        bool ok = i < n && i >= -n;
        if (s->mode == DM_Plain)
            ok = ok && i >= 0;
        else if (s->mode == DM_FromEnd)
            ok = ok && i < 0;
        if (UNLIKELY(!ok)) {
            run_fail(x, s->check);
            return (char *)&x->prog->scratch;
        }
        p += (i < 0 ? i + n : i) * m->ref->stride[k];
    }
    if (UNLIKELY(x->stop))
        return (char *)&x->prog->scratch;
    if (x->prog->has_record)
        record(m, x, p);
    return p;
}

/* X(address kind, its name, DType, suffix, member of Slot, C type, what converts from memory, and to it) */
#define FROM_BOOL(v) ((v) != 0)
#define TO_BOOL(v)   (uint8_t)((v) != 0)
#define FROM_C64(v)  (ElC64){ (v).re, (v).im }
#define FROM_C128(v) (ElC128){ (v).re, (v).im }
#define TO_C64(v)    (E_c64){ (v).re, (v).im }
#define TO_C128(v)   (E_c128){ (v).re, (v).im }
#define EACH_ELEMENT(X) \
    EACH_ADDRESS(X, DT_Bool, b1, i, int64_t, FROM_BOOL, TO_BOOL) \
    EACH_ADDRESS(X, DT_I8, i8, i, int64_t, (int64_t), (int8_t)) EACH_ADDRESS(X, DT_I16, i16, i, int64_t, (int64_t), (int16_t)) \
    EACH_ADDRESS(X, DT_I32, i32, i, int64_t, (int64_t), (int32_t)) \
    EACH_ADDRESS(X, DT_I64, i64, i, int64_t, (int64_t), (int64_t)) \
    EACH_ADDRESS(X, DT_U8, u8, i, int64_t, (int64_t), (uint8_t)) EACH_ADDRESS(X, DT_U16, u16, i, int64_t, (int64_t), (uint16_t)) \
    EACH_ADDRESS(X, DT_U32, u32, i, int64_t, (int64_t), (uint32_t)) \
    EACH_ADDRESS(X, DT_U64, u64, i, int64_t, (int64_t), (uint64_t)) \
    EACH_ADDRESS(X, DT_F32, f32, f, float, (float), (float)) EACH_ADDRESS(X, DT_F64, f64, d, double, (double), (double)) \
    EACH_ADDRESS(X, DT_C64, c64, c, ElC64, FROM_C64, TO_C64) EACH_ADDRESS(X, DT_C128, c128, z, ElC128, FROM_C128, TO_C128)

/* Where stores may have to be undone these two are used. */
#define NOTED(x, p) ((x)->undo && !undo_note((x), (char *)(p), sizeof *(p)))
#define NOTES_AK_1(x, p)     false
#define NOTES_AK_2(x, p)     false
#define NOTES_AK_3(x, p)     false
#define NOTES_AK_Plain(x, p) NOTED(x, p)
#define NOTES_AK_Any(x, p)   NOTED(x, p)
#define ACCESS(K, A, D, S, M, T, FROM, TO) \
static T load_##S##_##A(ARGS) { const E_##S *p = (const E_##S *)(const void *)address_##A(c->u.access, x); return FROM(*p); } \
static Flow store_##S##_##A(ARGS) \
{ \
    T v = c->a.code->fn.M(c->a.code, x); \
    E_##S *p = (E_##S *)(void *)address_##A(c->u.access, x); \
    if (UNLIKELY(x->stop) || NOTES_##K(x, p)) \
        return FLOW_Stop; \
    *p = TO(v); \
    return FLOW_On; \
}
EACH_ELEMENT(ACCESS)

#define LOAD_ROW(K, A, D, S, M, T, FROM, TO)  [D][K] = { .M = load_##S##_##A },
#define STORE_ROW(K, A, D, S, M, T, FROM, TO) [D][K] = { .run = store_##S##_##A },
static const CodeFn load_fn[DT_COUNT][AK_COUNT] = { EACH_ELEMENT(LOAD_ROW) };
static const CodeFn store_fn[DT_COUNT][AK_COUNT] = { EACH_ELEMENT(STORE_ROW) };

/* ---- slots and elements ----------------------------------------------------------------------------------------------- */

void slot_load(Slot *s, DType d, const char *p)
{
    switch (d) {
    case DT_Bool: s->i = *(const E_b1 *)p != 0; break;
#define CASE(D, S, M) case D: s->M = *(const E_##S *)(const void *)p; break;
    CASE(DT_I8, i8, i) CASE(DT_I16, i16, i) CASE(DT_I32, i32, i) CASE(DT_I64, i64, i) CASE(DT_U8, u8, u) CASE(DT_U16, u16, u)
    CASE(DT_U32, u32, u) CASE(DT_U64, u64, u) CASE(DT_F32, f32, f) CASE(DT_F64, f64, d)
#undef CASE
    case DT_C64: case DT_C128: memcpy(s, p, dtype_info[d].size); break;
    case DT_COUNT: break;
    }
}

void slot_store(const Slot *s, DType d, char *p)
{
    switch (d) {
    case DT_Bool: *(E_b1 *)p = s->i != 0; break;
#define CASE(D, S, M, T) case D: *(E_##S *)(void *)p = (T)s->M; break;
    CASE(DT_I8, i8, i, int8_t) CASE(DT_I16, i16, i, int16_t) CASE(DT_I32, i32, i, int32_t) CASE(DT_I64, i64, i, int64_t)
    CASE(DT_U8, u8, u, uint8_t) CASE(DT_U16, u16, u, uint16_t) CASE(DT_U32, u32, u, uint32_t) CASE(DT_U64, u64, u, uint64_t)
    CASE(DT_F32, f32, f, float) CASE(DT_F64, f64, d, double)
#undef CASE
    case DT_C64: case DT_C128: memcpy(p, s, dtype_info[d].size); break;
    case DT_COUNT: break;
    }
}

/* ---- slots and Values ------------------------------------------------------------------------------------------------- */

static bool int_fits(DType rep, Value v)
{
    if (rep == DT_Bool)
        return v.u.u <= 1;
    if (v.tag == T_NpU64 && v.u.i < 0)
        return rep == DT_U64;
    return dtype_int_fits(rep, v.u.i);
}

bool slot_from_value(Slot *s, DType rep, Value v)
{
    bool is_int = v.tag == T_Int || v.tag == T_Bool || (v.tag >= T_NpBool && v.tag <= T_NpU64);
    double re, im;
    if (eval_kind(rep) == EK_I) {
        s->i = v.u.i;
        return is_int && int_fits(rep, v);
    }
    if (!value_as_complex(v, &re, &im))
        return false;
    if (is_int && (re >= 0x1p63 || (v.tag == T_NpU64 ? (uint64_t)re != v.u.u : (int64_t)re != v.u.i)))
        return false;
    bool single = rep == DT_F32 || rep == DT_C64;
    if (single && (((double)(float)re != re && re == re) || ((double)(float)im != im && im == im)))
        return false;
    switch (eval_kind(rep)) {
    case EK_D:  s->d = re; return im == 0;
    case EK_F:  s->f = (float)re; return im == 0;
    case EK_C:  s->c = (ElC64){ (float)re, (float)im }; return true;
    case EK_Z:  s->z = (ElC128){ re, im }; return true;
    case EK_I:  case EK_COUNT: break;
    }
    return false;
}

Value slot_to_value(VM *vm, const Slot *s, DType rep, Tag tag)
{
    EvalKind kind = eval_kind(rep);
    double re = 0, im = 0;
    switch (kind) {
    case EK_I:  re = rep == DT_U64 ? (double)s->u : (double)s->i; break;
    case EK_D:  re = s->d; break;
    case EK_F:  re = s->f; break;
    case EK_C:  re = s->c.re; im = s->c.im; break;
    case EK_Z:  re = s->z.re; im = s->z.im; break;
    case EK_COUNT: break;
    }
    Value v = { .tag = tag };
    switch (tag) {
    case T_Float: case T_NpF64: case T_NpF32:
        v.u.f = re;
        return v;
    case T_Complex:
        return complex_new(vm, re, im);
    case T_NpC128:
        return npc128_new(vm, re, im);
    case T_NpC64:
        v.u.c64.re = (float)re;
        v.u.c64.im = (float)im;
        return v;
    default:            /* an integer that a wider variable held */
        v.u.i = kind == EK_I ? s->i : re >= -0x1p63 && re < 0x1p63 ? (int64_t)re : 0;
        return v;
    }
}

/* ---- translation ------------------------------------------------------------------------------------------------------ */

/* Does e always come out as a variable's or counter's value plus a constant? */
static bool is_sum(const Prog *p, const NExpr *e, const NExpr **base, int64_t *add)
{
    if ((e->op == NOP_Add || e->op == NOP_Sub) && code_check(p, e->check) == NO_CHECK) {
        bool left = e->op == NOP_Add && e->a->op == NOP_Const;
        const NExpr *constant = left ? e->a : e->b;
        int64_t more;
        if (constant->op == NOP_Const && is_sum(p, left ? e->b : e->a, base, &more))
            return e->op == NOP_Add ? !__builtin_add_overflow(more, constant->u.i, add) : !__builtin_sub_overflow(more,
                constant->u.i, add);
        return false;
    }
    *base = e;
    *add = 0;
    return e->op == NOP_Var || e->op == NOP_Counter || e->op == NOP_Const || e->op == NOP_Extent;
}

static Status code_subscript(Prog *p, SubCode *s, const NAccess *access, uint32_t k)
{
    const NExpr *e = access->sub[k], *base;
    uint32_t at = access->id * ALP_MAX_NDIM + k;
    s->check = access->check[k];
    s->mode = p->plan ? p->plan->access_dim[at] : DM_Checked;      /* without a check, too: row = a[-1] was tested when it was made */
    const Code *c = is_sum(p, e, &base, &s->add) ? code_expr(p, base) : NULL;
    if (c) {
        s->slot = c->a.slot;
        return ALP_OK;
    }
    s->code = code_expr(p, e);
    return s->code ? ALP_OK : ALP_FAIL;
}

static const AccessCode *code_access(Prog *p, const NAccess *access, AddressKind *kind)
{
    AccessCode *m = arena_alloc(&p->arena, sizeof *m + access->n_subs * sizeof m->sub[0]);
    bool all_plain = !p->verify && !p->has_record, all_slots = !(access->is_write && p->has_notes);
    if (!m)
        return NULL;
    m->ref = &p->array[access->array->id];
    m->access = access;
    m->n = access->n_subs;
    for (uint32_t k = 0; k < m->n; k++) {
        if (code_subscript(p, &m->sub[k], access, k) != ALP_OK)
            return NULL;
        all_plain &= m->sub[k].mode == DM_Plain;
        all_slots &= !m->sub[k].code;
    }
    *kind = !all_plain ? AK_Any : all_slots && m->n >= 1 && m->n <= 3 ? (AddressKind)(AK_1 + m->n - 1) : AK_Plain;
    return m;
}

const Code *code_load(Prog *p, const NExpr *e)
{
    AddressKind kind;
    Code *c = code_new(p);
    if (!c || !(c->u.access = code_access(p, e->u.access, &kind)))
        return NULL;
    c->fn = load_fn[e->u.access->array->dtype][kind];
    return c;
}

const Code *code_store(Prog *p, const NStmt *s)
{
    AddressKind kind;
    Code *c = code_new(p);
    if (!c || !(c->a.code = code_expr(p, s->expr)) || !(c->u.access = code_access(p, s->access, &kind)))
        return NULL;
    c->fn = store_fn[s->access->array->dtype][kind];
    return c;
}
