#pragma once

#include <cstdint>
#include <cstring>

// Compiled once for each of these instruction sets; the loader picks one.
#if defined(__x86_64__) && defined(__ELF__)
#define CT_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CT_MULTIVERSION
#endif
#define CT_INLINE static inline __attribute__((always_inline))

namespace ctorch {

struct BFloat16 {
  uint16_t bits;
};

CT_INLINE float load(float value) { return value; }

CT_INLINE float load(BFloat16 value) {
  uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

CT_INLINE void store(float value, float *out) { *out = value; }

/// Rounds to nearest, ties to even. A NaN stays one: its payload is cut, but its top bit is kept
/// because arithmetic makes quiet NaNs only.
CT_INLINE void store(float value, BFloat16 *out) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  uint32_t chosen = value == value ? rounded : bits;
  out->bits = static_cast<uint16_t>(chosen >> 16);
}

/// e^x within 2 ulp on [-87, 87], clamped outside: x = n ln 2 + r, e^r by its Taylor polynomial.
/// Branch-free, so that the loops around it become vector code.
CT_INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  const float shifter = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer
  float n = (x * 1.44269504f + shifter) - shifter;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t power = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &power, sizeof scale);
  return p * scale;
}

CT_INLINE float sigmoid(float z) { return 1.0f / (1.0f + exponential(-z)); }

/// d silu(z) / dz.
CT_INLINE float siluSlope(float z) {
  float s = sigmoid(z);
  return s * (1.0f + z * (1.0f - s));
}

}  // namespace ctorch
