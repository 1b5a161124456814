/* interp/print_options.c — np.set_printoptions, array2string, array_repr and array_str. */
#include <math.h>
#include <string.h>

#include "interp/array.h"
#include "interp/array_print.h"
#include "interp/native.h"
#include "interp/numpy_rows.h"
#include "interp/ops.h"

/* An argument that is there: neither left out nor None. */
static bool given(Value v)
{
    return v.tag != T_Unbound && v.tag != T_None;
}

static Status refuse(VM *vm, TypeId type, const char *text)
{
    raise(vm, type, "%s", text);
    return ALP_FAIL;
}

static Status set_precision(VM *vm, PrintOptions *o, Value v)
{
    int64_t n;
    if (!given(v))
        return ALP_OK;
    if (op_as_index(vm, v, &n) <= 0) {
        vm_clear_exc(vm);
        return refuse(vm, TY_TypeError, "precision must be an integer");
    }
    o->precision = n < 0 ? -1 : n > INT32_MAX ? INT32_MAX : (int)n;
    return ALP_OK;
}

static Status set_threshold(VM *vm, PrintOptions *o, Value v)
{
    double x;
    if (!given(v))
        return ALP_OK;
    if (!value_as_double(v, &x))
        return refuse(vm, TY_TypeError, "threshold must be numeric");
    if (isnan(x))
        return refuse(vm, TY_ValueError, "threshold must be non-NAN, try sys.maxsize for untruncated representation");
    o->threshold = x;
    return ALP_OK;
}

static Status set_width(VM *vm, PrintOptions *o, Value v)
{
    double x;
    if (!given(v))
        return ALP_OK;
    if (v.tag == T_Int || !value_as_double(v, &x))
        return arg_int(vm, v, &o->line_width);
    o->line_width = x < 1e15 ? x > -1e15 ? (int64_t)floor(x) : 0 : INT64_MAX / 2;
    return ALP_OK;
}

static Status set_suppress(VM *vm, PrintOptions *o, Value v)
{
    if (!given(v))
        return ALP_OK;
    int truth = arg_truth(vm, v);
    o->suppress = truth == 1;
    return truth < 0 ? ALP_FAIL : ALP_OK;
}

static bool is_text(Value v, const char *text)
{
    return v.tag == T_Str && strcmp(STR(v)->text, text) == 0;
}

static Status set_float_mode(VM *vm, PrintOptions *o, Value v)
{
    static const struct { const char *name; char mode; } modes[] = {
        { "fixed", 'f' }, { "unique", 'u' }, { "maxprec", 'm' }, { "maxprec_equal", 'e' },
    };
    if (!given(v))
        return ALP_OK;
    for (size_t k = 0; k < COUNT_OF(modes); k++)
        if (is_text(v, modes[k].name)) {
            o->float_mode = modes[k].mode;
            return ALP_OK;
        }
    return refuse(vm, TY_ValueError, "floatmode option must be one of \"fixed\", \"unique\", \"maxprec\", \"maxprec_equal\"");
}

static Status set_sign(VM *vm, PrintOptions *o, Value v)
{
    if (!given(v))
        return ALP_OK;
    if (!is_text(v, "-") && !is_text(v, "+") && !is_text(v, " "))
        return refuse(vm, TY_ValueError, "sign option must be one of ' ', '+', or '-'");
    o->sign = STR(v)->text[0];
    return ALP_OK;
}

static Status set_edge(VM *vm, PrintOptions *o, Value v)
{
    return given(v) ? arg_int(vm, v, &o->edge_items) : ALP_OK;
}

static Status set_three(VM *vm, PrintOptions *o, Value width, Value precision, Value suppress)
{
    TRY(set_width(vm, o, width));
    TRY(set_precision(vm, o, precision));
    return set_suppress(vm, o, suppress);
}

/* precision, threshold, edgeitems, linewidth, suppress, sign, floatmode */
static Value np_set_printoptions(VM *vm, const Args *a)
{
    PrintOptions o = *print_options(vm);
    if (set_float_mode(vm, &o, a->v[6]) != ALP_OK || set_sign(vm, &o, a->v[5]) != ALP_OK ||
        set_threshold(vm, &o, a->v[1]) != ALP_OK || set_edge(vm, &o, a->v[2]) != ALP_OK ||
        set_three(vm, &o, a->v[3], a->v[0], a->v[4]) != ALP_OK)
        return V_ERR;
    vm->print_options = o;
    return V_NONE;
}

/* a, max_line_width, precision, suppress_small, separator, prefix, threshold, edgeitems, sign, floatmode, suffix */
static Value np_array2string(VM *vm, const Args *a)
{
    PrintOptions o = *print_options(vm);
    const char *separator = " ", *prefix = "", *suffix = "";
    size_t separator_size, prefix_size = 0, suffix_size = 0;
    if (set_three(vm, &o, a->v[1], a->v[2], a->v[3]) != ALP_OK || set_threshold(vm, &o, a->v[6]) != ALP_OK ||
        set_edge(vm, &o, a->v[7]) != ALP_OK || set_sign(vm, &o, a->v[8]) != ALP_OK || set_float_mode(vm, &o, a->v[9]) != ALP_OK)
        return V_ERR;
    if ((a->v[4].tag != T_Unbound && arg_str(vm, a->v[4], &separator, &separator_size, "separator") != ALP_OK) ||
        (a->v[5].tag != T_Unbound && arg_str(vm, a->v[5], &prefix, &prefix_size, "prefix") != ALP_OK) ||
        (a->v[10].tag != T_Unbound && arg_str(vm, a->v[10], &suffix, &suffix_size, "suffix") != ALP_OK))
        return V_ERR;
    o.line_width -= (int64_t)utf8_count(suffix, suffix_size);
    Value array = array_from_value(vm, a->v[0], DT_COUNT);
    if (IS_ERR(array))
        return V_ERR;
    StrBuf sb;
    sb_init(&sb, vm);
    sb_put_elements(&sb, array, &o, (PrintLayout){ separator, (int64_t)utf8_count(prefix, prefix_size) });
    value_free(vm, array);
    return sb_finish(&sb);
}

/* arr, max_line_width, precision, suppress_small */
static Value text_of_array(VM *vm, const Args *a, bool repr)
{
    PrintOptions o = *print_options(vm);
    if (set_three(vm, &o, a->v[1], a->v[2], a->v[3]) != ALP_OK)
        return V_ERR;
    Value array = array_from_value(vm, a->v[0], DT_COUNT);
    if (IS_ERR(array))
        return V_ERR;
    StrBuf sb;
    sb_init(&sb, vm);
    if (repr)
        sb_put_array_repr(&sb, array, &o);
    else if (ARRAY(array)->ndim == 0)
        sb_put_array(&sb, array, false);
    else
        sb_put_elements(&sb, array, &o, (PrintLayout){ " ", 0 });
    value_free(vm, array);
    return sb_finish(&sb);
}

static Value np_array_repr(VM *vm, const Args *a)
{
    return text_of_array(vm, a, true);
}

static Value np_array_str(VM *vm, const Args *a)
{
    return text_of_array(vm, a, false);
}

const NativeRow print_numpy_rows[] = {
    { "set_printoptions", np_set_printoptions, "precision=, threshold=, edgeitems=, linewidth=, suppress=, *, sign=, floatmode=",
      "Set how arrays are printed." },
    { "array2string", np_array2string,
      "a, max_line_width=, precision=, suppress_small=, separator=, prefix=, *, threshold=, edgeitems=, sign=, floatmode=, suffix=",
      "Return a string representation of an array." },
    { "array_repr", np_array_repr, "arr, max_line_width=, precision=, suppress_small=", "Return the repr() text of an array." },
    { "array_str", np_array_str, "a, max_line_width=, precision=, suppress_small=", "Return the str() text of an array." },
    { NULL, NULL, NULL, NULL },
};
