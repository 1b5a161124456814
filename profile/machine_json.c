/* profile/machine_json.c — a Machine as JSON, and back.
 *
 * One table per struct says what its members are called, of which kind they are and where they lie; writer and reader walk the same tables.
 * The reader takes JSON and nothing else (RFC 8259), skips members that it does not know, and refuses values that no machine has.
 * Decimal points are points whatever the locale of the process. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/machine.h"

/* ---- tables -------------------------------------------------------------------------------------------------------------------- */

typedef enum FieldKind {
    F_End, F_String, F_U32, F_U64, F_Number,
    F_Numbers,                  /* [n] doubles */
    F_Counts,                   /* [n] uint32_t; how many there are at count_at */
    F_Named,                    /* [n] doubles as members of an object called names[0 … n-1] */
    F_Object,
    F_Objects,                  /* [n] structs of `size` bytes; how many there are at count_at, or all */
} FieldKind;

typedef struct Field {
    const char *name;
    FieldKind   kind;
    size_t      at, n, count_at, size;
    const char *const *names;
    const struct Field *fields;
} Field;

enum { ALWAYS_ALL = -1 };

static const char *const class_names[OPC_COUNT] = {             /* ORDER OpClass */
    "int", "int_div", "f32", "f32_div", "f32_fun", "f64", "f64_div", "f64_fun",
};
static const char *const kind_names[INK_COUNT] = {              /* ORDER InterpKind */
    "iteration", "int_add", "float_add", "compare", "load_1d", "load_2d", "store_1d", "attribute", "call",
};

#define STRING(type, name, member)  { name, F_String, offsetof(type, member), sizeof ((type *)0)->member }
#define U32(type, name, member)     { name, F_U32, offsetof(type, member), 1 }
#define U64(type, name, member)     { name, F_U64, offsetof(type, member), 1 }
#define NUMBER(type, member)        { #member, F_Number, offsetof(type, member), 1 }
#define NUMBERS(type, member)       { #member, F_Numbers, offsetof(type, member), COUNT_OF(((type *)0)->member) }
#define BY_CLASS(type, member)      { #member, F_Named, offsetof(type, member), OPC_COUNT, .names = class_names }

static const Field level_fields[] = {
    U64(MemoryLevel, "bytes", bytes), U32(MemoryLevel, "shared_by", shared_by), NUMBER(MemoryLevel, latency_ns), NUMBERS(MemoryLevel, bytes_per_ns),
    { NULL },
};

#define H HostMachine
static const Field host_fields[] = {
    STRING(H, "cpu", cpu), STRING(H, "simd", simd), U32(H, "cores", n_cores), U32(H, "hardware_cores", n_hardware), NUMBER(H, clock_ghz),
    { "threads", F_Counts, offsetof(H, threads), MACHINE_STEPS, offsetof(H, n_steps) },
    { "levels", F_Objects, offsetof(H, level), MACHINE_LEVELS, (size_t)ALWAYS_ALL, sizeof(MemoryLevel), .fields = level_fields },
    NUMBERS(H, fork_ns), NUMBER(H, interp_ns_per_op), NUMBER(H, executor_ns_per_op),
    { "interp_ns", F_Named, offsetof(H, interp_kind_ns), INK_COUNT, .names = kind_names },
    NUMBER(H, consider_ns), BY_CLASS(H, scalar_ns), BY_CLASS(H, vector_ns), BY_CLASS(H, chain_ns),
    NUMBER(H, enter_ns), NUMBER(H, compile_first_ns), NUMBER(H, compile_ns), NUMBER(H, compile_ns_per_node), NUMBER(H, load_ns),
    { NULL },
};
#undef H

#define G GpuMachine
static const Field gpu_fields[] = {
    STRING(G, "name", name), STRING(G, "uuid", uuid), U32(G, "major", major), U32(G, "minor", minor),
    U32(G, "multiprocessors", n_sm), U32(G, "threads_per_multiprocessor", threads_per_sm), NUMBER(G, clock_ghz), NUMBER(G, memory_clock_ghz),
    U32(G, "bus_bits", bus_bits), U64(G, "memory_bytes", memory_bytes), U64(G, "l2_bytes", l2_bytes), U64(G, "shared_bytes", shared_bytes),
    NUMBER(G, launch_ns), NUMBER(G, round_trip_ns), NUMBER(G, up_ns), NUMBER(G, down_ns), NUMBER(G, up_bytes_per_ns), NUMBER(G, down_bytes_per_ns),
    NUMBERS(G, up_size_ns), NUMBERS(G, down_size_ns), NUMBER(G, bytes_per_ns), NUMBER(G, l2_bytes_per_ns), NUMBER(G, strided_bytes_per_ns),
    NUMBER(G, latency_ns), BY_CLASS(G, ops_per_ns), BY_CLASS(G, chain_ns), NUMBER(G, busy_threads), NUMBER(G, atomic_ns),
    NUMBER(G, compile_first_ns), NUMBER(G, compile_ns), NUMBER(G, compile_ns_per_node), NUMBER(G, load_ns),
    { NULL },
};
#undef G

/* What stands in the file, with what a Machine does not hold. */
typedef struct Root {
    uint32_t version;
    char     kind[24];          /* PROFILE_KIND */
    Machine  m;
} Root;

#define PROFILE_KIND "alpy machine profile"

static const Field root_fields[] = {
    STRING(Root, "kind", kind), U32(Root, "version", version), STRING(Root, "date", m.date),
    { "host", F_Object, offsetof(Root, m.host), 1, .fields = host_fields },
    { "gpus", F_Objects, offsetof(Root, m.gpu), MACHINE_GPUS, offsetof(Root, m.n_gpus), sizeof(GpuMachine), .fields = gpu_fields },
    { NULL },
};

static uint32_t count_of(const char *base, const Field *f)
{
    uint32_t n = (uint32_t)f->n;
    if (f->count_at != (size_t)ALWAYS_ALL)
        memcpy(&n, base + f->count_at, sizeof n);
    return n;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

typedef struct Writer {
    void (*emit)(void *user, const char *s, size_t n);
    void  *user;
    int    depth;
} Writer;

static void put(Writer *w, const char *s)
{
    w->emit(w->user, s, strlen(s));
}

static void put_string(Writer *w, const char *s)
{
    put(w, "\"");
    for (; *s; s++) {
        char c[3] = { *s, 0 };
        if (*s == '"' || *s == '\\') {
            c[0] = '\\';
            c[1] = *s;
        } else if (*s < ' ' || *s > '~') {
            c[0] = '?';
        }
        put(w, c);
    }
    put(w, "\"");
}

static void put_number(Writer *w, double x)
{
    char text[40];
    snprintf(text, sizeof text, x >= 1e4 ? "%.0f" : "%.5g", x);
    for (char *at = text; *at; at++)
        if (!strchr("0123456789e+-", *at))
            *at = '.';
    put(w, text);
}

static void put_u64(Writer *w, uint64_t x)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)x);
    put(w, text);
}

static void new_line(Writer *w)
{
    put(w, "\n");
    for (int i = 0; i < w->depth; i++)
        put(w, "  ");
}

static void put_object(Writer *w, const char *base, const Field *fields);

/* Is there anything to say? */
static bool is_known(const char *base, const Field *f)
{
    const char *p = base + f->at;
    static const double zero[OPC_COUNT + INK_COUNT + MACHINE_STEPS];
    switch (f->kind) {
    case F_String:  return *p != 0;
    case F_U32:     return memcmp(p, zero, sizeof(uint32_t)) != 0;
    case F_U64:     return memcmp(p, zero, sizeof(uint64_t)) != 0;
    case F_Number: case F_Numbers: case F_Named:
        return memcmp(p, zero, f->n * sizeof(double)) != 0;
    case F_Object:  return true;
    default:        return count_of(base, f) > 0;
    }
}

static void put_value(Writer *w, const char *base, const Field *f)
{
    const char *p = base + f->at;
    const double *x = (const double *)(const void *)p;
    const uint32_t *u = (const uint32_t *)(const void *)p;
    const char *comma = "";
    switch (f->kind) {
    case F_End: break;
    case F_String: put_string(w, p); break;
    case F_U32:    put_u64(w, *u); break;
    case F_U64:    put_u64(w, *(const uint64_t *)(const void *)p); break;
    case F_Number: put_number(w, *x); break;
    case F_Numbers: {
        size_t n = f->n;
        while (n && x[n - 1] == 0)
            n--;
        put(w, "[");
        for (size_t i = 0; i < n; i++) {
            put(w, i ? ", " : "");
            put_number(w, x[i]);
        }
        put(w, "]");
        break;
    }
    case F_Counts:
        put(w, "[");
        for (uint32_t i = 0, n = count_of(base, f); i < n; i++) {
            put(w, i ? ", " : "");
            put_u64(w, u[i]);
        }
        put(w, "]");
        break;
    case F_Named:
        put(w, "{");
        for (size_t i = 0; i < f->n; i++) {
            if (x[i] == 0)
                continue;
            put(w, comma);
            put_string(w, f->names[i]);
            put(w, ": ");
            put_number(w, x[i]);
            comma = ", ";
        }
        put(w, "}");
        break;
    case F_Object: put_object(w, p, f->fields); break;
    case F_Objects:
        put(w, "[");
        w->depth++;
        for (uint32_t i = 0, n = count_of(base, f); i < n; i++) {
            put(w, i ? "," : "");
            new_line(w);
            put_object(w, p + i * f->size, f->fields);
        }
        w->depth--;
        new_line(w);
        put(w, "]");
        break;
    }
}

static void put_object(Writer *w, const char *base, const Field *fields)
{
    const char *comma = "";
    put(w, "{");
    w->depth++;
    for (const Field *f = fields; f->name; f++) {
        if (!is_known(base, f))
            continue;
        put(w, comma);
        new_line(w);
        put_string(w, f->name);
        put(w, ": ");
        put_value(w, base, f);
        comma = ",";
    }
    w->depth--;
    new_line(w);
    put(w, "}");
}

void machine_write(const Machine *m, void (*emit)(void *user, const char *s, size_t n), void *user)
{
    Writer w = { emit, user, 0 };
    Root root = { .version = MACHINE_VERSION, .kind = PROFILE_KIND, .m = *m };
    put_object(&w, (const char *)&root, root_fields);
    put(&w, "\n");
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------- */

enum { MAX_DEPTH = 16, MAX_DIGITS = 18 };

typedef struct Reader {
    const char *text, *at, *end;
    const char *error;          /* NULL: none so far */
    int  depth;
} Reader;

static bool fail(Reader *r, const char *error)
{
    if (!r->error)
        r->error = error;
    return false;
}

static char peek(Reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
    return r->at < r->end ? *r->at : 0;
}

static bool expect(Reader *r, char c)
{
    if (peek(r) != c)
        return fail(r, "not JSON");
    r->at++;
    return true;
}

/* What does not fit is cut off; what is not printable ASCII becomes '?'. */
static bool read_string(Reader *r, char *out, size_t size)
{
    size_t n = 0;
    if (!expect(r, '"'))
        return false;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if ((unsigned char)c < ' ')
            return fail(r, "a control character in a string");
        if (c == '\\') {
            c = r->at < r->end ? *r->at++ : 0;
            if (c == 'u') {
                for (int i = 0; i < 4; i++, r->at++)
                    if (r->at >= r->end || !strchr("0123456789abcdefABCDEF", *r->at) || !*r->at)
                        return fail(r, "a bad escape in a string");
                c = '?';
            } else if (!c || !strchr("\"\\/bfnrt", c)) {
                return fail(r, "a bad escape in a string");
            } else if (c >= 'a') {
                c = ' ';
            }
        }
        if (n + 1 < size)
            out[n++] = c < ' ' || c > '~' ? '?' : c;
    }
    if (size)
        out[n] = 0;
    return expect(r, '"');
}

static bool is_digit(const Reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

/* Digits after `sum`; at most MAX_DIGITS of them count, *more: how many did not. */
static uint64_t read_digits(Reader *r, uint64_t sum, int *n, int *more)
{
    for (; is_digit(r); r->at++) {
        if (*n < MAX_DIGITS) {
            sum = sum * 10 + (uint64_t)(*r->at - '0');
            *n += sum > 0;
        } else {
            ++*more;
        }
    }
    return sum;
}

/* is_whole: without fraction and exponent, and less than 10^18. */
static bool read_number(Reader *r, double *x, uint64_t *whole, bool *is_whole)
{
    peek(r);
    bool negative = r->at < r->end && *r->at == '-';
    r->at += negative;
    if (!is_digit(r) || (*r->at == '0' && r->at + 1 < r->end && r->at[1] >= '0' && r->at[1] <= '9'))
        return fail(r, "not JSON");
    int n = 0, more = 0, exponent = 0;
    *whole = read_digits(r, 0, &n, &more);
    *is_whole = more == 0 && !negative;
    uint64_t digits = *whole;
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        const char *first = r->at;
        int dropped = 0;
        digits = read_digits(r, digits, &n, &dropped);
        if (r->at == first)
            return fail(r, "not JSON");
        exponent -= (int)(r->at - first) - dropped;
        *is_whole = false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        bool down = r->at < r->end && *r->at == '-';
        r->at += down || (r->at < r->end && *r->at == '+');
        int k = 0, beyond = 0;
        if (!is_digit(r))
            return fail(r, "not JSON");
        uint64_t e = read_digits(r, 0, &k, &beyond);
        int size = e > 400 || beyond ? 400 : (int)e;
        exponent += down ? -size : size;
        *is_whole = false;
    }
    *x = (double)digits * pow(10, exponent + more);
    if (negative)
        *x = -*x;
    return true;
}

static bool read_u64(Reader *r, uint64_t max, uint64_t *out)
{
    double x;
    bool is_whole;
    if (!read_number(r, &x, out, &is_whole))
        return false;
    return (is_whole && *out <= max) || fail(r, "a count out of range");
}

static bool read_double(Reader *r, double *out)
{
    const double most = 1e18;
    uint64_t whole;
    bool is_whole;
    if (!read_number(r, out, &whole, &is_whole))
        return false;
    return (*out >= 0 && *out <= most) || fail(r, "a number out of range");
}

/* Calls item for each element between the brackets, or each member between the braces, with its name. */
typedef bool (*ReadItem)(Reader *r, void *user, const char *name, size_t index);

static bool read_items(Reader *r, bool is_object, ReadItem item, void *user)
{
    char name[64] = "";
    const char close = is_object ? '}' : ']';
    if (!expect(r, is_object ? '{' : '['))
        return false;
    if (++r->depth > MAX_DEPTH)
        return fail(r, "nested too deep");
    for (size_t i = 0; i || peek(r) != close; i++) {
        if (is_object && (!read_string(r, name, sizeof name) || !expect(r, ':')))
            return false;
        if (!item(r, user, name, i))
            return false;
        if (peek(r) != ',')
            break;
        r->at++;
    }
    r->depth--;
    return expect(r, close);
}

static bool skip_value(Reader *r, void *unused, const char *name, size_t index)
{
    static const char *const words[] = { "true", "false", "null" };
    double x;
    uint64_t whole;
    bool is_whole;
    char c = peek(r);
    if (c == '{' || c == '[')
        return read_items(r, c == '{', skip_value, NULL);
    if (c == '"')
        return read_string(r, NULL, 0);
    for (size_t k = 0; k < COUNT_OF(words); k++) {
        size_t n = strlen(words[k]);
        if ((size_t)(r->end - r->at) >= n && memcmp(r->at, words[k], n) == 0) {
            r->at += n;
            return true;
        }
    }
    return read_number(r, &x, &whole, &is_whole);
}

typedef struct Place {
    char *base;
    const Field *field;         /* the one whose items are read, or all of an object's */
} Place;

static bool read_object(Reader *r, char *base, const Field *fields);

static bool read_element(Reader *r, void *user, const char *name, size_t i)
{
    const Place *p = user;
    const Field *f = p->field;
    char *at = p->base + f->at;
    uint64_t u;
    uint32_t n = (uint32_t)i + 1;
    if (f->kind == F_Named) {
        for (size_t k = 0; k < f->n; k++)
            if (strcmp(name, f->names[k]) == 0)
                return read_double(r, (double *)(void *)at + k);
        return skip_value(r, NULL, name, i);
    }
    if (i >= f->n)
        return fail(r, "more elements than there can be");
    if (f->kind == F_Numbers)
        return read_double(r, (double *)(void *)at + i);
    if (f->count_at != (size_t)ALWAYS_ALL)
        memcpy(p->base + f->count_at, &n, sizeof n);
    if (f->kind == F_Objects)
        return read_object(r, at + i * f->size, f->fields);
    if (!read_u64(r, 1 << 16, &u))
        return false;
    ((uint32_t *)(void *)at)[i] = (uint32_t)u;
    return true;
}

static bool read_member(Reader *r, void *user, const char *name, size_t index)
{
    Place p = *(Place *)user;
    const Field *f = p.field;
    while (f->name && strcmp(f->name, name) != 0)
        f++;
    p.field = f;
    char *at = p.base + f->at;
    uint64_t u;
    switch (f->kind) {
    case F_End:     return skip_value(r, NULL, name, index);
    case F_String:  return read_string(r, at, f->n);
    case F_Number:  return read_double(r, (double *)(void *)at);
    case F_Object:  return read_object(r, at, f->fields);
    case F_U64:     return read_u64(r, UINT64_MAX, (uint64_t *)(void *)at);
    case F_U32:
        if (!read_u64(r, UINT32_MAX, &u))
            return false;
        *(uint32_t *)(void *)at = (uint32_t)u;
        return true;
    default:        return read_items(r, f->kind == F_Named, read_element, &p);
    }
}

static bool read_object(Reader *r, char *base, const Field *fields)
{
    return read_items(r, true, read_member, &(Place){ base, fields });
}

/* Numbers that contradict each other; NULL: none do. */
static const char *contradiction(const Root *root)
{
    const HostMachine *h = &root->m.host;
    if (strcmp(root->kind, PROFILE_KIND) != 0)
        return "not a machine profile";
    if (root->version != MACHINE_VERSION)
        return "a profile of another version of alpy";
    if (!h->n_cores || h->n_cores > 1 << 16)
        return "no number of cores";
    if (h->n_steps && (h->threads[0] != 1 || h->threads[h->n_steps - 1] > h->n_cores))
        return "numbers of threads out of range";
    for (uint32_t s = 1; s < h->n_steps; s++)
        if (h->threads[s] <= h->threads[s - 1])
            return "numbers of threads out of order";
    return NULL;
}

/* Measured values belong to numbers of threads; those without are of no use. */
static void drop_beyond(double *x, uint32_t n)
{
    for (uint32_t s = n; s < MACHINE_STEPS; s++)
        x[s] = 0;
}

bool machine_read(Machine *m, const char *text, size_t n, char *why, size_t why_size)
{
    Root root = { 0 };
    Reader r = { .text = text, .at = text, .end = text + n };
    bool ok = read_object(&r, (char *)&root, root_fields) && (peek(&r) == 0 && r.at == r.end);
    if (!ok) {
        unsigned line = 1;
        for (const char *at = text; at < r.at; at++)
            line += *at == '\n';
        snprintf(why, why_size, "line %u: %s", line, r.error ? r.error : "text behind the end");
        return false;
    }
    const char *wrong = contradiction(&root);
    if (wrong) {
        snprintf(why, why_size, "%s", wrong);
        return false;
    }
    *m = root.m;
    m->is_measured = m->date[0] != 0;
    drop_beyond(m->host.fork_ns, m->host.n_steps);
    for (int k = 0; k < MACHINE_LEVELS; k++)
        drop_beyond(m->host.level[k].bytes_per_ns, m->host.n_steps);
    return true;
}
