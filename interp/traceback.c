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

/* Is the character shown two columns wide?  Unicode 14's East Asian Width W and F. */
static bool is_wide(uint32_t cp)
{
    static const struct { uint32_t first, last; } range[] = {
        { 0x1100, 0x115F }, { 0x231A, 0x231B }, { 0x2329, 0x232A }, { 0x23E9, 0x23EC }, { 0x23F0, 0x23F0 },
        { 0x23F3, 0x23F3 }, { 0x25FD, 0x25FE }, { 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x267F, 0x267F },
        { 0x2693, 0x2693 }, { 0x26A1, 0x26A1 }, { 0x26AA, 0x26AB }, { 0x26BD, 0x26BE }, { 0x26C4, 0x26C5 },
        { 0x26CE, 0x26CE }, { 0x26D4, 0x26D4 }, { 0x26EA, 0x26EA }, { 0x26F2, 0x26F3 }, { 0x26F5, 0x26F5 },
        { 0x26FA, 0x26FA }, { 0x26FD, 0x26FD }, { 0x2705, 0x2705 }, { 0x270A, 0x270B }, { 0x2728, 0x2728 },
        { 0x274C, 0x274C }, { 0x274E, 0x274E }, { 0x2753, 0x2755 }, { 0x2757, 0x2757 }, { 0x2795, 0x2797 },
        { 0x27B0, 0x27B0 }, { 0x27BF, 0x27BF }, { 0x2B1B, 0x2B1C }, { 0x2B50, 0x2B50 }, { 0x2B55, 0x2B55 },
        { 0x2E80, 0x303E }, { 0x3041, 0x3247 }, { 0x3250, 0x4DBF }, { 0x4E00, 0xA4C6 }, { 0xA960, 0xA97C },
        { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAD9 }, { 0xFE10, 0xFE19 }, { 0xFE30, 0xFE6B }, { 0xFF01, 0xFF60 },
        { 0xFFE0, 0xFFE6 }, { 0x16FE0, 0x1B2FB }, { 0x1F004, 0x1F004 }, { 0x1F0CF, 0x1F0CF }, { 0x1F18E, 0x1F18E },
        { 0x1F191, 0x1F19A }, { 0x1F200, 0x1F320 }, { 0x1F32D, 0x1F335 }, { 0x1F337, 0x1F37C }, { 0x1F37E, 0x1F393 },
        { 0x1F3A0, 0x1F3CA }, { 0x1F3CF, 0x1F3D3 }, { 0x1F3E0, 0x1F3F0 }, { 0x1F3F4, 0x1F3F4 }, { 0x1F3F8, 0x1F43E },
        { 0x1F440, 0x1F440 }, { 0x1F442, 0x1F4FC }, { 0x1F4FF, 0x1F53D }, { 0x1F54B, 0x1F54E }, { 0x1F550, 0x1F567 },
        { 0x1F57A, 0x1F57A }, { 0x1F595, 0x1F596 }, { 0x1F5A4, 0x1F5A4 }, { 0x1F5FB, 0x1F64F }, { 0x1F680, 0x1F6C5 },
        { 0x1F6CC, 0x1F6CC }, { 0x1F6D0, 0x1F6D2 }, { 0x1F6D5, 0x1F6DF }, { 0x1F6EB, 0x1F6EC }, { 0x1F6F4, 0x1F6FC },
        { 0x1F7E0, 0x1F7F0 }, { 0x1F90C, 0x1F93A }, { 0x1F93C, 0x1F945 }, { 0x1F947, 0x1F9FF }, { 0x1FA70, 0x1FAF6 },
        { 0x20000, 0x3134A },
    };
    size_t lo = 0, hi = COUNT_OF(range);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > range[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < COUNT_OF(range) && cp >= range[lo].first;
}

/* Columns that the text from line_start to offset takes on a screen. */
static uint32_t width_to(const Src *src, uint32_t line_start, uint32_t offset)
{
    uint32_t width = 0;
    for (size_t at = line_start; at < offset;)
        width += 1 + is_wide(utf8_next(src->text, src->size, &at));
    return width;
}

/* Is the text at hand?  CPython looks for a file of that name. */
static bool has_source(const Chunk *c)
{
    return c->src.name[0] != '<';
}

static void put_carets(StrBuf *sb, const TraceEntry *e, uint32_t line, uint32_t size, uint32_t indent)
{
    const Src *src = &e->chunk->src;
    Span span = place_of(e), anchor;
    uint32_t line_start = src->line_start[line - 1], last = line_start + size;
    bool one_line = src_line(src, span.end) == line, has_anchor = one_line && find_anchors(e, span, &anchor);
    if (one_line)
        last = span.end;
    else
        while (last > line_start && strchr(" \t\f\r\n", src->text[last - 1]))
            last--;
    if (span.start == line_start + indent && last == line_start + size && !has_anchor)
        return;                 /* carets under the whole line say nothing */
    sb_putz(sb, "    ");
    uint32_t start = width_to(src, line_start, span.start), end = width_to(src, line_start, last);
    uint32_t anchor_start = has_anchor ? width_to(src, line_start, anchor.start) : start;
    uint32_t anchor_end = has_anchor ? width_to(src, line_start, anchor.end) : end;
    for (uint32_t i = indent; i < end; i++)
        sb_putc(sb, i < start ? ' ' : i >= anchor_start && i < anchor_end ? '^' : '~');
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
    put_carets(sb, e, line, size, indent);
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
