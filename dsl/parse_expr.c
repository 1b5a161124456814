/* dsl/parse_expr.c — expressions: precedence climbing for the binary operators, recursive descent for the rest. */
#include "dsl/parse_int.h"

#include <string.h>

static Node *parse_unary(Parser *p);

/* Recursion that no bracket bounds is counted. */
static bool enter(Parser *p)
{
    if (LIKELY(++p->depth < PARSE_MAX_HEIGHT))
        return true;
    p->depth--;
    return parse_refuse_depth(p, tok_span(p->tok), "expression is too deeply nested");
}

static Node *leave(Parser *p, Node *n)
{
    p->depth--;
    return n;
}

bool parse_starts_expr(TokKind k)
{
    switch (k) {
    case TK_Name: case TK_Number: case TK_String: case TK_None: case TK_True: case TK_False: case TK_Ellipsis:
    case TK_LParen: case TK_LBracket: case TK_LBrace: case TK_Plus: case TK_Minus: case TK_Tilde: case TK_Not:
    case TK_Lambda: case TK_Await: case TK_Star:
        return true;
    default:
        return false;
    }
}

bool parse_is_target(const Node *n)
{
    switch (n->kind) {
    case ND_Name: case ND_Attr: case ND_Index:
        return true;
    case ND_Tuple: {
        const NodeList *l = &AST_AS(Tuple, (Node *)n)->items;
        for (uint32_t k = 0; k < l->count; k++)
            if (!parse_is_target(l->item[k]))
                return false;
        return true;
    }
    case ND_List: {
        const NodeList *l = &AST_AS(List, (Node *)n)->items;
        for (uint32_t k = 0; k < l->count; k++)
            if (!parse_is_target(l->item[k]))
                return false;
        return true;
    }
    default:
        return false;
    }
}

/* ---- atoms ---- */

static Node *name(Parser *p)
{
    const Tok *t = p->tok++;
    AstName *n = NODE(p, Name, t->start);
    if (!n || !(n->name = parse_intern(p, t)))
        return NULL;
    return &n->head;
}

static Node *constant(Parser *p, NodeKind kind)
{
    const Tok *t = p->tok++;
    return parse_node(p, kind, sizeof(AstNone), t->start);
}

/* `for` or `async` behind the first element: the text from `start` to `end` is a comprehension. */
static bool refuse_comprehension(Parser *p, uint32_t start, uint32_t end, const char *what)
{
    if (!parse_at(p, TK_For) && !parse_at(p, TK_Async))
        return true;
    return parse_refuse(p, (Span){ start, end }, what);
}

/* Items up to the closing bracket, pushed: named_expr {"," named_expr} [","] */
static bool items(Parser *p, TokKind close)
{
    while (!parse_at(p, close)) {
        if (!parse_push(p, parse_named(p)))
            return false;
        if (!parse_skip(p, TK_Comma))
            break;
    }
    return parse_skip(p, close);
}

static bool lift_list(Parser *p, Node *parent, const NodeList *l)
{
    for (uint32_t k = 0; k < l->count; k++)
        if (!parse_lift(p, parent, l->item[k]))
            return false;
    return true;
}

/* A Tuple or List of what was pushed since `base`. */
static Node *finish_tuple(Parser *p, uint32_t base, uint32_t start)
{
    NodeList l;
    if (!parse_pop_list(p, base, &l))
        return NULL;
    AstTuple *n = NODE(p, Tuple, start);
    if (!n)
        return NULL;
    n->items = l;
    return lift_list(p, &n->head, &l) ? &n->head : NULL;
}

/* paren = "(" ")" | "(" named_expr ")" | "(" named_expr "," [named_expr {"," named_expr} [","]] ")" */
static Node *paren(Parser *p)
{
    const Tok *open = p->tok++;
    uint32_t base = p->n_stack;
    if (parse_skip(p, TK_RParen)) {
        Node *n = finish_tuple(p, base, open->start);
        if (n)
            n->flags |= NF_Parens;
        return n;
    }
    if (parse_at(p, TK_Yield)) {
        parse_refuse(p, tok_span(p->tok), "yield expressions");
        return NULL;
    }
    Node *n = parse_named(p);
    if (!n || !refuse_comprehension(p, open->start, parse_matching(open)->end, "generator expressions"))
        return NULL;
    if (!parse_at(p, TK_Comma)) {
        if (!parse_skip(p, TK_RParen))
            return NULL;
        n->flags |= NF_Parens;
        return n;
    }
    p->tok++;
    if (!parse_push(p, n) || !items(p, TK_RParen))
        return NULL;
    n = finish_tuple(p, base, open->start);
    if (n)
        n->flags |= NF_Parens;
    return n;
}

/* list = "[" [named_expr {"," named_expr} [","]] "]" */
static Node *list(Parser *p)
{
    const Tok *open = p->tok++;
    uint32_t base = p->n_stack;
    if (!parse_at(p, TK_RBracket)) {
        if (!parse_push(p, parse_named(p)) ||
            !refuse_comprehension(p, open->start, parse_matching(open)->end, "list comprehensions"))
            return NULL;
        if (!parse_at(p, TK_RBracket) && !parse_skip(p, TK_Comma))
            return NULL;
    }
    NodeList l;
    if (!items(p, TK_RBracket) || !parse_pop_list(p, base, &l))
        return NULL;
    AstList *n = NODE(p, List, open->start);
    if (!n)
        return NULL;
    n->items = l;
    return lift_list(p, &n->head, &l) ? &n->head : NULL;
}

/* Which of the four constructs in braces it is shows in the tokens directly between them. */
static Node *refuse_braces(Parser *p)
{
    const Tok *open = p->tok, *close = parse_matching(open);
    bool is_dict = open + 1 == close || open[1].kind == TK_StarStar, has_for = false;
    int n_lambda = 0;
    for (const Tok *t = open + 1; t < close; t++) {
        if (t->level != open->level)
            continue;
        n_lambda += t->kind == TK_Lambda;
        if (t->kind == TK_Colon && n_lambda-- <= 0)
            is_dict = true;
        has_for |= t->kind == TK_For;
    }
    parse_refuse(p, (Span){ open->start, close->end },
                 is_dict ? has_for ? "dict comprehensions" : "dict displays" : has_for ? "set comprehensions" : "set displays");
    return NULL;
}

/* atom = NAME | number | strings | "None" | "True" | "False" | "..." | paren | list */
static Node *atom(Parser *p)
{
    switch (p->tok->kind) {
    case TK_Name:     return name(p);
    case TK_Number:   return parse_number(p);
    case TK_String:   return parse_strings(p);
    case TK_None:     return constant(p, ND_None);
    case TK_True:     return constant(p, ND_True);
    case TK_False:    return constant(p, ND_False);
    case TK_Ellipsis: return constant(p, ND_Ellipsis);
    case TK_LParen:   return enter(p) ? leave(p, paren(p)) : NULL;
    case TK_LBracket: return enter(p) ? leave(p, list(p)) : NULL;
    case TK_LBrace:   return refuse_braces(p);
    default:          return NULL;
    }
}

/* ---- calls, subscripts, attributes ---- */

static Node *attr(Parser *p, Node *value, uint32_t start)
{
    p->tok++;
    const Tok *t = p->tok;
    if (!parse_skip(p, TK_Name))
        return NULL;
    AstAttr *n = NODE(p, Attr, start);
    if (!n || !(n->name = parse_intern(p, t)))
        return NULL;
    n->value = value;
    n->name_span = tok_span(t);
    return parse_lift(p, &n->head, value) ? &n->head : NULL;
}

/* argument = NAME "=" expr | named_expr.  Keywords are gathered in *names, which has room. */
static bool argument(Parser *p, AstNames *names)
{
    const Tok *t = p->tok;
    if (t->kind == TK_Star || t->kind == TK_StarStar)
        return parse_refuse(p, tok_span(t), "star-arguments");
    if (t->kind == TK_Name && t[1].kind == TK_Assign) {
        p->tok += 2;
        if (!(names->item[names->count] = parse_intern(p, t)) || !parse_push(p, parse_expr(p)))
            return false;
        names->span[names->count++] = (Span){ t->start, p->tok[-1].end };
        return true;
    }
    if (names->count > 0 || !parse_push(p, parse_named(p)))
        return false;
    const Tok *end = p->tok;
    if (end->kind == TK_For || end->kind == TK_Async)       /* up to the call's parenthesis */
        while (end->kind != TK_EndMarker && end->kind != TK_Error && end->level >= t->level)
            end++;
    return refuse_comprehension(p, t->start, end[-1].end, "generator expressions");
}

/* How many arguments of a call are keywords: NAME "=" directly inside its parentheses. */
static uint32_t count_keywords(const Tok *open)
{
    uint32_t count = 0;
    for (const Tok *t = open + 1; t->kind != TK_EndMarker && t->kind != TK_Error && t->level >= open->level; t++)
        count += t->kind == TK_Assign && t->level == open->level;
    return count;
}

/* call = primary "(" [argument {"," argument} [","]] ")" */
static Node *call(Parser *p, Node *callee, uint32_t start)
{
    const Tok *open = p->tok++;
    uint32_t base = p->n_stack, n_keywords = 0;
    AstNames keywords = { 0, NULL, NULL };
    if (!parse_at(p, TK_RParen) && (n_keywords = count_keywords(open)) > 0) {
        keywords.item = ARENA_ARRAY(p->arena, Sym, n_keywords);
        keywords.span = ARENA_ARRAY(p->arena, Span, n_keywords);
        if (!keywords.item || !keywords.span) {
            p->no_memory = true;
            return NULL;
        }
    }
    while (!parse_at(p, TK_RParen)) {
        if (!argument(p, &keywords))
            return NULL;
        if (!parse_skip(p, TK_Comma))
            break;
    }
    NodeList args;
    if (!parse_skip(p, TK_RParen) || !parse_pop_list(p, base, &args))
        return NULL;
    AstCall *n = NODE(p, Call, start);
    if (!n)
        return NULL;
    n->callee = callee;
    n->args = args;
    n->keywords = keywords;
    return parse_lift(p, &n->head, callee) && lift_list(p, &n->head, &args) ? &n->head : NULL;
}

/* One bound of a slice; *out NULL where it is left out. */
static bool bound(Parser *p, Node **out)
{
    *out = NULL;
    if (parse_at(p, TK_Colon) || parse_at(p, TK_Comma) || parse_at(p, TK_RBracket))
        return true;
    *out = parse_expr(p);
    return *out != NULL;
}

/* subscript = named_expr | [expr] ":" [expr] [":" [expr]] */
static Node *subscript(Parser *p)
{
    uint32_t start = p->tok->start;
    Node *lower = NULL, *upper = NULL, *step = NULL;
    if (!parse_at(p, TK_Colon)) {
        const Tok *first = p->tok;
        lower = parse_named(p);
        if (!lower || !parse_at(p, TK_Colon))
            return lower;
        if (first->kind == TK_Name && first[1].kind == TK_ColonEq)
            return NULL;
    }
    p->tok++;
    if (!bound(p, &upper) || (parse_skip(p, TK_Colon) && !bound(p, &step)))
        return NULL;
    AstSlice *n = NODE(p, Slice, start);
    if (!n)
        return NULL;
    n->lower = lower;
    n->upper = upper;
    n->step = step;
    if ((lower && !parse_lift(p, &n->head, lower)) || (upper && !parse_lift(p, &n->head, upper)) ||
        (step && !parse_lift(p, &n->head, step)))
        return NULL;
    return &n->head;
}

/* index = primary "[" subscript {"," subscript} [","] "]" */
static Node *index_of(Parser *p, Node *value, uint32_t start)
{
    p->tok++;
    uint32_t base = p->n_stack;
    bool is_tuple = false;
    do {
        if (!parse_push(p, subscript(p)))
            return NULL;
        is_tuple |= parse_at(p, TK_Comma);
    } while (parse_skip(p, TK_Comma) && !parse_at(p, TK_RBracket));
    NodeList subs;
    if (!parse_skip(p, TK_RBracket) || !parse_pop_list(p, base, &subs))
        return NULL;
    if (!is_tuple && subs.item[0]->kind == ND_Tuple) {
        is_tuple = true;
        subs = AST_AS(Tuple, subs.item[0])->items;
    }
    AstIndex *n = NODE(p, Index, start);
    if (!n)
        return NULL;
    n->value = value;
    n->subs = subs;
    n->is_tuple = is_tuple;
    return parse_lift(p, &n->head, value) && lift_list(p, &n->head, &subs) ? &n->head : NULL;
}

/* primary = atom {"." NAME | call | index} */
static Node *primary(Parser *p)
{
    uint32_t start = p->tok->start;
    Node *n = atom(p);
    while (n) {
        if (parse_at(p, TK_Dot))
            n = attr(p, n, start);
        else if (parse_at(p, TK_LParen))
            n = enter(p) ? leave(p, call(p, n, start)) : NULL;
        else if (parse_at(p, TK_LBracket))
            n = enter(p) ? leave(p, index_of(p, n, start)) : NULL;
        else
            break;
    }
    return n;
}

/* ---- operators ---- */

static Node *binary_node(Parser *p, BinOp op, const Tok *t, Node *left, Node *right, uint32_t start)
{
    AstBinary *n = NODE(p, Binary, start);
    if (!n)
        return NULL;
    n->op = op;
    n->left = left;
    n->right = right;
    n->op_span = tok_span(t);
    return parse_lift(p, &n->head, left) && parse_lift(p, &n->head, right) ? &n->head : NULL;
}

/* power = primary ["**" unary] */
static Node *power(Parser *p)
{
    uint32_t start = p->tok->start;
    if (parse_at(p, TK_Await)) {
        parse_refuse(p, tok_span(p->tok), "await expressions");
        return NULL;
    }
    Node *n = primary(p);
    const Tok *t = p->tok;
    if (!n || !parse_skip(p, TK_StarStar))
        return n;
    if (!enter(p))
        return NULL;
    Node *right = leave(p, parse_unary(p));
    return right ? binary_node(p, BI_Pow, t, n, right, start) : NULL;
}

/* The one int that has no positive counterpart. */
static bool fold_int_min(UnOp op, Node *operand)
{
    if (op != UN_Neg || operand->kind != ND_Int || !AST_AS(Int, operand)->too_big || AST_AS(Int, operand)->value != INT64_MIN)
        return false;
    AST_AS(Int, operand)->too_big = false;
    return true;
}

/* unary = ("+" | "-" | "~") unary | power */
static Node *parse_unary(Parser *p)
{
    const Tok *t = p->tok;
    UnOp op;
    switch (t->kind) {
    case TK_Plus:  op = UN_Pos; break;
    case TK_Minus: op = UN_Neg; break;
    case TK_Tilde: op = UN_Invert; break;
    default:       return power(p);
    }
    p->tok++;
    if (!enter(p))
        return NULL;
    Node *operand = leave(p, parse_unary(p));
    if (!operand)
        return NULL;
    if (fold_int_min(op, operand)) {
        operand->span.start = t->start;
        return operand;
    }
    AstUnary *n = NODE(p, Unary, t->start);
    if (!n)
        return NULL;
    n->op = op;
    n->operand = operand;
    return parse_lift(p, &n->head, operand) ? &n->head : NULL;
}

/* Power and operator of the binary operators; power 0 for every other token. */
static const struct { uint8_t power, op; } binary_ops[TK_COUNT] = {
#define TOK(K, name)
#define KEY(K, text)
#define OP(K, text)
#define BIN(K, text, power, op) [TK_##K] = { power, op },
#define CMP(K, text, op)
#define AUG(K, text, op)
#include "dsl/tok_list.h"
#undef TOK
#undef KEY
#undef OP
#undef BIN
#undef CMP
#undef AUG
};

/* binary = unary {binop unary}, where operators bind at least as tight as `power` */
static Node *binary(Parser *p, uint8_t min_power)
{
    uint32_t start = p->tok->start;
    Node *left = parse_unary(p);
    while (left && binary_ops[p->tok->kind].power >= min_power) {
        const Tok *t = p->tok;
        if (binary_ops[t->kind].power == 0)
            break;
        p->tok++;
        Node *right = binary(p, (uint8_t)(binary_ops[t->kind].power + 1));
        left = right ? binary_node(p, (BinOp)binary_ops[t->kind].op, t, left, right, start) : NULL;
    }
    return left;
}

/* compop = "==" | "!=" | "<" | "<=" | ">" | ">=" | "is" ["not"] | ["not"] "in"; false: none is next */
static bool compare_op(Parser *p, CmpOp *op)
{
    switch (p->tok->kind) {
#define TOK(K, name)
#define KEY(K, text)
#define OP(K, text)
#define BIN(K, text, power, op)
#define CMP(K, text, cmp) case TK_##K: *op = cmp; break;
#define AUG(K, text, op)
#include "dsl/tok_list.h"
#undef TOK
#undef KEY
#undef OP
#undef BIN
#undef CMP
#undef AUG
    case TK_In:
        *op = CM_In;
        break;
    case TK_Is:
        p->tok++;
        *op = parse_skip(p, TK_Not) ? CM_IsNot : CM_Is;
        return true;
    case TK_Not:
        if (p->tok[1].kind != TK_In)
            return false;
        p->tok++;
        *op = CM_NotIn;
        break;
    default:
        return false;
    }
    p->tok++;
    return true;
}

#define MAX_COMPARE_INLINE 8

/* comparison = binary {compop binary} */
static Node *comparison(Parser *p)
{
    uint32_t start = p->tok->start, base = p->n_stack, count = 0, capacity = MAX_COMPARE_INLINE;
    CmpOp inline_ops[MAX_COMPARE_INLINE], *ops = inline_ops;
    Node *first = binary(p, 1);
    CmpOp op;
    if (!first || !compare_op(p, &op))
        return first;
    do {
        if (count == capacity) {
            CmpOp *more = ARENA_ARRAY(p->arena, CmpOp, capacity *= 4);
            if (!more) {
                p->no_memory = true;
                return NULL;
            }
            ops = memcpy(more, ops, sizeof *ops * count);
        }
        ops[count++] = op;
        if (!parse_push(p, binary(p, 1)))
            return NULL;
    } while (compare_op(p, &op));
    AstCompare *n = NODE(p, Compare, start);
    if (!n || !parse_pop_list(p, base, &n->rest))
        return NULL;
    n->first = first;
    n->ops = (AstCmps){ count, ARENA_ARRAY(p->arena, CmpOp, count) };
    if (!n->ops.item) {
        p->no_memory = true;
        return NULL;
    }
    memcpy(n->ops.item, ops, sizeof *ops * count);
    return parse_lift(p, &n->head, first) && lift_list(p, &n->head, &n->rest) ? &n->head : NULL;
}

/* not_test = "not" not_test | comparison */
static Node *not_test(Parser *p)
{
    const Tok *t = p->tok;
    if (!parse_at(p, TK_Not))
        return comparison(p);
    p->tok++;
    if (!enter(p))
        return NULL;
    Node *operand = leave(p, not_test(p));
    if (!operand)
        return NULL;
    AstUnary *n = NODE(p, Unary, t->start);
    if (!n)
        return NULL;
    n->op = UN_Not;
    n->operand = operand;
    return parse_lift(p, &n->head, operand) ? &n->head : NULL;
}

/* and_test = not_test {"and" not_test}   or_test = and_test {"or" and_test} */
static Node *bool_test(Parser *p, bool is_or)
{
    uint32_t start = p->tok->start, base = p->n_stack;
    TokKind word = is_or ? TK_Or : TK_And;
    Node *first = is_or ? bool_test(p, false) : not_test(p);
    if (!first || !parse_at(p, word))
        return first;
    if (!parse_push(p, first))
        return NULL;
    while (parse_skip(p, word))
        if (!parse_push(p, is_or ? bool_test(p, false) : not_test(p)))
            return NULL;
    AstBoolOp *n = NODE(p, BoolOp, start);
    if (!n || !parse_pop_list(p, base, &n->values))
        return NULL;
    n->is_or = is_or;
    return lift_list(p, &n->head, &n->values) ? &n->head : NULL;
}

/* expr = or_test ["if" or_test "else" expr] */
Node *parse_expr(Parser *p)
{
    uint32_t start = p->tok->start;
    if (parse_at(p, TK_Lambda)) {
        parse_refuse(p, tok_span(p->tok), "lambda expressions");
        return NULL;
    }
    if (parse_at(p, TK_Star)) {
        parse_refuse(p, tok_span(p->tok), "starred expressions");
        return NULL;
    }
    Node *body = bool_test(p, true);
    if (!body || !parse_skip(p, TK_If))
        return body;
    Node *test = bool_test(p, true);
    if (!test || !parse_skip(p, TK_Else) || !enter(p))
        return NULL;
    Node *orelse = leave(p, parse_expr(p));
    if (!orelse)
        return NULL;
    AstIfExp *n = NODE(p, IfExp, start);
    if (!n)
        return NULL;
    n->test = test;
    n->body = body;
    n->orelse = orelse;
    return parse_lift(p, &n->head, test) && parse_lift(p, &n->head, body) && parse_lift(p, &n->head, orelse) ? &n->head : NULL;
}

/* named_expr = NAME ":=" expr | expr */
Node *parse_named(Parser *p)
{
    uint32_t start = p->tok->start;
    if (!parse_at(p, TK_Name) || p->tok[1].kind != TK_ColonEq)
        return parse_expr(p);
    Node *target = name(p);
    p->tok++;
    Node *value = target ? parse_expr(p) : NULL;
    if (!value)
        return NULL;
    AstWalrus *n = NODE(p, Walrus, start);
    if (!n)
        return NULL;
    n->target = target;
    n->value = value;
    return parse_lift(p, &n->head, value) ? &n->head : NULL;
}

/* A comma behind the first item makes a tuple of what `next` reads. */
static Node *comma_list(Parser *p, Node *(*next)(Parser *))
{
    uint32_t start = p->tok->start, base = p->n_stack;
    Node *first = next(p);
    if (!first || !parse_at(p, TK_Comma))
        return first;
    if (!parse_push(p, first))
        return NULL;
    while (parse_skip(p, TK_Comma) && parse_starts_expr(p->tok->kind))
        if (!parse_push(p, next(p)))
            return NULL;
    return finish_tuple(p, base, start);
}

/* exprs = expr {"," expr} [","] */
Node *parse_exprs(Parser *p)
{
    return comma_list(p, parse_expr);
}

static Node *target(Parser *p)
{
    if (parse_at(p, TK_Star)) {
        parse_refuse(p, tok_span(p->tok), "starred expressions");
        return NULL;
    }
    return binary(p, 1);
}

/* targets = binary {"," binary} [","], each of them a target */
Node *parse_targets(Parser *p)
{
    Node *n = comma_list(p, target);
    return n && parse_is_target(n) ? n : NULL;
}
