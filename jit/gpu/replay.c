/* jit/gpu/replay.c — launches that a loop of the host repeats, as one graph.
 *
 * Asking for a launch takes the driver 3 us, which is more than small kernels run.  A graph of launches is asked for in 1 us, and
 * its kernels follow each other faster.  Time loops over nests repeat their launches exactly: same kernels, same grids, same
 * parameters.  That is not proved but watched: the launches of one iteration are recorded, those of the next compared with them;
 * from then on launches that are the same are held back until a graph's worth of them has come together.  The first that differs,
 * or anything else that is asked of the stream, sends those held back on their way one by one, and ends it.
 *
 * A graph stays with its GpuRun: the next execution of the nest compares one iteration, and goes on with it. */
#include "jit/gpu/gpu_int.h"

enum {
    FIRST_ITERATIONS = 2,       /* that are let pass: variables come to the device, kernels are timed */
    MOST_LAUNCHES = 64,         /* of an iteration */
    GRAPH_LAUNCHES = 16,        /* that a graph should have, at least */
    WORTH_LAUNCHES = 400,       /* that are still to come, or were in vain: making a graph takes 50 to 300 us */
};

/* What follows the words of a launch are the words of the next. */
typedef struct SeenLaunch {
    CUfunction function;
    unsigned   grid[3], block[3], shared;
    uint32_t   n_words, first_word;
} SeenLaunch;

typedef enum ReplayMode { REPLAY_Off, REPLAY_Record, REPLAY_Compare, REPLAY_Hold } ReplayMode;

struct Replay {
    const GpuStep *loop;        /* NULL: none is watched */
    ReplayMode mode;
    uint32_t   n_iterations;    /* of the loop, so far */
    uint32_t   n, at;           /* launches of an iteration; the next one is to be like this */
    int64_t    n_in_vain;       /* iterations that were recorded, or followed such ones, without a graph */
    uint32_t   n_held, n_graph; /* launches held back; that the graph has */
    CUgraphExec graph;          /* NULL: none */
    SeenLaunch launch[MOST_LAUNCHES];
    uint32_t   n_words;
    uint64_t   word[4096];
};

static bool can_capture(const GpuDriver *cu)
{
    return cu->StreamBeginCapture && cu->StreamEndCapture && cu->GraphInstantiate && cu->GraphLaunch && cu->GraphExecDestroy && cu->GraphDestroy;
}

static CUresult launch(const GpuDevice *d, const SeenLaunch *l, uint64_t *word)
{
    void *params[1] = { word };
    return d->cu->LaunchKernel(l->function, l->grid[0], l->grid[1], l->grid[2], l->block[0], l->block[1], l->block[2], l->shared, d->stream, params, NULL);
}

static void drop_graph(GpuRun *x)
{
    Replay *r = x->replay;
    if (r->graph && gpu_wait(x->device) == GPU_OK)
        x->device->cu->GraphExecDestroy(r->graph);
    r->graph = NULL;
    r->n = r->n_words = 0;
}

/* The loop is not watched any more.  False: the execution ends. */
static bool end_watching(GpuRun *x)
{
    Replay *r = x->replay;
    bool ok = x->is_inside;
    r->loop = NULL;
    r->mode = REPLAY_Off;
    for (uint32_t i = 0; i < r->n_held && ok; i++) {
        SeenLaunch *l = &r->launch[i % r->n];
        ok = gpu_goes_on(x, gpu_check(x->device, launch(x->device, l, r->word + l->first_word), "cuLaunchKernel"));
    }
    r->n_held = 0;
    return ok;
}

bool gpu_replay_ends(GpuRun *x)
{
    return !x->replay || !x->replay->loop || end_watching(x);
}

bool gpu_replay_yields(GpuRun *x)
{
    return !x->replay || x->replay->mode == REPLAY_Off || end_watching(x);
}

/* ---- graphs -------------------------------------------------------------------------------------------------------------------------------- */

static bool make_graph(GpuRun *x)
{
    enum { THREAD_LOCAL = 1 };
    Replay *r = x->replay;
    GpuDevice *d = x->device;
    const GpuDriver *cu = d->cu;
    uint32_t times = (GRAPH_LAUNCHES + r->n - 1) / r->n;
    CUgraph graph = NULL;
    if (cu->StreamBeginCapture(d->stream, THREAD_LOCAL) != CUDA_SUCCESS)
        return false;
    CUresult result = CUDA_SUCCESS;
    for (uint32_t i = 0; i < times * r->n && result == CUDA_SUCCESS; i++)
        result = launch(d, &r->launch[i % r->n], r->word + r->launch[i % r->n].first_word);
    CUresult ended = cu->StreamEndCapture(d->stream, &graph);
    if (ended != CUDA_SUCCESS && ended != CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)    /* is it still capturing?  Such a stream is of no use */
        gpu_goes_on(x, gpu_check(d, ended == CUDA_ERROR_OUT_OF_MEMORY ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : ended, "cuStreamEndCapture"));
    bool ok = ended == CUDA_SUCCESS && result == CUDA_SUCCESS && cu->GraphInstantiate(&r->graph, graph, 0) == CUDA_SUCCESS;
    if (ended == CUDA_SUCCESS)
        cu->GraphDestroy(graph);
    if (!ok)
        r->graph = NULL;
    r->n_graph = times * r->n;
    return ok;
}

/* ---- launches ------------------------------------------------------------------------------------------------------------------------------ */

static bool is_same(const Replay *r, const SeenLaunch *l, const uint64_t *word)
{
    const SeenLaunch *old = &r->launch[r->at];
    return r->at < r->n && old->function == l->function && old->n_words == l->n_words && old->shared == l->shared &&
           memcmp(old->grid, l->grid, sizeof l->grid) == 0 && memcmp(r->word + old->first_word, word, l->n_words * sizeof *word) == 0;
}

static bool record(Replay *r, const SeenLaunch *l, const uint64_t *word)
{
    if (r->n == MOST_LAUNCHES || r->n_words + l->n_words > COUNT_OF(r->word))
        return false;
    r->launch[r->n] = *l;
    r->launch[r->n++].first_word = r->n_words;
    memcpy(r->word + r->n_words, word, l->n_words * sizeof *word);
    r->n_words += l->n_words;
    return true;
}

bool gpu_replay_takes(GpuRun *x, const GpuKernel *k, const uint64_t grid[3], bool *taken)
{
    Replay *r = x->replay;
    const SeenLaunch l = {
        .function = k->launch->function, .grid = { (unsigned)grid[0], (unsigned)grid[1], (unsigned)grid[2] },
        .block = { k->block[0], k->block[1] ? k->block[1] : 1, k->block[2] ? k->block[2] : 1 }, .shared = k->shared_bytes, .n_words = k->n_params,
    };
    *taken = false;
    switch (r->mode) {
    case REPLAY_Off:
        return true;
    case REPLAY_Record:
        return record(r, &l, k->launch->word) || end_watching(x);
    case REPLAY_Compare:
        if (!is_same(r, &l, k->launch->word)) {
            drop_graph(x);
            return end_watching(x);
        }
        r->at++;
        return true;
    case REPLAY_Hold:
        if (!is_same(r, &l, k->launch->word))
            return end_watching(x);
        *taken = true;
        r->at = (r->at + 1) % r->n;
        if (++r->n_held < r->n_graph)
            return true;
        r->n_held = 0;
        return gpu_goes_on(x, gpu_check(x->device, x->device->cu->GraphLaunch(r->graph, x->device->stream), "cuGraphLaunch"));
    }
    return true;
}

/* ---- iterations ---------------------------------------------------------------------------------------------------------------------------- */

bool gpu_replay_begins(GpuRun *x, const GpuStep *step, int64_t trip)
{
    Replay *r = x->replay;
    if (trip < GRAPH_LAUNCHES || x->backend->trace || !can_capture(x->device->cu))
        return false;
    if (!r && !(r = x->replay = mem_zalloc(&x->backend->vm->mem, sizeof *r)))
        return false;
    /* A loop inside one that is watched: whichever repeats more. */
    if (r->loop && (r->mode == REPLAY_Hold || trip < WORTH_LAUNCHES))
        return false;
    if (!gpu_replay_ends(x))
        return false;
    r->loop = step;
    r->mode = REPLAY_Off;
    r->n_iterations = 0;
    return true;
}

/* An iteration that was recorded is over.  What is to be done with the next? */
static ReplayMode next_mode(GpuRun *x, int64_t left)
{
    Replay *r = x->replay;
    switch (r->mode) {
    case REPLAY_Off:
        if (r->n_iterations < FIRST_ITERATIONS)
            return REPLAY_Off;
        if (r->graph)
            return REPLAY_Compare;
        drop_graph(x);
        return REPLAY_Record;
    case REPLAY_Record:
        if (r->n && left + r->n_in_vain >= WORTH_LAUNCHES / r->n)
            return REPLAY_Compare;
        r->n_in_vain += left;
        return REPLAY_Off;
    case REPLAY_Compare:
        return r->at == r->n && left >= 1 && (r->graph || make_graph(x)) ? REPLAY_Hold : REPLAY_Off;
    case REPLAY_Hold:
        return r->at == 0 ? REPLAY_Hold : REPLAY_Off;
    }
    return REPLAY_Off;
}

bool gpu_replay_iterates(GpuRun *x, const GpuStep *step, int64_t left)
{
    Replay *r = x->replay;
    if (r->loop != step)
        return true;
    ReplayMode next = next_mode(x, left);
    bool is_over = next == REPLAY_Off && r->n_iterations >= FIRST_ITERATIONS;
    r->n_iterations++;
    if (is_over)
        return end_watching(x);
    if (next != r->mode)
        r->at = 0;
    r->mode = next;
    return true;
}

void gpu_replay_free(GpuRun *x, Mem *mem, bool device)
{
    if (!x->replay)
        return;
    if (device)
        drop_graph(x);
    mem_free(mem, x->replay, sizeof *x->replay);
    x->replay = NULL;
}
