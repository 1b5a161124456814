/* dsl/layout.c — lines to Indent, Dedent and Newline; brackets to levels. */
#include "dsl/layout.h"

#define TAB_SIZE    8
#define MAX_LEVEL   PARSE_MAX_DEPTH

typedef struct Layout {
    Lexer    lx;
    TokList *out;
    bool     is_prompt;
    uint32_t n_indents;
    uint32_t column[PARSE_MAX_INDENT];      /* of each open block; [0] is the text itself */
    uint32_t narrow[PARSE_MAX_INDENT];      /* the same with tabs of width 1 */
    uint32_t level;
    struct { uint32_t start, line; } open[MAX_LEVEL];
} Layout;

static Status push(Layout *ly, TokKind kind, uint32_t start, uint32_t end, uint32_t line)
{
    TokList *l = ly->out;
    if (UNLIKELY(l->count == l->capacity)) {
        uint32_t capacity = l->capacity ? l->capacity + l->capacity / 2 : 64;
        Tok *item = mem_realloc(l->mem, l->item, sizeof *item * l->capacity, sizeof *item * capacity);
        if (!item)
            return ALP_FAIL;
        l->item = item;
        l->capacity = capacity;
    }
    l->item[l->count++] = (Tok){ start, end, line, (uint8_t)kind, (uint8_t)ly->level };
    return ALP_OK;
}

/* The line on which CPython finds the end of the text: the last that has a character. */
static uint32_t last_line(const Src *src)
{
    bool ended = src->size > 0 && src->text[src->size - 1] == '\n';
    return src->n_lines - (ended ? 1 : 0);
}

static bool bad_indent(Layout *ly, DiagKind kind, uint32_t column, const char *text)
{
    diag_set_at(ly->lx.diag, kind, ly->lx.src, ly->lx.line, column, "%s", text);
    ly->lx.fault = LF_Other;
    return false;
}

static bool bad_tab(Layout *ly)
{
    return bad_indent(ly, DK_Tab, 1, "inconsistent use of tabs and spaces in indentation");
}

/* Compares the column of a line's first token with the open blocks.  Sets *step: 1 = Indent, -n = so many Dedents. */
static bool compare_indent(Layout *ly, uint32_t column, uint32_t narrow, int *step)
{
    uint32_t top = ly->n_indents;
    *step = 0;
    if (column == ly->column[top])
        return narrow == ly->narrow[top] || bad_tab(ly);
    if (column > ly->column[top]) {
        if (top + 1 >= PARSE_MAX_INDENT)
            return bad_indent(ly, DK_Indentation, 1, "too many levels of indentation");
        if (narrow <= ly->narrow[top])
            return bad_tab(ly);
        ly->n_indents = top + 1;
        ly->column[top + 1] = column;
        ly->narrow[top + 1] = narrow;
        *step = 1;
        return true;
    }
    while (ly->n_indents > 0 && column < ly->column[ly->n_indents]) {
        ly->n_indents--;
        --*step;
    }
    if (column != ly->column[ly->n_indents]) {
        const Src *src = ly->lx.src;
        uint32_t size;
        const char *text = src_line_text(src, ly->lx.line, &size);
        return bad_indent(ly, DK_Indentation, src_column(src, (uint32_t)(text - src->text) + size) + 1,
                          "unindent does not match any outer indentation level");
    }
    return narrow == ly->narrow[ly->n_indents] || bad_tab(ly);
}

/* Blanks at the start of a line.  False: error in a continued line.  *is_blank: nothing but a comment follows. */
static bool measure_indent(Layout *ly, uint32_t *column, uint32_t *narrow, bool *is_blank)
{
    Lexer *lx = &ly->lx;
    uint32_t c = 0, n = 0, first = 0;       /* a continued line counts as indented as its first part, in both measures */
    for (;; lx->p++) {
        if (*lx->p == ' ') {
            c++, n++;
        } else if (*lx->p == '\t') {
            c = (c / TAB_SIZE + 1) * TAB_SIZE;
            n++;
        } else if (*lx->p == '\f') {
            c = n = 0;
        } else if (*lx->p == '\\') {
            first = first ? first : c;
            lx->p++;
            if (!lex_continue_line(lx)) {
                if (lx->fault == LF_Eof) {      /* CPython has no column for it here */
                    lx->diag->column = 0;
                    lx->diag->has_caret = false;
                }
                return false;
            }
            lx->p--;
        } else {
            break;
        }
    }
    bool at_end = (uint32_t)(lx->p - lx->src->text) == lx->src->size;
    *is_blank = *lx->p == '#' || *lx->p == '\n' || at_end;
    if (ly->is_prompt && !at_end && *is_blank && ((c == 0 && *lx->p == '\n') || lx->line == 1)) {
        *is_blank = false;
        c = n = first = 0;
    }
    *column = first ? first : c;
    *narrow = first ? first : n;
    return true;
}

/* Brackets: keeps the level.  False: error. */
static bool bracket(Layout *ly, const Tok *t)
{
    static const char closer[] = { ['('] = ')', ['['] = ']', ['{'] = '}' };
    Lexer *lx = &ly->lx;
    char c = lx->src->text[t->start];
    if (t->kind == TK_LParen || t->kind == TK_LBracket || t->kind == TK_LBrace) {
        if (ly->level >= MAX_LEVEL) {
            lex_fail(lx, "too many nested parentheses");
            return false;
        }
        ly->open[ly->level].start = t->start;
        ly->open[ly->level++].line = t->line;
        return true;
    }
    if (ly->level == 0) {
        lex_fail(lx, "unmatched '%c'", c);
        return false;
    }
    ly->level--;
    char opener = lx->src->text[ly->open[ly->level].start];
    if (closer[(unsigned char)opener] == c)
        return true;
    if (ly->open[ly->level].line != t->line)
        lex_fail(lx, "closing parenthesis '%c' does not match opening parenthesis '%c' on line %u", c, opener,
                 (unsigned)ly->open[ly->level].line);
    else
        lex_fail(lx, "closing parenthesis '%c' does not match opening parenthesis '%c'", c, opener);
    return false;
}

/* Ends the list.  Where the text ends inside a bracket, that is the error. */
static Status push_error(Layout *ly)
{
    TokList *l = ly->out;
    uint32_t at = (uint32_t)(ly->lx.p - ly->lx.src->text);
    l->fault = ly->lx.fault;
    if (ly->level > 0) {
        l->open_level = ly->level;
        l->open_start = ly->open[ly->level - 1].start;
        l->open_line = ly->open[ly->level - 1].line;
        if (l->fault == LF_Eof) {
            l->error = (Diag){ .kind = DK_None };
            toks_never_closed(l, ly->lx.src, &l->error);
        }
    }
    return push(ly, TK_Error, at, at, ly->lx.line);
}

/* Newline, Dedents and EndMarker, or the error of an open bracket. */
static Status finish(Layout *ly, bool in_line, uint32_t end)
{
    const Src *src = ly->lx.src;
    if (ly->level > 0) {
        ly->lx.fault = LF_Eof;
        return push_error(ly);
    }
    uint32_t line = last_line(src);
    if (in_line)
        TRY(push(ly, TK_Newline, end, end, line));
    for (; ly->n_indents > 0; ly->n_indents--)
        TRY(push(ly, TK_Dedent, end, end, line));
    return push(ly, TK_EndMarker, end, end, line);
}

static Status lay_out(Layout *ly)
{
    Lexer *lx = &ly->lx;
    bool at_line_start = true, in_line = false;     /* in_line: the line has a token that its Newline must end */
    for (;;) {
        bool is_blank = false;
        if (at_line_start && ly->level == 0) {
            uint32_t column, narrow;
            int step = 0;
            if (!measure_indent(ly, &column, &narrow, &is_blank) || (!is_blank && !compare_indent(ly, column, narrow, &step)))
                return push_error(ly);
            uint32_t at = (uint32_t)(lx->p - lx->src->text);
            if (step > 0)
                TRY(push(ly, TK_Indent, at, at, lx->line));
            for (; step < 0; step++)
                TRY(push(ly, TK_Dedent, at, at, lx->line));
        }
        at_line_start = false;
        Tok t;
        switch (lex_token(lx, &t)) {
        case TK_Newline:
            at_line_start = true;
            if (!is_blank && ly->level == 0) {
                TRY(push(ly, TK_Newline, t.start, t.end, t.line));
                in_line = false;
            }
            continue;
        case TK_EndMarker:
            return finish(ly, in_line, t.start);
        case TK_Error:
            return push_error(ly);
        case TK_LParen: case TK_LBracket: case TK_LBrace:
        case TK_RParen: case TK_RBracket: case TK_RBrace:
            if (!bracket(ly, &t))
                return push_error(ly);
            break;
        default:
            break;
        }
        in_line = true;
        TRY(push(ly, (TokKind)t.kind, t.start, t.end, t.line));
    }
}

Status toks_init(TokList *l, const Src *src, ParseMode mode, Mem *mem)
{
    *l = (TokList){ .mem = mem };
    Layout ly = { .out = l, .is_prompt = mode == PM_Prompt };
    lex_init(&ly.lx, src, &l->error);
    if (lay_out(&ly) == ALP_OK)
        return ALP_OK;
    toks_free(l);
    return ALP_FAIL;
}

void toks_free(TokList *l)
{
    mem_free(l->mem, l->item, sizeof *l->item * l->capacity);
    *l = (TokList){ .mem = l->mem };
}

Status toks_never_closed(const TokList *l, const Src *src, Diag *diag)
{
    Span span = { l->open_start, l->open_start };
    return diag_set(diag, DK_Syntax, src, span, "'%c' was never closed", src->text[l->open_start]);
}
