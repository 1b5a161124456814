/* interp/prepare.c — gives every node of a chunk its handler, from the leaves up. */
#include "interp/interp.h"
#include "interp/str.h"

typedef struct Prepare {
    VM     *vm;
    Chunk  *chunk;
    bool    in_module;          /* in a module body, not in a function */
    LoopText *text;             /* of the innermost For loop around; NULL: none */
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

/* ---- what the text of a loop says (LoopText) ---------------------------------------------------------------------------- */

/* What a node itself takes, in nanoseconds: rounded, from one machine (`alpy profile --show`), since nothing may be known of this one yet. */
static const float node_ns[ND_COUNT] = {
    [ND_Attr] = 4, [ND_Index] = 3.3F, [ND_Call] = 13, [ND_Unary] = 1.5F, [ND_Binary] = 3, [ND_Compare] = 3, [ND_BoolOp] = 1, [ND_IfExp] = 1.5F,
    [ND_Tuple] = 10, [ND_List] = 20, [ND_Walrus] = 1, [ND_ExprStmt] = 0.5F, [ND_Assign] = 1, [ND_AugAssign] = 2, [ND_AnnAssign] = 1, [ND_If] = 1,
};
#define SUB_NS   2.2F           /* each subscript behind the first */
#define POWER_NS 15.0F

static float ns_of(const Node *node)
{
    Node *n = (Node *)node;
    float ns = node_ns[n->kind];
    if (n->kind == ND_Index)
        return ns + SUB_NS * (float)(AST_AS(Index, n)->subs.count - 1);
    if (n->kind == ND_AugAssign && AST_AS(AugAssign, n)->target->kind == ND_Index)
        return ns + node_ns[ND_Index];          /* read and written */
    return n->kind == ND_Binary && AST_AS(Binary, n)->op == BI_Pow ? POWER_NS : ns;
}

typedef struct Mention { Sym name; bool found; } Mention;

static void find_mention(Node *n, void *user)
{
    Mention *m = user;
    m->found |= n->kind == ND_Name && AST_AS(Name, n)->name == m->name;
    if (!m->found)
        ast_each_child(n, find_mention, m);
}

/* x = … x …: all that an accumulation by a plain assignment can look like. */
static bool names_itself(const AstAssign *s)
{
    if (s->targets.count != 1 || s->targets.item[0]->kind != ND_Name)
        return false;
    Mention m = { AST_AS(Name, s->targets.item[0])->name, false };
    find_mention(s->value, &m);
    return m.found;
}

static void note_assigned(LoopText *text, const Node *target)
{
    if (target->kind == ND_Name)
        text->assigned |= ast_name_bit((const AstName *)target);
    else if (target->kind == ND_Tuple)
        text->assigned = UINT64_MAX;
}

/* A node in a For loop. */
static void note_in_loop(LoopText *text, Node *n)
{
    text->pass_ns += ns_of(n);
    switch ((NodeKind)n->kind) {
    case ND_Call:
        text->has_calls = true;
        break;
    case ND_While:
        text->has_while = true;
        break;
    case ND_AugAssign:
        text->may_order |= AST_AS(AugAssign, n)->target->kind == ND_Name;
        note_assigned(text, AST_AS(AugAssign, n)->target);
        break;
    case ND_Assign:
        text->may_order |= names_itself(AST_AS(Assign, n));
        for (uint32_t i = 0; i < AST_AS(Assign, n)->targets.count; i++)
            note_assigned(text, AST_AS(Assign, n)->targets.item[i]);
        break;
    case ND_AnnAssign:
        note_assigned(text, AST_AS(AnnAssign, n)->target);
        break;
    case ND_Walrus:
        note_assigned(text, AST_AS(Walrus, n)->target);
        break;
    case ND_List: case ND_FString: case ND_FuncDef: case ND_Del: case ND_Import: case ND_ImportFrom:
        text->assigned = UINT64_MAX;            /* nothing that a look can make much of */
        break;
    default:
        break;
    }
}

/* A For loop is done: what it adds to the one around. */
static void note_loop(LoopText *outer, AstFor *s)
{
    LoopText *text = &s->text;
    note_assigned(text, s->target);
    if (!outer)
        return;
    Node **last = &outer->inner;
    while (*last)
        last = &AST_AS(For, *last)->text.next;
    *last = &s->head;
    outer->assigned |= text->assigned;
    outer->may_order |= text->may_order;
    outer->has_calls |= text->has_calls;
    outer->has_while |= text->has_while;
}

/* ---- handlers ------------------------------------------------------------------------------------------------------------ */

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

static bool are_pure(const NodeList *list)
{
    bool pure = true;
    for (uint32_t i = 0; i < list->count; i++)
        pure &= (list->item[i]->flags & NF_Pure) != 0;
    return pure;
}

/* The loop's own text is what is inside; its bounds are evaluated outside. */
static void prepare_for(Prepare *p, AstFor *s, Holds *h)
{
    LoopText *outer = p->text;
    bool had_calls = outer && outer->has_calls;
    visit(s->iter, h);
    if (outer && for_is_over_range(p->vm, s) && are_pure(&AST_AS(Call, s->iter)->args))
        outer->has_calls = had_calls;
    p->text = &s->text;
    visit(s->target, h);
    for (uint32_t i = 0; i < s->body.count; i++)
        visit(s->body.item[i], h);
    p->text = outer;
    for (uint32_t i = 0; i < s->orelse.count; i++)
        visit(s->orelse.item[i], h);
    note_loop(outer, s);
}

static void prepare_node(Prepare *p, Node *n)
{
    Holds h = { true, p };
    bool in_module = p->in_module;
    n->spare = 0;
    if (p->text)
        note_in_loop(p->text, n);
    if (n->kind == ND_For) {
        prepare_for(p, AST_AS(For, n), &h);
    } else if (n->kind == ND_FuncDef) {
        LoopText *text = p->text;
        AstFuncDef *def = AST_AS(FuncDef, n);
        for (uint32_t i = 0; i < def->defaults.count; i++)
            prepare_node(p, def->defaults.item[i]);
        p->in_module = false;
        p->text = NULL;
        for (uint32_t i = 0; i < def->body.count; i++)
            prepare_node(p, def->body.item[i]);
        p->in_module = in_module;
        p->text = text;
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
