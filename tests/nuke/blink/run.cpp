// Runs a kernel over pictures, for a caller that knows no C++. KERNEL_TEXT is the kernel's file, KERNEL_NAME its name.
#include <cstdio>
#include <cstring>

#include "blink.hpp"

namespace blink {
#define kernel struct
#define param public
#define local public
#include KERNEL_TEXT
#undef kernel
#undef param
#undef local
}  // namespace blink

extern "C" {

struct Picture {
  const float* pixels;  // RGBA, the bottom row first
  int x1, y1, x2, y2;
};

struct Given {
  const char* label;
  const double* values;  // as knobs have them
  int count;
};

// The parameters' labels and sizes, "label:count " each, and the number of read images; for the tests of the text.
int describe(char* text, int size) {
  AnyImage::declared().clear();
  blink::KERNEL_NAME made;
  made.define();
  std::string all;
  for (const Parameter& one : made.parameters) all += one.label + ":" + std::to_string(one.count) + " ";
  std::snprintf(text, static_cast<std::size_t>(size), "%s", all.c_str());
  return static_cast<int>(AnyImage::declared().size()) - 1;
}

// Runs over the last picture, which is written. Returns 0, or 1 with what is wrong in `error`.
int run(const Given* given, int givens, const Picture* pictures, int count, char* error, int size) {
  AnyImage::declared().clear();
  blink::KERNEL_NAME made;
  made.define();
  std::string wrong;
  for (int k = 0; k < givens; k++) {
    bool found = false;
    for (Parameter& one : made.parameters) {
      if (one.label != given[k].label) continue;
      found = one.count == given[k].count;
      for (int i = 0; found && i < one.count; i++) {
        if (one.floats) one.floats[i] = static_cast<float>(given[k].values[i]);
        else one.ints[i] = static_cast<int>(given[k].values[i]);
      }
      one.given = true;
    }
    if (!found) wrong = std::string("no parameter ") + given[k].label + " of that size";
  }
  for (const Parameter& one : made.parameters) {
    if (!one.given) wrong = "nothing was given for " + one.label;
  }
  if (static_cast<int>(AnyImage::declared().size()) != count) wrong = "another number of images";
  if (!wrong.empty()) {
    std::snprintf(error, static_cast<std::size_t>(size), "%s", wrong.c_str());
    return 1;
  }
  for (int k = 0; k < count; k++) {
    AnyImage* image = AnyImage::declared()[static_cast<std::size_t>(k)];
    image->bounds = Bounds{pictures[k].x1, pictures[k].y1, pictures[k].x2, pictures[k].y2};
    image->pixels = reinterpret_cast<const float4*>(pictures[k].pixels);
  }
  made.init();
  const Picture& out = pictures[count - 1];
  for (int y = out.y1; y < out.y2; y++) {
    for (int x = out.x1; x < out.x2; x++) {
      AnyImage::position() = int2{x, y};
      made.process(int2{x, y});
    }
  }
  return 0;
}
}
