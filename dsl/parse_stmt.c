/* dsl/parse_stmt.c — statements, by recursive descent. */
#include "dsl/parse_int.h"

#include <string.h>

static bool no_memory(Parser *p)
{
    p->no_memory = true;
    return false;
}

/* ---- assignments ---- */

/* The operator of an augmented assignment; BI_COUNT for other tokens. */
static BinOp aug_op(TokKind k)
{
    switch (k) {
#define TOK(K, name)
#define KEY(K, text)
#define OP(K, text)
#define BIN(K, text, power, op)
#define CMP(K, text, op)
#define AUG(K, text, op) case TK_##K: return op;
#include "dsl/tok_list.h"
#undef TOK
#undef KEY
#undef OP
#undef BIN
#undef CMP
#undef AUG
    default: return BI_COUNT;
    }
}

/* What stands to the right of an assignment's sign. */
static Node *right_side(Parser *p)
{
    if (parse_at(p, TK_Yield)) {
        parse_refuse(p, tok_span(p->tok), "yield expressions");
        return NULL;
    }
    return parse_exprs(p);
}

static bool is_single_target(const Node *n)
{
    return n->kind == ND_Name || n->kind == ND_Attr || n->kind == ND_Index;
}

/* assign = targets "=" {targets "="} exprs; the first target is read. */
static Node *assign(Parser *p, Node *first, uint32_t start)
{
    uint32_t base = p->n_stack;
    Node *value = first;
    while (parse_skip(p, TK_Assign)) {
        if (!parse_is_target(value) || !parse_push(p, value))
            return NULL;
        value = right_side(p);
        if (!value)
            return NULL;
    }
    AstAssign *n = NODE(p, Assign, start);
    if (!n || !parse_pop_list(p, base, &n->targets))
        return NULL;
    n->value = value;
    return &n->head;
}

/* aug_assign = target augop exprs */
static Node *aug_assign(Parser *p, Node *target, uint32_t start)
{
    BinOp op = aug_op(p->tok->kind);
    p->tok++;
    Node *value = is_single_target(target) ? right_side(p) : NULL;
    if (!value)
        return NULL;
    AstAugAssign *n = NODE(p, AugAssign, start);
    if (!n)
        return NULL;
    n->op = op;
    n->target = target;
    n->value = value;
    return &n->head;
}

/* ann_assign = target ":" expr ["=" exprs] */
static Node *ann_assign(Parser *p, Node *target, uint32_t start)
{
    p->tok++;
    if (!is_single_target(target) || !parse_expr(p))
        return NULL;
    Node *value = NULL;
    if (parse_skip(p, TK_Assign) && !(value = right_side(p)))
        return NULL;
    AstAnnAssign *n = NODE(p, AnnAssign, start);
    if (!n)
        return NULL;
    n->target = target;
    n->value = value;
    return &n->head;
}

/* expr_stmt = exprs | assign | aug_assign | ann_assign */
static Node *expr_stmt(Parser *p)
{
    uint32_t start = p->tok->start;
    Node *value = parse_exprs(p);
    if (!value)
        return NULL;
    if (parse_at(p, TK_Assign))
        return assign(p, value, start);
    if (parse_at(p, TK_Colon))
        return ann_assign(p, value, start);
    if (aug_op(p->tok->kind) != BI_COUNT)
        return aug_assign(p, value, start);
    AstExprStmt *n = NODE(p, ExprStmt, start);
    if (n)
        n->value = value;
    return n ? &n->head : NULL;
}

/* ---- imports ---- */

/* dotted_name = NAME {"." NAME} */
static Sym dotted_name(Parser *p)
{
    const Tok *first = p->tok, *end = first;
    if (first->kind != TK_Name)
        return SYM_NONE;
    while (end[1].kind == TK_Dot && end[2].kind == TK_Name)
        end += 2;
    p->tok = end + 1;
    if (end == first)
        return parse_intern(p, first);
    uint32_t size = 0;
    for (const Tok *t = first; t <= end; t++)
        size += t->end - t->start;
    char *text = ARENA_ARRAY(p->arena, char, size), *to = text;
    if (!text)
        return no_memory(p), SYM_NONE;
    for (const Tok *t = first; t <= end; t++) {         /* blanks may stand around the dots */
        memcpy(to, p->src->text + t->start, t->end - t->start);
        to += t->end - t->start;
    }
    Sym s = intern(p->names, text, size);
    return s ? s : (no_memory(p), SYM_NONE);
}

typedef struct AliasList { AstAliases list; uint32_t capacity; } AliasList;

/* alias = name ["as" NAME], where the caller has read the name */
static bool add_alias(Parser *p, AliasList *l, Sym name, uint32_t start)
{
    if (name == SYM_NONE)
        return false;
    AstAlias a = { .name = name };
    if (parse_skip(p, TK_As)) {
        if (!parse_at(p, TK_Name) || !(a.as_name = parse_intern(p, p->tok)))
            return false;
        p->tok++;
    }
    a.span = (Span){ start, p->tok[-1].end };
    if (l->list.count == l->capacity) {
        uint32_t capacity = l->capacity ? l->capacity * 2 : 2;
        AstAlias *item = ARENA_ARRAY(p->arena, AstAlias, capacity);
        if (!item)
            return no_memory(p);
        if (l->capacity)
            memcpy(item, l->list.item, sizeof *item * l->capacity);
        l->list.item = item;
        l->capacity = capacity;
    }
    l->list.item[l->list.count++] = a;
    return true;
}

/* import = "import" dotted_name ["as" NAME] {"," dotted_name ["as" NAME]} */
static Node *import(Parser *p)
{
    uint32_t start = p->tok++->start;
    AliasList l = { .capacity = 0 };
    do {
        uint32_t alias_start = p->tok->start;
        if (!add_alias(p, &l, dotted_name(p), alias_start))
            return NULL;
    } while (parse_skip(p, TK_Comma));
    AstImport *n = NODE(p, Import, start);
    if (n)
        n->items = l.list;
    return n ? &n->head : NULL;
}

/* import_from = "from" dotted_name "import" (names | "(" names [","] ")"); names = NAME ["as" NAME] {"," NAME ["as" NAME]} */
static Node *import_from(Parser *p)
{
    uint32_t start = p->tok++->start;
    if (parse_at(p, TK_Dot) || parse_at(p, TK_Ellipsis)) {
        parse_refuse(p, tok_span(p->tok), "relative imports");
        return NULL;
    }
    Sym module = dotted_name(p);
    if (!module || !parse_skip(p, TK_Import))
        return NULL;
    if (parse_at(p, TK_Star)) {
        parse_refuse(p, tok_span(p->tok), "'import *' statements");
        return NULL;
    }
    bool in_parens = parse_skip(p, TK_LParen);
    AliasList l = { .capacity = 0 };
    do {
        const Tok *t = p->tok;
        if (!parse_skip(p, TK_Name) || !add_alias(p, &l, parse_intern(p, t), t->start))
            return NULL;
    } while (parse_skip(p, TK_Comma) && !(in_parens && parse_at(p, TK_RParen)));
    if (in_parens && !parse_skip(p, TK_RParen))
        return NULL;
    AstImportFrom *n = NODE(p, ImportFrom, start);
    if (!n)
        return NULL;
    n->module = module;
    n->items = l.list;
    return &n->head;
}

/* ---- other simple statements ---- */

/* return = "return" [exprs] */
static Node *return_stmt(Parser *p)
{
    uint32_t start = p->tok++->start;
    Node *value = NULL;
    if (parse_starts_expr(p->tok->kind) && !(value = parse_exprs(p)))
        return NULL;
    AstReturn *n = NODE(p, Return, start);
    if (n)
        n->value = value;
    return n ? &n->head : NULL;
}

/* raise = "raise" [expr] */
static Node *raise_stmt(Parser *p)
{
    uint32_t start = p->tok++->start;
    Node *value = NULL;
    if (parse_starts_expr(p->tok->kind)) {
        if (!(value = parse_expr(p)))
            return NULL;
        if (parse_at(p, TK_From)) {
            parse_refuse(p, tok_span(p->tok), "'raise ... from' statements");
            return NULL;
        }
    }
    AstRaise *n = NODE(p, Raise, start);
    if (n)
        n->value = value;
    return n ? &n->head : NULL;
}

/* assert = "assert" expr ["," expr] */
static Node *assert_stmt(Parser *p)
{
    uint32_t start = p->tok++->start;
    Node *test = parse_expr(p), *message = NULL;
    if (!test || (parse_skip(p, TK_Comma) && !(message = parse_expr(p))))
        return NULL;
    AstAssert *n = NODE(p, Assert, start);
    if (!n)
        return NULL;
    n->test = test;
    n->message = message;
    return &n->head;
}

/* global = "global" NAME {"," NAME} */
static Node *global_stmt(Parser *p)
{
    uint32_t start = p->tok++->start, count = 1;
    for (const Tok *t = p->tok; t->kind == TK_Name && t[1].kind == TK_Comma; t += 2)
        count++;
    AstNames names = { 0, ARENA_ARRAY(p->arena, Sym, count), ARENA_ARRAY(p->arena, Span, count) };
    if (!names.item || !names.span)
        return no_memory(p), NULL;
    do {
        const Tok *t = p->tok;
        if (!parse_skip(p, TK_Name) || !(names.item[names.count] = parse_intern(p, t)))
            return NULL;
        names.span[names.count++] = tok_span(t);
    } while (names.count < count && parse_skip(p, TK_Comma));
    AstGlobal *n = NODE(p, Global, start);
    if (n)
        n->names = names;
    return n ? &n->head : NULL;
}

/* Names of a `del`, also those in parentheses and brackets, one after another. */
static bool push_del_targets(Parser *p, Node *n)
{
    if (n->kind == ND_Name)
        return parse_push(p, n);
    if (n->kind == ND_Attr)
        return parse_refuse(p, n->span, "deletions of attributes");
    if (n->kind == ND_Index)
        return parse_refuse(p, n->span, "deletions of subscripts");
    const NodeList *l = n->kind == ND_Tuple ? &AST_AS(Tuple, n)->items : &AST_AS(List, n)->items;
    for (uint32_t k = 0; k < l->count; k++)
        if (!push_del_targets(p, l->item[k]))
            return false;
    return true;
}

/* del = "del" targets */
static Node *del_stmt(Parser *p)
{
    uint32_t start = p->tok++->start, base = p->n_stack;
    Node *target = parse_starts_expr(p->tok->kind) ? parse_targets(p) : NULL;
    if (!target || !(parse_at(p, TK_Semicolon) || parse_at(p, TK_Newline)) || !push_del_targets(p, target))
        return NULL;
    AstDel *n = NODE(p, Del, start);
    if (!n || !parse_pop_list(p, base, &n->targets))
        return NULL;
    return &n->head;
}

static Node *word(Parser *p, NodeKind kind, size_t size)
{
    uint32_t start = p->tok++->start;
    return parse_node(p, kind, size, start);
}

/* simple = expr_stmt | return | raise | assert | global | del | import | import_from | "pass" | "break" | "continue" */
static Node *simple(Parser *p)
{
    switch (p->tok->kind) {
    case TK_Return:   return return_stmt(p);
    case TK_Raise:    return raise_stmt(p);
    case TK_Assert:   return assert_stmt(p);
    case TK_Global:   return global_stmt(p);
    case TK_Del:      return del_stmt(p);
    case TK_Import:   return import(p);
    case TK_From:     return import_from(p);
    case TK_Pass:     return word(p, ND_Pass, sizeof(AstPass));
    case TK_Break:    return word(p, ND_Break, sizeof(AstBreak));
    case TK_Continue: return word(p, ND_Continue, sizeof(AstContinue));
    case TK_Yield:    parse_refuse(p, tok_span(p->tok), "yield expressions"); return NULL;
    case TK_Nonlocal: parse_refuse(p, tok_span(p->tok), "nonlocal statements"); return NULL;
    default:          return expr_stmt(p);
    }
}

/* simple_line = simple {";" simple} [";"] NEWLINE */
static bool simple_line(Parser *p)
{
    do {
        if (!parse_push(p, simple(p)))
            return false;
    } while (parse_skip(p, TK_Semicolon) && !parse_at(p, TK_Newline));
    return parse_skip(p, TK_Newline);
}

/* ---- compound statements ---- */

/* block = simple_line | NEWLINE INDENT statement {statement} DEDENT */
static bool block(Parser *p, NodeList *out)
{
    uint32_t base = p->n_stack;
    if (parse_skip(p, TK_Newline)) {
        if (!parse_skip(p, TK_Indent))
            return false;
        do {
            if (!parse_statement(p, NULL))
                return false;
        } while (!parse_skip(p, TK_Dedent));
    } else if (!simple_line(p)) {
        return false;
    }
    return parse_pop_list(p, base, out);
}

/* The end of a statement that ends with a block: its last line, not the line end and Dedents behind. */
static uint32_t block_end(const Parser *p)
{
    const Tok *t = p->tok - 1;
    while (t->kind == TK_Newline || t->kind == TK_Dedent || t->kind == TK_Indent)
        t--;
    return t->end;
}

/* orelse = ["else" ":" block] */
static bool orelse(Parser *p, NodeList *out)
{
    *out = (NodeList){ 0, NULL };
    return !parse_skip(p, TK_Else) || (parse_skip(p, TK_Colon) && block(p, out));
}

/* if = "if" named_expr ":" block {"elif" named_expr ":" block} orelse; each elif is an If alone in the orelse before it. */
static Node *if_stmt(Parser *p)
{
    AstIf *first = NULL, *last = NULL;
    uint32_t n_elif = 0;
    do {
        const Tok *t = p->tok++;
        if (++n_elif > PARSE_MAX_ELIF)
            return parse_refuse_depth(p, tok_span(t), "too many 'elif' branches in one statement"), NULL;
        Node *test = parse_named(p);
        if (!test || !parse_skip(p, TK_Colon))
            return NULL;
        AstIf *n = NODE(p, If, t->start);
        if (!n)
            return NULL;
        n->test = test;
        if (!block(p, &n->body))
            return NULL;
        if (last) {
            last->orelse = (NodeList){ 1, ARENA_NEW(p->arena, Node *) };
            if (!last->orelse.item)
                return no_memory(p), NULL;
            last->orelse.item[0] = &n->head;
        } else {
            first = n;
        }
        last = n;
    } while (parse_at(p, TK_Elif));
    if (!orelse(p, &last->orelse))
        return NULL;
    for (AstIf *n = first;; n = AST_AS(If, n->orelse.item[0])) {
        n->head.span.end = block_end(p);
        if (n == last)
            return &first->head;
    }
}

/* while = "while" named_expr ":" block orelse */
static Node *while_stmt(Parser *p)
{
    uint32_t start = p->tok++->start;
    Node *test = parse_named(p);
    AstWhile *n = test && parse_skip(p, TK_Colon) ? NODE(p, While, start) : NULL;
    if (!n || !block(p, &n->body) || !orelse(p, &n->orelse))
        return NULL;
    n->test = test;
    n->head.span.end = block_end(p);
    return &n->head;
}

/* for = "for" targets "in" exprs ":" block orelse */
static Node *for_stmt(Parser *p)
{
    uint32_t start = p->tok++->start;
    Node *target = parse_targets(p);
    Node *iter = target && parse_skip(p, TK_In) ? parse_exprs(p) : NULL;
    AstFor *n = iter && parse_skip(p, TK_Colon) ? NODE(p, For, start) : NULL;
    if (!n || !block(p, &n->body) || !orelse(p, &n->orelse))
        return NULL;
    n->target = target;
    n->iter = iter;
    n->head.span.end = block_end(p);
    return &n->head;
}

/* ---- functions ---- */

/* Parameters while they are read; defaults are on the parser's stack. */
typedef struct Params {
    AstFunc *f;
    uint32_t capacity;
    bool     has_default;       /* a positional parameter has one, so all that follow must */
    bool     is_keyword_only;   /* '*' was read */
} Params;

/* Room for every parameter: no more than there are names in the parentheses. */
static bool params_alloc(Parser *p, Params *ps)
{
    for (const Tok *t = p->tok; t->kind != TK_EndMarker && t->kind != TK_Error && t->level >= p->tok[-1].level; t++)
        ps->capacity += t->kind == TK_Name && t->level == p->tok[-1].level;
    if (ps->capacity == 0)
        return true;
    ps->f->local = ARENA_ARRAY(p->arena, Sym, ps->capacity);
    ps->f->param_span = ARENA_ARRAY(p->arena, Span, ps->capacity);
    ps->f->default_param = ARENA_ARRAY(p->arena, uint32_t, ps->capacity);
    return (ps->f->local && ps->f->param_span && ps->f->default_param) || no_memory(p);
}

/* param = NAME [":" expr] ["=" expr] */
static bool param(Parser *p, Params *ps)
{
    AstFunc *f = ps->f;
    const Tok *t = p->tok;
    if (!parse_skip(p, TK_Name) || !(f->local[f->n_params] = parse_intern(p, t)))
        return false;
    if (parse_skip(p, TK_Colon) && !parse_expr(p))
        return false;
    f->param_span[f->n_params] = (Span){ t->start, p->tok[-1].end };
    if (parse_skip(p, TK_Assign)) {
        if (!parse_push(p, parse_expr(p)))
            return false;
        f->default_param[f->n_defaults++] = f->n_params;
        ps->has_default |= !ps->is_keyword_only;
    } else if (ps->has_default && !ps->is_keyword_only) {
        return false;
    }
    f->n_kwonly += ps->is_keyword_only;
    f->n_params++;
    return true;
}

/* params = [item {"," item} [","]]; item = param | "/" | "*".  "/" stands once, behind a parameter and before "*"; "*" once,
 * before a parameter. */
static bool params(Parser *p, Params *ps)
{
    bool star_is_last = false;
    while (!parse_at(p, TK_RParen)) {
        star_is_last = false;
        if (parse_at(p, TK_StarStar) || (parse_at(p, TK_Star) && p->tok[1].kind == TK_Name))
            return parse_refuse(p, tok_span(p->tok), "star-arguments");
        if (parse_skip(p, TK_Slash)) {
            if (ps->is_keyword_only || ps->f->n_posonly || ps->f->n_params == 0)
                return false;
            ps->f->n_posonly = ps->f->n_params;
        } else if (parse_skip(p, TK_Star)) {
            if (ps->is_keyword_only)
                return false;
            ps->is_keyword_only = star_is_last = true;
        } else if (!param(p, ps)) {
            return false;
        }
        if (!parse_skip(p, TK_Comma))
            break;
    }
    return !star_is_last && parse_skip(p, TK_RParen);
}

/* A string that stands first is the function's documentation. */
static void take_docstring(AstFunc *f, NodeList *body)
{
    if (body->item[0]->kind != ND_ExprStmt || AST_AS(ExprStmt, body->item[0])->value->kind != ND_Str)
        return;
    AstText text = AST_AS(Str, AST_AS(ExprStmt, body->item[0])->value)->text;
    f->doc = text.text;
    f->doc_size = text.size;
}

/* def = "def" NAME "(" params ")" ["->" expr] ":" block */
static Node *def_stmt(Parser *p)
{
    uint32_t start = p->tok++->start, base = p->n_stack;
    const Tok *name = p->tok;
    AstFunc *f = ARENA_NEW(p->arena, AstFunc);
    if (!f)
        return no_memory(p), NULL;
    Params ps = { .f = f };
    if (!parse_skip(p, TK_Name) || !parse_skip(p, TK_LParen) || !params_alloc(p, &ps) || !params(p, &ps))
        return NULL;
    NodeList defaults;
    if ((parse_skip(p, TK_Arrow) && !parse_expr(p)) || !parse_skip(p, TK_Colon) || !parse_pop_list(p, base, &defaults))
        return NULL;
    AstFuncDef *n = NODE(p, FuncDef, start);
    if (!n || !(n->name = parse_intern(p, name)) || !block(p, &n->body))
        return NULL;
    f->name = n->name;
    n->func = f;
    n->defaults = defaults;
    n->name_span = tok_span(name);
    n->head.span.end = block_end(p);
    take_docstring(f, &n->body);
    return &n->head;
}

static bool refuse_async(Parser *p)
{
    TokKind next = p->tok[1].kind;
    return parse_refuse(p, tok_span(p->tok), next == TK_Def ? "async functions" : next == TK_For ? "async for loops" :
                        "async with statements");
}

/* statement = if | while | for | def | simple_line */
bool parse_statement(Parser *p, bool *is_compound)
{
    Node *n;
    if (is_compound)
        *is_compound = true;
    switch (p->tok->kind) {
    case TK_If:    n = if_stmt(p); break;
    case TK_While: n = while_stmt(p); break;
    case TK_For:   n = for_stmt(p); break;
    case TK_Def:   n = def_stmt(p); break;
    case TK_Class: return parse_refuse(p, tok_span(p->tok), "class definitions");
    case TK_Try:   return parse_refuse(p, tok_span(p->tok), "try statements");
    case TK_With:  return parse_refuse(p, tok_span(p->tok), "with statements");
    case TK_At:    return parse_refuse(p, tok_span(p->tok), "decorators");
    case TK_Async: return refuse_async(p);
    default: {
        if (is_compound)
            *is_compound = false;
        const Tok *first = p->tok;
        if (simple_line(p))
            return true;
        /* What begins with the name `match` and is Python all the same. */
        if (!p->refusal.kind && first->kind == TK_Name && first->end - first->start == 5 &&
            memcmp(p->src->text + first->start, "match", 5) == 0)
            parse_refuse(p, tok_span(first), "match statements");
        return false;
    }
    }
    return parse_push(p, n);
}
