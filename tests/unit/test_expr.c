/* tests/unit/test_expr.c — typed expressions of nests against the interpreter.
 *
 * For every operator, conversion and elementary function and every combination of operand types, the typed expression is built, evaluated by the
 * reference executor on many values, and compared with what the interpreter's own function returns: tag and bits.  Where the interpreter
 * raises, a check has to fail.  Checks may fail for more only where the result has a type that the expression does not promise.  Operands are
 * variables, constants, and variables that hold one of two types. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "interp/module.h"
#include "interp/ops.h"
#include "jit/nest/build.h"
#include "jit/nest/facts.h"
#include "jit/plan/exec_code.h"

static VM *vm;
static int n_failed, n_compared, n_checks_failed;
static unsigned every = 1, n_asked;       /* one in `every` comparisons is made */

/* ---- values ---------------------------------------------------------------------------------------------------------------- */

static const Tag tags[] = {
    T_Bool, T_Int, T_Float, T_Complex, T_NpBool, T_NpI8, T_NpI16, T_NpI32, T_NpI64, T_NpU8, T_NpU16, T_NpU32, T_NpU64, T_NpF32, T_NpF64,
    T_NpC64, T_NpC128,
};
static const TagSet mixtures[] = {
    TAGS(T_Bool) | TAGS(T_Int), TAGS(T_Bool) | TAGS(T_NpBool), TAGS(T_Int) | TAGS(T_NpI64), TAGS(T_Int) | TAGS(T_Float),
    TAGS(T_Int) | TAGS(T_NpF64), TAGS(T_Float) | TAGS(T_NpF64), TAGS(T_Int) | TAGS(T_Float) | TAGS(T_NpF64), TAGS(T_Int) | TAGS(T_Complex),
    TAGS(T_Float) | TAGS(T_NpC128), TAGS(T_Complex) | TAGS(T_NpC128), TAGS(T_Float) | TAGS(T_NpF32), TAGS(T_Int) | TAGS(T_NpF32),
    TAGS(T_Int) | TAGS(T_NpU8), TAGS(T_Int) | TAGS(T_NpI32), TAGS(T_Int) | TAGS(T_NpU64), TAGS(T_Float) | TAGS(T_NpC64),
};

static const int64_t ints[] = {
    0, 1, -1, 2, 3, -3, 7, 10, 31, 62, 63, 64, 65, 100, 127, -128, 255, 256, -32768, 65535, INT32_MAX, INT32_MIN, 3037000500, (1ll << 53),
    (1ll << 53) + 1, -(1ll << 53) - 1, 1ll << 62, INT64_MAX, INT64_MIN, INT64_MAX - 512, 16777217,
};
static const double floats[] = {
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 3.0, 1e-310, 0.1, 7.25, -127.5, 255.9, 65536.0, 1e10, 9007199254740993.0, 9223372036854775807.0,
    -9223372036854775808.0, 18446744073709551615.0, 1.5e300, 3.4e38, 1e39, INFINITY, -INFINITY, NAN, 16777217.0,
};
static const double complexes[][2] = {
    { 0, 0 }, { 1, 0 }, { 0, 1 }, { -1, 2 }, { 0.5, -0.25 }, { -0.0, 0.0 }, { 3, -0.0 }, { 1e200, 1e200 }, { INFINITY, 0 }, { NAN, 1 }, { 2, 0 },
};

/* Value number k of a tag, owned; false: there are no more. */
static bool value_of(Tag t, size_t k, Value *out)
{
    *out = (Value){ .tag = t };
    switch (t) {
    case T_Bool: case T_NpBool:
        out->u.i = (int64_t)k;
        return k < 2;
    case T_Float: case T_NpF64:
        out->u.f = k < COUNT_OF(floats) ? floats[k] : 0;
        return k < COUNT_OF(floats);
    case T_NpF32:
        out->u.f = k < COUNT_OF(floats) ? (double)(float)floats[k] : 0;
        return k < COUNT_OF(floats);
    case T_Complex: case T_NpC128: case T_NpC64:
        if (k >= COUNT_OF(complexes))
            return false;
        if (t == T_NpC64) {
            out->u.c64.re = (float)complexes[k][0];
            out->u.c64.im = (float)complexes[k][1];
        } else {
            *out = (t == T_Complex ? complex_new : npc128_new)(vm, complexes[k][0], complexes[k][1]);
        }
        return true;
    default:
        if (k >= COUNT_OF(ints))
            return false;
        out->u.i = ints[k];
        if (t != T_Int) {       /* wrapped into the type */
            char p[16];
            array_cast(NP_DTYPE(t), p, 0, DT_I64, (const char *)&ints[k], 0, 1);
            *out = array_load(vm, NP_DTYPE(t), p);
        }
        return true;
    }
}

static bool same_float(double x, double y)
{
    return memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y);
}

static bool same_value(Value x, Value y)
{
    double xr, xi, yr, yi;
    if (x.tag != y.tag)
        return false;
    if (tag_rep((Tag)x.tag) < DT_F32)
        return x.u.i == y.u.i;
    value_as_complex(x, &xr, &xi);
    value_as_complex(y, &yr, &yi);
    return same_float(xr, yr) && same_float(xi, yi);
}

static const char *value_text(Value v)
{
    static char text[8][96];
    static int next;
    char *s = text[next = (next + 1) % 8];
    double re = 0, im = 0;
    if (v.tag == T_Error)
        return "an exception";
    value_as_complex(v, &re, &im);
    if (tag_rep((Tag)v.tag) < DT_F32)
        snprintf(s, sizeof text[0], "%s %lld", value_type_name(v), (long long)v.u.i);
    else
        snprintf(s, sizeof text[0], "%s %a %a", value_type_name(v), re, im);
    return s;
}

/* ---- operations under test ------------------------------------------------------------------------------------------------------ */

typedef struct Test Test;
struct Test {
    const char *name;
    int    n;                   /* operands */
    int    id;                  /* BinOp … */
    const Native *native;
    NExpr *(*build)(NBuild *b, const Test *t, NExpr **x);
    Value  (*expect)(const Test *t, const Value *v);    /* owned; T_Error: exception pending */
    bool   (*may_fail)(const Test *t, const Value *v);  /* the check may be stricter than the interpreter; NULL: never */
};

static NExpr *build_binary(NBuild *b, const Test *t, NExpr **x) { return expr_binary(b, (BinOp)t->id, x[0], x[1], NULL); }
static Value expect_binary(const Test *t, const Value *v) { return op_binary(vm, (BinOp)t->id, v[0], v[1]); }
static NExpr *build_compare(NBuild *b, const Test *t, NExpr **x) { return expr_compare(b, (CmpOp)t->id, x[0], x[1], NULL); }
static Value expect_compare(const Test *t, const Value *v) { return op_compare(vm, (CmpOp)t->id, v[0], v[1]); }
static NExpr *build_unary(NBuild *b, const Test *t, NExpr **x) { return expr_unary(b, (UnOp)t->id, x[0], NULL); }
static Value expect_unary(const Test *t, const Value *v) { return op_unary(vm, (UnOp)t->id, v[0]); }
static NExpr *build_call(NBuild *b, const Test *t, NExpr **x) { return expr_call_fun(b, t->native, x, (uint32_t)t->n, NULL); }
static Value expect_call(const Test *t, const Value *v) { return native_call(vm, t->native, v, (uint32_t)t->n, NULL, 0); }
static NExpr *build_type(NBuild *b, const Test *t, NExpr **x) { return expr_convert(b, (TypeId)t->id, x[0], NULL); }
static Value expect_type(const Test *t, const Value *v) { return type_call(vm, (TypeId)t->id, v, 1, NULL, 0); }
static NExpr *build_index(NBuild *b, const Test *t, NExpr **x) { return expr_index(b, x[0], NULL); }
static NExpr *build_store(NBuild *b, const Test *t, NExpr **x) { return expr_store_cast(b, x[0], (DType)t->id, NULL); }
static NExpr *build_complex(NBuild *b, const Test *t, NExpr **x) { return expr_make_complex(b, x[0], x[1], NULL); }
static Value expect_complex(const Test *t, const Value *v) { return type_call(vm, TY_complex, v, 2, NULL, 0); }

static Value expect_index(const Test *t, const Value *v)
{
    int64_t i;
    return arg_int(vm, v[0], &i) == ALP_OK ? V_INT(i) : V_ERR;
}

static Value expect_store(const Test *t, const Value *v)
{
    char p[16];
    return array_store(vm, (DType)t->id, p, v[0]) == ALP_OK ? array_load(vm, (DType)t->id, p) : V_ERR;
}

static NExpr *build_select(NBuild *b, const Test *t, NExpr **x)
{
    return expr_select(b, expr_truth(b, x[0], NULL), x[0], x[1], NULL);
}

static Value expect_select(const Test *t, const Value *v)
{
    return value_ref(op_truth(vm, v[0]) ? v[0] : v[1]);
}

/* The part, as an attribute or method. */
static NExpr *build_part(NBuild *b, const Test *t, NExpr **x) { return expr_part(b, (NOp)t->id, x[0], NULL); }

static Value expect_part(const Test *t, const Value *v)
{
    Value f = attr_get(vm, v[0], intern_z(vm->names, t->name)), r = f;
    if (t->id == NOP_Conj && !IS_ERR(f)) {
        r = vm_call(vm, f, NULL, 0, NULL, 0);
        value_free(vm, f);
    }
    return r;
}

/* An int that becomes a complex number or a double of a choice must survive; a clip bound must fit. */
static bool is_inexact(const Test *t, const Value *v)
{
    for (int k = 0; k < t->n; k++) {
        double x;
        if (v[k].tag == T_Int && value_as_double(v[k], &x) && (fabs(x) > 16777216.0 || t->build == build_call || t->build == build_select))
            return true;
        if (v[k].tag == T_NpI64 && (v[k].u.i > 1ll << 53 || v[k].u.i < -(1ll << 53)))
            return true;
        if (v[k].tag == T_Float && (double)(float)v[k].u.f != v[k].u.f)
            return true;
    }
    return false;
}

/* The stricter check of two types applies to both; but not to sums, products and comparisons of small numbers. */
static bool may_be_stricter(const Test *t, const Value *v)
{
    for (int k = 0; k < t->n; k++) {
        double re, im;
        if (value_as_complex(v[k], &re, &im) && !(fabs(re) <= 300 && fabs(im) <= 300 && (double)(float)re == re && (double)(float)im == im))
            return true;
        if (strchr(dtype_info[tag_rep((Tag)v[k].tag)].name, '8'))       /* 8 bits */
            return true;
    }
    return t->build == build_call || (t->build == build_binary && t->id != BI_Add && t->id != BI_Sub && t->id != BI_Mul) || t->n == 1;
}

/* ---- one case --------------------------------------------------------------------------------------------------------------------- */

typedef struct Case {
    NBuild   b;
    Nest     nest;
    Chunk    chunk;
    Frame    frame;
    ReasonAt why;
    NVar     var[4];
    NVar     tag_var[4];
} Case;

static void case_begin(Case *c)
{
    memset(c, 0, sizeof *c);
    c->nest.vm = vm;
    c->nest.n_vars = 8;
    c->frame.chunk = &c->chunk;
    c->b = (NBuild){ .vm = vm, .nest = &c->nest, .arena = &c->nest.arena, .why = &c->why, .frame = &c->frame, .src = &c->chunk.src };
    arena_init(&c->nest.arena, &vm->mem);
}

static void case_end(Case *c)
{
    if (vm_has_exc(vm)) {
        n_failed++;
        fprintf(stderr, "an exception is left pending\n");
        vm_clear_exc(vm);
    }
    arena_free(&c->nest.arena);
}

static NExpr *operand(Case *c, int k, TagSet t)
{
    NVar *v = &c->var[k];
    v->id = (uint32_t)k;
    v->rep = (uint8_t)tags_rep(t);
    c->tag_var[k] = (NVar){ .id = (uint32_t)k + 4, .rep = DT_I64 };
    v->tag_var = &c->tag_var[k];
    return expr_var(&c->b, v, t, NULL, NULL);
}

static void report(const Test *t, const Value *v, const char *what, Value expected, Value got)
{
    if (n_failed++ > 40)
        return;
    fprintf(stderr, "%s(", t->name);
    for (int k = 0; k < t->n; k++)
        fprintf(stderr, "%s%s", k ? ", " : "", value_text(v[k]));
    fprintf(stderr, "): %s; expected %s, got %s\n", what, value_text(expected), value_text(got));
}

/* Evaluate e with the values in the variables and compare. */
static void compare(Case *c, const Test *t, const NExpr *e, const NExpr *tag, const Value *v, bool mixed)
{
    ExecScalar var[8] = { 0 }, out;
    uint32_t failed;
    if (n_asked++ % every)
        return;
    for (int k = 0; k < t->n; k++) {
        Slot s = { .z = { 0, 0 } };
        if (!slot_from_value(&s, (DType)c->var[k].rep, v[k]))
            return;
        memcpy(&var[k], &s, sizeof s);
        var[k + 4].i = (int64_t)v[k].tag;
    }
    TagSet tag_set = t->build == build_store ? TAGS(T_NP((DType)t->id)) : e->tags;
    Value expected = t->expect(t, v), got = V_ERR;
    bool raised = IS_ERR(expected), ok = exec_eval_expr(&c->nest, e, var, &out, &failed);
    vm_clear_exc(vm);
    n_compared++;
    if (!ok) {
        n_checks_failed++;
        bool allowed = raised || !(tag_set & TAGS(expected.tag)) || (t->may_fail && t->may_fail(t, v)) ||
                       (mixed && may_be_stricter(t, v));
        if (!allowed)
            report(t, v, "a check failed", expected, got);
    } else if (raised) {
        report(t, v, "no check failed", expected, got);
    } else if (!(tag_set & TAGS(expected.tag))) {
        report(t, v, "another type", expected, got);
    } else {
        Slot s;
        memcpy(&s, &out, sizeof s);
        got = slot_to_value(vm, &s, (DType)e->rep, (Tag)expected.tag);
        if (!same_value(expected, got))
            report(t, v, "another value", expected, got);
        if (tag && (!exec_eval_expr(&c->nest, tag, var, &out, &failed) || out.u != expected.tag))
            report(t, v, "another tag at run time", expected, (Value){ .tag = out.u < T_COUNT ? out.u : T_Error });
    }
    value_free(vm, expected);
    value_free(vm, got);
}

/* All values of these tags, one of `set` each; as_const: this operand is a constant of the value (-1: none). */
static bool run_case(const Test *t, const TagSet *set, int as_const)
{
    Case c;
    NExpr *x[3] = { NULL, NULL, NULL };
    bool mixed = false, built = false;
    for (int k = 0; k < t->n; k++)
        mixed |= (set[k] & (set[k] - 1)) != 0;
    size_t index[3] = { 0, 0, 0 }, step = t->build != build_call || t->n < 2 ? 1 : t->n == 2 ? 2 : 4;
    TagSet left[3] = { set[0], t->n > 1 ? set[1] : 1, t->n > 2 ? set[2] : 1 };
    Value v[3] = { V_UNBOUND, V_UNBOUND, V_UNBOUND };
    case_begin(&c);
    for (int k = 0; k < t->n; k++)
        x[k] = operand(&c, k, set[k]);
    NExpr *e = as_const < 0 ? t->build(&c.b, t, x) : NULL, *tag = e && mixed && t->build != build_store ? expr_tag(&c.b, e, NULL) : NULL;
    built = e != NULL;
    if (built && (tags_rep(e->tags) != (DType)e->rep && t->build != build_store)) {
        n_failed++;
        fprintf(stderr, "%s: representation %d does not go with tags %x\n", t->name, e->rep, e->tags);
    }
    for (int k = 0; k < t->n; k++)
        value_of((Tag)__builtin_ctz(left[k]), 0, &v[k]);
    while (built || as_const >= 0) {
        if (as_const >= 0) {
            case_end(&c);
            case_begin(&c);
            for (int k = 0; k < t->n; k++)
                x[k] = k == as_const || as_const == 9 ? (c.var[k].rep = (uint8_t)tag_rep((Tag)v[k].tag), expr_value(&c.b, v[k], NULL)) : operand(&c, k, set[k]);
            e = t->build(&c.b, t, x);
            tag = NULL;
            built |= e != NULL;
        }
        if (e)
            compare(&c, t, e, tag, v, mixed);
        int k = 0;
        for (; k < t->n; k++) {
            value_free(vm, v[k]);
            if (value_of((Tag)__builtin_ctz(left[k]), index[k] += step, &v[k]))
                break;
            index[k] = 0;
            left[k] &= left[k] - 1;
            if (left[k] && value_of((Tag)__builtin_ctz(left[k]), 0, &v[k]))
                break;
            left[k] = set[k];
            value_of((Tag)__builtin_ctz(left[k]), 0, &v[k]);
        }
        if (k == t->n)
            break;
    }
    for (int k = 0; k < t->n; k++)
        value_free(vm, v[k]);
    case_end(&c);
    return built;
}

/* Does the interpreter accept the types at all? */
static bool is_valid(const Test *t, const TagSet *set)
{
    Value v[3];
    for (int k = 0; k < t->n; k++)
        value_of((Tag)__builtin_ctz(set[k]), 1, &v[k]);
    Value r = t->expect(t, v);
    bool ok = !IS_ERR(r) && tag_rep((Tag)r.tag) != DT_COUNT;
    vm_clear_exc(vm);
    value_free(vm, r);
    for (int k = 0; k < t->n; k++)
        value_free(vm, v[k]);
    return ok;
}

/* refused_ok: the function need not know all types that the interpreter knows. */
static void run_test(const Test *t, bool refused_ok)
{
    TagSet set[3];
    size_t n = COUNT_OF(tags), total = t->n == 1 ? n : t->n == 2 ? n * n : n * n * n;
    for (size_t k = 0; k < total; k++) {
        set[0] = TAGS(tags[k % n]);
        set[1] = TAGS(tags[k / n % n]);
        set[2] = TAGS(tags[k / n / n]);
        bool built = run_case(t, set, -1);
        if (!built && is_valid(t, set) && !refused_ok) {
            n_failed++;
            fprintf(stderr, "%s of tags %x and %x is refused\n", t->name, set[0], set[1]);
        }
        if (t->n <= 2 && built) {
            run_case(t, set, t->n - 1);
            run_case(t, set, 9);
        }
    }
    for (size_t k = 0; k < COUNT_OF(mixtures) && t->n <= 2; k++) {
        set[0] = set[1] = mixtures[k];
        run_case(t, set, -1);
        for (size_t j = 0; j < n && t->n == 2; j++) {
            set[0] = mixtures[k];
            set[1] = TAGS(tags[j]);
            run_case(t, set, -1);
            set[0] = TAGS(tags[j]);
            set[1] = mixtures[k];
            run_case(t, set, -1);
        }
    }
}

/* ---- all ---------------------------------------------------------------------------------------------------------------------------- */

static void test_operators(void)
{
    static const char *const unary[] = { "+", "-", "~", "not" };
    for (int op = 0; op < BI_COUNT; op++)
        if (op != BI_MatMul)
            run_test(&(Test){ binop_text[op], 2, op, NULL, build_binary, expect_binary, NULL }, false);
    for (int op = CM_Eq; op <= CM_Ge; op++)
        run_test(&(Test){ cmpop_text[op], 2, op, NULL, build_compare, expect_compare, is_inexact }, false);
    for (int op = UN_Pos; op <= UN_Not; op++)
        run_test(&(Test){ unary[op], 1, op, NULL, build_unary, expect_unary, NULL }, false);
}

static void test_conversions(void)
{
    static const TypeId types[] = { TY_int, TY_float, TY_bool, TY_complex };
    static const char *const part[] = { "real", "imag", "conjugate" };
    for (size_t k = 0; k < COUNT_OF(types); k++)
        run_test(&(Test){ type_name(types[k]), 1, (int)types[k], NULL, build_type, expect_type, NULL }, false);
    for (int d = 0; d < DT_COUNT; d++) {
        run_test(&(Test){ type_name((TypeId)(TY_np_bool + d)), 1, TY_np_bool + d, NULL, build_type, expect_type, NULL }, false);
        run_test(&(Test){ dtype_info[d].name, 1, d, NULL, build_store, expect_store, NULL }, false);
    }
    for (int k = 0; k < 3; k++)
        run_test(&(Test){ part[k], 1, NOP_Real + k, NULL, build_part, expect_part, NULL }, true);
    run_test(&(Test){ "index", 1, 0, NULL, build_index, expect_index, NULL }, true);
    run_test(&(Test){ "complex", 2, 0, NULL, build_complex, expect_complex, NULL }, true);
    run_test(&(Test){ "or", 2, 0, NULL, build_select, expect_select, is_inexact }, true);
}

static void test_functions(const char *module, const char *const *known, size_t n_known)
{
    Module *m = module_import(vm, intern_z(vm->names, module));
    size_t n_found = 0;
    for (uint32_t i = 0; m && i < m->names.count; i++) {
        if (m->slots[i].tag != T_Native)
            continue;
        const Native *f = (const Native *)(void *)m->slots[i].u.o;
        for (uint32_t n = 1; n <= 3; n++) {
            if (!expr_is_fun(vm, f, n))
                continue;
            if (n == 3 && strcmp(f->row->name, "clip") != 0)
                continue;
            run_test(&(Test){ f->row->name, (int)n, 0, f, build_call, expect_call, is_inexact }, true);
            for (size_t k = 0; k < n_known; k++)
                n_found += strcmp(known[k], f->row->name) == 0;
        }
    }
    if (n_found < n_known) {
        n_failed++;
        fprintf(stderr, "functions of %s are not known\n", module);
    }
}

static void test_all_functions(void)
{
    static const char *const math[] = { "sqrt", "exp", "log", "floor", "hypot", "pow", "isnan" };
    static const char *const numpy[] = { "sqrt", "exp", "minimum", "power", "absolute", "clip", "round" };
    Module b = *vm->builtins;
    test_functions("math", math, COUNT_OF(math));
    test_functions("numpy", numpy, COUNT_OF(numpy));
    for (uint32_t i = 0; i < b.names.count; i++)
        if (b.slots[i].tag == T_Native)
            for (uint32_t n = 1; n <= 2; n++)
                if (expr_is_fun(vm, (const Native *)(void *)b.slots[i].u.o, n))
                    run_test(&(Test){ "builtin", (int)n, 0, (const Native *)(void *)b.slots[i].u.o, build_call, expect_call, is_inexact }, true);
}

static void expect_form(const char *what, const Case *c, const NForm *f, const char *text)
{
    char got[256];
    nest_form_text(&c->nest, f, got, sizeof got);
    if (strcmp(got, text) != 0) {
        n_failed++;
        fprintf(stderr, "form of %s: expected %s, got %s\n", what, text, got);
    }
}

static void test_forms(void)
{
    Case c;
    case_begin(&c);
    NBuild *b = &c.b;
    NLoop outer = { .id = 0, .depth = 1 }, inner = { .id = 1, .depth = 2, .up = &outer };
    NVar *n = &c.var[0], *m = &c.var[1];
    n->name = intern_z(vm->names, "n");
    m->name = intern_z(vm->names, "m");
    n->rep = m->rep = DT_I64;
    m->id = 1;
    NExpr *en = expr_var(b, n, TAGS(T_Int), NULL, NULL), *em = expr_var(b, m, TAGS(T_Int), NULL, NULL);
    en->form = form_sym(b, sym_for_expr(b, en));
    em->form = form_sym(b, sym_for_expr(b, em));
    NExpr *i = expr_counter(b, &outer, NULL), *j = expr_counter(b, &inner, NULL), *two = expr_int(b, 2, NULL);
#define BIN(op, x, y) expr_binary(b, BI_##op, x, y, NULL)
    expect_form("2*i + j - 1", &c, BIN(Sub, BIN(Add, BIN(Mul, two, i), j), expr_int(b, 1, NULL))->form, "t1 + 2*t0 - 1");
    expect_form("n*i + m", &c, BIN(Add, BIN(Mul, en, i), em)->form, "n*t0 + m");
    expect_form("i - i", &c, BIN(Sub, i, i)->form, "0");
    expect_form("(n + 1)*(m - 2)", &c, BIN(Mul, BIN(Add, en, expr_int(b, 1, NULL)), BIN(Sub, em, two))->form, "n*m + m - 2*n - 2");
    expect_form("m*n - n*m", &c, BIN(Sub, BIN(Mul, em, en), BIN(Mul, en, em))->form, "0");
    expect_form("n // 2", &c, BIN(FloorDiv, en, two)->form, "floordiv'.i64(n, 2)");
    expect_form("n // 2 - n // 2", &c, BIN(Sub, BIN(FloorDiv, en, two), BIN(FloorDiv, en, two))->form, "0");
    expect_form("i // 2 - i // 2", &c, BIN(Sub, BIN(FloorDiv, i, two), BIN(FloorDiv, i, two))->form, "0");
    expect_form("-(i - n)", &c, expr_unary(b, UN_Neg, BIN(Sub, i, en), NULL)->form, "-t0 + n");
    NExpr *half = BIN(FloorDiv, j, two);
    if (!half->form || half->form->n != 1 || half->form->term[0].sym->varies != &inner || !form_uses_loop(half->form, &inner)) {
        n_failed++;
        fprintf(stderr, "j // 2 does not vary with j\n");
    }
    NExpr *product = BIN(Mul, i, j);
    if (!product->form || product->form->term[0].loop)
        n_failed++, fprintf(stderr, "i * j has no symbol\n");
    /* int64 wraps: no affine form */
    NExpr *np = expr_convert(b, TY_np_int64, i, NULL), *sum = BIN(Add, np, two);
    if (!np->form || !form_equal(np->form, i->form) || form_equal(sum->form, BIN(Add, i, two)->form))
        n_failed++, fprintf(stderr, "numpy.int64 sums must not be taken as exact\n");
#undef BIN
    case_end(&c);
}

/* ---- facts -------------------------------------------------------------------------------------------------------------------------- */

static void expect(bool ok, const char *what)
{
    if (!ok) {
        n_failed++;
        fprintf(stderr, "facts: %s\n", what);
    }
}

static Value view_of(Value base, int64_t offset, int64_t n, int64_t stride)
{
    Array *a = ARRAY(base);
    return array_view(vm, a->buf, a->data + offset * 8, DT_F64, 1, &n, (int64_t[]){ stride * 8 }, false);
}

enum { N_ARRAYS = 40 };         /* more than facts.c compares pair by pair */

/* Arrays number 0 … 7 and their copies 8 … 15 and so on, of which no two numbers overlap. */
static void facts_of_arrays(uint32_t n)
{
    Case c;
    case_begin(&c);
    Nest *nest = &c.nest;
    NArray array[N_ARRAYS], *arrays[N_ARRAYS];
    Value slot[N_ARRAYS];
    const int64_t two[2] = { 3, 4 }, none[1] = { 0 };
    for (uint32_t k = 0; k < n; k += 8) {
        int64_t hundred = 100;
        slot[k] = array_new(vm, DT_F64, 1, &hundred, true);
        slot[k + 1] = view_of(slot[k], 10, 10, 1);
        slot[k + 2] = view_of(slot[k], 19, 5, 2);       /* touches the one before in one element */
        slot[k + 3] = view_of(slot[k], 99, 10, -1);
        slot[k + 4] = array_new(vm, DT_F64, 2, two, true);
        slot[k + 5] = array_new(vm, DT_F64, 1, none, true);
        slot[k + 6] = array_view(vm, ARRAY(slot[k + 4])->buf, ARRAY(slot[k + 4])->data, DT_F64, 2, two, (int64_t[]){ 0, 8 }, true);
        slot[k + 7] = array_view(vm, ARRAY(slot[k + 4])->buf, ARRAY(slot[k + 4])->data, DT_F64, 2, two, (int64_t[]){ 8, 24 }, false);
    }
    for (uint32_t k = 0; k < n; k++) {
        array[k] = (NArray){ .id = k, .home = { .kind = HOME_Slot, .slot = k }, .dtype = DT_F64, .ndim = ARRAY(slot[k])->ndim };
        arrays[k] = &array[k];
    }
    c.frame.slots = slot;
    nest->arrays = arrays;
    nest->n_arrays = n;
    nest->n_vars = 0;
    NExpr *x = expr_extent(&c.b, &array[0], 0, NULL), *y = expr_extent(&c.b, &array[4], 1, NULL);
    const NForm *f = expr_binary(&c.b, BI_Sub, expr_binary(&c.b, BI_Mul, x, y, NULL), expr_int(&c.b, 7, NULL), NULL)->form;
    Facts *facts = facts_new(nest), *again = facts_new(nest);
    expect(facts && again, "memory");
    facts_collect(facts, nest, &c.frame, V_UNBOUND);
    for (uint32_t k = 0; k < n; k += 8) {
        const ArrayFact *a = facts->array + k;
        expect(a[0].group == k && a[1].group == k && a[2].group == k && a[3].group == k, "views of one buffer overlap");
        expect(a[1].offset == 80 && a[2].offset == 19 * 8 && a[3].offset == 99 * 8 && a[3].lo == ARRAY(slot[k])->data + 90 * 8, "offsets");
        expect(a[4].group == k + 4 && a[6].group == k + 4 && a[7].group == k + 4 && a[5].group == k + 5 && a[5].lo == a[5].hi, "groups");
        expect(a[6].overlaps_itself && !a[7].overlaps_itself && !a[0].overlaps_itself && !a[3].overlaps_itself, "overlaps with itself");
    }
    int64_t v = 0, c0 = 0;
    expect(facts_form_const(facts, f, &v) && v == 393, "value of a form");
    expect(facts_form_numeric(facts, f, &c0, NULL) && c0 == 393, "form in numbers");
    facts_collect(again, nest, &c.frame, V_UNBOUND);
    expect(memcmp(facts->key, again->key, facts->n_key * sizeof *facts->key) == 0, "key of equal facts");
    value_set(vm, &slot[1], view_of(slot[0], 11, 10, 1));
    facts_collect(again, nest, &c.frame, V_UNBOUND);
    expect(memcmp(facts->key, again->key, facts->n_key * sizeof *facts->key) != 0, "key of another offset");
    facts_free(facts, nest);
    facts_free(again, nest);
    for (uint32_t k = n; k-- > 0;)
        value_free(vm, slot[k]);
    case_end(&c);
}

/* No request for memory may be missed: expressions are NULL with no_memory set, and nothing is left pending. */
static void test_no_memory(void)
{
    uint64_t was = vm->mem.fail_at;
    for (uint64_t at = 1; at < 60; at++) {
        Case c;
        case_begin(&c);
        vm->mem.fail_at = vm->mem.n_alloc + at;
        NExpr *x = operand(&c, 0, TAGS(T_Complex)), *y = x ? expr_complex(&c.b, 1, 2, NULL) : NULL;
        NExpr *e = y ? expr_binary(&c.b, BI_Mul, expr_binary(&c.b, BI_Add, y, y, NULL), x, NULL) : NULL;
        vm->mem.fail_at = was;
        if (!e && !c.b.no_memory)
            n_failed++, fprintf(stderr, "lack of memory at request %llu is not recorded\n", (unsigned long long)at);
        case_end(&c);
    }
}

/* Usage: test_expr [N]       makes one in N of the comparisons */
int main(int argc, char **argv)
{
    Mem mem;
    if (argc > 1)
        every = (unsigned)strtoul(argv[1], NULL, 10);
    mem_init(&mem, NULL, NULL);
    vm = vm_new(&mem);
    if (!vm)
        return 1;
    test_forms();
    test_no_memory();
    facts_of_arrays(8);
    facts_of_arrays(N_ARRAYS);
    test_operators();
    test_conversions();
    test_all_functions();
    vm_free(vm);
    printf("%d results compared, %d of them exceptions, %d failures\n", n_compared, n_checks_failed, n_failed);
    return n_failed != 0;
}
