/* interp/relate.c — how values relate: comparison operators, identity, membership, truth and length. */
#include <string.h>

#include "interp/array.h"
#include "interp/interp.h"
#include "interp/iter.h"
#include "interp/ops.h"
#include "interp/residency.h"
#include "interp/seq.h"
#include "interp/str.h"

/* ORDER cmpop */
const char *const cmpop_text[CM_COUNT] = { "==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in" };

/* ---- identity and equality ----------------------------------------------------------------------------------------------- */

bool op_is(Value a, Value b)
{
    if (a.tag != b.tag)
        return false;
    if (IS_HEAP(a))
        return a.u.o == b.u.o;
    return a.tag <= T_NotImplemented || a.u.i == b.u.i;
}

int op_equal(VM *vm, Value a, Value b)
{
    Value r = op_compare(vm, CM_Eq, a, b);
    if (r.tag == T_Bool)
        return (int)r.u.i;
    int t = IS_ERR(r) ? -1 : op_truth(vm, r);
    value_free(vm, r);
    return t;
}

int op_item_equal(VM *vm, Value a, Value b)
{
    return op_is(a, b) ? 1 : op_equal(vm, a, b);
}

/* ---- comparison ---------------------------------------------------------------------------------------------------------- */

/* What == and != say of values that do not know each other, or the error of an ordering. */
static Value compare_unknown(VM *vm, CmpOp op, Value a, Value b)
{
    if (op == CM_Eq || op == CM_Ne)
        return V_BOOL(op_is(a, b) == (op == CM_Eq));
    return raise(vm, TY_TypeError, "'%s' not supported between instances of '%s' and '%s'", cmpop_text[op],
                 value_type_name(a), value_type_name(b));
}

/* Item by item; the first that differs decides, else the lengths. */
static Value compare_items(VM *vm, CmpOp op, Value a, Value b)
{
    if ((char *)__builtin_frame_address(0) < vm->stack_limit)
        return raise(vm, TY_RecursionError, "maximum recursion depth exceeded in comparison");
    bool list = a.tag == T_List;
    size_t i = 0, n, m;
    for (;; i++) {
        n = list ? LIST(a)->count : TUPLE(a)->count;        /* again each time: comparing may run anything */
        m = list ? LIST(b)->count : TUPLE(b)->count;
        if ((op == CM_Eq || op == CM_Ne) && n != m)
            return V_BOOL(op == CM_Ne);
        if (i >= n || i >= m)
            return order_result(op, (n > m) - (n < m));
        Value x = list ? LIST(a)->item[i] : TUPLE(a)->item[i], y = list ? LIST(b)->item[i] : TUPLE(b)->item[i];
        if (op_is(x, y))
            continue;
        value_ref(x), value_ref(y);
        int equal = op_equal(vm, x, y);
        Value r = equal < 0 ? V_ERR : V_NOTIMPL;
        if (equal == 0)
            r = op == CM_Eq || op == CM_Ne ? V_BOOL(op == CM_Ne) : op_compare(vm, op, x, y);
        value_free(vm, x);
        value_free(vm, y);
        if (r.tag != T_NotImplemented)
            return r;
    }
}

static Value compare_slices(VM *vm, CmpOp op, const Slice *a, const Slice *b)
{
    Value x = tuple_new(vm, (Value[]){ a->start, a->stop, a->step }, 3);
    Value y = tuple_new(vm, (Value[]){ b->start, b->stop, b->step }, 3);
    Value r = IS_ERR(x) || IS_ERR(y) ? V_ERR : compare_items(vm, op, x, y);
    value_free(vm, x);
    value_free(vm, y);
    return r;
}

static Value compare_arrays(VM *vm, CmpOp op, Value a, Value b)
{
    return array_compare_there(vm, op, a, b);
}

/* A NumPy scalar in front, and no number behind. */
static Value compare_npscalar(VM *vm, CmpOp op, Value a, Value b)
{
    /* ORDER cmpop */
    static const char *const ufunc[] = { "equal", "not_equal", "less", "less_equal", "greater", "greater_equal" };
    if (b.tag == T_List || b.tag == T_Tuple || b.tag == T_Range) {
        a = array_from_value(vm, a, DT_COUNT);
        if (IS_ERR(a))
            return a;
        Value r = compare_arrays(vm, op, a, b);
        value_free(vm, a);
        return r;
    }
    if (op == CM_Eq || op == CM_Ne)
        return b.tag == T_Str ? V_NPBOOL(op == CM_Ne) : V_BOOL(op == CM_Ne);
    if (b.tag == T_Str)
        return raise(vm, TY_UFuncNoLoopError, "ufunc '%s' did not contain a loop with signature matching types "
                     "(<class '%s'>, <class 'numpy.dtypes.StrDType'>) -> None", ufunc[op],
                     value_type_name(V_DTYPE(NP_DTYPE(a.tag))));
    return raise(vm, TY_TypeError, "'%s' not supported between instances of '%s' and '%s'", cmpop_text[op],
                 npscalar_python_name(a), value_type_name(b));
}

static Value compare_others(VM *vm, CmpOp op, Value a, Value b)
{
    static const CmpOp mirrored[] = { CM_Eq, CM_Ne, CM_Gt, CM_Ge, CM_Lt, CM_Le };   /* ORDER cmpop: operands exchanged */
    Value r = V_NOTIMPL;
    bool numpy_a = a.tag == T_Array || IS_NPSCALAR(a), numpy_b = b.tag == T_Array || IS_NPSCALAR(b);
    if (numpy_b && !numpy_a) {
        Value t = a;                    /* what stands in front does not know NumPy: NumPy is asked the other way round */
        a = b;
        b = t;
        op = mirrored[op];
    }
    if (a.tag == T_Array || b.tag == T_Array)
        return compare_arrays(vm, op, a, b);
    if (numpy_a || numpy_b)
        return compare_npscalar(vm, op, a, b);
    if (a.tag == T_Dtype || b.tag == T_Dtype) {
        r = dtype_compare(vm, op, a, b);
    } else if (a.tag == b.tag) {
        if (a.tag == T_List || a.tag == T_Tuple)
            return compare_items(vm, op, a, b);
        if (a.tag == T_Range && (op == CM_Eq || op == CM_Ne))
            return V_BOOL(range_equal(RANGE(a), RANGE(b)) == (op == CM_Eq));
        if (a.tag == T_Slice)
            return compare_slices(vm, op, SLICE(a), SLICE(b));
    }
    return r.tag != T_NotImplemented ? r : compare_unknown(vm, op, a, b);
}

Value op_compare(VM *vm, CmpOp op, Value a, Value b)
{
    Value r;
    int t;
    switch (op) {
    case CM_Is:     return V_BOOL(op_is(a, b));
    case CM_IsNot:  return V_BOOL(!op_is(a, b));
    case CM_In: case CM_NotIn:
        t = op_contains(vm, b, a);
        return t < 0 ? V_ERR : V_BOOL(t == (op == CM_In));
    default:
        break;
    }
    bool na = IS_NUMBER(a), nb = IS_NUMBER(b);
    if (na && nb) {
        r = number_compare(vm, op, a, b);
        return r.tag != T_NotImplemented ? r : compare_unknown(vm, op, a, b);
    }
    if ((na || IS_NPSCALAR(a)) && (nb || IS_NPSCALAR(b)))
        return npscalar_compare(vm, op, a, b);
    if (a.tag == T_Str && b.tag == T_Str) {
        if (op == CM_Eq || op == CM_Ne)
            return V_BOOL(str_equal(STR(a), STR(b)) == (op == CM_Eq));
        t = str_compare(STR(a), STR(b));
        return order_result(op, (t > 0) - (t < 0));
    }
    return compare_others(vm, op, a, b);
}

/* ---- membership ------------------------------------------------------------------------------------------------------------ */

static int iterator_contains(VM *vm, Value iterable, Value item)
{
    Value it = iter_new(vm, iterable), x;
    if (IS_ERR(it))
        return -1;
    int found = 0, more;
    while (!found && (more = iter_next(vm, it, &x)) != 0) {
        found = more < 0 || poll_fails(vm) ? -1 : op_item_equal(vm, x, item);
        if (more > 0)
            value_free(vm, x);
    }
    value_free(vm, it);
    return found;
}

static int range_contains(VM *vm, Value range, Value item)
{
    const Range *r = RANGE(range);
    int64_t i;
    if (!value_as_int(item, &i)) {
        if (item.tag != T_Float && item.tag != T_NpF64)
            return iterator_contains(vm, range, item);
        double x = item.u.f;
        if (!(x >= -0x1p63 && x < 0x1p63) || x != (double)(int64_t)x)
            return 0;
        i = (int64_t)x;
    }
    __int128 from_start = (__int128)i - r->start;
    return from_start % r->step == 0 && from_start / r->step >= 0 && from_start / r->step < r->count;
}

/* (array == item).any() */
static int array_contains(VM *vm, Value array, Value item)
{
    Value r = compare_arrays(vm, CM_Eq, array, item);
    if (r.tag != T_Array || ARRAY(r)->ndim == 0) {
        int t = IS_ERR(r) ? -1 : op_truth(vm, r);
        value_free(vm, r);
        return t;
    }
    int found = memchr(ARRAY(r)->data, 1, (size_t)ARRAY(r)->size) != NULL;     /* fresh, so without gaps */
    value_free(vm, r);
    return found;
}

int op_contains(VM *vm, Value c, Value item)
{
    switch ((Tag)c.tag) {
    case T_Str:
        if (item.tag == T_Str)
            return str_contains(STR(c), STR(item));
        raise(vm, TY_TypeError, "'in <string>' requires string as left operand, not %s", value_type_name(item));
        return -1;
    case T_List:
        for (size_t i = 0; i < LIST(c)->count; i++) {
            Value x = value_ref(LIST(c)->item[i]);
            int found = op_item_equal(vm, x, item);
            value_free(vm, x);
            if (found)
                return found;
        }
        return 0;
    case T_Tuple:
        for (size_t i = 0; i < TUPLE(c)->count; i++) {
            int found = op_item_equal(vm, TUPLE(c)->item[i], item);
            if (found)
                return found;
        }
        return 0;
    case T_Range:
        return range_contains(vm, c, item);
    case T_Array:
        return array_contains(vm, c, item);
    case T_Iter:
        return iterator_contains(vm, c, item);
    case T_Foreign:
        if (FOREIGN(c)->cls->iter || (FOREIGN(c)->cls->index && FOREIGN(c)->cls->length))
            return iterator_contains(vm, c, item);
        break;
    default:
        break;
    }
    raise(vm, TY_TypeError, "argument of type '%s' is not iterable", value_type_name(c));
    return -1;
}

/* ---- truth and length -------------------------------------------------------------------------------------------------------- */

int op_truth(VM *vm, Value v)
{
    switch ((Tag)v.tag) {
    case T_None:
        return 0;
    case T_Bool: case T_Int:
    case T_NpBool: case T_NpI8: case T_NpI16: case T_NpI32: case T_NpI64:
    case T_NpU8: case T_NpU16: case T_NpU32: case T_NpU64:
        return v.u.i != 0;
    case T_Float: case T_NpF32: case T_NpF64:
        return v.u.f != 0;
    case T_NpC64:
        return v.u.c64.re != 0 || v.u.c64.im != 0;
    case T_NpC128: case T_Complex:
        return COMPLEX(v)->re != 0 || COMPLEX(v)->im != 0;
    case T_Str:
        return STR(v)->size != 0;
    case T_Tuple:
        return TUPLE(v)->count != 0;
    case T_List:
        return LIST(v)->count != 0;
    case T_Range:
        return RANGE(v)->count != 0;
    case T_Array:
        return value_to_host(vm, v, HOST_Read) == ALP_OK ? array_truth(vm, v) : -1;
    case T_Foreign:
        if (FOREIGN(v)->cls->truth)
            return FOREIGN(v)->cls->truth(vm, v);
        if (FOREIGN(v)->cls->length) {
            int64_t n = FOREIGN(v)->cls->length(vm, v);
            return n < 0 ? -1 : n > 0;
        }
        return 1;
    default:
        return 1;
    }
}

int64_t op_len(VM *vm, Value v)
{
    switch ((Tag)v.tag) {
    case T_Str:     return (int64_t)STR(v)->length;
    case T_Tuple:   return (int64_t)TUPLE(v)->count;
    case T_List:    return (int64_t)LIST(v)->count;
    case T_Range:   return RANGE(v)->count;
    case T_Array:
        if (ARRAY(v)->ndim > 0)
            return ARRAY(v)->shape[0];
        raise(vm, TY_TypeError, "len() of unsized object");
        return -1;
    case T_Iter:
        if (ITER(v)->kind == IT_Tqdm)
            return tqdm_length(vm, v);
        break;
    case T_Foreign:
        if (FOREIGN(v)->cls->length)
            return FOREIGN(v)->cls->length(vm, v);
        break;
    default:
        break;
    }
    raise(vm, TY_TypeError, "object of type '%s' has no len()", value_type_name(v));
    return -1;
}
