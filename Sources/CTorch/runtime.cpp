// Errors, threads, devices.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <new>
#include <string>

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

}  // namespace

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

bool ct_cuda_is_available(void) { return at::hasCUDA(); }

int32_t ct_thread_count(void) { return at::get_num_threads(); }

CTStatus ct_set_thread_count(int32_t count) {
  return ctorch::guarded([&] { at::set_num_threads(count); });
}
