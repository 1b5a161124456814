// tests/api/test_cxx.cpp — the header serves C++ too.
#include <alpy.h>

#include <cstdio>

static alpy_status square(alpy_vm *, void *, const alpy_value *args, int, alpy_value *result)
{
    result->kind = ALPY_INT;
    result->u.i = args[0].u.i * args[0].u.i;
    return ALPY_OK;
}

int main()
{
    alpy_config config;
    alpy_config_init(&config);
    alpy_vm *vm = nullptr;
    if (alpy_open(&vm, &config) != ALPY_OK)
        return 1;
    const alpy_function row = { "square", square, 1, 1, "The square of an int.", nullptr };
    int64_t y = 0;
    bool ok = alpy_register(vm, &row, 1) == ALPY_OK && alpy_eval(vm, "y = square(12)", nullptr) == ALPY_OK &&
              alpy_get_int(vm, "y", &y) == ALPY_OK && y == 144;
    ok = alpy_close(vm) == ALPY_OK && ok;
    std::printf("%d passed, %d failed\n", ok, !ok);
    return !ok;
}
