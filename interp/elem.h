/* interp/elem.h — dtypes as C types: list macros over them, and access types for elements that need not be aligned. */
#ifndef ALP_INTERP_ELEM_H
#define ALP_INTERP_ELEM_H

#include "interp/elementwise.h"
#include "interp/array.h"

/* Elements as they lie in memory: byte-aligned, for arrays of host programs; may alias anything. */
#define ELEM_TYPE __attribute__((aligned(1), may_alias))
typedef uint8_t  ELEM_TYPE E_b1;
typedef int8_t   ELEM_TYPE E_i8;
typedef int16_t  ELEM_TYPE E_i16;
typedef int32_t  ELEM_TYPE E_i32;
typedef int64_t  ELEM_TYPE E_i64;
typedef uint8_t  ELEM_TYPE E_u8;
typedef uint16_t ELEM_TYPE E_u16;
typedef uint32_t ELEM_TYPE E_u32;
typedef uint64_t ELEM_TYPE E_u64;
typedef float    ELEM_TYPE E_f32;
typedef double   ELEM_TYPE E_f64;
typedef struct __attribute__((packed, may_alias)) { float re, im; } E_c64;
typedef struct __attribute__((packed, may_alias)) { double re, im; } E_c128;

/* The iterations of a loop over elements do not depend on each other: inputs and output of a kernel are either the same bytes
 * or do not overlap. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"        /* where it cannot vectorise a kernel, that is fine */
#define ELEM_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define ELEM_INDEPENDENT _Pragma("GCC ivdep")
#else
#define ELEM_INDEPENDENT
#endif

#endif
