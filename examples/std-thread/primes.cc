// Primes counted by C++'s threads: std::thread, an atomic for what is next, std::async, a mutex, a latch.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

static bool prime(long n)
{
	if (n < 4)
		return n > 1;
	if (n % 2 == 0)
		return false;
	for (long d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return true;
}

// The sieve of Eratosthenes, for comparison.
static long sieve(long most)
{
	std::vector<bool> composite(most + 1);
	long count = 0;
	for (long n = 2; n <= most; n++) {
		if (composite[n])
			continue;
		count++;
		for (long m = n * n; m <= most; m += n)
			composite[m] = true;
	}
	return count;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 4, most = argc > 2 ? atol(argv[2]) : 200000;
	std::future<long> expected = std::async(std::launch::async, sieve, most);
	constexpr long chunk = 1000;
	std::atomic<long> next{0};
	std::latch all(threads + 1);
	std::mutex lock;
	long count = 0;
	std::vector<std::thread> crew;
	for (long i = 0; i < threads; i++)
		crew.emplace_back([&] {
			all.arrive_and_wait();
			long mine = 0;
			for (long first; (first = next.fetch_add(chunk)) <= most;)
				for (long n = first; n < first + chunk && n <= most; n++)
					mine += prime(n);
			std::lock_guard<std::mutex> held(lock);
			count += mine;
		});
	all.arrive_and_wait();
	for (auto &t : crew)
		t.join();
	bool right = count == expected.get();
	std::printf("%ld primes up to %ld by %ld threads: %s\n", count, most, threads, right ? "as many as by a sieve" : "WRONG");
	return !right;
}
