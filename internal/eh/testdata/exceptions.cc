// What C++ does with exceptions, in lines of text. testdata/exceptions.txt is what a native build prints.
#include <functional>
#include <stdexcept>
#include <stdio.h>
#include <string>
#include <vector>

#ifdef __wasm__
extern "C" __attribute__((import_module("test"), import_name("call"))) void host_call(void (*f)(int), int argument);
#else
static void host_call(void (*f)(int), int argument) { f(argument); }
#endif

static int alive;
struct Noisy {
	const char *name;
	explicit Noisy(const char *n) : name(n) { alive++; }
	Noisy(const Noisy &o) : name(o.name) { alive++; }
	~Noisy() {
		alive--;
		printf("  ~%s\n", name);
	}
};

struct Base {
	virtual ~Base() {}
	virtual int kind() const { return 1; }
};
struct Other {
	int padding = 5;
};
struct Derived : Other, Base {
	int kind() const override { return 2; }
};

[[gnu::noinline]] static void raise(int k) {
	Noisy n("raise");
	switch (k) {
	case 1: throw 42;
	case 2: throw std::runtime_error("runtime");
	case 3: throw Derived();
	case 4: throw std::string("a string that is too long for the small buffer");
	case 5: throw Noisy("thrown");
	case 6: throw 2.5;
	case 7: throw "text";
	}
}

static void one(int k) {
	try {
		raise(k);
		printf("%d: nothing\n", k);
	} catch (int i) {
		printf("%d: int %d\n", k, i);
	} catch (const std::exception &e) {
		printf("%d: exception %s\n", k, e.what());
	} catch (Base &b) {
		printf("%d: base of kind %d\n", k, b.kind());
	} catch (const std::string &s) {
		printf("%d: %s\n", k, s.c_str());
	} catch (const Noisy &n) {
		printf("%d: noisy %s\n", k, n.name);
	} catch (...) {
		printf("%d: something\n", k);
	}
}

[[gnu::noinline]] static int deep(int n, int k) {
	Noisy here("deep");
	if (n == 0) raise(k);
	return deep(n - 1, k) + 1;
}

static void nested() {
	try {
		Noisy outer("outer");
		try {
			Noisy inner("inner");
			raise(2);
		} catch (int) {
			printf("wrong\n");
		}
	} catch (std::exception &e) {
		printf("nested: %s\n", e.what());
		try {
			raise(1);
		} catch (int i) {
			printf("within the handler: %d\n", i);
		}
		throw; // the outer one
	}
}

struct Member {
	Noisy a{"member a"}, b;
	explicit Member(int k) try : b("member b") {
		raise(k);
	} catch (int) {
		printf("constructor failed\n");
	}
};

static int quiet() noexcept { return 3; }

static void through_host(int k) {
	Noisy n("callback");
	try {
		raise(7);
	} catch (const char *s) {
		printf("callback caught %s\n", s);
	}
	raise(k);
}

using Function = void (*)(int);
Function volatile table[] = {one, raise, through_host};

struct Thrower {
	~Thrower() noexcept(false) { throw 9; }
};

int main(int argc, char **) {
	for (int k = 0; k <= 7; k++) one(k);
	try {
		printf("%d\n", deep(3, argc + 3));
	} catch (const std::string &s) {
		printf("from the deep: %s\n", s.c_str());
	}
	try {
		nested();
	} catch (std::runtime_error &e) {
		printf("rethrown: %s\n", e.what());
	}
	for (int k = 0; k < 6; k++) {
		try {
			Noisy n("loop");
			if (k == 1) continue;
			if (k == 4) break;
			raise(k == 3 ? 1 : 0);
			printf("round %d\n", k);
		} catch (...) {
			printf("round %d caught\n", k);
			if (k == 3) continue;
		}
	}
	try {
		Member m(1);
	} catch (int i) {
		printf("member: %d\n", i);
	}
	try {
		table[argc](6);
	} catch (double d) {
		printf("through a pointer: %g\n", d);
	}
	std::function<int(int)> f = [](int x) {
		Noisy n("lambda");
		if (x > 1) throw std::out_of_range("x");
		return x;
	};
	int sum = 0;
	for (int k = 0; k < 4; k++) {
		try {
			sum += f(k);
		} catch (std::logic_error &) {
			sum += 100;
		}
	}
	printf("sum %d\n", sum);
	try {
		std::vector<int> v(3);
		v.at(argc + 8) = 1;
	} catch (std::out_of_range &) {
		printf("at\n");
	}
	try {
		Thrower t;
		printf("before the destructor\n");
	} catch (int i) {
		printf("destructor threw %d\n", i);
	}
	host_call(through_host, 0);
	try {
		host_call(through_host, 2);
		printf("wrong\n");
	} catch (std::runtime_error &e) {
		printf("through the host: %s\n", e.what());
	}
	try {
		try {
			throw Derived();
		} catch (Other &o) {
			printf("other %d\n", o.padding);
			throw;
		}
	} catch (Base &b) {
		printf("base %d\n", b.kind());
	}
	printf("quiet %d, alive %d\n", quiet(), alive);
	return 0;
}
