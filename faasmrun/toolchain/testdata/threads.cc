// What a thread-safe C and C++ library must keep exact while several threads work in it at once. The test is the runtime
// that threads need: it hands in spawn and join.
#include <pthread.h>
#include <semaphore.h>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <locale>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

constexpr int threads = 4, rounds = 20000, lines = 1000, stack = 256 << 10;

extern "C" {
[[clang::import_module("test"), clang::import_name("spawn")]] int host_spawn(void *(*f)(void *), void *argument, char *top, void *tls);
[[clang::import_module("test"), clang::import_name("join")]] long host_join(int thread);
void __faasmrun_threads_start(void);

int __faasmrun_spawn(pthread_t *t, const pthread_attr_t *, void *(*f)(void *), void *argument)
{
	static bool told;
	if (!told) {
		told = true;
		__faasmrun_threads_start();
	}
	char *top = static_cast<char *>(aligned_alloc(16, stack)) + stack;
	*t = static_cast<pthread_t>(host_spawn(f, argument, top, aligned_alloc(__builtin_wasm_tls_align(), __builtin_wasm_tls_size())));
	return 0;
}

int __faasmrun_join(pthread_t t, void **result)
{
	void *r = reinterpret_cast<void *>(host_join(static_cast<int>(t)));
	if (result) {
		*result = r;
	}
	return 0;
}
}

static std::atomic<int> wrong, ended;
static void expect(bool holds, const char *what)
{
	if (!holds) {
		wrong++;
		fprintf(stderr, "%s\n", what);
	}
}

struct Own {
	int count = 0;
	std::string text = "own";
	~Own() { ended += text == "own" && count == rounds; }
};
static thread_local Own own;

// Heap: blocks of all sizes, filled, looked at and freed, many of them by another thread than the one that made them.
static std::atomic<unsigned char *> given[64];
static void heap(unsigned id)
{
	unsigned random = id * 2654435761u + 1;
	for (int i = 0; i < rounds; i++) {
		random = random * 1664525 + 1013904223;
		unsigned size = 8 + (random >> 8) % ((random >> 28) == 0 ? 20000 : 300);
		auto *block = static_cast<unsigned char *>(i % 3 ? malloc(size) : calloc(1, size));
		memset(block, id, size);
		memcpy(block, &size, sizeof size);
		block[size - 1] = block[4] = id;
		block = given[random % 64].exchange(block);
		if (block) {
			memcpy(&size, block, sizeof size);
			expect(block[4] == block[size - 1] && block[4] >= 1 && block[4] <= threads, "a block was overwritten");
			free(block);
		}
		own.count++;
	}
}

// Exceptions: each thread has its own in flight.
static int depth(int n, int id)
{
	std::string guard(n, 'x');
	if (n == 0) {
		throw std::runtime_error("from " + std::to_string(id));
	}
	return depth(n - 1, id) + guard.size();
}

static void exceptions(int id)
{
	for (int i = 0; i < 200; i++) {
		try {
			try {
				depth(i % 20, id);
			} catch (const std::exception &) {
				throw;
			}
		} catch (const std::runtime_error &e) {
			expect(e.what() == "from " + std::to_string(id), "another thread's exception");
		}
	}
}

// Locks of every kind, each around a number that no atomic instruction keeps.
static std::mutex mutex;
static std::recursive_mutex recursive;
static std::shared_mutex shared;
static pthread_mutex_t checking;
static sem_t semaphore;
static long counts[5];
static void locks()
{
	for (int i = 0; i < rounds / 10; i++) {
		{
			std::lock_guard lock(mutex);
			counts[0]++;
		}
		{
			std::lock_guard lock(recursive), again(recursive);
			counts[1]++;
		}
		{
			std::unique_lock lock(shared);
			counts[2]++;
		}
		{
			std::shared_lock lock(shared);
			expect(counts[2] > 0, "read before it was written");
		}
		pthread_mutex_lock(&checking);
		expect(pthread_mutex_lock(&checking) == EDEADLK, "no EDEADLK");
		counts[3]++;
		pthread_mutex_unlock(&checking);
		sem_wait(&semaphore);
		counts[4]++;
		sem_post(&semaphore);
	}
}

// A queue that waits when it is empty and when it is full.
static std::mutex queue_mutex;
static std::condition_variable filled, emptied;
static std::deque<int> queue;
static long taken;
static void queues(int id)
{
	for (int i = 0; i < 500; i++) {
		std::unique_lock lock(queue_mutex);
		if (id % 2) {
			emptied.wait(lock, [] { return queue.size() < 4; });
			queue.push_back(i);
			filled.notify_one();
		} else {
			filled.wait(lock, [] { return !queue.empty(); });
			taken += queue.front();
			queue.pop_front();
			emptied.notify_one();
		}
	}
}

static std::once_flag once;
static std::atomic<int> initialized;
struct Static {
	Static() { initialized++; }
};
static pthread_key_t key;
static std::atomic<int> destroyed;
static std::barrier together(threads);

static void text(int id)
{
	for (int i = 0; i < lines; i++) {
		if (i % 2) {
			printf("thread %d line %d of %d, %.3f\n", id, i, lines, i / 8.0);
		} else {
			std::ostringstream line; // builds it, through the locale's facets
			line << "thread " << id << " line " << i << " of " << lines << ", " << std::fixed;
			line.precision(3);
			line << i / 8.0 << '\n';
			fputs(line.str().c_str(), stdout);
		}
	}
}

static void work(int id)
{
	together.arrive_and_wait();
	std::call_once(once, [] { initialized++; });
	static Static made;
	pthread_setspecific(key, reinterpret_cast<void *>(id));
	auto shared_text = std::make_shared<std::map<int, std::string>>();
	heap(id);
	together.arrive_and_wait();
	exceptions(id);
	locks();
	queues(id);
	text(id);
	expect(pthread_getspecific(key) == reinterpret_cast<void *>(id), "another thread's value");
	errno = id;
	together.arrive_and_wait();
	expect(errno == id, "another thread's errno");
}

int main()
{
	pthread_mutexattr_t attribute;
	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_settype(&attribute, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&checking, &attribute);
	sem_init(&semaphore, 0, 1);
	pthread_key_create(&key, [](void *value) { destroyed += static_cast<int>(reinterpret_cast<intptr_t>(value)); });
	std::vector<std::thread> all;
	for (int id = 1; id <= threads; id++) {
		all.emplace_back(work, id);
	}
	for (auto &t : all) {
		t.join();
	}
	for (long n : counts) {
		expect(n == threads * (rounds / 10), "a count is not exact");
	}
	expect(initialized == 2, "once was not once");
	expect(taken == threads / 2 * 500 * 499 / 2, "what went through the queue");
	expect(destroyed == 1 + 2 + 3 + 4, "the keys' destructors");
	expect(ended == threads, "the end of thread_local variables");
	fprintf(stderr, "%d wrong\n", wrong.load());
	return wrong != 0;
}
