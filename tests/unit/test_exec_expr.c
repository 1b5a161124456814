/* tests/unit/test_exec_expr.c — expressions of the reference executor: for every representation, bits and errors of single
 * operations against op_binary() and its kin. */
#include "nest_kit.h"

typedef struct OpCase { NOp op; BinOp bin; NCheckKind check; uint32_t kinds; } OpCase;
enum { PYINT = 1, PYFLOAT = 2, PYCOMPLEX = 4, BOOLS = 8, NPINT = 16, NPFLOAT = 32, NPCOMPLEX = 64, NPUINT = 128 };
#define NUMBERS (PYINT | PYFLOAT | PYCOMPLEX | NPINT | NPUINT | NPFLOAT | NPCOMPLEX)
#define INTEGERS (PYINT | NPINT | NPUINT)

static const OpCase op_cases[] = {
    { NOP_Add, BI_Add, CK_Overflow, NUMBERS }, { NOP_Sub, BI_Sub, CK_Overflow, NUMBERS },
        { NOP_Mul, BI_Mul, CK_Overflow, NUMBERS },
    { NOP_Div, BI_Div, CK_ZeroDiv, PYFLOAT | PYCOMPLEX | NPFLOAT | NPCOMPLEX }, { NOP_IntDiv, BI_Div, CK_ZeroDiv, PYINT },
    { NOP_FloorDiv, BI_FloorDiv, CK_ZeroDiv, INTEGERS | PYFLOAT | NPFLOAT },
        { NOP_Mod, BI_Mod, CK_ZeroDiv, INTEGERS | PYFLOAT | NPFLOAT },
    { NOP_Pow, BI_Pow, CK_Pow, NUMBERS }, { NOP_And, BI_And, CK_Generic, INTEGERS | BOOLS },
        { NOP_Or, BI_Or, CK_Generic, INTEGERS | BOOLS },
    { NOP_Xor, BI_Xor, CK_Generic, INTEGERS | BOOLS }, { NOP_Shl, BI_LShift, CK_Shift, INTEGERS },
        { NOP_Shr, BI_RShift, CK_Shift, INTEGERS },
};

static uint32_t kind_of(Tag t)
{
    switch (t) {
    case T_Int:     return PYINT;
    case T_Float:   return PYFLOAT;
    case T_Complex: return PYCOMPLEX;
    case T_Bool: case T_NpBool: return BOOLS;
    case T_NpF32: case T_NpF64: return NPFLOAT;
    case T_NpC64: case T_NpC128: return NPCOMPLEX;
    default:        return t >= T_NpU8 ? NPUINT : NPINT;
    }
}

static const Tag number_tags[] = { T_Bool, T_Int, T_Float, T_Complex, T_NpBool, T_NpI8, T_NpI16, T_NpI32, T_NpI64, T_NpU8,
                                   T_NpU16, T_NpU32, T_NpU64,
                                   T_NpF32, T_NpF64, T_NpC64, T_NpC128 };

static bool is_python(Tag t)
{
    return t == T_Bool || t == T_Int || t == T_Float || t == T_Complex;
}

/* NumPy's signed ints, and everything of Python's, have a check. */
static bool has_check(const OpCase *c, Tag t)
{
    uint32_t kind = kind_of(t);
    if (kind == BOOLS || c->check == CK_Generic)
        return false;
    if (is_python(t))
        return kind == PYINT || c->check == CK_ZeroDiv || c->check == CK_Pow;
    return kind == NPINT && c->op == NOP_Pow;
}

/* x op y where operands come from variables (leaves) or from something computed. */
static void test_operator(Kit *k, const OpCase *c, Tag t)
{
    DType rep = rep_of(t);
    NVar *v[2] = { variable(k, rep, t, V_UNBOUND), variable(k, rep, t, V_UNBOUND) };
    NVar *yes = variable(k, DT_Bool, T_Bool, V_UNBOUND);
    NExpr *e[3];
    for (int i = 0; i < 3; i++) {
        NExpr *a = var(k, v[0]), *b = var(k, v[1]);
        if (i > 0) {            /* through a Select, which is no leaf */
            NExpr *s = expr(k, NOP_Select, rep);
            s->a = var(k, yes);
            s->b = i == 1 ? a : b;
            s->c = i == 1 ? b : a;
            *(i == 1 ? &a : &b) = s;
        }
        e[i] = bin(k, c->op, a, b);
        e[i]->flavour = is_python(t) ? NE_PY : 0;
        if (c->op == NOP_IntDiv)
            e[i]->rep = DT_F64;
        if (has_check(c, t))
            e[i]->check = check(k, c->check);
    }
    ExecScalar s[MAX] = { 0 }, out;
    s[yes->id].i = 1;
    for (size_t i = 0; sample(rep, i, &s[v[0]->id]); i++)
        for (size_t j = 0; sample(rep, j, &s[v[1]->id]); j++) {
            Value a = boxed(k->vm, t, &s[v[0]->id]), b = boxed(k->vm, t, &s[v[1]->id]), r = op_binary(k->vm, c->bin, a, b);
            bool raises = IS_ERR(r) || (t == T_Int && c->op == NOP_Pow && r.tag != T_Int) || (t == T_Float && r.tag != T_Float);
            if (IS_ERR(r))
                vm_clear_exc(k->vm);
            for (int way = 0; way < 3; way++) {
                uint32_t which;
                bool ok = exec_eval_expr(&k->nest, e[way], s, &out, &which);
                CHECK(ok == !raises && !vm_has_exc(k->vm), "%s of tag %d, samples %zu %zu: %s", nest_op_name(c->op), t, i, j,
                      ok ? "passes" : "fails");
                if (ok && !raises)
                    CHECK(same_value((DType)e[way]->rep, &out, r), "%s of tag %d, samples %zu %zu: other value",
                          nest_op_name(c->op), t, i, j);
                else
                    CHECK(which == e[way]->check, "the check is told");
            }
            value_free(k->vm, r);
            value_free(k->vm, b);
            value_free(k->vm, a);
        }
}

static void test_operators(VM *vm)
{
    for (size_t c = 0; c < COUNT_OF(op_cases); c++)
        for (size_t t = 0; t < COUNT_OF(number_tags); t++)
            if (kind_of(number_tags[t]) & op_cases[c].kinds) {
                Kit *k = kit_new(vm);
                test_operator(k, &op_cases[c], number_tags[t]);
                kit_free(k);
            }
}

static void test_comparisons(VM *vm)
{
    static const Tag pairs[][2] = { { T_Int, T_Int }, { T_Float, T_Float }, { T_Int, T_Float }, { T_Float, T_Int },
                                    { T_NpU64, T_NpU64 }, { T_NpU64, T_Int },
                                    { T_Int, T_NpU64 }, { T_NpF32, T_NpF32 }, { T_NpI8, T_NpI8 }, { T_NpU32, T_NpU32 },
                                        { T_NpBool, T_NpBool } };
    for (size_t p = 0; p < COUNT_OF(pairs); p++)
        for (CmpOp op = CM_Eq; op <= CM_Ge; op++) {
            Kit *k = kit_new(vm);
            DType ra = rep_of(pairs[p][0]), rb = rep_of(pairs[p][1]);
            NVar *v = variable(k, ra, pairs[p][0], V_UNBOUND), *w = variable(k, rb, pairs[p][1], V_UNBOUND);
            NExpr *e = bin(k, (NOp)(NOP_Eq + (op - CM_Eq)), var(k, v), var(k, w));
            ExecScalar s[MAX] = { 0 }, out;
            for (size_t i = 0; sample(ra, i, &s[v->id]); i++)
                for (size_t j = 0; sample(rb, j, &s[w->id]); j++) {
                    uint32_t which;
                    Value r = op_compare(vm, op, boxed(vm, pairs[p][0], &s[v->id]), boxed(vm, pairs[p][1], &s[w->id]));
                    CHECK(exec_eval_expr(&k->nest, e, s, &out, &which) && out.i == r.u.i,
                          "comparison %d of tags %d %d, samples %zu %zu", op, pairs[p][0],
                          pairs[p][1], i, j);
                }
            kit_free(k);
        }
}

static void element(DType d, const ExecScalar *s, char *bytes)
{
    memset(bytes, 0, 16);
    memcpy(bytes, s, dtype_info[d].size);        /* little-endian: the low bytes of an integer */
}

static void test_casts(VM *vm)
{
    for (DType from = DT_Bool; from < DT_COUNT; from++)
        for (DType to = DT_Bool; to < DT_COUNT; to++) {
            Kit *k = kit_new(vm);
            NVar *v = variable(k, from, T_NP(from), V_UNBOUND);
            NExpr *e[4];
            static const NCheckKind kinds[] = { CK_COUNT, CK_Exact, CK_Range, CK_Nan };
            for (int i = 0; i < 4; i++) {
                e[i] = expr(k, NOP_Cast, to);
                e[i]->a = var(k, v);
                if (i)
                    e[i]->check = check(k, kinds[i]);
            }
            bool int_to_int = from <= DT_U64 && to <= DT_U64 && to != DT_Bool, exact = from <= DT_F64 && to >= DT_F32 &&
                from < DT_F32;
            bool nan_check = (from == DT_F64 || from == DT_F32) && to >= DT_I8 && to <= DT_U64;
            for (size_t i = 0; ; i++) {
                ExecScalar s[MAX] = { 0 }, out;
                char in[16], want[16], got[16], back[16];
                uint32_t which;
                if (!sample(from, i, &s[v->id]))
                    break;
                element(from, &s[v->id], in);
                memset(want, 0, 16);
                array_cast(to, want, 0, from, in, 0, 1);
                CHECK(exec_eval_expr(&k->nest, e[0], s, &out, &which), "cast");
                element(to, &out, got);
                CHECK(memcmp(got, want, 16) == 0, "cast from %s to %s, sample %zu", dtype_info[from].name, dtype_info[to].name,
                      i);
                if (is_int_rep(to))
                    CHECK(out.i == wrap_int(to, out.i), "cast from %s to %s is extended", dtype_info[from].name,
                          dtype_info[to].name);
                if (int_to_int) {
                    bool negative = from != DT_U64 && s[v->id].i < 0, fits;
                    int64_t min;
                    uint64_t max;
                    dtype_int_range(to, &min, &max);
                    fits = negative ? s[v->id].i >= min : s[v->id].u <= max;
                    CHECK(exec_eval_expr(&k->nest, e[2], s, &out, &which) == fits, "range of %s in %s, sample %zu",
                          dtype_info[from].name, dtype_info[to].name, i);
                }
                if (exact && from != DT_Bool && (to == DT_F32 || to == DT_F64)) {
                    __int128 x = from == DT_U64 ? (__int128)s[v->id].u : s[v->id].i;
                    __int128 y = to == DT_F64 ? (__int128)(double)x : (__int128)(float)x;
                    CHECK(exec_eval_expr(&k->nest, e[1], s, &out, &which) == (x == y), "exactness of %s in %s, sample %zu",
                          dtype_info[from].name,
                          dtype_info[to].name, i);
                }
                if (nan_check) {
                    double x = trunc(from == DT_F64 ? s[v->id].d : s[v->id].f);
                    int64_t min;
                    uint64_t max;
                    dtype_int_range(to, &min, &max);
                    bool fits = x == x && x >= -0x1p63 && x < 0x1p64 && (x < 0 ? (int64_t)x >= min : (uint64_t)x <= max);
                    CHECK(exec_eval_expr(&k->nest, e[3], s, &out, &which) == fits, "int(%g) in %s", x, dtype_info[to].name);
                    if (fits) {
                        element(to, &out, back);
                        CHECK(memcmp(back, want, 16) == 0, "int(%g) in %s", x, dtype_info[to].name);
                    }
                }
            }
            kit_free(k);
        }
}

static void test_unary(VM *vm)
{
    static const struct { NOp op; UnOp un; } rows[] = { { NOP_Neg, UN_Neg }, { NOP_Invert, UN_Invert }, { NOP_Truth, UN_Not },
                                                        { NOP_Abs, UN_Pos } };
    for (size_t o = 0; o < COUNT_OF(rows); o++)
        for (size_t t = 0; t < COUNT_OF(number_tags); t++) {
            Tag tag = number_tags[t];
            DType rep = rep_of(tag), result = rep;
            uint32_t kind = kind_of(tag);
            if ((rows[o].op == NOP_Neg && kind == BOOLS) || (rows[o].op == NOP_Invert && !(kind & (INTEGERS | BOOLS))) ||
                (rows[o].op == NOP_Invert && tag == T_Bool) || (rows[o].op == NOP_Abs && tag == T_Bool))
                continue;
            if (rows[o].op == NOP_Truth)
                result = DT_Bool;
            if (rows[o].op == NOP_Abs && (rep == DT_C64 || rep == DT_C128))
                result = rep == DT_C64 ? DT_F32 : DT_F64;
            Kit *k = kit_new(vm);
            NVar *v = variable(k, rep, tag, V_UNBOUND);
            NExpr *e = expr(k, rows[o].op, result);
            e->a = var(k, v);
            e->flavour = is_python(tag) ? NE_PY : 0;
            if (tag == T_Int || (tag == T_Complex && rows[o].op == NOP_Abs))
                e->check = check(k, CK_Overflow);
            ExecScalar s[MAX] = { 0 }, out;
            for (size_t i = 0; sample(rep, i, &s[v->id]); i++) {
                uint32_t which;
                Value a = boxed(vm, tag, &s[v->id]);
                Value r = rows[o].op == NOP_Abs ? op_abs(vm, a) : op_unary(vm, rows[o].un, a);
                bool ok = exec_eval_expr(&k->nest, e, s, &out, &which);
                CHECK(ok == !IS_ERR(r), "%s of tag %d, sample %zu", nest_op_name(rows[o].op), tag, i);
                if (IS_ERR(r))
                    vm_clear_exc(vm);
                else if (rows[o].op == NOP_Truth)
                    CHECK(out.i == !r.u.i, "truth of tag %d, sample %zu", tag, i);
                else
                    CHECK(same_value(result, &out, r), "%s of tag %d, sample %zu: other value", nest_op_name(rows[o].op), tag, i);
                value_free(vm, r);
                value_free(vm, a);
            }
            kit_free(k);
        }
}

static void test_generic(VM *vm)
{
    static const Tag pairs[][2] = { { T_Int, T_NpF32 }, { T_NpI8, T_NpU16 }, { T_Complex, T_NpF64 }, { T_Float, T_NpC64 },
                                    { T_Bool, T_NpI8 } };
    for (size_t p = 0; p < COUNT_OF(pairs); p++) {
        Kit *k = kit_new(vm);
        DType ra = rep_of(pairs[p][0]), rb = rep_of(pairs[p][1]);
        NVar *v = variable(k, ra, pairs[p][0], V_UNBOUND), *w = variable(k, rb, pairs[p][1], V_UNBOUND);
        ExecScalar s[MAX] = { 0 }, out;
        for (size_t i = 0; sample(ra, i, &s[v->id]); i++)
            for (size_t j = 0; sample(rb, j, &s[w->id]); j++) {
                uint32_t which;
                Value a = boxed(vm, pairs[p][0], &s[v->id]), b = boxed(vm, pairs[p][1], &s[w->id]),
                    r = op_binary(vm, BI_Mul, a, b);
                if (IS_ERR(r)) {
                    vm_clear_exc(vm);
                } else {
                    NExpr *e = expr(k, NOP_Generic, rep_of((Tag)r.tag));
                    e->a = var(k, v);
                    e->b = var(k, w);
                    e->tags = TAGS(r.tag);
                    e->u.generic.op = BI_Mul;
                    e->u.generic.tag_a = (uint8_t)pairs[p][0];
                    e->u.generic.tag_b = (uint8_t)pairs[p][1];
                    e->check = check(k, CK_Generic);
                    CHECK(exec_eval_expr(&k->nest, e, s, &out, &which) && same_value((DType)e->rep, &out, r),
                          "generic of tags %d %d, samples %zu %zu",
                          pairs[p][0], pairs[p][1], i, j);
                    k->nest.n_checks = 0;
                }
                value_free(vm, r);
                value_free(vm, b);
                value_free(vm, a);
            }
        kit_free(k);
    }
}

int main(void)
{
    Mem mem;
    mem_init(&mem, NULL, NULL);
    VM *vm = vm_new(&mem);
    test_operators(vm);
    test_comparisons(vm);
    test_casts(vm);
    test_unary(vm);
    test_generic(vm);
    vm_free(vm);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
