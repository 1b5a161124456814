/* jit/gpu/prelude.c — helper functions as C text: what C lacks of Python's and NumPy's arithmetic, and what kernels share.
 *
 * A helper is noted when an expression uses it, together with those that its own text uses; at the end the noted ones are put in front of the
 * kernels in the order of the list, once for each representation that they are used with.  Elementary functions: prelude_elem.c. */
#include <string.h>

#include "jit/gpu/emit.h"

static const struct { const char *name, *text; } helpers[HP_COUNT] = {
#define HELPER(id, name, text) [HP_##id] = { name, text },
#include "jit/gpu/prelude_list.h"
#undef HELPER
};

static const char types[] =
    "typedef signed char i8;\ntypedef unsigned char u8;\ntypedef short i16;\ntypedef unsigned short u16;\ntypedef int i32;\ntypedef unsigned int u32;\n"
    "typedef long long i64;\ntypedef unsigned long long u64;\nstruct c64 { float re, im; };\nstruct c128 { double re, im; };\n\n"
    "struct Status { int failed, ended; i64 pad; };\nunion Slot { i64 i; double d; float f; c64 c; c128 z; };\n"
    "/* Whether a unit of iterations assigned a variable, and its last value there. */\nstruct Noted { i64 when; Slot value; };\n\n";

static bool has_type(const char *text)
{
    return strstr(text, "$S") != NULL;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static DType part_of(DType rep)
{
    return rep == DT_C64 ? DT_F32 : rep == DT_C128 ? DT_F64 : rep;
}

/* The helper whose use is written at p, behind the @; *rep: of its type. */
static Helper used_at(const char *p, DType own, DType *rep)
{
    static const struct { const char *suffix; DType rep; } fixed[] = { { "_f64", DT_F64 }, { "_c128", DT_C128 }, { "_i64", DT_I64 } };
    Helper best = HP_COUNT;
    size_t length = 0;
    for (int h = 0; h < HP_COUNT; h++) {
        size_t n = strlen(helpers[h].name);
        if (strncmp(p, helpers[h].name, n) == 0 && n > length && (p[n] == '_' || !is_word(p[n]))) {
            best = (Helper)h;
            length = n;
        }
    }
    ALP_ASSERT(best != HP_COUNT);
    *rep = DT_COUNT;
    if (!has_type(helpers[best].text))
        return best;
    *rep = strncmp(p + length, "_$Q", 3) == 0 ? part_of(own) : own;
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        if (strncmp(p + length, fixed[i].suffix, strlen(fixed[i].suffix)) == 0)
            *rep = fixed[i].rep;
    return best;
}

static const char *meaning(char letter, DType rep);

/* p: behind the @, a function's name, perhaps with $F. */
static const char *elem_at(Gen *g, const char *p, DType rep)
{
    int n = 0;
    while (is_word(p[n]))
        n++;
    return gen_text(g, "%.*s%s", n, p, p[n] == '$' ? meaning(p[n + 1], rep) : "");
}

static bool is_elem(const char *p)
{
    return strncmp(p, "elem_", 5) == 0;
}

static void use(Gen *g, Helper h, DType rep)
{
    if (!has_type(helpers[h].text))
        rep = DT_COUNT;
    if (g->helper[h][rep])
        return;
    g->helper[h][rep] = true;
    for (const char *p = helpers[h].text; (p = strchr(p, '@')); p++) {
        if (is_elem(p + 1)) {
            gen_elem(g, elem_at(g, p + 1, rep));
            continue;
        }
        DType other;
        Helper inner = used_at(p + 1, rep, &other);
        use(g, inner, other);
    }
}

const char *gen_helper(Gen *g, Helper h, DType rep)
{
    use(g, h, rep);
    if (!has_type(helpers[h].text))
        return h == HP_Bits ? gen_text(g, "%s_f64", helpers[h].name) : helpers[h].name;
    return gen_text(g, "%s_%s", helpers[h].name, c_suffix(rep));
}

/* What $ and the letter stand for. */
static const char *meaning(char letter, DType rep)
{
    static const char *const unsigned_type[] = { [DT_I8] = "u8", [DT_I16] = "u16", [DT_I32] = "u32", [DT_I64] = "u64", [DT_U8] = "u8",
                                                 [DT_U16] = "u16", [DT_U32] = "u32", [DT_U64] = "u64" };
    static const char *const bits[] = { [1] = "8", [2] = "16", [4] = "32", [8] = "64" };
    bool is_int = rep > DT_Bool && rep <= DT_U64;
    switch (letter) {
    case 'D': return "__device__ __forceinline__";
    case 'N': return "__device__ __noinline__";
    case 'T': return c_type(rep);
    case 'S': return c_suffix(rep);
    case 'U': return is_int ? unsigned_type[rep] : "";
    case 'W': return rep == DT_I64 || rep == DT_U64 ? "u64" : "u32";
    case 'B': return is_int ? bits[dtype_info[rep].size] : "";
    case 'F': return part_of(rep) == DT_F32 ? "f" : "";
    case 'R': return c_type(part_of(rep));
    case 'Q': return c_suffix(part_of(rep));
    default:  return "";
    }
}

static void put_helper(Gen *g, GenText *out, const char *text, DType rep)
{
    for (const char *p = text; *p; p++) {
        if (*p == '$' && p[1]) {
            const char *s = meaning(*++p, rep);
            text_put(g, out, s, strlen(s));
        } else if (*p == '@') {
            if (is_elem(p + 1) && gen_elem_is_cuda(g, p + 1))
                p += 5;
        } else {
            text_put(g, out, p, 1);
        }
    }
}

void gen_prelude(Gen *g, GenText *out)
{
    text_put(g, out, types, sizeof types - 1);
    gen_elem_prelude(g, out);
    for (int h = 0; h < HP_COUNT; h++)
        for (int rep = 0; rep <= DT_COUNT; rep++)
            if (g->helper[h][rep])
                put_helper(g, out, helpers[h].text, (DType)rep);
    text_put(g, out, "\n", 1);
}
