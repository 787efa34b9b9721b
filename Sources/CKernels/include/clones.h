// WEIR_CLONES: one function body compiled for several instruction sets, chosen when the program is loaded. For C targets.
#pragma once
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_NO_CLONES  // an indirect function resolved before the sanitizer starts crashes it
#endif
#endif
#if defined(__x86_64__) && defined(__linux__) && !defined(WEIR_NO_CLONES)
#define WEIR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WEIR_CLONES
#endif
