/* interp/ops.c — binary, unary and augmented operators: who of the operands decides, and the errors when none does.
 *
 * The order of precedence is CPython's: numbers, then NumPy (an array or NumPy scalar on either side is asked first), then
 * sequences.  Comparisons are in relate.c, subscripts in item.c. */
#include "interp/array.h"
#include "interp/format.h"
#include "interp/func.h"
#include "interp/native.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/str.h"

/* ORDER binop */
const char *const binop_text[BI_COUNT] = { "+", "-", "*", "@", "/", "%", "**", "<<", ">>", "|", "^", "&", "//" };

static Value unsupported(VM *vm, BinOp op, bool inplace, Value a, Value b)
{
    return raise(vm, TY_TypeError, "unsupported operand type(s) for %s%s: '%s' and '%s'", binop_text[op],
                 inplace ? "=" : op == BI_Pow ? " or pow()" : "", value_type_name(a), value_type_name(b));
}

/* ---- sequences ----------------------------------------------------------------------------------------------------------- */

static bool has_repeat(Value v)
{
    return v.tag == T_Str || v.tag == T_List || v.tag == T_Tuple;
}

/* Beside a NumPy scalar these become arrays. */
static bool is_array_like(Value v)
{
    return v.tag == T_List || v.tag == T_Tuple || v.tag == T_Range;
}

static void fill_repeated(Value *to, const Value *items, size_t count, size_t times)
{
    if (count == 1 && !IS_HEAP(items[0])) {
        for (size_t k = 0; k < times; k++)
            to[k] = items[0];
        return;
    }
    for (size_t k = 0; k < times; k++)
        for (size_t i = 0; i < count; i++)
            *to++ = value_ref(items[i]);
}

static Value repeat(VM *vm, Value seq, int64_t n)
{
    if (n < 0)
        n = 0;
    if (seq.tag == T_Str)
        return str_repeat(vm, seq, n);
    bool is_list = seq.tag == T_List;
    if (!is_list && n == 1)
        return value_ref(seq);
    size_t count = is_list ? LIST(seq)->count : TUPLE(seq)->count, total;
    if (__builtin_mul_overflow(count, (size_t)n, &total) || total > SIZE_MAX / 4 / sizeof(Value))
        return raise_nomem(vm);
    Value r = is_list ? list_new(vm, NULL, total) : tuple_new(vm, NULL, total);
    if (IS_ERR(r))
        return r;
    fill_repeated(is_list ? LIST(r)->item : TUPLE(r)->item, is_list ? LIST(seq)->item : TUPLE(seq)->item, count, (size_t)n);
    return r;
}

/* Times to repeat; false: exception. */
static bool repeat_count(VM *vm, Value v, int64_t *n)
{
    int ok = op_as_index(vm, v, n);
    if (ok == 0)
        raise(vm, TY_TypeError, "can't multiply sequence by non-int of type '%s'", value_type_name(v));
    return ok > 0;
}

static Value multiply_sequence(VM *vm, Value a, Value b)
{
    int64_t n;
    Value seq = has_repeat(a) ? a : b, times = has_repeat(a) ? b : a;
    return repeat_count(vm, times, &n) ? repeat(vm, seq, n) : V_ERR;
}

static Value concat(VM *vm, Value a, Value b)
{
    if (a.tag != b.tag)
        return raise(vm, TY_TypeError, "can only concatenate %s (not \"%s\") to %s", value_type_name(a), value_type_name(b),
                     value_type_name(a));
    if (a.tag == T_Str)
        return str_concat(vm, value_ref(a), b);
    bool is_list = a.tag == T_List;
    const Value *x = is_list ? LIST(a)->item : TUPLE(a)->item, *y = is_list ? LIST(b)->item : TUPLE(b)->item;
    size_t n = is_list ? LIST(a)->count : TUPLE(a)->count, m = is_list ? LIST(b)->count : TUPLE(b)->count;
    Value r = is_list ? list_new(vm, NULL, n + m) : tuple_new(vm, NULL, n + m);
    if (IS_ERR(r) || n + m == 0)
        return r;
    Value *to = is_list ? LIST(r)->item : TUPLE(r)->item;
    fill_repeated(to, x, n, 1);
    fill_repeated(to + n, y, m, 1);
    return r;
}

/* ---- dispatch -------------------------------------------------------------------------------------------------------------- */

static bool is_foreign_operator(Value v)
{
    return v.tag == T_Foreign && FOREIGN(v)->cls->binary;
}

static Value foreign_binary(VM *vm, BinOp op, Value a, Value b)
{
    Value r = is_foreign_operator(a) ? FOREIGN(a)->cls->binary(vm, op, a, b) : V_NOTIMPL;
    if (r.tag == T_NotImplemented && is_foreign_operator(b))
        r = FOREIGN(b)->cls->binary(vm, op, a, b);
    return r;
}

static Value arrays_binary(VM *vm, BinOp op, Value a, Value b)
{
    return op == BI_MatMul ? array_matmul(vm, a, b) : array_binary_there(vm, op, a, b, NULL);
}

/* A NumPy scalar with a list, tuple or range: both become arrays. */
static Value scalar_with_sequence(VM *vm, BinOp op, Value a, Value b)
{
    Value *scalar = IS_NPSCALAR(a) ? &a : &b;
    if ((op == BI_FloorDiv || op == BI_Mod) && (scalar->tag == T_NpC64 || scalar->tag == T_NpC128))
        return V_NOTIMPL;
    *scalar = array_from_value(vm, *scalar, DT_COUNT);
    if (IS_ERR(*scalar))
        return V_ERR;
    Value made = *scalar, r = array_binary(vm, op, a, b, NULL);
    value_free(vm, made);
    return r;
}

static Value npscalar_any(VM *vm, BinOp op, Value a, Value b)
{
    Value other = IS_NPSCALAR(a) ? b : a;
    if (IS_NUMBER(other) || IS_NPSCALAR(other))
        return npscalar_binary(vm, op, a, b);
    if (op == BI_MatMul)
        return V_NOTIMPL;
    if (is_array_like(other))
        return scalar_with_sequence(vm, op, a, b);
    return npscalar_refuse(vm, op, a, b);
}

/* V_NOTIMPL: none of the operands knows what to do. */
static Value try_binary(VM *vm, BinOp op, Value a, Value b)
{
    Value r = V_NOTIMPL;
    if (is_foreign_operator(a) || is_foreign_operator(b)) {
        r = foreign_binary(vm, op, a, b);
        if (r.tag != T_NotImplemented)
            return r;
    }
    if (op == BI_Mod && a.tag == T_Str)
        return str_format_percent(vm, a, b);
    if (a.tag == T_Array || b.tag == T_Array)
        return arrays_binary(vm, op, a, b);
    if (IS_NPSCALAR(a) || IS_NPSCALAR(b)) {
        bool sequence = (op == BI_Mul && (has_repeat(a) || has_repeat(b))) || (op == BI_Add && a.tag == T_Str);
        if (!sequence)
            return npscalar_any(vm, op, a, b);
    }
    if (op == BI_Add && has_repeat(a))
        return concat(vm, a, b);
    if (op == BI_Mul && (has_repeat(a) || has_repeat(b)))
        return multiply_sequence(vm, a, b);
    return r;
}

Value op_binary(VM *vm, BinOp op, Value a, Value b)
{
    Value r = IS_NUMBER(a) && IS_NUMBER(b) ? number_binary(vm, op, a, b) : try_binary(vm, op, a, b);
    return LIKELY(r.tag != T_NotImplemented) ? r : unsupported(vm, op, false, a, b);
}

/* ---- augmented assignment -------------------------------------------------------------------------------------------------- */

static Value repeat_in_place(VM *vm, Value list, Value times)
{
    List *l = LIST(list);
    int64_t n;
    size_t extra, count = l->count;
    if (!repeat_count(vm, times, &n))
        return V_ERR;
    if (n <= 0) {
        while (l->count)
            value_free(vm, l->item[--l->count]);
        return V_NONE;
    }
    if (__builtin_mul_overflow(count, (size_t)n - 1, &extra))
        return raise_nomem(vm);
    if (list_reserve(vm, l, extra) != ALP_OK)
        return V_ERR;
    fill_repeated(l->item + count, l->item, count, (size_t)n - 1);
    l->count += extra;
    return V_NONE;
}

static Value array_in_place(VM *vm, BinOp op, Value a, Value b)
{
    if (op != BI_MatMul)
        return array_binary_there(vm, op, a, b, ARRAY(a));
    Value r = array_matmul(vm, a, b);
    if (!IS_ERR(r) && array_assign(vm, ARRAY(a), r) != ALP_OK)
        value_set(vm, &r, V_ERR);
    return r;
}

Value op_inplace(VM *vm, BinOp op, ALP_TAKE Value a, Value b)
{
    Value r;
    if (a.tag == T_Str && b.tag == T_Str && op == BI_Add)
        return str_concat(vm, a, b);
    bool numpy = b.tag == T_Array || IS_NPSCALAR(b);
    if (a.tag == T_List && !numpy && (op == BI_Add || op == BI_Mul)) {
        if (op == BI_Add)
            r = list_extend(vm, a, b) == ALP_OK ? V_NONE : V_ERR;
        else
            r = repeat_in_place(vm, a, b);
        if (!IS_ERR(r))
            return a;
        value_free(vm, a);
        return r;
    }
    if (a.tag == T_Array) {
        r = array_in_place(vm, op, a, b);
        if (!IS_ERR(r)) {
            value_free(vm, r);
            return a;
        }
    } else {
        r = IS_NUMBER(a) && IS_NUMBER(b) ? number_binary(vm, op, a, b) : try_binary(vm, op, a, b);
        if (r.tag == T_NotImplemented)
            r = unsupported(vm, op, true, a, b);
    }
    value_free(vm, a);
    return r;
}

/* ---- unary operators, abs(), divmod() ---------------------------------------------------------------------------------------- */

Value op_unary(VM *vm, UnOp op, Value a)
{
    static const char *const text[] = { "+", "-", "~", "not" };     /* ORDER unop */
    Value r = V_NOTIMPL;
    if (op == UN_Not) {
        int t = op_truth(vm, a);
        return t < 0 ? V_ERR : V_BOOL(!t);
    }
    if (IS_NUMBER(a))
        r = number_unary(vm, op, a);
    else if (IS_NPSCALAR(a))
        r = npscalar_unary(vm, op, a);
    else if (a.tag == T_Array)
        r = array_unary(vm, op, a);
    if (r.tag != T_NotImplemented)
        return r;
    return raise(vm, TY_TypeError, "bad operand type for unary %s: '%s'", text[op], value_type_name(a));
}

/* A function of the module numpy, called by name: for the builtins that arrays take part in. */
static Value call_numpy(VM *vm, const char *name, const Value *args, uint32_t n)
{
    Sym numpy = intern_z(vm->names, "numpy"), fn = intern_z(vm->names, name);
    if (numpy == SYM_NONE || fn == SYM_NONE)
        return raise_nomem(vm);
    Module *m = module_import(vm, numpy);
    return m ? vm_call(vm, module_get(m, fn), args, n, NULL, 0) : V_ERR;
}

Value op_abs(VM *vm, Value v)
{
    if (IS_NUMBER(v))
        return number_abs(vm, v);
    if (IS_NPSCALAR(v))
        return npscalar_abs(vm, v);
    if (v.tag == T_Array)
        return call_numpy(vm, "absolute", &v, 1);
    return raise(vm, TY_TypeError, "bad operand type for abs(): '%s'", value_type_name(v));
}

/* Operands of a ufunc, and not complex. */
static bool divides(Value v)
{
    DType d = value_dtype(v);
    return d != DT_COUNT ? dtype_info[d].kind != 'c' : is_array_like(v);
}

static Value arrays_divmod(VM *vm, Value a, Value b)
{
    if (!divides(a) || !divides(b))
        return npscalar_not_supported(vm, "divmod");
    Value q = op_binary(vm, BI_FloorDiv, a, b);
    return IS_ERR(q) ? q : tuple_of(vm, 2, q, op_binary(vm, BI_Mod, a, b));
}

Value op_divmod(VM *vm, Value a, Value b)
{
    Value q = V_NOTIMPL, mod = V_NONE;
    bool numpy = IS_NPSCALAR(a) || IS_NPSCALAR(b);
    bool complex_kind = a.tag == T_NpC64 || a.tag == T_NpC128 || b.tag == T_NpC64 || b.tag == T_NpC128;
    if (a.tag == T_Array || b.tag == T_Array || (numpy && !complex_kind && (is_array_like(a) || is_array_like(b))))
        return arrays_divmod(vm, a, b);
    if ((IS_NUMBER(a) || IS_NPSCALAR(a)) && (IS_NUMBER(b) || IS_NPSCALAR(b)))
        q = numpy ? npscalar_divmod(vm, a, b, &mod) : number_divmod(vm, a, b, &mod);
    else if (numpy && (a.tag == T_Str || b.tag == T_Str) && !complex_kind)
        return npscalar_not_supported(vm, "divmod");
    else if (numpy && !complex_kind)
        return raise(vm, TY_TypeError, "unsupported operand type(s) for divmod(): '%s' and '%s'", npscalar_python_name(a),
                     npscalar_python_name(b));
    if (q.tag == T_NotImplemented)
        return raise(vm, TY_TypeError, "unsupported operand type(s) for divmod(): '%s' and '%s'", value_type_name(a),
                     value_type_name(b));
    return tuple_of(vm, 2, q, mod);
}
