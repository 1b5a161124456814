/* interp/ufunc.c — calling elementwise functions: which loop, what shape, where the result goes.
 *
 * Types follow NumPy 2: arrays and NumPy scalars promote among each other; Python numbers are weak and only raise the kind.  The loop is
 * the first, from bool to complex128, that the promoted type converts to safely.  Operands of other types are converted
 * in blocks on the stack. */
#include <inttypes.h>
#include <stdio.h>

#include "interp/format.h"
#include "interp/fresh.h"
#include "interp/nditer.h"
#include "interp/ops.h"
#include "interp/seq.h"
#include "interp/str.h"
#include "interp/whole.h"

#define BLOCK 256               /* elements converted at a time */

typedef struct Operand {
    Value   hold;               /* the array, owned; or what the scalar came from, borrowed */
    bool    owned, weak;        /* weak: a Python number, `hold` */
    DType   dtype;              /* of a weak one: its own */
    int     ndim;
    const int64_t *shape, *strides;
    char   *data;
    _Alignas(16) char scalar[16];
} Operand;

/* How a call is computed. */
typedef struct Signature {
    UfuncLoop loop;
    DType in[UFUNC_MAX_IN], out[UFUNC_MAX_OUT];
} Signature;

/* ---- errors ---------------------------------------------------------------------------------------------------------------- */
static Status raise_not_supported(VM *vm, const Ufunc *u)
{
    raise(vm, TY_TypeError, "ufunc '%s' not supported for the input types, and the inputs could not be safely coerced to any "
          "supported types according to the casting rule ''safe''", u->row.name);
    return ALP_FAIL;
}

/* NumPy's name for the class of a value's dtype, as its messages show it. */
static void dtype_class_text(char *out, size_t size, Value v)
{
    static const char *const name[DT_COUNT] = {
        "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Complex64", "Complex128"
    };
    DType d = value_dtype(v);
    const char *text = v.tag == T_Int ? "_PyLong" : v.tag == T_Float ? "_PyFloat" : v.tag == T_Complex ? "_PyComplex"
                     : v.tag == T_Str ? "Str" : d == DT_COUNT ? "Object" : name[d];
    snprintf(out, size, "<class 'numpy.dtypes.%sDType'>", text);
}

static Status raise_no_loop(VM *vm, const Ufunc *u, const Value *in)
{
    char text[UFUNC_MAX_IN][64];
    for (int k = 0; k < u->n_in; k++)
        dtype_class_text(text[k], sizeof text[k], in[k]);
    if (u->n_in == 1)
        raise(vm, TY_UFuncNoLoopError, "ufunc '%s' did not contain a loop with signature matching types %s -> None", u->row.name, text[0]);
    else
        raise(vm, TY_UFuncNoLoopError, "ufunc '%s' did not contain a loop with signature matching types (%s, %s%s%s) -> None",
              u->row.name, text[0], text[1], u->n_in > 2 ? ", " : "", u->n_in > 2 ? text[2] : "");
    return ALP_FAIL;
}

static const char *const casting_name[] = { ['n'] = "no", ['e'] = "equiv", ['s'] = "safe", ['k'] = "same_kind", ['u'] = "unsafe" };

Status casting_arg(VM *vm, Value v, char fallback, char *out)
{
    *out = fallback;
    if (v.tag == T_Unbound || v.tag == T_None)
        return ALP_OK;
    for (size_t k = 0; v.tag == T_Str && k < COUNT_OF(casting_name); k++)
        if (casting_name[k] && !strcmp(casting_name[k], STR(v)->text)) {
            *out = (char)k;
            return ALP_OK;
        }
    if (v.tag == T_Str)
        raise(vm, TY_ValueError, "casting must be one of 'no', 'equiv', 'safe', 'same_kind', 'unsafe' (got '%s')", STR(v)->text);
    else
        raise(vm, TY_TypeError, "casting must be str, not %s", value_type_name(v));
    return ALP_FAIL;
}

static Status raise_cast(VM *vm, const Ufunc *u, const char *what, DType from, DType to, char casting)
{
    raise(vm, *what == 'i' ? TY_UFuncInputCastingError : TY_UFuncOutputCastingError,
          "Cannot cast ufunc '%s' %s from dtype('%s') to dtype('%s') with casting rule '%s'", u->row.name, what, dtype_info[from].name,
          dtype_info[to].name, casting_name[(unsigned char)casting]);
    return ALP_FAIL;
}

/* What Python's own operator on the elements says, when an operand is no number. */
static Status raise_no_number(VM *vm, const Ufunc *u, const Value *in)
{
    static const struct { const Ufunc *u; const char *text; } object_text[] = {
        { &uf_add, "unsupported operand type(s) for +: " },
        { &uf_subtract, "unsupported operand type(s) for -: " },
        { &uf_multiply, "unsupported operand type(s) for *: " },
        { &uf_divide, "unsupported operand type(s) for /: " },
        { &uf_floor_divide, "unsupported operand type(s) for //: " },
        { &uf_remainder, "unsupported operand type(s) for %: " },
        { &uf_divmod, "unsupported operand type(s) for divmod(): " },
        { &uf_power, "unsupported operand type(s) for ** or pow(): " },
        { &uf_bitwise_and, "unsupported operand type(s) for &: " },
        { &uf_bitwise_or, "unsupported operand type(s) for |: " },
        { &uf_bitwise_xor, "unsupported operand type(s) for ^: " },
        { &uf_left_shift, "unsupported operand type(s) for <<: " },
        { &uf_right_shift, "unsupported operand type(s) for >>: " },
        { &uf_less, "'<' not supported between instances of " },
        { &uf_less_equal, "'<=' not supported between instances of " },
        { &uf_greater, "'>' not supported between instances of " },
        { &uf_greater_equal, "'>=' not supported between instances of " },
        { &uf_minimum, "'<=' not supported between instances of " },
        { &uf_maximum, "'>=' not supported between instances of " },
        { &uf_negative, "bad operand type for unary -: " },
        { &uf_positive, "bad operand type for unary +: " },
        { &uf_absolute, "bad operand type for abs(): " },
        { &uf_invert, "bad operand type for unary ~: " },
    };
    const char *type[UFUNC_MAX_IN] = { "", "", "" };
    for (int k = 0; k < u->n_in; k++) {
        DType d = value_dtype(in[k]);
        char kind = d == DT_COUNT ? 0 : dtype_info[d].kind;
        type[k] = !kind ? value_type_name(in[k]) : kind == 'b' ? "bool" : kind == 'f' ? "float" : kind == 'c' ? "complex" : "int";
    }
    for (size_t k = 0; k < COUNT_OF(object_text); k++)
        if (object_text[k].u == u) {
            if (u->n_in == 1)
                raise(vm, TY_TypeError, "%s'%s'", object_text[k].text, type[0]);
            else
                raise(vm, TY_TypeError, "%s'%s' and '%s'", object_text[k].text, type[0], type[1]);
            return ALP_FAIL;
        }
    for (int k = 0; k < u->n_in; k++)
        if (u->loop[DT_F64] && u->result[0] == UR_Same && value_dtype(in[k]) == DT_COUNT) {
            raise(vm, TY_TypeError, "loop of ufunc does not support argument %d of type %s which has no callable %s method", k,
                  value_type_name(in[k]), u->row.name);
            return ALP_FAIL;
        }
    return raise_not_supported(vm, u);
}

static Status raise_string(VM *vm, const Ufunc *u, const Value *in)
{
    if (u == &uf_multiply) {
        raise(vm, TY_TypeError, "The 'out' kwarg is necessary when using the string multiply ufunc directly. Use "
              "numpy.strings.multiply to multiply strings without specifying 'out'.");
        return ALP_FAIL;
    }
    if (u != &uf_add && u != &uf_subtract)
        return u->flags & UF_NO_LOOP ? raise_no_loop(vm, u, in) : raise_not_supported(vm, u);
    char text[2][40];
    for (int k = 0; k < 2; k++) {
        DType d = value_dtype(in[k]);
        if (in[k].tag == T_Str)
            snprintf(text[k], sizeof text[k], "dtype('<U%zu')", STR(in[k])->length);
        else
            snprintf(text[k], sizeof text[k], "dtype('%s')", d == DT_COUNT ? "O" : dtype_info[d].name);
    }
    raise(vm, TY_UFuncNoLoopError, "ufunc '%s' did not contain a loop with signature matching types (%s, %s) -> None", u->row.name,
          text[0], text[1]);
    return ALP_FAIL;
}

/* ---- operands --------------------------------------------------------------------------------------------------------------- */
static void operands_free(VM *vm, Operand *o, int n)
{
    for (int k = 0; k < n; k++)
        if (o[k].owned)
            value_free(vm, o[k].hold);
}

static void operand_of_array(Operand *o, Value v)
{
    Array *a = ARRAY(v);
    o->hold = v;
    o->dtype = (DType)a->dtype;
    o->ndim = a->ndim;
    o->shape = a->shape;
    o->strides = a->strides;
    o->data = a->data;
}

/* ALP_FAIL without an exception: not a number (the caller knows the function and words the message). */
static Status operand_read(VM *vm, Value v, Operand *o)
{
    o->owned = o->weak = false;
    o->hold = v;
    o->ndim = 0;
    o->shape = o->strides = NULL;
    o->data = o->scalar;
    switch (v.tag) {
    case T_Array:
        operand_of_array(o, v);
        return ALP_OK;
    case T_Int: case T_Float: case T_Complex:
        o->weak = true;
        o->dtype = value_dtype(v);
        return ALP_OK;
    case T_List: case T_Tuple: case T_Range: {
        Value a = array_from_value(vm, v, DT_COUNT);
        if (IS_ERR(a))
            return ALP_FAIL;
        operand_of_array(o, a);
        o->owned = true;
        return ALP_OK;
    }
    default:
        o->dtype = value_dtype(v);
        return o->dtype == DT_COUNT ? ALP_FAIL : array_store(vm, o->dtype, o->scalar, v);
    }
}

static Status operands_read(VM *vm, const Ufunc *u, const Value *in, Operand *o)
{
    for (int k = 0; k < u->n_in; k++) {
        if (operand_read(vm, in[k], &o[k]) == ALP_OK)
            continue;
        operands_free(vm, o, k);
        if (vm_has_exc(vm))
            return ALP_FAIL;
        for (int j = 0; j < u->n_in; j++)
            if (in[j].tag == T_Str)
                return raise_string(vm, u, in);
        return raise_no_number(vm, u, in);
    }
    return ALP_OK;
}

/* Write the value of a 0-d operand, as dtype d, to p. */
static Status operand_scalar(VM *vm, const Operand *o, DType d, char *p)
{
    if (o->weak)
        return array_store(vm, d, p, o->hold);
    array_cast(d, p, 0, o->dtype, o->data, 0, 1);
    return ALP_OK;
}

/* ---- types -------------------------------------------------------------------------------------------------------------------- */
/* The type of all n operands together; Python numbers raise only the kind. */
static DType promote_operands(const Operand *o, int n, bool nothing_weak)
{
    DType d = DT_COUNT;
    for (int k = 0; k < n; k++)
        if (!o[k].weak || nothing_weak)
            d = d == DT_COUNT ? o[k].dtype : dtype_promote(d, o[k].dtype);
    bool all_weak = d == DT_COUNT;
    for (int k = 0; k < n; k++)
        if (o[k].weak && !nothing_weak)
            d = all_weak ? (d == DT_COUNT ? o[k].dtype : dtype_promote(d, o[k].dtype)) : dtype_promote_weak(d, o[k].hold);
    return d;
}

static DType result_dtype(UfuncResult r, DType d)
{
    switch (r) {
    case UR_Bool: return DT_Bool;
    case UR_Real: return d == DT_C64 ? DT_F32 : d == DT_C128 ? DT_F64 : d;
    case UR_I32:  return DT_I32;
    case UR_U8:   return DT_U8;
    case UR_Same: break;
    }
    return d;
}

static void use_loop(const Ufunc *u, DType d, Signature *s)
{
    s->loop = u->loop[d];
    for (int k = 0; k < u->n_in; k++)
        s->in[k] = d;
    if (u->flags & UF_SECOND_INT)
        s->in[1] = DT_I64;
    for (int k = 0; k < u->n_out; k++)
        s->out[k] = result_dtype((UfuncResult)u->result[k], d);
}

/* Integers whose types do not hold each other's values compare by value all the same.  False: the ordinary loops do. */
static bool compare_integers(const Ufunc *u, const Operand *o, DType d, Signature *s)
{
    DType t[2];
    for (int k = 0; k < 2; k++) {
        char kind = dtype_info[o[k].dtype].kind;
        if (kind == 'f' || kind == 'c')
            return false;
        t[k] = o[k].dtype;
        if (o[k].weak && o[1 - k].dtype == DT_U64 && o[k].hold.u.i >= 0)
            t[k] = DT_U64;
        else if (kind != 'u')
            t[k] = DT_I64;
    }
    bool fits = d != DT_F64;
    for (int k = 0; k < 2; k++)
        fits &= !o[k].weak || dtype_int_fits(d, o[k].hold.u.i);
    if (fits)
        return false;
    if ((t[0] == DT_U64) == (t[1] == DT_U64)) {
        use_loop(u, t[0] == DT_U64 ? DT_U64 : DT_I64, s);
        return true;
    }
    bool unsigned_first = t[0] == DT_U64;
    *s = (Signature){ u->mixed[unsigned_first], { DT_I64, DT_U64 }, { DT_Bool } };
    if (unsigned_first) {
        s->in[0] = DT_U64;
        s->in[1] = DT_I64;
    }
    return true;
}

static Status resolve_dtype(VM *vm, const Ufunc *u, const Operand *o, const UfuncOptions *opt, DType found, Signature *s)
{
    DType d = u->result[0] == UR_Bool && opt->dtype == DT_Bool ? found : opt->dtype;
    char casting = opt->casting ? opt->casting : 'k';
    if (!u->loop[d] || (u->result[0] == UR_Bool && opt->dtype != DT_Bool)) {
        raise(vm, TY_TypeError, "No loop matching the specified signature and casting was found for ufunc %s", u->row.name);
        return ALP_FAIL;
    }
    use_loop(u, d, s);
    for (int k = 0; k < u->n_in; k++)
        if (!dtype_can_cast(o[k].dtype, s->in[k], o[k].weak && s->in[k] != DT_Bool && casting == 's' ? 'k' : casting)) {
            char what[16];
            snprintf(what, sizeof what, u->n_in > 1 ? "input %d" : "input", k);
            return raise_cast(vm, u, what, o[k].dtype, s->in[k], casting);
        }
    return ALP_OK;
}

/* Do all inputs convert to `to` safely?  One by one, so that int16 and uint16 go to float32; with weak ones, by their common type. */
static bool inputs_convert(const Operand *o, int n, DType common, DType to)
{
    bool ok = true;
    for (int k = 0; k < n; k++)
        ok &= dtype_can_cast(o[k].weak ? common : o[k].dtype, to, 's');
    return ok;
}

static Status resolve(VM *vm, const Ufunc *u, const Value *in, const Operand *o, const UfuncOptions *opt, Signature *s)
{
    /* The order in which NumPy lists loops. */
    static const uint8_t search[] = { DT_Bool, DT_I8, DT_U8, DT_I16, DT_U16, DT_I32, DT_U32, DT_I64, DT_U64, DT_F32, DT_F64, DT_C64,
                                      DT_C128 };
    DType d = promote_operands(o, u->flags & UF_SECOND_INT ? 1 : u->n_in, u->flags & UF_TRUTH);
    if (d == DT_Bool && u->no_bool && !(opt && opt->has_dtype)) {
        raise(vm, TY_TypeError, "%s", u->no_bool);
        return ALP_FAIL;
    }
    if (u->flags & UF_SECOND_INT && (strchr("fc", dtype_info[o[1].dtype].kind) || o[1].dtype == DT_U64))
        return raise_not_supported(vm, u);
    if (u->flags & UF_INT_AS_F64 && strchr("biu", dtype_info[d].kind))
        d = DT_F64;
    if (opt && opt->has_dtype)
        return resolve_dtype(vm, u, o, opt, d, s);
    if (u->flags & UF_COMPARE && compare_integers(u, o, d, s))
        return ALP_OK;
    if (u->loop[d]) {
        use_loop(u, d, s);
        return ALP_OK;
    }
    if (u->flags & UF_NO_LOOP)
        return raise_no_loop(vm, u, in);
    for (size_t k = 0; k < COUNT_OF(search); k++)
        if (u->loop[search[k]] && inputs_convert(o, u->flags & UF_SECOND_INT ? 1 : u->n_in, d, (DType)search[k])) {
            use_loop(u, (DType)search[k], s);
            return ALP_OK;
        }
    return raise_not_supported(vm, u);
}

/* ---- running ------------------------------------------------------------------------------------------------------------------- */
static Value raise_own(VM *vm, const Ufunc *u)
{
    return raise(vm, TY_ValueError, "%s", u->error);
}

/* All inputs 0-d, no target: NumPy scalars. */
static Value run_scalar(VM *vm, const Ufunc *u, const Operand *o, const Signature *s)
{
    static const int64_t step[UFUNC_MAX_IN + UFUNC_MAX_OUT];
    _Alignas(16) char value[UFUNC_MAX_IN + UFUNC_MAX_OUT][16];
    char *p[UFUNC_MAX_IN + UFUNC_MAX_OUT];
    int n = u->n_in + u->n_out;
    for (int k = 0; k < n; k++)
        p[k] = value[k];
    for (int k = 0; k < u->n_in; k++)
        if (operand_scalar(vm, &o[k], s->in[k], p[k]) != ALP_OK)
            return V_ERR;
    if (!s->loop(p, step, 1))
        return raise_own(vm, u);
    Value first = array_load(vm, s->out[0], p[u->n_in]);
    return u->n_out == 1 ? first : tuple_of(vm, 2, first, array_load(vm, s->out[1], p[u->n_in + 1]));
}

/* One operand of the loop as the iteration sees it. */
typedef struct Lane {
    DType   dtype, loop_dtype;
    bool    convert;
    char   *block;              /* BLOCK elements of loop_dtype, when converting */
} Lane;

/* n elements at p, through blocks where types differ. */
static bool run_inner(const Ufunc *u, UfuncLoop loop, const Lane *lane, bool convert, char *const *p, const int64_t *step, int64_t n)
{
    if (!convert)
        return loop(p, step, n);
    int n_op = u->n_in + u->n_out;
    char *q[UFUNC_MAX_IN + UFUNC_MAX_OUT];
    int64_t inner[UFUNC_MAX_IN + UFUNC_MAX_OUT];
    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t count = n - done < BLOCK ? n - done : BLOCK;
        for (int k = 0; k < n_op; k++) {
            char *at = p[k] + done * step[k];
            q[k] = at;
            inner[k] = step[k];
            if (!lane[k].convert)
                continue;
            q[k] = lane[k].block;
            inner[k] = dtype_info[lane[k].loop_dtype].size;
            if (k < u->n_in)
                array_cast(lane[k].loop_dtype, q[k], inner[k], lane[k].dtype, at, step[k], count);
        }
        if (!loop(q, inner, count))
            return false;
        for (int k = u->n_in; k < n_op; k++)
            if (lane[k].convert)
                array_cast(lane[k].dtype, p[k] + done * step[k], step[k], lane[k].loop_dtype, q[k], inner[k], count);
    }
    return true;
}

/* Only runs of elements whose mask is set. */
static bool run_masked(const Ufunc *u, UfuncLoop loop, const Lane *lane, bool convert, char *const *p, const int64_t *step, int64_t n)
{
    int n_op = u->n_in + u->n_out;
    const char *mask = p[n_op];
    char *q[UFUNC_MAX_IN + UFUNC_MAX_OUT];
    for (int64_t i = 0; i < n;) {
        int64_t end = i;
        while (end < n && mask[end * step[n_op]])
            end++;
        for (int k = 0; k < n_op; k++)
            q[k] = p[k] + i * step[k];
        if (end > i && !run_inner(u, loop, lane, convert, q, step, end - i))
            return false;
        for (i = end; i < n && !mask[i * step[n_op]]; i++)
            ;
    }
    return true;
}

static Status run_arrays(VM *vm, const Ufunc *u, const Operand *o, const Signature *s, int ndim, const int64_t *shape, Array *const *out,
                         const Array *where)
{
    _Alignas(16) char scalar[UFUNC_MAX_IN][16];
    _Alignas(16) char block[UFUNC_MAX_IN + UFUNC_MAX_OUT][BLOCK * 16];
    Lane lane[UFUNC_MAX_IN + UFUNC_MAX_OUT];
    bool convert = false;
    NdIter it;
    nditer_init(&it, ndim, shape);
    for (int k = 0; k < u->n_in; k++) {
        lane[k] = (Lane){ o[k].dtype, s->in[k], o[k].dtype != s->in[k], block[k] };
        if (o[k].ndim == 0) {
            TRY(operand_scalar(vm, &o[k], s->in[k], scalar[k]));
            lane[k].convert = false;
            nditer_operand(&it, scalar[k], 0, NULL, NULL);
        } else
            nditer_operand(&it, o[k].data, o[k].ndim, o[k].shape, o[k].strides);
        convert |= lane[k].convert;
    }
    for (int k = 0; k < u->n_out; k++) {
        DType d = (DType)out[k]->dtype;
        lane[u->n_in + k] = (Lane){ d, s->out[k], d != s->out[k], block[u->n_in + k] };
        convert |= d != s->out[k];
        nditer_array(&it, out[k]);
    }
    if (it.size == 0)
        return ALP_OK;
    if (where)
        nditer_array(&it, where);
    nditer_sort(&it);
    nditer_start(&it);
    do {
        bool ok = where ? run_masked(u, s->loop, lane, convert, it.ptr, it.step, it.shape[0])
                        : run_inner(u, s->loop, lane, convert, it.ptr, it.step, it.shape[0]);
        if (!ok) {
            raise_own(vm, u);
            return ALP_FAIL;
        }
    } while (nditer_next(&it));
    return ALP_OK;
}

/* ---- targets --------------------------------------------------------------------------------------------------------------------- */
/* "(2,3) " at out, which has room for it. */
static size_t append_shape(char *out, int ndim, const int64_t *shape)
{
    shape_text(out, SHAPE_TEXT_MAX, ndim, shape);
    size_t n = strlen(out);
    memcpy(out + n, " ", 2);
    return n + 1;
}

static Status broadcast_operands(VM *vm, const Ufunc *u, const Operand *o, const UfuncOptions *opt, int *ndim, int64_t *shape)
{
    bool ok = true;
    *ndim = 0;
    for (int k = 0; k < u->n_in; k++)
        ok = ok && shape_broadcast(ndim, shape, o[k].ndim, o[k].shape) == ALP_OK;
    if (opt && opt->where)
        ok = ok && shape_broadcast(ndim, shape, opt->where->ndim, opt->where->shape) == ALP_OK;
    int in_ndim = *ndim;
    int64_t in_shape[ALP_MAX_NDIM];
    memcpy(in_shape, shape, sizeof in_shape[0] * (size_t)in_ndim);
    for (int k = 0; opt && k < u->n_out; k++)
        if (opt->out[k])
            ok = ok && shape_broadcast(ndim, shape, opt->out[k]->ndim, opt->out[k]->shape) == ALP_OK;
    char text[(UFUNC_MAX_IN + UFUNC_MAX_OUT + 1) * (SHAPE_TEXT_MAX + 1)];
    if (!ok) {
        /* Inputs, targets, mask: in the order of NumPy's iterator. */
        size_t n = 0;
        for (int k = 0; k < u->n_in; k++)
            n += append_shape(text + n, o[k].ndim, o[k].shape);
        for (int k = 0; opt && k < u->n_out; k++)
            if (opt->out[k])
                n += append_shape(text + n, opt->out[k]->ndim, opt->out[k]->shape);
        if (opt && opt->where)
            append_shape(text + n, opt->where->ndim, opt->where->shape);
        raise(vm, TY_ValueError, "operands could not be broadcast together with shapes %s", text);
        return ALP_FAIL;
    }
    for (int k = 0; opt && k < u->n_out; k++) {
        const Array *a = opt->out[k];
        if (!a || (a->ndim == *ndim && !memcmp(a->shape, shape, sizeof shape[0] * (size_t)*ndim)))
            continue;
        char whole[SHAPE_TEXT_MAX];
        shape_text(text, SHAPE_TEXT_MAX, a->ndim, a->shape);
        shape_text(whole, sizeof whole, *ndim, shape);
        raise(vm, TY_ValueError, "non-broadcastable output operand with shape %s doesn't match the broadcast shape %s", text, whole);
        return ALP_FAIL;
    }
    return ALP_OK;
}

/* A fresh target, laid out as the inputs are. */
static Value fresh_output(VM *vm, const Ufunc *u, const Operand *o, DType d, int ndim, const int64_t *shape, char order, bool zero)
{
    /* Inputs that are all in one order and of the result's shape give it theirs, even where axes of length 1 leave it open. */
    bool all_c = true, all_f = true;
    for (int k = 0; k < u->n_in; k++) {
        bool whole = o[k].ndim == ndim && !memcmp(o[k].shape, shape, sizeof shape[0] * (size_t)ndim);
        all_c &= o[k].ndim == 0 || (whole && ARRAY(o[k].hold)->c_contig);
        all_f &= o[k].ndim == 0 || (whole && ARRAY(o[k].hold)->f_contig);
    }
    if (order == 'C' || order == 'F' || all_c || all_f)
        return array_new_order(vm, d, ndim, shape, order == 'C' || order == 'F' ? order : all_c ? 'C' : 'F', zero);
    int64_t strides[ALP_MAX_NDIM];
    NdIter it;
    nditer_init(&it, ndim, shape);
    for (int k = 0; k < u->n_in; k++)
        nditer_operand(&it, o[k].data, o[k].ndim, o[k].shape, o[k].strides);
    nditer_sort(&it);
    nditer_layout(&it, dtype_info[d].size, strides);
    return array_new_strided(vm, d, ndim, shape, strides, zero);
}

/* May this target be written while the inputs are read?  The same elements in the same places are no harm. */
static bool target_is_safe(const Ufunc *u, const Operand *o, const UfuncOptions *opt, int which)
{
    const Array *out = opt->out[which];
    for (int k = 0; k < u->n_in; k++)
        if (o[k].ndim > 0 && array_may_overlap(out, ARRAY(o[k].hold)) && !array_same_layout(out, ARRAY(o[k].hold)))
            return false;
    for (int k = 0; k < which; k++)
        if (opt->out[k] && array_may_overlap(out, opt->out[k]))
            return false;
    return !opt->where || !array_may_overlap(out, opt->where);
}

/* ---- where the operands are -------------------------------------------------------------------------------------------------------- */

/* Functions of numpy call here with arrays that they made. */
static Status operands_to_host(VM *vm, const Ufunc *u, const Operand *o, const UfuncOptions *opt)
{
    if (LIKELY(!vm->n_on_device))
        return ALP_OK;
    for (int k = 0; k < u->n_in; k++)
        TRY(value_to_host(vm, o[k].hold, HOST_Read));
    for (int k = 0; opt && k < u->n_out; k++)
        if (opt->out[k])
            TRY(array_to_host(vm, opt->out[k], HOST_Write));
    return opt && opt->where ? array_to_host(vm, opt->where, HOST_Read) : ALP_OK;
}

static Status targets_to_host(VM *vm, const Ufunc *u, const Operand *o, const UfuncOptions *opt, Array *const *target)
{
    for (int k = 0; k < u->n_out; k++)
        TRY(array_to_host(vm, target[k], HOST_Write));
    return operands_to_host(vm, u, o, opt);
}

/* The text of the call as an operation on whole arrays; NULL: the host does it. */
static const char *whole_wanted(const VM *vm, const Ufunc *u, const Operand *o, const Signature *s, const UfuncOptions *opt, int ndim)
{
    const Array *array[UFUNC_MAX_IN + 1];
    if (LIKELY(!opt) || !opt->there || !vm->n_on_device || opt->where || u->n_out != 1 || ndim == 0 ||
        (opt->out[0] && opt->out[0]->dtype != s->out[0]))
        return NULL;
    for (int k = 0; k < u->n_in; k++) {
        array[k] = o[k].ndim ? ARRAY(o[k].hold) : NULL;
        if (array[k] && o[k].dtype != s->in[k])
            return NULL;
    }
    array[u->n_in] = opt->out[0];
    const char *text = whole_text(u, s->in[0]);
    return text && whole_is_wanted(vm, array, u->n_in + 1) ? text : NULL;
}

static WholeVerdict run_whole(VM *vm, const char *text, const Ufunc *u, const Operand *o, const Signature *s, const Array *target)
{
    Value in[UFUNC_MAX_IN];
    int n = 0;
    bool ok = true;
    for (; n < u->n_in && ok; n++) {
        _Alignas(16) char scalar[16];
        if (o[n].ndim) {
            in[n] = value_ref(o[n].hold);
            continue;
        }
        ok = value_to_host(vm, o[n].hold, HOST_Read) == ALP_OK && operand_scalar(vm, &o[n], s->in[n], scalar) == ALP_OK;
        in[n] = ok ? array_load(vm, s->in[n], scalar) : V_NONE;
        ok = ok && !IS_ERR(in[n]);
    }
    WholeVerdict v = ok ? whole_map(vm, text, target, n, in) : WHOLE_RAISED;
    while (n > 0)
        value_free(vm, in[--n]);
    return v;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------------------------- */

static Value run_general(VM *vm, const Ufunc *u, const Operand *o, const Signature *s, const UfuncOptions *opt)
{
    int ndim;
    int64_t shape[ALP_MAX_NDIM];
    char casting = opt && opt->casting ? opt->casting : 'k';
    Value result[UFUNC_MAX_OUT] = { V_NONE, V_NONE };       /* what is computed into */
    Array *target[UFUNC_MAX_OUT] = { NULL };
    for (int k = 0; opt && k < u->n_out; k++) {
        const Array *out = opt->out[k];
        if (out && out->readonly)
            return raise(vm, TY_ValueError, "output array is read-only");
        if (out && !dtype_can_cast(s->out[k], (DType)out->dtype, casting)) {
            raise_cast(vm, u, "output", s->out[k], (DType)out->dtype, casting);
            return V_ERR;
        }
    }
    if (broadcast_operands(vm, u, o, opt, &ndim, shape) != ALP_OK)
        return V_ERR;
    const char *text = whole_wanted(vm, u, o, s, opt, ndim);
    if (!text && operands_to_host(vm, u, o, opt) != ALP_OK)
        return V_ERR;
    for (int k = 0; k < u->n_out; k++) {
        Array *out = opt ? opt->out[k] : NULL;
        if (!out)
            result[k] = fresh_output(vm, u, o, s->out[k], ndim, shape, opt ? opt->order : 0, opt && opt->where);
        else if (target_is_safe(u, o, opt, k))
            result[k] = value_ref(V_OBJ(out));
        else if (text)
            result[k] = array_new_like(vm, out, (DType)out->dtype, 'K', false);
        else
            result[k] = array_copy(vm, V_OBJ(out), (DType)out->dtype, 'K');
        if (IS_ERR(result[k]))
            goto fail;
        if (text && ARRAY(result[k]) != out)
            fresh_any(vm, ARRAY(result[k]));
        target[k] = ARRAY(result[k]);
    }
    WholeVerdict verdict = text ? run_whole(vm, text, u, o, s, target[0]) : WHOLE_LEFT;
    if (verdict == WHOLE_RAISED || (verdict == WHOLE_LEFT && text && targets_to_host(vm, u, o, opt, target) != ALP_OK))
        goto fail;
    if (verdict == WHOLE_LEFT && run_arrays(vm, u, o, s, ndim, shape, target, opt ? opt->where : NULL) != ALP_OK)
        goto fail;
    for (int k = 0; opt && k < u->n_out; k++)
        if (opt->out[k] && opt->out[k] != target[k]) {
            if (verdict == WHOLE_DONE && array_assign(vm, opt->out[k], result[k]) != ALP_OK)
                goto fail;
            if (verdict == WHOLE_LEFT)
                array_copy_into(opt->out[k], target[k]);
            value_set(vm, &result[k], value_ref(V_OBJ(opt->out[k])));
        }
    /* A 0-d result that nobody provided becomes a scalar. */
    for (int k = 0; k < u->n_out; k++)
        if (ndim == 0 && !(opt && opt->out[k]))
            value_set(vm, &result[k], array_load(vm, s->out[k], target[k]->data));
    return u->n_out == 1 ? result[0] : tuple_of(vm, 2, result[0], result[1]);
fail:
    value_free(vm, result[0]);
    value_free(vm, result[1]);
    return V_ERR;
}

/* Doubles in, a double or truth value out: the commonest calls in loops over scalars.  T_Unbound: another case. */
static Value call_doubles(VM *vm, const Ufunc *u, const Value *in)
{
    static const int64_t step[UFUNC_MAX_IN + 1];
    double x[UFUNC_MAX_IN];
    char *p[UFUNC_MAX_IN + 1];
    _Alignas(8) char result[8];
    if (u->n_out != 1 || u->result[0] > UR_Real || u->flags & UF_SECOND_INT || !u->loop[DT_F64])
        return V_UNBOUND;
    for (int k = 0; k < u->n_in; k++) {
        if (in[k].tag != T_Float && in[k].tag != T_NpF64)
            return V_UNBOUND;
        x[k] = in[k].u.f;
        p[k] = (char *)&x[k];
    }
    p[u->n_in] = result;
    if (!u->loop[DT_F64](p, step, 1))
        return raise_own(vm, u);
    return array_load(vm, u->result[0] == UR_Bool ? DT_Bool : DT_F64, result);
}

Value ufunc_call(VM *vm, const Ufunc *u, const Value *in, const UfuncOptions *opt)
{
    if (!opt) {
        Value fast = call_doubles(vm, u, in);
        if (fast.tag != T_Unbound)
            return fast;
    }
    Operand o[UFUNC_MAX_IN];
    Signature s;
    if (operands_read(vm, u, in, o) != ALP_OK)
        return V_ERR;
    Value result = V_ERR;
    if (resolve(vm, u, in, o, opt, &s) == ALP_OK) {
        bool scalar = !opt || !(opt->out[0] || opt->out[1] || opt->where);
        for (int k = 0; k < u->n_in; k++)
            scalar &= o[k].ndim == 0;
        if (!scalar)
            result = run_general(vm, u, o, &s, opt);
        else if (operands_to_host(vm, u, o, opt) == ALP_OK)
            result = run_scalar(vm, u, o, &s);
    }
    operands_free(vm, o, u->n_in);
    return result;
}

Value ufunc_call1(VM *vm, const Ufunc *u, Value a)
{
    return ufunc_call(vm, u, &a, NULL);
}

Value ufunc_call2(VM *vm, const Ufunc *u, Value a, Value b)
{
    return ufunc_call(vm, u, (const Value []){ a, b }, NULL);
}

DType ufunc_result_type(VM *vm, const Value *v, int n)
{
    Operand o[UFUNC_MAX_IN] = { 0 };
    ALP_ASSERT(n <= UFUNC_MAX_IN);
    for (int k = 0; k < n; k++)
        if (operand_read(vm, v[k], &o[k]) != ALP_OK) {
            operands_free(vm, o, k);
            raise(vm, TY_TypeError, "arrays of '%s' objects are not part of alpy", value_type_name(v[k]));
            return DT_COUNT;
        }
    DType d = promote_operands(o, n, false);
    operands_free(vm, o, n);
    return d;
}

/* ---- calls from programs ------------------------------------------------------------------------------------------------------------ */
/* ORDER of UFUNC_PARAMS */
enum { A_Out, A_Where, A_Casting, A_Order, A_Dtype };

static Status out_arg(VM *vm, Value v, Array **out)
{
    if (v.tag == T_None)
        return ALP_OK;
    if (v.tag != T_Array) {
        raise(vm, TY_TypeError, "return arrays must be of ArrayType");
        return ALP_FAIL;
    }
    *out = ARRAY(v);
    return ALP_OK;
}

static Status outs_arg(VM *vm, const Ufunc *u, Value v, UfuncOptions *opt)
{
    if (v.tag == T_Unbound)
        return ALP_OK;
    if (v.tag != T_Tuple) {
        if (u->n_out == 1)
            return out_arg(vm, v, &opt->out[0]);
        raise(vm, TY_TypeError, "'out' must be a tuple of arrays");
        return ALP_FAIL;
    }
    if (TUPLE(v)->count != u->n_out) {
        raise(vm, TY_ValueError, "The 'out' tuple must have exactly one entry per ufunc output");
        return ALP_FAIL;
    }
    for (int k = 0; k < u->n_out; k++)
        TRY(out_arg(vm, TUPLE(v)->item[k], &opt->out[k]));
    return ALP_OK;
}

static Status where_arg(VM *vm, Value v, Value *mask, UfuncOptions *opt)
{
    if (v.tag == T_Unbound || ((v.tag == T_Bool || v.tag == T_NpBool) && v.u.i))
        return ALP_OK;
    *mask = array_from_value(vm, v, DT_COUNT);
    if (IS_ERR(*mask))
        return ALP_FAIL;
    opt->where = ARRAY(*mask);
    if (opt->where->dtype == DT_Bool)
        return ALP_OK;
    raise(vm, TY_TypeError, "Cannot cast array data from dtype('%s') to dtype('bool') according to the rule 'safe'",
          dtype_info[opt->where->dtype].name);
    return ALP_FAIL;
}

Value ufunc_native(VM *vm, const Args *args)
{
    const Ufunc *u = (const Ufunc *)(const void *)native_running(vm)->row;
    const Value *v = args->v;
    if (args->n_rest < u->n_in || args->n_rest > (uint32_t)(u->n_in + u->n_out))
        return raise(vm, TY_TypeError, "%s() takes from %d to %d positional arguments but %u %s given", u->row.name, u->n_in,
                     u->n_in + u->n_out, args->n_rest, args->n_rest == 1 ? "was" : "were");
    if (LIKELY(args->n_rest == u->n_in && v[A_Out].tag == T_Unbound && v[A_Where].tag == T_Unbound && v[A_Casting].tag == T_Unbound &&
               v[A_Order].tag == T_Unbound && v[A_Dtype].tag == T_Unbound))
        return ufunc_call(vm, u, args->rest, UNLIKELY(vm->n_on_device) ? &(const UfuncOptions){ .there = true } : NULL);
    UfuncOptions opt = { .there = true };
    Value mask = V_NONE, result = V_ERR;
    bool ok = outs_arg(vm, u, v[A_Out], &opt) == ALP_OK;
    for (uint32_t k = u->n_in; ok && k < args->n_rest; k++)
        ok = out_arg(vm, args->rest[k], &opt.out[k - u->n_in]) == ALP_OK;
    opt.has_dtype = v[A_Dtype].tag != T_Unbound && v[A_Dtype].tag != T_None;
    ok = ok && dtype_arg(vm, v[A_Dtype], DT_F64, &opt.dtype) == ALP_OK
            && casting_arg(vm, v[A_Casting], 'k', &opt.casting) == ALP_OK
            && order_arg(vm, v[A_Order], 'K', &opt.order) == ALP_OK
            && where_arg(vm, v[A_Where], &mask, &opt) == ALP_OK;
    if (ok)
        result = ufunc_call(vm, u, args->rest, &opt);
    value_free(vm, mask);
    return result;
}
