/* dsl/ast.h — the syntax tree.  Nodes live in the Arena of their chunk and are immutable after checking, but for the fields
 * marked X in ast_list.h and Node.exec, which belong to the interpreter (specialised handlers and inline caches, as in
 * Würthinger et al., "Self-Optimizing AST Interpreters", DLS 2012). */
#ifndef ALP_DSL_AST_H
#define ALP_DSL_AST_H

#include "dsl/arena.h"
#include "dsl/intern.h"
#include "dsl/src.h"

typedef enum NodeKind {
#define EXPR(K, text, fields) ND_##K,
#define STMT(K, text, fields) ND_##K,
#include "dsl/ast_list.h"
#undef EXPR
#undef STMT
    ND_COUNT
} NodeKind;
#define ND_IS_STMT(k) ((k) >= ND_ExprStmt)

/* ORDER unop / binop / cmpop: interp/ops.h has the names. */
typedef enum UnOp  { UN_Pos, UN_Neg, UN_Invert, UN_Not } UnOp;
typedef enum BinOp { BI_Add, BI_Sub, BI_Mul, BI_MatMul, BI_Div, BI_Mod, BI_Pow, BI_LShift, BI_RShift,
                     BI_Or, BI_Xor, BI_And, BI_FloorDiv, BI_COUNT } BinOp;
typedef enum CmpOp { CM_Eq, CM_Ne, CM_Lt, CM_Le, CM_Gt, CM_Ge, CM_Is, CM_IsNot, CM_In, CM_NotIn, CM_COUNT } CmpOp;

/* Where a name lives; set by check(). */
typedef enum AstScope {
    SC_Unresolved,
    SC_Local,       /* slot of the function's frame; parameters first */
    SC_Cell,        /* own variable of the function that an inner function uses: frame slot holding a cell */
    SC_Free,        /* enclosing function's variable: index into the function object's captured cells */
    SC_Global,      /* slot of the module, which falls back to the builtins when unbound */
} AstScope;

typedef struct Node {
    void   (*exec)(void);       /* the interpreter's handler for this node; NULL = not yet chosen */
    uint16_t kind;              /* NodeKind */
    uint16_t flags;             /* NF_… */
    uint32_t spare;             /* the interpreter's */
    Span     span;
} Node;

enum {
    NF_Parens = 1,              /* stood in parentheses: (a, b) = …, -(2**63) */
    NF_Pure   = 2,              /* evaluation cannot rebind a variable: no call, walrus or f-string inside; operators on
                                 * names, constants, attributes and subscripts only.  Set by check() on expressions. */
};

typedef struct NodeList { uint32_t count; Node **item; } NodeList;
typedef struct AstText    { const char *text; uint32_t size; } AstText;
typedef struct AstNames   { uint32_t count; Sym *item; Span *span; } AstNames;
typedef struct AstCmps    { uint32_t count; CmpOp *item; } AstCmps;
/* `scope` and `slot` say where the imported value is bound; set by check(), as for a Name. */
typedef struct AstAlias   { Sym name, as_name; Span span; AstScope scope; uint32_t slot; } AstAlias;
typedef struct AstAliases { uint32_t count; AstAlias *item; } AstAliases;

/* What the text of a For loop says to whoever wants to know how long it will take; the interpreter's (prepare.c). */
typedef struct LoopText {
    struct Node *inner, *next;  /* the first For loop directly inside; the next one in the same loop */
    uint64_t assigned;          /* variables assigned inside: ast_name_bit() of each */
    float    pass_ns;           /* interpreting one iteration, loops inside aside, as one machine does it */
    float    passed_ns;         /* executions so far that were not worth more than a look */
    bool     may_order;         /* a variable is accumulated in it: the order may be part of what it means */
    bool     has_calls;         /* of anything but range() by the loops inside */
    bool     has_while;
} LoopText;

/* What check() found out about a function. */
typedef struct AstFunc {
    Sym       name;
    Sym       qualname;         /* "outer.<locals>.inner" */
    uint32_t  n_params;         /* all parameters: positional-only, then ordinary, then keyword-only */
    uint32_t  n_posonly, n_kwonly;
    uint32_t  n_defaults;       /* FuncDef.defaults[k] belongs to the parameter default_param[k] */
    uint32_t *default_param;
    uint32_t  n_locals;         /* frame slots: parameters, locals, cell variables */
    Sym      *local;            /* name per slot */
    Span     *param_span;
    uint32_t  n_cells;          /* slots (of params or locals) that live in a cell */
    uint32_t *cell_slot;
    uint32_t  n_free;           /* captured variables: taken at `def` time from the enclosing function's … */
    AstScope *free_scope;       /* … SC_Cell slot or SC_Free index */
    uint32_t *free_index;
    Sym      *free_name;
    const char *doc;            /* docstring or NULL */
    uint32_t  doc_size;
} AstFunc;

/* One struct per row: AstInt { Node head; int64_t value; bool too_big; } … */
#define C(f)    Node *f;
#define O(f)    Node *f;
#define L(f)    NodeList f;
#define D(t, f) t f;
#define X(t, f) t f;
#define EXPR(K, text, fields) typedef struct Ast##K { Node head; fields } Ast##K;
#define STMT(K, text, fields) typedef struct Ast##K { Node head; fields } Ast##K;
#include "dsl/ast_list.h"
#undef EXPR
#undef STMT
#undef C
#undef O
#undef L
#undef D
#undef X

/* Checked downcast: AST_AS(Binary, node)->left */
#define AST_AS(K, node) ((Ast##K *)(void *)(ALP_ASSERT((node)->kind == ND_##K), (node)))

/* One bit per variable, as long as a function has no more than 64, and few of others.  After check(). */
static inline uint64_t ast_name_bit(const AstName *n)
{
    return UINT64_C(1) << (n->scope == SC_Local ? n->slot : n->slot + 32) % 64;
}

/* A parsed and checked text. */
typedef struct AstModule {
    NodeList body;
    const Src *src;
    /* The interpreter's prompt echoes the value when the text is a single expression statement per line. */
} AstModule;

const char *ast_kind_name(NodeKind k);                          /* "Binary" */
const char *ast_kind_text(NodeKind k);                          /* "expression", as messages name it */
/* Visit the direct children of n in evaluation order, NULL ones skipped. */
void        ast_each_child(const Node *n, void (*visit)(Node *child, void *user), void *user);
/* An S-expression per statement, for --dump=ast; `emit` is called with pieces of text. */
void        ast_dump(const NodeList *body, const Intern *names, void (*emit)(void *user, const char *s, size_t n), void *user);

#endif
