// Variables that a try block and its handlers change, looked at where the handlers end: each at every call that may throw.
#include <cstdio>
#include <stdexcept>

static unsigned throwing; // which calls of step throw: a bit each

__attribute__((noinline)) static int step(int n) {
  bool now = throwing & 1;
  throwing >>= 1;
  if (now) throw n;
  return n;
}

struct Report {
  int &x;
  ~Report() { std::printf(" at the end %d", x); }
};

// A handler's variable is needed by a handler inside it,
static int handler(int x) {
  try {
    x += step(1);
    x += step(10);
  } catch (int) {
    try {
      step(2);
      x += step(100);
      x += step(1000);
    } catch (int) {
      return x;
    }
  }
  return -x;
}

// by a destructor,
static int cleanup(int x) {
  try {
    x += step(1);
    x += step(10);
  } catch (int) {
    Report r{x};
    x += step(100);
    x += step(1000);
  }
  return -x;
}

// by a handler that another stands before,
static int passing(int x) {
  double y = x;
  try {
    x += step(1), y *= 2;
    x += step(10), y *= 3;
  } catch (int) {
    try {
      try {
        step(3);
        x += step(100);
      } catch (const std::exception &) {
        x += step(200);
      }
      y += step(4);
      x += step(1000);
    } catch (int) {
      std::printf(" %g", y);
      try {
        x += step(10000);
        x += step(20000);
      } catch (...) {
        return x;
      }
    }
  }
  return -x;
}

// and in a loop.
static int loop(int x) {
  for (int i = 0; i < 3; i++) {
    Report r{x};
    try {
      x += step(1);
      x += step(10);
    } catch (int) {
      for (int k = 0; k < 2; k++) {
        try {
          step(5);
          x += step(100);
          if (k == 1) throw std::logic_error("k");
          x *= step(3);
        } catch (int n) {
          x -= n;
          if (x % 2) continue;
        }
        x++;
      }
    }
  }
  return x;
}

int main() {
  int (*const all[])(int) = {handler, cleanup, passing, loop};
  for (auto f : all)
    for (unsigned bits = 0; bits < 512; bits++)
      try {
        throwing = bits;
        std::printf("%u:", bits);
        std::printf(" %d\n", f(50000));
      } catch (int n) {
        std::printf(" thrown %d\n", n);
      } catch (const std::exception &e) {
        std::printf(" %s\n", e.what());
      }
}
