/* jit/cpu/elf.c — see elf.h.  Layout of an image: executable sections, stubs for far functions, then on pages of their own all data. */
#include "jit/cpu/elf.h"

#include <dlfcn.h>
#include <elf.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_SECTIONS = 256, STUB_SIZE = 16, MAX_STUBS = 64 };

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

typedef struct Loader {
    const char *bytes;
    size_t      size;
    const Elf64_Ehdr *head;
    const Elf64_Shdr *section;
    int         n_sections;
    char       *address[MAX_SECTIONS];  /* where a section's bytes are; NULL: not loaded */
    char       *base;
    char       *stubs;
    int         n_stubs;
    void       *stub_target[MAX_STUBS];
    const char *error;
} Loader;

static bool refuse(Loader *l, const char *why)
{
    l->error = why;
    return false;
}

static bool in_file(const Loader *l, uint64_t offset, uint64_t size)
{
    return offset <= l->size && size <= l->size - offset;
}

/* ---- symbols ------------------------------------------------------------------------------------------------------------- */

/* What LLVM's code generator may call without being told. */
static void *library_function(const char *name)
{
    static const struct { const char *name; void (*fn)(void); } known[] = {
#define KNOWN(f) { #f, (void (*)(void))f }
        KNOWN(memset), KNOWN(memcpy), KNOWN(memmove), KNOWN(fmod), KNOWN(fmodf), KNOWN(floor), KNOWN(floorf), KNOWN(ceil), KNOWN(ceilf),
        KNOWN(trunc), KNOWN(truncf), KNOWN(rint), KNOWN(rintf), KNOWN(nearbyint), KNOWN(nearbyintf), KNOWN(fma), KNOWN(fmaf), KNOWN(sqrt), KNOWN(sqrtf),
        KNOWN(copysign), KNOWN(fabs),
#undef KNOWN
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(known[i].name, name) == 0)
            return (void *)(uintptr_t)known[i].fn;
    /* A sanitizer's run time, when kernels are instrumented; an older one than LLVM has no __tsan_memset, but looks at memset. */
    if (strncmp(name, "__tsan_", 7))
        return NULL;
    void *found = dlsym(RTLD_DEFAULT, name);
    return found ? found : library_function(name + 7);
}

static const Elf64_Sym *symbol_table(Loader *l, uint32_t section, uint64_t *count, const char **names, uint64_t *names_size)
{
    if (section >= (uint32_t)l->n_sections)
        return NULL;
    const Elf64_Shdr *s = &l->section[section];
    if (s->sh_type != SHT_SYMTAB || s->sh_offset % 8 || !in_file(l, s->sh_offset, s->sh_size) || s->sh_link >= (uint32_t)l->n_sections)
        return NULL;
    const Elf64_Shdr *text = &l->section[s->sh_link];
    if (text->sh_type != SHT_STRTAB || !in_file(l, text->sh_offset, text->sh_size) || !text->sh_size ||
        l->bytes[text->sh_offset + text->sh_size - 1])
        return NULL;
    *count = s->sh_size / sizeof(Elf64_Sym);
    *names = l->bytes + text->sh_offset;
    *names_size = text->sh_size;
    return (const Elf64_Sym *)(const void *)(l->bytes + s->sh_offset);
}

/* NULL: l->error says why. */
static char *symbol_address(Loader *l, const Elf64_Sym *sym, const char *names, uint64_t names_size, bool *is_far)
{
    *is_far = false;
    if (sym->st_shndx == SHN_UNDEF) {
        if (sym->st_name >= names_size) {
            l->error = "a symbol's name lies outside the object";
            return NULL;
        }
        *is_far = true;
        char *p = library_function(names + sym->st_name);
        if (!p)
            l->error = "the object refers to an unknown function";
        return p;
    }
    if (sym->st_shndx >= l->n_sections || !l->address[sym->st_shndx] || sym->st_value > l->section[sym->st_shndx].sh_size) {
        l->error = "a symbol points outside the loaded sections";
        return NULL;
    }
    return l->address[sym->st_shndx] + sym->st_value;
}

/* Code near the kernel that jumps to a function anywhere. */
static char *stub_for(Loader *l, void *target)
{
    for (int i = 0; i < l->n_stubs; i++)
        if (l->stub_target[i] == target)
            return l->stubs + i * STUB_SIZE;
    if (l->n_stubs == MAX_STUBS) {
        l->error = "too many functions outside the object";
        return NULL;
    }
#if defined(__x86_64__)
    static const unsigned char jump[8] = { 0xff, 0x25, 2, 0, 0, 0, 0x90, 0x90 };        /* jmp *2(%rip) */
#else
    static const unsigned char jump[8] = { 0x50, 0, 0, 0x58, 0, 2, 0x1f, 0xd6 };        /* ldr x16, .+8; br x16 */
#endif
    char *stub = l->stubs + l->n_stubs * STUB_SIZE;
    memcpy(stub, jump, sizeof jump);
    memcpy(stub + 8, &target, sizeof target);
    l->stub_target[l->n_stubs++] = target;
    return stub;
}

/* ---- relocations ------------------------------------------------------------------------------------------------------------ */

static bool fits_signed(int64_t v, int bits)
{
    return v >= -((int64_t)1 << (bits - 1)) && v < (int64_t)1 << (bits - 1);
}

#if defined(__aarch64__)
static void patch_bits(char *at, uint32_t mask, uint32_t bits)
{
    uint32_t code;
    memcpy(&code, at, 4);
    code = (code & ~mask) | (bits & mask);
    memcpy(at, &code, 4);
}
#endif

static bool relocate(Loader *l, char *at, uint32_t type, char *target, int64_t addend)
{
    int64_t absolute = (int64_t)((uintptr_t)target + (uint64_t)addend), relative = (int64_t)((uint64_t)absolute - (uintptr_t)at);
    int32_t small = (int32_t)relative;
    switch (type) {
#if defined(__x86_64__)
    case R_X86_64_64:
        memcpy(at, &absolute, 8);
        return true;
    case R_X86_64_PC64:
        memcpy(at, &relative, 8);
        return true;
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        if (!fits_signed(relative, 32))
            return refuse(l, "a relocation is out of range");
        memcpy(at, &small, 4);
        return true;
#elif defined(__aarch64__)
    case R_AARCH64_ABS64:
        memcpy(at, &absolute, 8);
        return true;
    case R_AARCH64_PREL32:
        if (!fits_signed(relative, 32))
            return refuse(l, "a relocation is out of range");
        memcpy(at, &small, 4);
        return true;
    case R_AARCH64_CALL26:
    case R_AARCH64_JUMP26:
        if (!fits_signed(relative, 28))
            return refuse(l, "a relocation is out of range");
        patch_bits(at, 0x03ffffff, (uint32_t)(relative >> 2));
        return true;
    case R_AARCH64_ADR_PREL_PG_HI21: {
        int64_t pages = (absolute >> 12) - ((int64_t)(uintptr_t)at >> 12);
        if (!fits_signed(pages, 21))
            return refuse(l, "a relocation is out of range");
        patch_bits(at, 0x60ffffe0, (uint32_t)((pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5));
        return true;
    }
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC:
        patch_bits(at, 0xfff << 10, (uint32_t)(absolute & 0xfff) << 10);
        return true;
    case R_AARCH64_LDST16_ABS_LO12_NC:  patch_bits(at, 0xfff << 10, (uint32_t)(absolute & 0xfff) >> 1 << 10); return true;
    case R_AARCH64_LDST32_ABS_LO12_NC:  patch_bits(at, 0xfff << 10, (uint32_t)(absolute & 0xfff) >> 2 << 10); return true;
    case R_AARCH64_LDST64_ABS_LO12_NC:  patch_bits(at, 0xfff << 10, (uint32_t)(absolute & 0xfff) >> 3 << 10); return true;
    case R_AARCH64_LDST128_ABS_LO12_NC: patch_bits(at, 0xfff << 10, (uint32_t)(absolute & 0xfff) >> 4 << 10); return true;
#endif
    default:
        (void)small;
        return refuse(l, "a relocation of unknown type");
    }
}

static size_t patch_size(uint32_t type)
{
#if defined(__x86_64__)
    return type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
#elif defined(__aarch64__)
    return type == R_AARCH64_ABS64 ? 8 : 4;
#else
    (void)type;
    return 8;
#endif
}

static bool relocate_section(Loader *l, const Elf64_Shdr *s)
{
    uint64_t n_symbols, names_size;
    const char *names;
    if (s->sh_info >= (uint32_t)l->n_sections || !l->address[s->sh_info])
        return true;                /* relocations of something that is not loaded */
    const Elf64_Shdr *target = &l->section[s->sh_info];
    const Elf64_Sym *symbols = symbol_table(l, s->sh_link, &n_symbols, &names, &names_size);
    if (!symbols || !in_file(l, s->sh_offset, s->sh_size) || s->sh_offset % 8 || s->sh_type != SHT_RELA)
        return refuse(l, "damaged relocations");
    const Elf64_Rela *rela = (const Elf64_Rela *)(const void *)(l->bytes + s->sh_offset);
    for (uint64_t i = 0; i < s->sh_size / sizeof *rela; i++) {
        uint32_t type = (uint32_t)ELF64_R_TYPE(rela[i].r_info);
        uint64_t symbol = ELF64_R_SYM(rela[i].r_info);
        if (symbol >= n_symbols || rela[i].r_offset > target->sh_size || patch_size(type) > target->sh_size - rela[i].r_offset)
            return refuse(l, "a relocation points outside its section");
        bool is_far;
        char *address = symbol_address(l, &symbols[symbol], names, names_size, &is_far);
        if (!address || (is_far && patch_size(type) == 4 && !(address = stub_for(l, address))))
            return false;
        if (!relocate(l, l->address[s->sh_info] + rela[i].r_offset, type, address, rela[i].r_addend))
            return false;
    }
    return true;
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------- */

static bool check_header(Loader *l)
{
    const Elf64_Ehdr *h = l->head = (const Elf64_Ehdr *)(const void *)l->bytes;
    if (l->size < sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_type != ET_REL ||
        h->e_machine != MACHINE || (uintptr_t)l->bytes % 8)
        return refuse(l, "not an object of this machine");
    if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum > MAX_SECTIONS || h->e_shoff % 8 ||
        !in_file(l, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr)))
        return refuse(l, "damaged section table");
    l->section = (const Elf64_Shdr *)(const void *)(l->bytes + h->e_shoff);
    l->n_sections = h->e_shnum;
    return true;
}

static const char *section_name(const Loader *l, const Elf64_Shdr *s)
{
    if (l->head->e_shstrndx >= l->n_sections)
        return "";
    const Elf64_Shdr *names = &l->section[l->head->e_shstrndx];
    if (!in_file(l, names->sh_offset, names->sh_size) || s->sh_name >= names->sh_size || l->bytes[names->sh_offset + names->sh_size - 1])
        return "";
    return l->bytes + names->sh_offset + s->sh_name;
}

/* Kernels are never unwound. */
static bool is_loaded(const Loader *l, const Elf64_Shdr *s)
{
    return (s->sh_flags & SHF_ALLOC) && s->sh_size && (s->sh_type == SHT_PROGBITS || s->sh_type == SHT_NOBITS) &&
           strcmp(section_name(l, s), ".eh_frame") != 0;
}

/* Offsets of all sections with or without SHF_EXECINSTR from `at` on; returns the end, or SIZE_MAX. */
static size_t place(Loader *l, bool code, size_t at, size_t *offset)
{
    for (int i = 0; i < l->n_sections; i++) {
        const Elf64_Shdr *s = &l->section[i];
        if (!is_loaded(l, s) || code != ((s->sh_flags & SHF_EXECINSTR) != 0))
            continue;
        uint64_t align = s->sh_addralign ? s->sh_addralign : 1;
        if (align > 4096 || (align & (align - 1)) || s->sh_size > (size_t)1 << 30 || at > (size_t)1 << 30 ||
            (s->sh_type != SHT_NOBITS && !in_file(l, s->sh_offset, s->sh_size)))
            return SIZE_MAX;
        at = (at + align - 1) & ~(align - 1);
        offset[i] = at;
        at += s->sh_size;
    }
    return at;
}

static bool load(Loader *l, const char *entry_name, ElfImage *out)
{
    size_t offset[MAX_SECTIONS], page = (size_t)sysconf(_SC_PAGESIZE);
    if (!check_header(l))
        return false;
    size_t code_end = place(l, true, 0, offset);
    if (code_end == SIZE_MAX)
        return refuse(l, "damaged section");
    size_t stubs = (code_end + 15) & ~(size_t)15;
    size_t data = (stubs + MAX_STUBS * STUB_SIZE + page - 1) & ~(page - 1);
    size_t end = place(l, false, data, offset);
    if (end == SIZE_MAX)
        return refuse(l, "damaged section");
    out->size = (end + page - 1) & ~(page - 1);
    out->base = mmap(NULL, out->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out->base == MAP_FAILED) {
        out->base = NULL;
        return refuse(l, "no memory for the code");
    }
    l->stubs = out->base + stubs;
    for (int i = 0; i < l->n_sections; i++)
        if (is_loaded(l, &l->section[i])) {
            l->address[i] = out->base + offset[i];
            if (l->section[i].sh_type == SHT_PROGBITS)
                memcpy(l->address[i], l->bytes + l->section[i].sh_offset, l->section[i].sh_size);
        }
    for (int i = 0; i < l->n_sections; i++)
        if ((l->section[i].sh_type == SHT_RELA || l->section[i].sh_type == SHT_REL) && !relocate_section(l, &l->section[i]))
            return false;
    for (int i = 0; i < l->n_sections && !out->entry; i++) {
        uint64_t n, names_size;
        const char *names;
        const Elf64_Sym *symbols = l->section[i].sh_type == SHT_SYMTAB ? symbol_table(l, (uint32_t)i, &n, &names, &names_size) : NULL;
        for (uint64_t k = 0; symbols && k < n; k++)
            if (symbols[k].st_shndx != SHN_UNDEF && symbols[k].st_name < names_size && strcmp(names + symbols[k].st_name, entry_name) == 0) {
                bool is_far;
                out->entry = symbol_address(l, &symbols[k], names, names_size, &is_far);
                break;
            }
    }
    if (!out->entry)
        return l->error ? false : refuse(l, "the object has no entry");
    if (mprotect(out->base, data, PROT_READ | PROT_EXEC))
        return refuse(l, "the system does not allow new code");
    __builtin___clear_cache(out->base, out->base + data);
    return true;
}

Status elf_load(const char *bytes, size_t size, const char *entry_name, ElfImage *out, const char **error)
{
    Loader l = { .bytes = bytes, .size = size };
    *out = (ElfImage){ 0 };
    if (load(&l, entry_name, out))
        return ALP_OK;
    elf_unload(out);
    *error = l.error;
    return ALP_FAIL;
}

void elf_unload(ElfImage *image)
{
    if (image->base)
        munmap(image->base, image->size);
    *image = (ElfImage){ 0 };
}
