// The part of BlinkScript that lookmatte's kernel uses, as C++: enough to compile the kernel's own text and run it over
// pictures. Stricter than Blink where Blink lets mistakes through: no number in double precision, no reading of an image
// in a way that its declaration does not name.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

// Vectors

struct int2 { int x, y; };

struct float3 {
  float x, y, z;
  float3() : x(0.0f), y(0.0f), z(0.0f) {}
  explicit float3(float all) : x(all), y(all), z(all) {}
  float3(float a, float b, float c) : x(a), y(b), z(c) {}
  explicit float3(double) = delete;
};

struct float4 {
  float x, y, z, w;
  float4() : x(0.0f), y(0.0f), z(0.0f), w(0.0f) {}
  explicit float4(float all) : x(all), y(all), z(all), w(all) {}
  float4(float a, float b, float c, float d) : x(a), y(b), z(c), w(d) {}
  explicit float4(double) = delete;
};

inline float3 operator+(float3 a, float3 b) { return float3(a.x + b.x, a.y + b.y, a.z + b.z); }
inline float3 operator-(float3 a, float3 b) { return float3(a.x - b.x, a.y - b.y, a.z - b.z); }
inline float3 operator*(float k, float3 a) { return float3(k * a.x, k * a.y, k * a.z); }
inline float4 operator+(float4 a, float4 b) { return float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
inline float4 operator*(float k, float4 a) { return float4(k * a.x, k * a.y, k * a.z, k * a.w); }
float3 operator*(double, float3) = delete;
float4 operator*(double, float4) = delete;

// Functions: of float alone. With BLINK_ROUGH, powers and logarithms are wrong by a millionth of their value, up or
// down; a GPU's fast ones are nearer than that.

namespace blink {
inline float rough(float x) {
#ifdef BLINK_ROUGH
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return x + x * ((bits * 2654435761u) >> 31 ? 1e-6f : -1e-6f);
#else
  return x;
#endif
}
}  // namespace blink

#define BLINK_FLOAT_FUNCTION(name, made)  \
  inline float name(float x) { return made; } \
  float name(double) = delete; \
  float name(int) = delete;

namespace blink {
BLINK_FLOAT_FUNCTION(fabs, std::fabs(x))
BLINK_FLOAT_FUNCTION(exp, rough(std::exp(x)))
BLINK_FLOAT_FUNCTION(log, rough(std::log(x)))
inline float pow(float x, float power) { return rough(std::pow(x, power)); }
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
template <class A, class B> float pow(A, B) = delete;
template <class A, class B> float min(A, B) = delete;
template <class A, class B> float max(A, B) = delete;
}  // namespace blink

// Images: RGBA, y upwards, bounds from x1, y1 up to, but not including, x2, y2

enum Read { eRead, eWrite };
enum Access { eAccessPoint, eAccessRandom };
enum Edge { eEdgeNone, eEdgeClamped };

struct Bounds {
  int x1, y1, x2, y2;
  int width() const { return x2 - x1; }
  int height() const { return y2 - y1; }
};

struct AnyImage {
  Bounds bounds{0, 0, 0, 0};
  const float4* pixels = nullptr;
  static std::vector<AnyImage*>& declared() {
    static std::vector<AnyImage*> all;  // in the order of the kernel's text
    return all;
  }
  static int2& position() {
    static int2 here{0, 0};
    return here;
  }
  AnyImage() { declared().push_back(this); }
  AnyImage(const AnyImage&) = delete;

 protected:
  const float4& clamped(int x, int y) const {
    x = x < bounds.x1 ? bounds.x1 : x >= bounds.x2 ? bounds.x2 - 1 : x;
    y = y < bounds.y1 ? bounds.y1 : y >= bounds.y2 ? bounds.y2 - 1 : y;
    return pixels[static_cast<std::size_t>(y - bounds.y1) * static_cast<std::size_t>(bounds.width())
                  + static_cast<std::size_t>(x - bounds.x1)];
  }
};

template <Read read, Access access = eAccessPoint, Edge edge = eEdgeNone> struct Image;

template <> struct Image<eRead, eAccessPoint, eEdgeClamped> : AnyImage {
  float4 operator()() const { return clamped(position().x, position().y); }
};

template <> struct Image<eRead, eAccessRandom, eEdgeClamped> : AnyImage {
  float4 operator()(int x, int y) const { return clamped(x, y); }
};

template <> struct Image<eWrite, eAccessPoint, eEdgeNone> : AnyImage {
  float4& operator()() {
    const std::size_t row = static_cast<std::size_t>(position().y - bounds.y1);
    const std::size_t at = row * static_cast<std::size_t>(bounds.width());
    return const_cast<float4*>(pixels)[at + static_cast<std::size_t>(position().x - bounds.x1)];
  }
};

// Kernels and their parameters

struct Parameter {
  std::string label;
  float* floats;  // one of the two
  int* ints;
  int count;
  bool given;
};

enum Granularity { ePixelWise };

template <Granularity> struct ImageComputationKernel {
  std::vector<Parameter> parameters;

  void defineParam(int& value, const char* label, int standard) { add(label, nullptr, &(value = standard), 1); }
  void defineParam(float& value, const char* label, float standard) { add(label, &(value = standard), nullptr, 1); }
  void defineParam(float3& value, const char* label, float3 standard) { add(label, &(value = standard).x, nullptr, 3); }
  void defineParam(float4& value, const char* label, float4 standard) { add(label, &(value = standard).x, nullptr, 4); }
  void defineParam(float&, const char*, double) = delete;
  void defineParam(float&, const char*, int) = delete;

 private:
  void add(const char* label, float* floats, int* ints, int count) {
    parameters.push_back(Parameter{label, floats, ints, count, false});
  }
};
