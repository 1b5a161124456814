/* jit/cpu/emit_fun.c — calls of elementary functions.
 *
 * alpy's own (interp/elem) are declared by name, and defined when the module is linked (link.h): then they are inlined, and a loop around them
 * becomes vector code like any other.  Where lanes are emitted, a small function loops over them, for LLVM to make vector code of that.
 * Other functions, and all on processors without fused multiply-add, are called by the address that the run time gives. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "jit/cpu/emit.h"
#include "jit/nest/fun.h"

enum { MEMORY_NONE = 0 };

static void call_attribute(Emit *e, LLVMValueRef call, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->cx, kind, value));
}

static LLVMValueRef build_call(Emit *e, LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef fn, LLVMValueRef *args, unsigned n)
{
    LLVMValueRef call = LLVMBuildCall2(b, type, fn, args, n, "");
    call_attribute(e, call, "nounwind", 0);
    call_attribute(e, call, "willreturn", 0);
    call_attribute(e, call, "memory", MEMORY_NONE);
    return emit_in_buffer(e, call);             /* tables that it reads, once inlined, are no arrays */
}

/* alpy's own function, if the module may have it, or NULL. */
static LLVMValueRef own_function(Emit *e, NFunId f, LLVMTypeRef type, bool is_single)
{
    static const char *const names[NF_FUN_COUNT][2] = {
#define FUN(id, name, arity, f64, f32, c128, c64) [NF_##id] = { #f64, #f32 },
#include "jit/nest/fun_list.h"
#undef FUN
    };
    const char *name = names[f][is_single];
    if (!e->links_functions || strncmp(name, "elem_", 5) != 0)
        return NULL;
    LLVMValueRef fn = LLVMGetNamedFunction(e->module, name);
    return fn ? fn : LLVMAddFunction(e->module, name, type);
}

/* One that the run time knows the address of. */
static LLVMValueRef outside_function(Emit *e, NFunId f, bool is_single)
{
    LLVMValueRef table = emit_run_field(e, e->b, is_single ? offsetof(CpuRun, fun_f32) : offsetof(CpuRun, fun_f64), e->ptr), at = emit_int(e, f);
    LLVMValueRef fn = LLVMBuildLoad2(e->b, e->ptr, LLVMBuildGEP2(e->b, e->ptr, table, &at, 1, ""), "");
    LLVMSetMetadata(fn, e->md_invariant, e->invariant);
    return fn;
}

/* The constant that all lanes have, or NULL. */
static LLVMValueRef constant_of(LLVMValueRef lanes, int width)
{
    if (!LLVMIsConstant(lanes))
        return NULL;
    LLVMValueRef first = LLVMGetAggregateElement(lanes, 0);
    for (int l = 1; l < width; l++)
        if (LLVMGetAggregateElement(lanes, (unsigned)l) != first)       /* constants are unique */
            return NULL;
    return first && LLVMIsAConstantFP(first) ? first : NULL;
}

/* void lanes…(T *x, [T *y,] T *r): r[l] = fn(x[l], y[l]) for all lanes; second: y is this constant. */
static LLVMValueRef loop_over_lanes(Emit *e, LLVMValueRef fn, LLVMTypeRef type, unsigned n, LLVMValueRef second, LLVMTypeRef *loop_type)
{
    char name[120];
    size_t size;
    LLVMBool inexact;
    LLVMTypeRef params[] = { e->ptr, e->ptr, e->ptr }, t = LLVMGetReturnType(type);
    *loop_type = LLVMFunctionType(e->void_type, params, n + 1, false);
    snprintf(name, sizeof name, "lanes%d_%s", e->width, LLVMGetValueName2(fn, &size));
    if (second)
        snprintf(name + strlen(name), sizeof name - strlen(name), "_%a", LLVMConstRealGetDouble(second, &inexact));
    LLVMValueRef loop = LLVMGetNamedFunction(e->module, name);
    if (loop)
        return loop;
    loop = LLVMAddFunction(e->module, name, *loop_type);
    LLVMSetLinkage(loop, LLVMInternalLinkage);
    LLVMAttributeRef noalias = LLVMCreateEnumAttribute(e->cx, LLVMGetEnumAttributeKindForName("noalias", 7), 0);
    for (unsigned k = 0; k <= n; k++)
        LLVMAddAttributeAtIndex(loop, k + 1, noalias);
    LLVMBuilderRef b = LLVMCreateBuilderInContext(e->cx);
    LLVMBasicBlockRef start = LLVMAppendBasicBlockInContext(e->cx, loop, "start"), body = LLVMAppendBasicBlockInContext(e->cx, loop, "lane"),
                      end = LLVMAppendBasicBlockInContext(e->cx, loop, "end");
    LLVMPositionBuilderAtEnd(b, start);
    LLVMBuildBr(b, body);
    LLVMPositionBuilderAtEnd(b, body);
    LLVMValueRef lane = LLVMBuildPhi(b, e->i64, "l"), arg[2] = { NULL, second };
    for (unsigned k = 0; k < (second ? 1 : n); k++)
        arg[k] = LLVMBuildLoad2(b, t, LLVMBuildGEP2(b, t, LLVMGetParam(loop, k), &lane, 1, ""), "");
    LLVMBuildStore(b, build_call(e, b, type, fn, arg, n), LLVMBuildGEP2(b, t, LLVMGetParam(loop, n), &lane, 1, ""));
    LLVMValueRef next = LLVMBuildAdd(b, lane, emit_int(e, 1), ""), first = emit_int(e, 0);
    LLVMAddIncoming(lane, &first, &start, 1);
    LLVMAddIncoming(lane, &next, &body, 1);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntULT, next, emit_int(e, e->width), ""), body, end);
    LLVMPositionBuilderAtEnd(b, end);
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
    return loop;
}

static LLVMValueRef own_in_lanes(Emit *e, LLVMValueRef fn, LLVMTypeRef type, LLVMValueRef *arg, unsigned n)
{
    LLVMTypeRef loop_type, wide = LLVMTypeOf(arg[0]);
    LLVMValueRef second = n == 2 ? constant_of(arg[1], e->width) : NULL, loop = loop_over_lanes(e, fn, type, n, second, &loop_type), at[3];
    for (unsigned k = 0; k <= n; k++) {
        at[k] = emit_alloca(e, wide, "lanes");
        if (k < n)
            LLVMBuildStore(e->b, arg[k], at[k]);
    }
    LLVMBuildCall2(e->b, loop_type, loop, at, n + 1, "");
    return LLVMBuildLoad2(e->b, wide, at[n], "");
}

LLVMValueRef emit_function(Emit *e, NFunId f, DType rep, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef t = emit_scalar_type(e, rep), params[2] = { t, t };
    LLVMTypeRef type = LLVMFunctionType(t, params, b ? 2 : 1, false);
    LLVMValueRef args[2] = { a, b }, fn = own_function(e, f, type, t == e->f32);
    unsigned n = b ? 2 : 1;
    if (fn && e->width > 1)
        return own_in_lanes(e, fn, type, args, n);
    if (!fn)
        fn = outside_function(e, f, t == e->f32);
    if (e->width == 1)
        return build_call(e, e->b, type, fn, args, n);
    LLVMValueRef out = LLVMGetPoison(LLVMTypeOf(a));
    for (int l = 0; l < e->width; l++) {
        LLVMValueRef lane = LLVMConstInt(e->i32, (unsigned)l, false);
        args[0] = LLVMBuildExtractElement(e->b, a, lane, "");
        args[1] = b ? LLVMBuildExtractElement(e->b, b, lane, "") : NULL;
        out = LLVMBuildInsertElement(e->b, out, build_call(e, e->b, type, fn, args, n), lane, "");
    }
    return out;
}
