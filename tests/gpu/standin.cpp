// tests/gpu/standin.cpp — a stand-in for the CUDA driver and NVRTC, for tests on machines without a GPU.
//
// One shared library with the entry points that jit/gpu/driver.h lists.  "NVRTC" compiles the text with the host's C++ compiler behind
// standin_device.h; the "CUBIN" is a shared object.  "Device memory" is host memory, poisoned when it is given out.  Everything asked of a stream is queued and
// done as late as CUDA allows it (when somebody waits), so that a missing wait shows.  Blocks and threads run in random order, those of kernels
// with barriers or shuffles as fibers.  What a real driver would punish is an error here, too: no current context, addresses outside
// allocations, use after fork(), lanes missing from a shuffle, a barrier that not all reach.
//
//   ALPY_STANDIN_CXX      compiler and its flags ("c++ -O1"); with sanitizers, those of the program
//   ALPY_STANDIN_CACHE    folder of compiled texts, kept between processes
//   ALPY_STANDIN_SEED     of the random orders
//   ALPY_STANDIN_MEMORY   bytes of device memory
//   ALPY_STANDIN_FAIL     the number of the call that fails, from 1; ALPY_STANDIN_FAIL_CODE: with this error (999)
//   ALPY_STANDIN_COUNT    a file: how many calls there were is written there at exit
//   ALPY_STANDIN_EAGER    nothing is queued
//   ALPY_STANDIN_SLOW     milliseconds that opening the driver takes, and a context; the process aborts if a call is under way, or comes, after the library's end
//   ALPY_STANDIN_DEVICES  "one:4,other:64": devices by name and number of multiprocessors ("stand-in:4"); they share memory and streams
//
// STANDIN_HEADER, where it is built: the path of standin_device.h.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <vector>

extern "C" {
// clang and gcc provide them where a sanitizer is linked in.
void __attribute__((weak)) __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
void __attribute__((weak)) __sanitizer_finish_switch_fiber(void *save, const void **bottom_old, size_t *size_old);
}

#define EXPORT extern "C" __attribute__((visibility("default")))
extern char **environ;

namespace {

enum { CAPTURING = 900, SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_IMAGE = 200, INVALID_CONTEXT = 201,
       MAX_DEVICES = 16, NOT_FOUND = 500, NOT_READY = 600, LAUNCH_FAILED = 719, UNKNOWN = 999 };

struct uint3 { unsigned x, y, z; };
struct StandinThread { uint3 thread, block, block_dim, grid_dim; };
struct StandinApi {
    void (*sync_block)();
    unsigned long long (*shuffle)(unsigned, unsigned long long, int);
    unsigned (*ballot)(unsigned, int);
    void (*fault)(const char *);
};

struct Graph { std::vector<std::function<int()>> node; };
struct Stream { std::deque<std::function<int()>> queue; Graph *capture = nullptr; };
struct Event { bool recorded = false, reached = false; unsigned long n_records = 0; std::chrono::steady_clock::time_point at; };
struct Module { void *handle = nullptr; int file = -1; };
struct Function { void (*call)(void **) = nullptr; const StandinThread **thread = nullptr; bool uses_fibers = false; size_t args_size = 0; };

struct State {
    std::recursive_mutex lock;
    pid_t pid = 0;
    int sticky = SUCCESS;
    std::map<uintptr_t, size_t> memory, pinned;
    size_t used = 0, total = size_t(1) << 30;
    std::mt19937_64 random{1};
    long n_calls = 0, fail_at = 0;
    int fail_code = UNKNOWN;
    bool eager = false;
    std::vector<Stream *> streams;
    std::vector<std::pair<std::string, int>> devices;
    std::map<std::pair<void *, std::string>, Function *> functions;
};
State &state()
{
    static State *s = [] {
        auto *n = new State;
        auto number = [](const char *name, long fallback) { const char *t = getenv(name); return t && *t ? atol(t) : fallback; };
        n->random.seed((unsigned long)number("ALPY_STANDIN_SEED", 1));
        n->total = (size_t)number("ALPY_STANDIN_MEMORY", 1L << 30);
        n->fail_at = number("ALPY_STANDIN_FAIL", 0);
        n->fail_code = (int)number("ALPY_STANDIN_FAIL_CODE", UNKNOWN);
        n->eager = number("ALPY_STANDIN_EAGER", 0) != 0;
        const char *devices = getenv("ALPY_STANDIN_DEVICES");
        std::istringstream list(devices && *devices ? devices : "stand-in:4");
        for (std::string name, n_sm; std::getline(list, name, ':') && std::getline(list, n_sm, ',') && n->devices.size() < MAX_DEVICES;)
            n->devices.push_back({ name, atoi(n_sm.c_str()) });
        return n;
    }();
    return *s;
}
thread_local std::vector<void *> contexts;
int a_context[MAX_DEVICES], a_pool;

// Beyond the library's end a driver's data are gone: no call may come any more.  (Here nothing is destroyed: where a call is under way at the end the message is to be this one.)
std::atomic<int> n_inside;
std::atomic<bool> is_over;
bool is_watched()
{
    static const bool watched = getenv("ALPY_STANDIN_SLOW") != nullptr;
    return watched;
}
struct Inside {
    Inside() { n_inside++; if (is_over && is_watched()) abort(); }
    ~Inside() { n_inside--; }
};
__attribute__((destructor)) void the_end()
{
    is_over = true;
    if (n_inside && is_watched())
        abort();
}

void take_time()
{
    if (const char *ms = getenv("ALPY_STANDIN_SLOW"))
        usleep((useconds_t)atol(ms) * 1000);
}

void write_count()
{
    if (const char *path = getenv("ALPY_STANDIN_COUNT"))
        std::ofstream(path) << state().n_calls << "\n";
}

// Every call goes through here.
struct Call {
    Inside inside;
    std::unique_lock<std::recursive_mutex> held;
    int error = SUCCESS;
    explicit Call(bool needs_context = true) : held(state().lock)
    {
        State &s = state();
        s.n_calls++;
        if (s.pid != getpid())
            error = NOT_INITIALIZED;
        else if (s.fail_at && s.n_calls == s.fail_at)
            error = s.fail_code;
        else if (s.sticky)
            error = s.sticky;
        else if (needs_context && contexts.empty())
            error = INVALID_CONTEXT;
        if (error == UNKNOWN || error == LAUNCH_FAILED)
            s.sticky = error;
    }
};
#define ENTER(...) Call call{__VA_ARGS__}; if (call.error) return call.error; State &s = state(); (void)s

int drain(Stream *stream)
{
    State &s = state();
    while (!stream->queue.empty()) {
        auto next = std::move(stream->queue.front());
        stream->queue.pop_front();
        int r = s.sticky ? s.sticky : next();
        if (r)
            s.sticky = r;
    }
    return s.sticky;
}

int enqueue(Stream *stream, std::function<int()> what)
{
    if (!stream)
        return INVALID_VALUE;
    if (stream->capture) {
        stream->capture->node.push_back(std::move(what));
        return SUCCESS;
    }
    stream->queue.push_back(std::move(what));
    return state().eager ? drain(stream) : SUCCESS;
}

bool is_within(const std::map<uintptr_t, size_t> &blocks, uintptr_t p, size_t n)
{
    auto at = blocks.upper_bound(p);
    if (at == blocks.begin())
        return false;
    --at;
    return p - at->first <= at->second && n <= at->second - (p - at->first);
}

// ---- running kernels ----------------------------------------------------------------------------------------------------------------

const char *fault_text;
void fault(const char *what)
{
    if (!fault_text)
        fault_text = what;
}

enum class Wait { Ready, Block, Warp, Done };
struct Fiber {
    ucontext_t context;
    StandinThread thread;
    Wait wait = Wait::Ready;
    unsigned mask = 0;
    unsigned long long given = 0, got = 0;
    int from = 0;
    int predicate = 0;
    unsigned votes = 0;
    void *fake_stack = nullptr;
    char *stack = nullptr;
};
const size_t STACK = 256 << 10;

struct BlockRun {
    std::vector<Fiber> fibers;
    ucontext_t scheduler;
    void *scheduler_fake = nullptr;
    const void *scheduler_bottom = nullptr;
    size_t scheduler_size = 0;
    Fiber *current = nullptr;
    void (*call)(void **) = nullptr;
    void **params = nullptr;
} run;

void switch_to_scheduler(bool ends)
{
    Fiber *f = run.current;
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(ends ? nullptr : &f->fake_stack, run.scheduler_bottom, run.scheduler_size);
    swapcontext(&f->context, &run.scheduler);
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(f->fake_stack, &run.scheduler_bottom, &run.scheduler_size);
}

void fiber_main()
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(nullptr, &run.scheduler_bottom, &run.scheduler_size);
    run.call(run.params);
    run.current->wait = Wait::Done;
    switch_to_scheduler(true);
}

void wait_for(Wait what)
{
    if (!run.current) {
        fault("a barrier in a kernel that was run without fibers");
        return;
    }
    run.current->wait = what;
    switch_to_scheduler(false);
}

void sync_block() { wait_for(Wait::Block); }

unsigned long long shuffle(unsigned mask, unsigned long long value, int from)
{
    Fiber *f = run.current;
    if (!f)
        return fault("a shuffle in a kernel that was run without fibers"), value;
    f->mask = mask, f->given = value, f->from = from, f->predicate = 0;
    wait_for(Wait::Warp);
    return f->got;
}

unsigned ballot(unsigned mask, int predicate)
{
    Fiber *f = run.current;
    if (!f)
        return fault("a vote in a kernel that was run without fibers"), 0;
    f->mask = mask, f->predicate = predicate, f->from = (int)((size_t)(f - run.fibers.data()) % 32), f->given = 0;
    wait_for(Wait::Warp);
    return f->votes;
}
const StandinApi api = { sync_block, shuffle, ballot, fault };

// Lets those go on whose barrier or warp is complete.  False: nobody.
bool release()
{
    size_t n = run.fibers.size();
    bool any = false, all_at_barrier = true, some_at_barrier = false;
    for (Fiber &f : run.fibers) {
        all_at_barrier &= f.wait == Wait::Block || f.wait == Wait::Done;
        some_at_barrier |= f.wait == Wait::Block;
    }
    if (all_at_barrier && some_at_barrier) {
        for (Fiber &f : run.fibers)
            if (f.wait == Wait::Block)
                f.wait = Wait::Ready;
        return true;
    }
    for (size_t warp = 0; warp < n; warp += 32) {
        size_t lanes = n - warp < 32 ? n - warp : 32;
        for (size_t l = 0; l < lanes; l++) {
            Fiber *f = &run.fibers[warp + l];
            if (f->wait != Wait::Warp)
                continue;
            unsigned mask = f->mask & (lanes == 32 ? 0xffffffffu : (1u << lanes) - 1), votes = 0;
            bool complete = mask >> l & 1;
            for (size_t k = 0; k < lanes; k++)
                if (mask >> k & 1) {
                    Fiber &o = run.fibers[warp + k];
                    complete &= o.wait == Wait::Warp && o.mask == f->mask;
                    if (o.wait == Wait::Done)
                        fault("a lane named in a shuffle's mask has ended");
                    votes |= o.predicate ? 1u << k : 0;
                }
            if (!complete)
                continue;
            for (size_t k = 0; k < lanes; k++)
                if (mask >> k & 1) {
                    Fiber &o = run.fibers[warp + k];
                    if (o.from < 0 || o.from >= 32 || (size_t)o.from >= lanes || !(mask >> o.from & 1))
                        fault("a shuffle from a lane that does not take part");
                    else
                        o.got = run.fibers[warp + (size_t)o.from].given;
                    o.votes = votes;
                }
            for (size_t k = 0; k < lanes; k++)
                if (mask >> k & 1)
                    run.fibers[warp + k].wait = Wait::Ready;
            any = true;
        }
    }
    return any;
}

void run_block_with_fibers(const Function *f, void **params, StandinThread base)
{
    State &s = state();
    static auto &stacks = *new std::vector<char *>;
    unsigned n = base.block_dim.x * base.block_dim.y * base.block_dim.z;
    while (stacks.size() < n)
        stacks.push_back((char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    run.fibers.assign(n, Fiber());
    run.call = f->call;
    run.params = params;
    for (unsigned i = 0; i < n; i++) {
        Fiber &fiber = run.fibers[i];
        fiber.thread = base;
        fiber.thread.thread = { i % base.block_dim.x, i / base.block_dim.x % base.block_dim.y, i / base.block_dim.x / base.block_dim.y };
        fiber.stack = stacks[i];
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack;
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, fiber_main, 0);
    }
    std::vector<unsigned> ready;
    for (;;) {
        ready.clear();
        for (unsigned i = 0; i < n; i++)
            if (run.fibers[i].wait == Wait::Ready)
                ready.push_back(i);
        if (ready.empty()) {
            bool all_done = true;
            for (Fiber &fiber : run.fibers)
                all_done &= fiber.wait == Wait::Done;
            if (all_done || fault_text)
                break;
            if (!release()) {
                fault("threads wait for each other for ever");
                break;
            }
            continue;
        }
        std::shuffle(ready.begin(), ready.end(), s.random);
        for (unsigned i : ready) {
            Fiber &fiber = run.fibers[i];
            run.current = &fiber;
            *f->thread = &fiber.thread;
            if (__sanitizer_start_switch_fiber)
                __sanitizer_start_switch_fiber(&run.scheduler_fake, fiber.stack, STACK);
            swapcontext(&run.scheduler, &fiber.context);
            if (__sanitizer_finish_switch_fiber)
                __sanitizer_finish_switch_fiber(run.scheduler_fake, nullptr, nullptr);
        }
        run.current = nullptr;
    }
}

int run_kernel(const Function *f, uint3 grid, uint3 block, void *args)
{
    State &s = state();
    void *params[1] = { args };
    uint64_t n = (uint64_t)grid.x * grid.y * grid.z, threads = (uint64_t)block.x * block.y * block.z;
    // Random order: a start and a step without common divisor.
    auto coprime = [&](uint64_t of) {
        for (;;) {
            uint64_t step = s.random() % of | 1, a = of, b = step;
            while (b) { uint64_t t = a % b; a = b; b = t; }
            if (a == 1)
                return step % of;
        }
    };
    uint64_t at = s.random() % n, step = n > 1 ? coprime(n) : 0;
    for (uint64_t k = 0; k < n && !fault_text; k++, at = (at + step) % n) {
        StandinThread t = { {}, { (unsigned)(at % grid.x), (unsigned)(at / grid.x % grid.y), (unsigned)(at / grid.x / grid.y) }, block, grid };
        if (f->uses_fibers) {
            run_block_with_fibers(f, params, t);
            continue;
        }
        uint64_t i = s.random() % threads, by = threads > 1 ? coprime(threads) : 0;
        *f->thread = &t;
        for (uint64_t m = 0; m < threads; m++, i = (i + by) % threads) {
            t.thread = { (unsigned)(i % block.x), (unsigned)(i / block.x % block.y), (unsigned)(i / block.x / block.y) };
            f->call(params);
        }
    }
    if (fault_text) {
        fprintf(stderr, "stand-in: %s\n", fault_text);
        return LAUNCH_FAILED;
    }
    return SUCCESS;
}

// ---- compiling ----------------------------------------------------------------------------------------------------------------------

struct Program { std::string text, log, object; };

std::string read_file(const std::string &path)
{
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

bool shell(const std::string &command)
{
    const char *argv[] = { "/bin/sh", "-c", command.c_str(), nullptr };
    std::vector<char *> env;
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "LD_PRELOAD=", 11) && strncmp(*e, "ASAN_OPTIONS=", 13))
            env.push_back(*e);
    env.push_back(nullptr);
    pid_t child;
    int status;
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    bool ok = posix_spawn(&child, argv[0], nullptr, &attr, (char **)argv, env.data()) == 0;
    posix_spawnattr_destroy(&attr);
    while (ok && waitpid(child, &status, 0) < 0)
        ok = errno == EINTR;
    return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<std::string> words_of(const std::string &text)
{
    std::vector<std::string> words;
    for (size_t i = 0; i < text.size();) {
        size_t n = 0;
        while (i + n < text.size() && (isalnum((unsigned char)text[i + n]) || text[i + n] == '_'))
            n++;
        if (n)
            words.push_back(text.substr(i, n));
        i += n ? n : 1;
    }
    return words;
}

bool compile(Program *p)
{
    static const auto &header = *new std::string(read_file(STANDIN_HEADER));
    std::string text = header + p->text + "\n";
    // A door for each kernel: its one parameter by address.
    for (size_t at = 0; (at = p->text.find("__global__", at)) != std::string::npos; at++) {
        size_t open = p->text.find('(', at), end;
        if (p->text.find("__launch_bounds__", at) < open)
            open = p->text.find('(', p->text.find(')', open));
        if (open == std::string::npos || (end = p->text.find(')', open)) == std::string::npos)
            break;
        std::vector<std::string> before = words_of(p->text.substr(at, open - at)), within = words_of(p->text.substr(open + 1, end - open - 1));
        std::string name = before.back(), type;
        within.pop_back();
        for (const std::string &word : within)
            if (word != "const" && word != "__grid_constant__")
                type += word + " ";
        text += "extern \"C\" __attribute__((visibility(\"default\"))) void standin_call_" + name + "(void **p) { " + name + "(*(" + type + "*)p[0]); }\n";
        text += "extern \"C\" __attribute__((visibility(\"default\"))) const unsigned long standin_size_" + name + " = sizeof(" + type + ");\n";
    }
    size_t at;
    while ((at = text.find("extern \"C\" __global__")) != std::string::npos)
        text.replace(at, 21, "__global__");
    const char *cxx = getenv("ALPY_STANDIN_CXX");
    std::string compiler = cxx && *cxx ? cxx : "c++ -O1";
    uint64_t hash = 0xcbf29ce484222325u;
    for (char c : compiler + "\n" + text)
        hash = (hash ^ (unsigned char)c) * 0x100000001b3u;
    char key[32];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)hash);
    const char *kept = getenv("ALPY_STANDIN_CACHE");
    std::string cached = kept && *kept ? std::string(kept) + "/" + key + ".so" : "";
    if (!cached.empty() && !(p->object = read_file(cached)).empty())
        return true;
    char folder[] = "/tmp/alpy-standin-XXXXXX";
    if (!mkdtemp(folder))
        return false;
    std::string base = std::string(folder) + "/k";
    std::ofstream(base + ".cpp") << text;
    bool ok = shell(compiler + " -std=c++17 -w -shared -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -fwrapv -o " + base + ".so " + base + ".cpp 2>" + base + ".log");
    p->log = read_file(base + ".log");
    if (ok) {
        p->object = read_file(base + ".so");
        if (!cached.empty()) {
            mkdir(kept, 0700);
            std::string half = cached + "." + std::to_string(getpid());
            std::ofstream(half, std::ios::binary) << p->object;
            rename(half.c_str(), cached.c_str());
        }
    }
    for (const char *end : { ".cpp", ".so", ".log" })
        unlink((base + end).c_str());
    rmdir(folder);
    return ok;
}

} // namespace

// ---- the driver -----------------------------------------------------------------------------------------------------------------------

EXPORT int cuInit(unsigned)
{
    Inside inside;
    take_time();
    State &s = state();
    std::unique_lock<std::recursive_mutex> held(s.lock);
    if (!s.pid)
        atexit(write_count);
    s.pid = s.pid ? s.pid : getpid();
    Call call(false);
    return call.error;
}
EXPORT int cuDriverGetVersion(int *v) { ENTER(false); *v = 13000; return SUCCESS; }
EXPORT int cuGetErrorName(int, const char **t) { *t = "CUDA_ERROR"; return SUCCESS; }
EXPORT int cuGetErrorString(int e, const char **t)
{
    *t = e == OUT_OF_MEMORY ? "out of memory" : e == LAUNCH_FAILED ? "unspecified launch failure" : e == INVALID_CONTEXT ? "invalid device context" : "unknown error";
    return SUCCESS;
}
bool is_device(int d) { return d >= 0 && (size_t)d < state().devices.size(); }
EXPORT int cuDeviceGetCount(int *n) { ENTER(false); *n = (int)s.devices.size(); return SUCCESS; }
EXPORT int cuDeviceGet(int *d, int i) { ENTER(false); *d = i; return is_device(i) ? SUCCESS : INVALID_DEVICE; }
EXPORT int cuDeviceGetName(char *name, int size, int d)
{
    ENTER(false);
    if (!is_device(d))
        return INVALID_DEVICE;
    snprintf(name, (size_t)size, "%s", s.devices[(size_t)d].first.c_str());
    return SUCCESS;
}
EXPORT int cuDeviceTotalMem_v2(size_t *n, int) { ENTER(false); *n = s.total; return SUCCESS; }
EXPORT int cuDeviceGetAttribute(int *v, int a, int d)
{
    ENTER(false);
    static const auto &values = *new std::map<int, int>{ { 1, 1024 }, { 8, 49152 }, { 13, 1000000 }, { 16, 4 }, { 36, 1000000 }, { 37, 512 }, { 38, 1 << 20 }, { 39, 2048 },
                                               { 75, 9 }, { 76, 0 }, { 81, 233472 }, { 97, 232448 }, { 115, 1 } };
    auto at = values.find(a);
    if (!is_device(d))
        return INVALID_DEVICE;
    *v = a == 16 ? s.devices[(size_t)d].second : at == values.end() ? 0 : at->second;
    return SUCCESS;
}
EXPORT int cuDevicePrimaryCtxRetain(void **c, int d) { ENTER(false); take_time(); *c = is_device(d) ? &a_context[d] : nullptr; return *c ? SUCCESS : INVALID_DEVICE; }
EXPORT int cuDevicePrimaryCtxRelease_v2(int) { ENTER(false); return SUCCESS; }
EXPORT int cuCtxPushCurrent_v2(void *c)
{
    Call call(false);
    if (call.error)
        return call.error;
    contexts.push_back(c);
    return SUCCESS;
}
EXPORT int cuCtxPopCurrent_v2(void **c)
{
    if (contexts.empty())
        return INVALID_CONTEXT;
    if (c)
        *c = contexts.back();
    contexts.pop_back();
    Call call(false);
    return call.error;
}
EXPORT int cuCtxSetCurrent(void *c)
{
    Call call(false);
    contexts.clear();
    if (c)
        contexts.push_back(c);
    return call.error;
}
EXPORT int cuStreamCreate(void **out, unsigned) { ENTER(); auto *n = new Stream; s.streams.push_back(n); *out = n; return SUCCESS; }
EXPORT int cuStreamDestroy_v2(void *p) { ENTER(); drain((Stream *)p); for (auto &q : s.streams) if (q == p) q = nullptr; delete (Stream *)p; return SUCCESS; }
EXPORT int cuStreamSynchronize(void *p) { ENTER(); return ((Stream *)p)->capture ? (int)CAPTURING : drain((Stream *)p); }
EXPORT int cuStreamQuery(void *p)
{
    ENTER();
    auto *q = (Stream *)p;
    if (q->capture)
        return CAPTURING;
    if (q->queue.empty())
        return SUCCESS;
    return s.random() % 2 ? NOT_READY : drain(q);
}
EXPORT int cuCtxSynchronize() { ENTER(); for (Stream *q : s.streams) if (q) drain(q); return s.sticky; }
EXPORT int cuEventCreate(void **out, unsigned) { ENTER(); *out = new Event; return SUCCESS; }
EXPORT int cuEventDestroy_v2(void *e)
{
    ENTER();
    for (Stream *q : s.streams)
        if (q)
            drain(q);
    delete (Event *)e;
    return SUCCESS;
}
EXPORT int cuEventRecord(void *e, void *q)
{
    ENTER();
    auto *event = (Event *)e;
    event->recorded = true;
    event->reached = false;
    return enqueue((Stream *)q, [event, n = ++event->n_records] {
        event->reached = n == event->n_records;         // an earlier record counts for nothing
        event->at = std::chrono::steady_clock::now();
        return (int)SUCCESS;
    });
}
EXPORT int cuEventSynchronize(void *e)
{
    ENTER();
    auto *event = (Event *)e;
    for (Stream *q : s.streams)
        while (q && event->recorded && !event->reached && !q->queue.empty()) {
            auto next = std::move(q->queue.front());
            q->queue.pop_front();
            int r = s.sticky ? s.sticky : next();
            if (r)
                s.sticky = r;
        }
    return s.sticky;
}
// Asking again and again comes to an end: each time one thing more is done.
EXPORT int cuEventQuery(void *e)
{
    ENTER();
    auto *event = (Event *)e;
    if (!event->recorded || event->reached)
        return SUCCESS;
    for (Stream *q : s.streams)
        if (q && !q->queue.empty()) {
            auto next = std::move(q->queue.front());
            q->queue.pop_front();
            if (int r = s.sticky ? s.sticky : next())
                return s.sticky = r;
        }
    return NOT_READY;
}
EXPORT int cuEventElapsedTime(float *ms, void *a, void *b)
{
    ENTER();
    auto *from = (Event *)a, *to = (Event *)b;
    if (!from->reached || !to->reached)
        return NOT_READY;
    *ms = std::chrono::duration<float, std::milli>(to->at - from->at).count();
    return SUCCESS;
}
EXPORT int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { ENTER(); *free_bytes = s.total - s.used; *total = s.total; return SUCCESS; }

static int allocate(unsigned long long *p, size_t n)
{
    State &s = state();
    if (n == 0)
        return INVALID_VALUE;
    void *block = n <= s.total - s.used ? aligned_alloc(256, (n + 255) & ~(size_t)255) : nullptr;
    if (!block)
        return OUT_OF_MEMORY;
    memset(block, 0xa5, n);
    s.memory[(uintptr_t)block] = n;
    s.used += n;
    *p = (uintptr_t)block;
    return SUCCESS;
}
static int release_block(unsigned long long p)
{
    State &s = state();
    auto at = s.memory.find((uintptr_t)p);
    if (at == s.memory.end())
        return INVALID_VALUE;
    s.used -= at->second;
    memset((void *)p, 0x5a, at->second);
    free((void *)p);
    s.memory.erase(at);
    return SUCCESS;
}
EXPORT int cuMemAlloc_v2(unsigned long long *p, size_t n) { ENTER(); return allocate(p, n); }
EXPORT int cuMemFree_v2(unsigned long long p) { ENTER(); for (Stream *q : s.streams) if (q) drain(q); return release_block(p); }
EXPORT int cuMemAllocAsync(unsigned long long *p, size_t n, void *) { ENTER(); return allocate(p, n); }
EXPORT int cuMemFreeAsync(unsigned long long p, void *q)
{
    ENTER();
    if (!s.memory.count((uintptr_t)p))
        return INVALID_VALUE;
    return enqueue((Stream *)q, [p] { return release_block(p); });
}
EXPORT int cuDeviceGetDefaultMemPool(void **pool, int) { ENTER(false); *pool = &a_pool; return SUCCESS; }
EXPORT int cuMemPoolSetAttribute(void *, int, void *) { ENTER(false); return SUCCESS; }
EXPORT int cuMemPoolTrimTo(void *, size_t) { ENTER(false); return SUCCESS; }
EXPORT int cuMemAllocHost_v2(void **p, size_t n)
{
    ENTER();
    *p = malloc(n);
    s.pinned[(uintptr_t)*p] = n;
    return *p ? SUCCESS : OUT_OF_MEMORY;
}
EXPORT int cuMemFreeHost(void *p) { ENTER(); for (Stream *q : s.streams) if (q) drain(q); s.pinned.erase((uintptr_t)p); free(p); return SUCCESS; }
EXPORT int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t n, void *q)
{
    ENTER();
    if (!is_within(s.memory, (uintptr_t)to, n))
        return INVALID_VALUE;
    if (is_within(s.pinned, (uintptr_t)from, n))
        return enqueue((Stream *)q, [=] { memcpy((void *)to, from, n); return (int)SUCCESS; });
    // Pageable memory is read before the call returns.
    std::string copy((const char *)from, n);
    return enqueue((Stream *)q, [=] { memcpy((void *)to, copy.data(), n); return (int)SUCCESS; });
}
EXPORT int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t n, void *q)
{
    ENTER();
    if (!is_within(s.memory, (uintptr_t)from, n))
        return INVALID_VALUE;
    int r = enqueue((Stream *)q, [=] { memcpy(to, (const void *)from, n); return (int)SUCCESS; });
    return r || is_within(s.pinned, (uintptr_t)to, n) ? r : drain((Stream *)q);         // pageable memory: waits
}
EXPORT int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t n, void *q)
{
    ENTER();
    if (!is_within(s.memory, (uintptr_t)to, n) || !is_within(s.memory, (uintptr_t)from, n))
        return INVALID_VALUE;
    return enqueue((Stream *)q, [=] { memmove((void *)to, (const void *)from, n); return (int)SUCCESS; });
}
EXPORT int cuMemsetD8Async(unsigned long long p, unsigned char byte, size_t n, void *q)
{
    ENTER();
    if (!is_within(s.memory, (uintptr_t)p, n))
        return INVALID_VALUE;
    return enqueue((Stream *)q, [=] { memset((void *)p, byte, n); return (int)SUCCESS; });
}
EXPORT int cuModuleLoadData(void **out, const void *image)
{
    ENTER();
    uint64_t size;
    if (memcmp(image, "STANDIN", 8))
        return INVALID_IMAGE;
    memcpy(&size, (const char *)image + 8, 8);
    int fd = memfd_create("kernel", MFD_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool ok = fd >= 0 && write(fd, (const char *)image + 16, size) == (ssize_t)size;
    void *handle = ok ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (!handle)
        fprintf(stderr, "stand-in: %s\n", dlerror());
    auto **door = handle ? (const StandinApi **)dlsym(handle, "standin_api") : nullptr;
    if (!door) {
        close(fd);
        return INVALID_IMAGE;
    }
    *door = &api;
    auto *m = new Module;
    m->handle = handle;
    m->file = fd;               // open as long as the object is: dlopen() knows objects by their names
    *out = m;
    return SUCCESS;
}
EXPORT int cuModuleUnload(void *m)
{
    ENTER();
    for (Stream *q : s.streams)
        if (q)
            drain(q);
    for (auto at = s.functions.begin(); at != s.functions.end();)
        if (at->first.first == m) {
            delete at->second;
            at = s.functions.erase(at);
        } else {
            ++at;
        }
    dlclose(((Module *)m)->handle);
    close(((Module *)m)->file);
    delete (Module *)m;
    return SUCCESS;
}
EXPORT int cuModuleGetFunction(void **out, void *m, const char *name)
{
    ENTER();
    Function *&f = s.functions[{ m, name }];
    void *handle = ((Module *)m)->handle;
    if (!f) {
        f = new Function;
        f->call = (void (*)(void **))dlsym(handle, (std::string("standin_call_") + name).c_str());
        f->thread = (const StandinThread **)dlsym(handle, "standin_thread");
        auto *size = (const unsigned long *)dlsym(handle, (std::string("standin_size_") + name).c_str());
        auto *fibers = (const int *)dlsym(handle, "standin_uses_fibers");
        f->args_size = size ? *size : 0;
        f->uses_fibers = fibers && *fibers;
    }
    *out = f;
    return f->call && f->args_size ? SUCCESS : NOT_FOUND;
}
EXPORT int cuFuncGetAttribute(int *v, int a, void *) { ENTER(); *v = a == 0 ? 1024 : a == 4 ? 32 : 0; return SUCCESS; }
EXPORT int cuFuncSetAttribute(void *, int, int) { ENTER(); return SUCCESS; }
EXPORT int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned, void *q, void **params, void **)
{
    ENTER();
    auto *f = (const Function *)function;
    if (!gx || !gy || !gz || !bx || !by || !bz || gy > 65535 || gz > 65535 || gx > 0x7fffffffu || (uint64_t)bx * by * bz > 1024)
        return INVALID_VALUE;
    std::string args((const char *)params[0], f->args_size);        // parameters are read before the call returns
    return enqueue((Stream *)q, [=]() mutable { return run_kernel(f, { gx, gy, gz }, { bx, by, bz }, args.data()); });
}
EXPORT int cuStreamBeginCapture_v2(void *q, int) { ENTER(); ((Stream *)q)->capture = new Graph; return SUCCESS; }
EXPORT int cuStreamEndCapture(void *q, void **graph)
{
    ENTER();
    *graph = ((Stream *)q)->capture;
    ((Stream *)q)->capture = nullptr;
    return *graph ? SUCCESS : INVALID_VALUE;
}
EXPORT int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long) { ENTER(); *exec = new Graph(*(Graph *)graph); return SUCCESS; }
EXPORT int cuGraphLaunch(void *exec, void *q)
{
    ENTER();
    for (const auto &node : ((Graph *)exec)->node)
        if (int r = enqueue((Stream *)q, node))
            return r;
    return SUCCESS;
}
EXPORT int cuGraphExecDestroy(void *exec) { ENTER(); delete (Graph *)exec; return SUCCESS; }
EXPORT int cuGraphDestroy(void *graph) { ENTER(); delete (Graph *)graph; return SUCCESS; }
EXPORT int cuGetProcAddress_v2(const char *name, void **out, int, uint64_t, int *found)
{
    Dl_info self;
    dladdr((void *)&cuInit, &self);
    void *handle = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    *out = nullptr;
    for (const char *suffix : { "_v2", "" })
        if (!*out)
            *out = dlsym(handle, (std::string(name) + suffix).c_str());
    if (found)
        *found = *out ? 0 : 1;
    return *out ? SUCCESS : NOT_FOUND;
}

// ---- NVRTC ------------------------------------------------------------------------------------------------------------------------------

EXPORT int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = 0; return 0; }
EXPORT int nvrtcCreateProgram(void **p, const char *text, const char *, int, const char *const *, const char *const *)
{
    auto *n = new Program;
    n->text = text;
    *p = n;
    return 0;
}
EXPORT int nvrtcDestroyProgram(void **p) { delete (Program *)*p; *p = nullptr; return 0; }
EXPORT int nvrtcCompileProgram(void *p, int n, const char *const *options)
{
    auto *program = (Program *)p;
    bool has_arch = false;
    for (int i = 0; i < n; i++)
        has_arch |= strstr(options[i], "sm_") != nullptr;
    if (!has_arch) {
        program->log = "no architecture was named\n";
        return 6;
    }
    for (const char *word : { "__sync", "__shfl", "__ballot", "__any_sync", "__all_sync" })
        if (program->text.find(word) != std::string::npos) {
            program->text += "\nextern \"C\" __attribute__((visibility(\"default\"))) const int standin_uses_fibers = 1;\n";
            break;
        }
    return compile(program) ? 0 : 6;
}
EXPORT int nvrtcGetCUBINSize(void *p, size_t *n) { *n = ((Program *)p)->object.size() + 16; return 0; }
EXPORT int nvrtcGetCUBIN(void *p, char *to)
{
    const std::string &object = ((Program *)p)->object;
    uint64_t size = object.size();
    memcpy(to, "STANDIN", 8);
    memcpy(to + 8, &size, 8);
    memcpy(to + 16, object.data(), size);
    return 0;
}
EXPORT int nvrtcGetProgramLogSize(void *p, size_t *n) { *n = ((Program *)p)->log.size() + 1; return 0; }
EXPORT int nvrtcGetProgramLog(void *p, char *to) { memcpy(to, ((Program *)p)->log.c_str(), ((Program *)p)->log.size() + 1); return 0; }
EXPORT const char *nvrtcGetErrorString(int) { return "compilation"; }
