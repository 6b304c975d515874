// Eight numbers at once, in clang's portable vectors: two registers of SSE or NEON, one of AVX.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// One function, compiled for several processors and chosen when the program is loaded. That takes
// glibc's loader, and runs before a sanitizer is ready.
#if defined(__x86_64__) && defined(__GLIBC__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif

#define INLINE static inline __attribute__((always_inline, nodebug))

typedef float f8 __attribute__((ext_vector_type(8)));
typedef float f16 __attribute__((ext_vector_type(16)));
typedef uint32_t u8 __attribute__((ext_vector_type(8)));
typedef int32_t i8 __attribute__((ext_vector_type(8)));

enum { lanes = 8 };

#define LOAD(vector, pointer) memcpy(&(vector), (pointer), sizeof(vector))
#define STORE(pointer, vector) memcpy((pointer), &(vector), sizeof(vector))
