/* tests/fuzz/fuzz_npy.c — the reader of .npy files on arbitrary bytes: an array or an exception, within bounded memory, and nothing
 * left over. */
#include <stdlib.h>

#include "interp/format.h"
#include "interp/npy.h"

enum { MAX_BYTES = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static VM *vm;
    if (!vm) {
        Mem mem;
        mem_init(&mem, NULL, NULL);
        mem.bytes_max = MAX_BYTES;
        vm = vm_new(&mem);
        if (!vm)
            abort();
    }
    Value v = npy_parse(vm, (const char *)data, size);
    if (IS_ERR(v)) {
        if (!vm_has_exc(vm))
            abort();
        vm_clear_exc(vm);
        return 0;
    }
    const Array *a = ARRAY(v);
    if ((size_t)a->size * dtype_info[a->dtype].size > size)     /* an array holds no more than the file did */
        abort();
    Value text = value_str(vm, v);                              /* reads every element that is shown */
    if (IS_ERR(text))
        vm_clear_exc(vm);
    value_free(vm, text);
    value_free(vm, v);
    return 0;
}
