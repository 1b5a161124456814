/* tests/unit/counted.h — checks that are counted. */
#ifndef ALP_TESTS_COUNTED_H
#define ALP_TESTS_COUNTED_H

#include <stdio.h>

static int passed, failed;

/* CHECK(condition, format, …): what is printed where it does not hold. */
#define CHECK(cond, ...) \
    do { \
        if (cond) { \
            passed++; \
        } else { \
            failed++; \
            printf("FAIL line %d: ", __LINE__); \
            printf(__VA_ARGS__); \
            printf("\n"); \
        } \
    } while (0)

#endif
