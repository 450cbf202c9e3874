// What ends when a program does, and in which order: the variables that are a thread's own, the static ones, what atexit was given.
#include <cstdio>
#include <cstdlib>
#include <string>

struct Ending {
	const char *name;
	explicit Ending(const char *name) : name(name) { std::printf("begins: %s\n", name); }
	~Ending() { std::printf("ends: %s\n", name); }
};

static Ending global("global");
static thread_local Ending own("thread_local");
static thread_local std::string text = "too long a string to be kept in place";

int main(int argc, char **)
{
	std::atexit([] { std::puts("at exit"); });
	std::printf("%s %zu\n", own.name, text.size());
	static Ending late("static in a function");
	thread_local Ending last("thread_local in a function");
	if (argc > 1) {
		std::exit(3);
	}
	std::puts("main returns");
	return 0;
}
