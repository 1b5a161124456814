/* dsl/ast_list.h — every node of the syntax tree, one row each; ast.h makes enum, structs, names, child walk and dump of it.
 *
 *   C(f) child   O(f) child or NULL   L(f) list of children   D(type, f) datum (dumped)   X(type, f) cache (not dumped;
 *   zero after parsing, the interpreter's own)
 *
 * Children stand in the order of their evaluation.
 *
 * EXPR(Kind, "name in messages", fields)   STMT(Kind, "name in messages", fields)
 * No include guard: included with EXPR, STMT, C, O, L, D and X defined.  Data types used in D() are declared in ast.h. */

/* ---- expressions ---- */
EXPR(None,      "None",             )
EXPR(True,      "True",             )
EXPR(False,     "False",            )
EXPR(Ellipsis,  "ellipsis",         )
/* A literal of exactly 2**63 under unary minus is folded to the Int INT64_MIN by the parser; too_big marks every other literal
 * over INT64_MAX: evaluating it raises OverflowError. */
EXPR(Int,       "literal",          D(int64_t, value) D(bool, too_big))
EXPR(Float,     "literal",          D(double, value))
EXPR(Imag,      "literal",          D(double, value))
/* Decoded UTF-8 text, adjacent literals joined. */
EXPR(Str,       "literal",          D(AstText, text) X(void *, object))
/* parts are Str and Field nodes in order. */
EXPR(FString,   "f-string expression", L(parts))
/* One {value!conversion:spec} of an f-string; conversion is 0, 'r', 's' or 'a'; {value=} puts its text into a Str before it
 * and sets conversion 'r' if neither conversion nor spec is given. */
EXPR(Field,     "f-string expression", C(value) O(spec) D(char, conversion))
EXPR(Name,      "name",             D(Sym, name) D(AstScope, scope) D(uint32_t, slot) X(uint64_t, cache))
EXPR(Attr,      "attribute",        C(value) D(Sym, name) D(Span, name_span) X(uint64_t, cache) X(void *, cache_ptr))
/* a[i, j] has two subs; a[(i, j)] has the same; a[i,] has one and is_tuple set; a[i] has one. */
EXPR(Index,     "subscript",        C(value) L(subs) D(bool, is_tuple) X(uint64_t, cache))
EXPR(Slice,     "slice",            O(lower) O(upper) O(step))
/* keywords[k] names args[args.count - keywords.count + k]. */
EXPR(Call,      "function call",    C(callee) L(args) D(AstNames, keywords) X(uint64_t, cache) X(void *, cache_ptr))
EXPR(Unary,     "expression",       D(UnOp, op) C(operand))
EXPR(Binary,    "expression",       D(BinOp, op) C(left) C(right) D(Span, op_span))
/* first op[0] rest[0] op[1] rest[1] … */
EXPR(Compare,   "comparison",       C(first) L(rest) D(AstCmps, ops))
EXPR(BoolOp,    "expression",       D(bool, is_or) L(values))
EXPR(IfExp,     "conditional expression", C(test) C(body) C(orelse))
EXPR(Tuple,     "tuple",            L(items))
EXPR(List,      "list",             L(items))
EXPR(Walrus,    "named expression", C(value) C(target))

/* ---- statements ---- */
STMT(ExprStmt,  "expression",       C(value))
/* targets: Name, Attr (never valid at run time), Index, Tuple or List nodes; a = b = v has two. */
STMT(Assign,    "assignment",       C(value) L(targets))
STMT(AugAssign, "augmented assignment", D(BinOp, op) C(target) C(value))
/* `x: T = v`; the annotation is parsed and dropped; without a value the statement does nothing but make x local. */
STMT(AnnAssign, "annotated assignment", O(value) C(target))
STMT(If,        "if statement",     C(test) L(body) L(orelse))
STMT(While,     "while statement",  C(test) L(body) L(orelse) D(bool, is_outermost) X(bool, ask_engine) X(void *, nest))
STMT(For,       "for statement",    C(iter) C(target) L(body) L(orelse) D(bool, is_outermost) X(bool, ask_engine) X(void *, nest) X(LoopText, text))
STMT(FuncDef,   "function definition",
     D(Sym, name) D(AstFunc *, func) L(defaults) L(body) D(Span, name_span) D(AstScope, scope) D(uint32_t, slot))
STMT(Return,    "return statement", O(value))
STMT(Break,     "break statement",  )
STMT(Continue,  "continue statement", )
STMT(Pass,      "pass statement",   )
STMT(Assert,    "assert statement", C(test) O(message))
STMT(Global,    "global statement", D(AstNames, names))
STMT(Del,       "del statement",    L(targets))
/* items[k].name is the dotted module name, as_name SYM_NONE without `as` (then the first part of the dotted name is bound). */
STMT(Import,    "import statement", D(AstAliases, items))
STMT(ImportFrom, "import statement", D(Sym, module) D(AstAliases, items))
STMT(Raise,     "raise statement",  O(value))
