/* jit/plan/engine_loop.c — loops of the text: the names in them, what may make the order of their work matter, the nests built for them by
 * signature, and the signatures that were refused. */
#include <string.h>

#include "interp/fileio.h"
#include "jit/nest/fun.h"
#include "jit/plan/engine_int.h"

/* ---- what a loop's text says ------------------------------------------------------------------------------------------- */

static void **state_slot(Node *loop)
{
    return loop->kind == ND_For ? &AST_AS(For, loop)->nest : &AST_AS(While, loop)->nest;
}

LoopState *engine_state_get(const Node *loop)
{
    return *state_slot((Node *)loop);
}

void engine_set_asking(Node *loop, bool ask)
{
    if (loop->kind == ND_For)
        AST_AS(For, loop)->ask_engine = ask;
    else
        AST_AS(While, loop)->ask_engine = ask;
}

bool engine_is_loop(const Node *n)
{
    return n->kind == ND_For || n->kind == ND_While;
}

/* One walk over a loop's text: its names, and what may make the order of its work matter. */
typedef struct Scan {
    VM      *vm;
    Frame   *frame;
    NHome   *names;             /* NULL while counting */
    uint32_t n_names, cap;
    bool     may_order;
} Scan;

static Value *name_home(const AstName *name, Frame *frame, NHome *home)
{
    *home = (NHome){ .slot = name->slot };
    switch (name->scope) {
    case SC_Local:      home->kind = HOME_Slot; break;
    case SC_Cell:       home->kind = HOME_Cell; break;
    case SC_Free:       home->kind = HOME_Free; break;
    case SC_Global:     home->kind = HOME_Global; home->module = frame->module; break;
    case SC_Unresolved: return NULL;
    }
    return nest_home(home, frame);
}

static bool same_home(const NHome *a, const NHome *b)
{
    return a->kind == b->kind && a->slot == b->slot && a->module == b->module;
}

static void scan_name(Scan *s, const AstName *name)
{
    NHome home;
    name_home(name, s->frame, &home);
    if (!s->names) {
        s->n_names++;
        return;
    }
    for (uint32_t i = 0; i < s->n_names; i++)
        if (same_home(&s->names[i], &home))
            return;
    if (s->n_names < s->cap)
        s->names[s->n_names++] = home;
}

/* A call of something that is no function of the program: its loops are its own business. */
static bool is_own_business(Scan *s, const Node *callee)
{
    NHome home;
    if (callee->kind == ND_Attr)
        callee = AST_AS(Attr, callee)->value;
    if (callee->kind != ND_Name)
        return false;
    const Value *v = name_home((const AstName *)callee, s->frame, &home);
    Value value = v && v->tag != T_Unbound ? *v : builtin_get(s->vm, ((const AstName *)callee)->name);
    return value.tag == T_Type || value.tag == T_Native || value.tag == T_Array ||
           (value.tag == T_Module && ((const Module *)(const void *)value.u.o)->is_builtin);
}

static void scan_node(Node *n, void *user)
{
    Scan *s = user;
    switch (n->kind) {
    case ND_Name:
        scan_name(s, (AstName *)n);
        break;
    case ND_Call:
        s->may_order |= !is_own_business(s, AST_AS(Call, n)->callee);
        break;
    case ND_For:
        s->may_order |= AST_AS(For, n)->text.may_order;
        break;
    case ND_FuncDef:
        return;                 /* its names are of another scope */
    default:
        break;
    }
    ast_each_child(n, scan_node, s);
}

/* The loop around `loop` in the same text that is no nest itself. */
static void link_parents(Engine *e, LoopState *ls)
{
    for (LoopState *o = e->states; o; o = o->next)
        if (o != ls && o->chunk == ls->chunk && o->loop->span.start < ls->loop->span.start && o->loop->span.end >= ls->loop->span.end &&
            (!ls->parent || o->loop->span.start > ls->parent->loop->span.start))
            ls->parent = o;
}
/* ---- nests by signature ------------------------------------------------------------------------------------------------- */

void engine_emit_to_stderr(void *user, const char *s, size_t n)
{
    vm_write_quiet(user, 2, s, n);
}

LoopState *engine_state_new(Engine *e, Frame *frame, Node *loop)
{
    LoopState *ls = mem_zalloc(&e->vm->mem, sizeof *ls);
    if (!ls)
        return NULL;
    Scan s = { .vm = e->vm, .frame = frame };
    scan_node(loop, &s);
    ls->loop = loop;
    ls->may_order = s.may_order;
    ls->cap_names = s.n_names;
    ls->names = mem_alloc(&e->vm->mem, s.n_names * (sizeof *ls->names + sizeof *ls->last));
    if (!ls->names) {
        mem_free(&e->vm->mem, ls, sizeof *ls);
        return NULL;
    }
    ls->last = (uint64_t *)(void *)(ls->names + s.n_names);
    /* Fewer distinct ones than places, but the size is needed to free them. */
    Scan again = { .vm = e->vm, .frame = frame, .names = ls->names, .cap = s.n_names };
    if (s.n_names)
        scan_node(loop, &again);
    ls->n_names = again.n_names;
    ls->chunk = e->opt.report ? chunk_ref(frame->chunk) : frame->chunk;     /* graphs can be asked for when the program is over */
    ls->next = e->states;
    e->states = ls;
    *state_slot(loop) = ls;
    link_parents(e, ls);
    return ls;
}

static void variant_free(Engine *e, Variant *v)
{
    if (v->planner)
        planner_free(v->planner);
    if (v->facts)
        facts_free(v->facts, v->nest);
    if (v->nest)
        nest_free(v->nest);
    if (v->choices)
        mem_free(&e->vm->mem, v->choices, N_CHOICES * sizeof *v->choices);
    if (v->guesses)
        mem_free(&e->vm->mem, v->guesses, N_CHOICES * MACHINE_GPUS * sizeof *v->guesses);
    mem_free(&e->vm->mem, v->work_key, v->n_work_key * sizeof *v->work_key);
    mem_free(&e->vm->mem, v, sizeof *v);
}

void engine_state_free(Engine *e, LoopState *ls)
{
    for (Variant *v = ls->variants, *next; v; v = next) {
        next = v->next;
        variant_free(e, v);
    }
    *state_slot(ls->loop) = NULL;
    Mem *mem = &e->vm->mem;
    Chunk *held = e->opt.report ? ls->chunk : NULL;
    mem_free(mem, ls->refusal, ls->refusal ? MAX_REFUSALS * sizeof *ls->refusal : 0);
    mem_free(mem, ls->names, ls->cap_names * (sizeof *ls->names + sizeof *ls->last));
    mem_free(mem, ls, sizeof *ls);
    if (held)
        chunk_free(held);
}

/* nest_home(), the commonest kinds first. */
static inline const Value *place_of(const NHome *home, Frame *frame)
{
    if (home->kind == HOME_Slot)
        return &frame->slots[home->slot];
    if (home->kind == HOME_Global && home->slot < home->module->cap_slots)
        return &home->module->slots[home->slot];
    return nest_home(home, frame);
}

/* A variable's type, or which function or module it names. */
static inline uint64_t kind_of(const NHome *home, Frame *frame)
{
    const Value *v = place_of(home, frame);
    uint64_t x = v ? v->tag : T_Unbound;
    if (x == T_Array)
        x |= (uint64_t)ARRAY(*v)->dtype << 8 | (uint64_t)ARRAY(*v)->ndim << 16;
    else if (x == T_Func || x == T_Native || x == T_Module)
        x |= (uint64_t)(uintptr_t)v->u.o << 8;
    else if (x == T_Type)
        x |= v->u.u << 8;
    return x;
}

/* All of them in one number. */
static uint64_t fingerprint(const LoopState *ls, Frame *frame, Value iterable)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ iterable.tag;
    for (uint32_t i = 0; i < ls->n_names; i++) {
        h = (h ^ kind_of(&ls->names[i], frame)) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return h;
}

static void note_refusal(LoopState *ls, Frame *frame, Value iterable)
{
    ls->was_refused = true;
    ls->was_small = false;
    ls->last_iterable = iterable.tag;
    for (uint32_t i = 0; i < ls->n_names; i++)
        ls->last[i] = kind_of(&ls->names[i], frame);
}

bool engine_is_refused_again(const LoopState *ls, Frame *frame, uint8_t iterable_tag)
{
    if (!ls->was_refused || ls->variants)
        return false;
    if (ls->never)
        return true;
    if (ls->last_iterable != iterable_tag)
        return false;
    for (uint32_t i = 0; i < ls->n_names; i++)
        if (kind_of(&ls->names[i], frame) != ls->last[i])
            return false;
    return true;
}

/* The value as far as the number of iterations may depend on it. */
static inline uint64_t number_of(const NHome *home, Frame *frame)
{
    const Value *v = place_of(home, frame);
    return v && (v->tag == T_Int || v->tag == T_Array) ? v->u.u : 0;
}

bool engine_names_device(const LoopState *ls, Frame *frame)
{
    for (uint32_t i = 0; i < ls->n_names; i++) {
        const Value *v = place_of(&ls->names[i], frame);
        if (v && v->tag == T_Array && ARRAY(*v)->buf->device)
            return true;
    }
    return false;
}

void engine_note_small(LoopState *ls, Frame *frame)
{
    ls->skip = ls->n_small < MAX_SKIPS ? ls->n_small++ : MAX_SKIPS;
    ls->was_refused = false;
    ls->was_small = true;
    for (uint32_t i = 0; i < ls->n_names; i++)
        ls->last[i] = number_of(&ls->names[i], frame);
}

bool engine_is_skipped(LoopState *ls, Frame *frame)
{
    if (!ls->skip || !ls->was_small)
        return false;
    for (uint32_t i = 0; i < ls->n_names; i++)
        if (number_of(&ls->names[i], frame) != ls->last[i])
            return false;
    ls->skip--;
    return true;
}

/* Does this refusal hold whatever the types are? */
static bool is_final(Reason r)
{
    return r == RS_Statement || r == RS_TooDeep;
}

static void ask_inside(Node *n, void *user)
{
    LoopState *outer = user;
    if (n->kind == ND_FuncDef)
        return;
    if (engine_is_loop(n)) {
        engine_set_asking(n, true);
        return;
    }
    ast_each_child(n, ask_inside, outer);
}

bool engine_dumps(const Engine *e, const char *what)
{
    return e->opt.dump && strstr(e->opt.dump, what);
}

/* The variant for this entry, if it was built, moved to the front. */
static Variant *find_variant(LoopState *ls, Frame *frame, Value iterable)
{
    for (Variant **at = &ls->variants; *at; at = &(*at)->next) {
        Variant *v = *at;
        if (nest_matches(v->nest, frame, iterable)) {
            *at = v->next;
            v->next = ls->variants;
            ls->variants = v;
            return v;
        }
    }
    return NULL;
}

static bool has_inlined_loops(const Nest *nest)
{
    for (uint32_t i = 0; i < nest->n_loops; i++)
        if (nest->loops[i]->inlined_from)
            return true;
    return false;
}

/* Does it have the same bits on every device? */
static bool is_exact(NFunId f)
{
    if (nfun_is_own(f))
        return true;
    switch (f) {
    case NF_Sqrt: case NF_Floor: case NF_Ceil: case NF_Trunc: case NF_Rint: case NF_Sign: case NF_Copysign: case NF_Fmod: case NF_Remainder:
    case NF_Nextafter: case NF_Fmin: case NF_Fmax: case NF_Heaviside:
        return true;
    default:
        return false;
    }
}

static bool has_other_digits(const Nest *nest)
{
    for (uint32_t i = 0; i < nest->n_exprs; i++) {
        const NExpr *x = nest->exprs[i];
        bool is_complex = x->rep == DT_C64 || x->rep == DT_C128;
        if ((x->op == NOP_Pow && is_complex) || (x->op == NOP_Fun && (is_complex || !is_exact((NFunId)x->fun))))
            return true;
    }
    return false;
}

bool engine_keeps_off_gpu(const Engine *e, const Variant *v)
{
    return v->has_other_digits && e->opt.plan.fp != FP_Fast;
}

/* Remember a refusal for these types; the loops inside become candidates.  ALP_FAIL: no memory. */
static Status refuse(Engine *e, LoopState *ls, uint64_t print, const ReasonAt *why)
{
    if (!ls->refusal && !(ls->refusal = mem_zalloc(&e->vm->mem, MAX_REFUSALS * sizeof *ls->refusal)))
        return ALP_FAIL;
    if (ls->n_refusals < MAX_REFUSALS)
        ls->n_refusals++;
    else
        memmove(ls->refusal, ls->refusal + 1, (MAX_REFUSALS - 1) * sizeof *ls->refusal);
    ls->refusal[ls->n_refusals - 1] = (struct Refusal){ print, *why };
    ls->never |= is_final(why->code);
    ast_each_child(ls->loop, ask_inside, ls);
    return ALP_OK;
}

static Variant *build_variant(Engine *e, LoopState *ls, Frame *frame, Value iterable, ReasonAt *why)
{
    Mem *mem = &e->vm->mem;
    uint64_t print = fingerprint(ls, frame, iterable);
    for (uint32_t i = 0; i < ls->n_refusals; i++)
        if (ls->refusal[i].print == print || ls->never) {
            *why = ls->refusal[i].why;
            note_refusal(ls, frame, iterable);
            return NULL;
        }
    Variant *v = mem_zalloc(mem, sizeof *v);
    if (!v) {
        why->code = RS_NoMemory;
        return NULL;
    }
    v->nest = nest_build(e->vm, frame, ls->loop, iterable, why);
    if (!v->nest) {
        variant_free(e, v);
        if (why->code == RS_NoMemory)
            return NULL;
        if (refuse(e, ls, print, why) == ALP_OK)
            note_refusal(ls, frame, iterable);
        else
            why->code = RS_NoMemory;
        return NULL;
    }
    v->has_inlined_loops = has_inlined_loops(v->nest);
    v->has_other_digits = has_other_digits(v->nest);
    v->planner = planner_new(v->nest, &e->opt.plan);
    v->facts = facts_new(v->nest);
    if (!v->planner || !v->facts) {
        variant_free(e, v);
        why->code = RS_NoMemory;
        return NULL;
    }
    e->report.n_nests_built++;
    e->report.analysis_ns += v->nest->build_ns;
    if (engine_dumps(e, "nest"))
        nest_dump(v->nest, engine_emit_to_stderr, e->vm);
    v->next = ls->variants;
    ls->variants = v;
    if (ls->n_variants < MAX_VARIANTS) {
        ls->n_variants++;
        return v;
    }
    Variant **last = &ls->variants;
    while ((*last)->next)
        last = &(*last)->next;
    variant_free(e, *last);
    *last = NULL;
    return v;
}

Variant *engine_variant(Engine *e, LoopState *ls, Frame *frame, Value iterable, ReasonAt *why)
{
    Variant *v = find_variant(ls, frame, iterable);
    return v ? v : build_variant(e, ls, frame, iterable, why);
}
