/* interp/traceback.c — reports of uncaught exceptions, byte for byte as CPython 3.11 writes them (Python/traceback.c). */
#include <string.h>

#include "interp/func.h"
#include "interp/str.h"

enum { REPEATS_SHOWN = 3 };

/* Where CPython's instruction for a node is: bytes in the text. */
static Span place_of(const TraceEntry *e)
{
    Span span = e->span;
    if (e->node->kind == ND_Call) {
        /* A method call that goes over lines starts at the method's name. */
        const Node *callee = AST_AS(Call, (Node *)(uintptr_t)e->node)->callee;
        const Src *src = &e->chunk->src;
        if (callee->kind == ND_Attr && src_line(src, callee->span.end) != src_line(src, span.start))
            span.start = AST_AS(Attr, (Node *)(uintptr_t)callee)->name_span.start;
    }
    return span;
}

/* The part of a one-line expression that is underlined by ^ while ~ goes under the rest, in bytes of the text; else false.
 * Spans exclude an operand's parentheses, hence the skipping. */
static bool find_anchors(const TraceEntry *e, Span span, Span *anchor)
{
    const char *text = e->chunk->src.text;
    if (e->node->kind == ND_Binary) {
        const AstBinary *b = (const AstBinary *)e->node;
        uint32_t i = b->left->span.end, end = b->right->span.start;
        while (i + 1 < end && strchr(" \t\f)", text[i]))
            i++;
        *anchor = (Span){ i, i + 1 + (i + 1 < end && !strchr(" \t\f", text[i + 1])) };
        return true;
    }
    if (e->node->kind == ND_Index) {
        uint32_t i = ((const AstIndex *)e->node)->value->span.end;
        while (i + 1 < span.end && text[i] != '[')
            i++;
        *anchor = (Span){ i, span.end };
        return true;
    }
    return false;
}

/* Is the text at hand?  CPython looks for a file of that name. */
static bool has_source(const Chunk *c)
{
    return c->src.name[0] != '<';
}

static void put_carets(StrBuf *sb, const TraceEntry *e, uint32_t line, const char *text, uint32_t size, uint32_t indent)
{
    const Src *src = &e->chunk->src;
    Span span = place_of(e), anchor;
    uint32_t line_start = src->line_start[line - 1];
    bool one_line = src_line(src, span.end) == line, has_anchor = one_line && find_anchors(e, span, &anchor);
    uint32_t start = src_column(src, span.start), end, length = src_column(src, line_start + size);
    if (one_line) {
        end = src_column(src, span.end);
    } else {
        uint32_t last = size;
        while (last > 0 && strchr(" \t\f\r\n", text[last - 1]))
            last--;
        end = src_column(src, line_start + last);
    }
    if (end - start == length - indent && !has_anchor)
        return;
    sb_putz(sb, "    ");
    uint32_t anchor_start = has_anchor ? src_column(src, anchor.start) : 0, anchor_end = has_anchor ? src_column(src, anchor.end) : 0;
    for (uint32_t i = indent; i < end; i++)
        sb_putc(sb, i < start ? ' ' : !has_anchor || (i >= anchor_start && i < anchor_end) ? '^' : '~');
    sb_putc(sb, '\n');
}

static void put_entry(StrBuf *sb, const TraceEntry *e)
{
    const Src *src = &e->chunk->src;
    uint32_t line = src_line(src, place_of(e).start), size;
    sb_printf(sb, "  File \"%s\", line %u, in ", src->name, line);
    if (e->func == SYM_NONE)
        sb_putz(sb, "<module>\n");
    else
        sb_printf(sb, "%s\n", intern_text(sb->vm->names, e->func));
    if (!has_source(e->chunk))
        return;
    const char *text = src_line_text(src, line, &size);
    uint32_t indent = 0;
    while (indent < size && strchr(" \t\f", text[indent]))
        indent++;
    sb_putz(sb, "    ");
    sb_put(sb, text + indent, size - indent);
    sb_putc(sb, '\n');
    put_carets(sb, e, line, text, size, indent);
}

static bool same_line(const TraceEntry *a, const TraceEntry *b)
{
    return a->chunk == b->chunk && a->func == b->func &&
           src_line(&a->chunk->src, place_of(a).start) == src_line(&b->chunk->src, place_of(b).start);
}

static void put_repeats(StrBuf *sb, uint32_t count)
{
    if (count > REPEATS_SHOWN)
        sb_printf(sb, "  [Previous line repeated %u more time%s]\n", count - REPEATS_SHOWN, count - REPEATS_SHOWN > 1 ? "s" : "");
}

Value vm_format_traceback(VM *vm)
{
    StrBuf sb;
    sb_init(&sb, vm);
    if (vm->n_trace)
        sb_putz(&sb, "Traceback (most recent call last):\n");
    uint32_t count = 0;
    for (uint32_t i = vm->n_trace; i-- > 0;) {
        const TraceEntry *e = &vm->trace[i];
        if (i + 1 < vm->n_trace && same_line(e, e + 1)) {
            count++;
        } else {
            put_repeats(&sb, count);
            count = 1;
        }
        if (count <= REPEATS_SHOWN)
            put_entry(&sb, e);
    }
    put_repeats(&sb, count);
    if (vm->exc_where.tag == T_Str)
        sb_put(&sb, STR(vm->exc_where)->text, STR(vm->exc_where)->size);
    sb_putz(&sb, type_qualname(vm->exc_type));
    Value text = vm_exc_text(vm);
    if (!IS_ERR(text) && STR(text)->size) {
        sb_putz(&sb, ": ");
        sb_put(&sb, STR(text)->text, STR(text)->size);
    }
    value_free(vm, text);
    if (vm->exc_hint != SYM_NONE)
        sb_printf(&sb, ". Did you mean: '%s'?", intern_text(vm->names, vm->exc_hint));
    sb_putc(&sb, '\n');
    return sb_finish(&sb);
}
