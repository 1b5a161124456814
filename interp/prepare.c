/* interp/prepare.c — gives every node of a chunk its handler, from the leaves up. */
#include "interp/interp.h"
#include "interp/str.h"

typedef struct Prepare {
    VM     *vm;
    Chunk  *chunk;
    bool    in_module;          /* in a module body, not in a function */
    Status  status;
} Prepare;

static const AnyFn handler[ND_COUNT] = {
    [ND_None] = HANDLER(eval_none), [ND_True] = HANDLER(eval_true), [ND_False] = HANDLER(eval_false),
    [ND_Ellipsis] = HANDLER(eval_ellipsis), [ND_Float] = HANDLER(eval_number), [ND_Imag] = HANDLER(eval_imag),
    [ND_Str] = HANDLER(eval_str), [ND_FString] = HANDLER(eval_fstring), [ND_Attr] = HANDLER(eval_attr),
    [ND_Slice] = HANDLER(eval_slice), [ND_Unary] = HANDLER(eval_unary), [ND_BoolOp] = HANDLER(eval_bool_op),
    [ND_IfExp] = HANDLER(eval_if_exp), [ND_Tuple] = HANDLER(eval_tuple), [ND_List] = HANDLER(eval_list),
    [ND_Walrus] = HANDLER(eval_walrus),
    [ND_ExprStmt] = HANDLER(exec_expr), [ND_AnnAssign] = HANDLER(exec_ann_assign), 
    [ND_While] = HANDLER(exec_while), [ND_FuncDef] = HANDLER(exec_func_def), [ND_Return] = HANDLER(exec_return),
    [ND_Break] = HANDLER(exec_break), [ND_Continue] = HANDLER(exec_continue), [ND_Pass] = HANDLER(exec_pass),
    [ND_Assert] = HANDLER(exec_assert), [ND_Global] = HANDLER(exec_pass), [ND_Del] = HANDLER(exec_del),
    [ND_Import] = HANDLER(exec_import), [ND_ImportFrom] = HANDLER(exec_import_from), [ND_Raise] = HANDLER(exec_raise),
};

/* The object of a string literal, made once. */
static Status make_literal(Prepare *p, AstStr *n)
{
    Chunk *c = p->chunk;
    if (c->n_literals == c->cap_literals) {
        uint32_t cap = c->cap_literals ? c->cap_literals * 2 : 16;
        Obj **list = vm_realloc(p->vm, c->literal, c->cap_literals * sizeof *list, cap * sizeof *list);
        if (!list)
            return ALP_FAIL;
        c->literal = list;
        c->cap_literals = cap;
    }
    bool ascii = n->text.size == 1 && (unsigned char)n->text.text[0] < 128;
    Value v = ascii ? vm_char(p->vm, (unsigned char)n->text.text[0]) : str_new(p->vm, n->text.text, n->text.size);
    if (IS_ERR(v))
        return ALP_FAIL;
    n->object = c->literal[c->n_literals++] = v.u.o;
    return ALP_OK;
}

/* What an expression does beyond yielding its value; see SP_HOLDS. */
typedef struct Holds { bool holds; Prepare *p; } Holds;

static void prepare_node(Prepare *p, Node *n);

static void visit(Node *child, void *user)
{
    Holds *h = user;
    prepare_node(h->p, child);
    if (!(child->spare & SP_HOLDS))
        h->holds = false;
}

/* A node whose truth alone matters: if it can say that without making a value, it will. */
static void want_truth(Node *n)
{
    AnyFn fn = choose_test(n);
    if (!fn)
        return;
    n->exec = fn;
    n->spare |= SP_TEST;
    if (n->kind == ND_BoolOp) {
        const NodeList *v = &AST_AS(BoolOp, n)->values;
        for (uint32_t i = 0; i < v->count; i++)
            want_truth(v->item[i]);
    }
}

static void prepare_test_of(Node *n)
{
    switch ((NodeKind)n->kind) {
    case ND_While:  want_truth(AST_AS(While, n)->test); break;
    case ND_Assert: want_truth(AST_AS(Assert, n)->test); break;
    case ND_IfExp:  want_truth(AST_AS(IfExp, n)->test); break;
    case ND_Unary:
        if (AST_AS(Unary, n)->op == UN_Not)
            want_truth(AST_AS(Unary, n)->operand);
        break;
    default:
        break;
    }
}

static void set_constant(Node *n, Tag tag)
{
    n->spare |= SP_CONST | (uint32_t)tag << SP_TAG_SHIFT;
    n->exec = HANDLER(eval_number);
}

static void prepare_node(Prepare *p, Node *n)
{
    Holds h = { true, p };
    bool in_module = p->in_module;
    n->spare = 0;
    if (n->kind == ND_FuncDef) {
        AstFuncDef *def = AST_AS(FuncDef, n);
        for (uint32_t i = 0; i < def->defaults.count; i++)
            prepare_node(p, def->defaults.item[i]);
        p->in_module = false;
        for (uint32_t i = 0; i < def->body.count; i++)
            prepare_node(p, def->body.item[i]);
        p->in_module = in_module;
    } else {
        ast_each_child(n, visit, &h);
    }
    n->exec = handler[n->kind];
    switch ((NodeKind)n->kind) {
    case ND_Int:
        if (AST_AS(Int, n)->too_big)
            n->exec = HANDLER(eval_too_big);
        else
            set_constant(n, T_Int);
        break;
    case ND_Float:
        set_constant(n, T_Float);
        break;
    case ND_Str:
        if (make_literal(p, AST_AS(Str, n)) != ALP_OK)
            p->status = ALP_FAIL;
        break;
    case ND_Name: {
        AstScope scope = AST_AS(Name, n)->scope;
        if (scope == SC_Local || (scope == SC_Global && p->in_module))
            n->spare |= SP_SLOT;
        n->exec = choose_name(AST_AS(Name, n));
        break;
    }
    case ND_Binary:     n->exec = choose_binary(AST_AS(Binary, n)); break;
    case ND_Compare:    n->exec = choose_compare(AST_AS(Compare, n), false); break;
    case ND_Index:      n->exec = choose_index(AST_AS(Index, n)); break;
    case ND_Call:
        n->exec = choose_call(AST_AS(Call, n));
        h.holds &= !p->in_module;       /* a function may rebind the module's variables, but not the caller's own */
        break;
    case ND_Walrus:     h.holds = false; break;
    case ND_Assign:     n->exec = choose_assign(AST_AS(Assign, n)); break;
    case ND_AugAssign:  n->exec = choose_aug_assign(AST_AS(AugAssign, n)); break;
    case ND_If:
        want_truth(AST_AS(If, n)->test);
        n->exec = choose_if(AST_AS(If, n));
        break;
    case ND_For:
        AST_AS(For, n)->ask_engine = AST_AS(For, n)->is_outermost;
        n->exec = choose_for(p->vm, AST_AS(For, n));
        break;
    case ND_While:
        AST_AS(While, n)->ask_engine = AST_AS(While, n)->is_outermost;
        prepare_test_of(n);
        break;
    default:
        prepare_test_of(n);
        break;
    }
    if (h.holds)
        n->spare |= SP_HOLDS;
}

Status prepare_chunk(VM *vm, Chunk *chunk)
{
    Prepare p = { .vm = vm, .chunk = chunk, .in_module = true, .status = ALP_OK };
    for (uint32_t i = 0; i < chunk->ast.body.count && p.status == ALP_OK; i++)
        prepare_node(&p, chunk->ast.body.item[i]);
    return p.status;
}
