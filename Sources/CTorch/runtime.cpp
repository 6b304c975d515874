// What belongs to the process: memory, CUDA, errors, threads.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

#include "internal.h"

namespace {

thread_local std::string lastError;

CTStatus record(CTStatus status, const char *message) noexcept {
  try {
    lastError = message;
    lastError.resize(std::min(lastError.size(), lastError.find('\n')));
  } catch (...) {
    lastError.clear();
  }
  return status;
}

/// A failed allocation on the CPU is an ordinary c10::Error: its text tells it apart.
bool isAllocationFailure(const std::string &message) {
  return message.find("DefaultCPUAllocator") != std::string::npos;
}

/// Keeps freed memory in the process. By glibc's defaults each large temporary is mapped and
/// unmapped anew, and its page faults cost 20 to 100 times what an element-wise operation does.
void keepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  mallopt(M_TOP_PAD, 64 << 20);
}

/// Loads the half of libtorch that is for CUDA, if there is one and a driver to run it. It is not
/// linked, because it would take half a second to load, from a cold disk seconds, on machines
/// that have no use for it.
void loadCUDA() {
  if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_GLOBAL);
  }
}

/// Debian's libtorch starts with one thread.
void useAllCores() {
  if (std::getenv("OMP_NUM_THREADS") || at::get_num_threads() > 1) return;
  at::set_num_threads(std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

/// Takes OpenBLAS's threads from it, where they are its own and not OpenMP's: after a product they
/// spin for a while, and the threads of the next operation wait for the cores.
void quietOpenBLAS() {
  constexpr int ownThreads = 1;
  auto kind = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_parallel"));
  auto setCount = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (kind && setCount && kind() == ownThreads) setCount(1);
}

}  // namespace

void ctorch::prepare() {
  static const bool done = [] {
    keepFreedMemory();
    loadCUDA();
    useAllCores();
    quietOpenBLAS();
    return true;
  }();
  (void)done;
}

void ctorch::parallelFor(int64_t count, int64_t grain,
                         c10::function_ref<void(int64_t, int64_t)> body) {
  // Iterating over a tensor runs in parallel within libtorch: here one byte stands for each part,
  // and its address tells which.
  at::Tensor parts = at::empty((count + grain - 1) / grain, at::kByte);
  const char *base = static_cast<const char *>(parts.data_ptr());
  auto iterator = at::TensorIterator::nullary_op(parts);
  iterator.for_each(
      [&](char **data, const int64_t *, int64_t length) {
        int64_t first = data[0] - base;
        body(first * grain, std::min((first + length) * grain, count));
      },
      /*grain_size=*/1);
}

CTStatus ctorch::recordException() noexcept {
  try {
    throw;
  } catch (const c10::OutOfMemoryError &error) {
    return record(CT_OUT_OF_MEMORY, error.what_without_backtrace());
  } catch (const c10::Error &error) {
    const char *message = error.what_without_backtrace();
    return record(isAllocationFailure(message) ? CT_OUT_OF_MEMORY : CT_ERROR, message);
  } catch (const std::bad_alloc &error) {
    return record(CT_OUT_OF_MEMORY, error.what());
  } catch (const std::exception &error) {
    return record(CT_ERROR, error.what());
  } catch (...) {
    return record(CT_ERROR, "unknown exception");
  }
}

const char *ct_last_error(void) { return lastError.c_str(); }

const char *ct_version(void) { return TORCH_VERSION; }

bool ct_cuda_is_available(void) {
  ctorch::prepare();
  return at::hasCUDA();
}

int32_t ct_thread_count(void) {
  ctorch::prepare();
  return at::get_num_threads();
}

void ct_release_memory(void) { malloc_trim(0); }

CTStatus ct_set_thread_count(int32_t count) {
  return ctorch::guarded([&] {
    ctorch::prepare();
    at::set_num_threads(count);
  });
}
