// Through the C++ library: streams, the file system, exceptions from every layer, what is a thread's own, atomics, a thread.
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

static void files()
{
	fs::create_directories("d/e");
	std::ofstream("d/e/f.txt") << "line " << 3.25 << "\n";
	std::vector<std::string> found;
	for (auto &entry : fs::recursive_directory_iterator("d")) {
		found.push_back(entry.path().string());
	}
	std::sort(found.begin(), found.end());
	for (auto &name : found) {
		std::cout << name << "\n";
	}
	std::string word;
	double number = 0;
	std::ifstream("d/e/f.txt") >> word >> number;
	std::cout << word << " " << number << " " << fs::file_size("d/e/f.txt") << "\n";
	fs::rename("d/e/f.txt", "d/g");
	std::cout << fs::exists("d/g") << fs::exists("d/e/f.txt") << fs::remove_all("d") << fs::exists("d") << "\n";
	try {
		fs::file_size("none");
	} catch (const fs::filesystem_error &e) {
		std::cout << "file_size: " << e.code().message() << "\n";
	}
}

static void exceptions()
{
	try {
		std::vector<int>(3).at(9);
	} catch (const std::out_of_range &e) {
		std::cout << "at\n";
	}
	try {
		std::stoi("x");
	} catch (const std::invalid_argument &e) {
		std::cout << e.what() << "\n";
	}
	try {
		std::regex("(");
	} catch (const std::regex_error &e) {
		std::cout << "regex\n";
	}
	std::ifstream in("none");
	try {
		in.exceptions(std::ios::failbit);
	} catch (const std::ios_base::failure &) {
		std::cout << "ios\n";
	}
	std::exception_ptr kept;
	try {
		throw std::string("kept");
	} catch (...) {
		kept = std::current_exception();
	}
	try {
		std::rethrow_exception(kept);
	} catch (const std::string &s) {
		std::cout << s << "\n";
	}
	int joined = 0;
	std::thread([&] { joined = 1; }).join();
	std::cout << "thread: " << joined << "\n";
}

static int counts;
struct Counter {
	Counter() { counts++; }
	int seen = 0;
};
static thread_local Counter counter; // its first use calls its constructor

// A function that lets nothing out, which touches a thread_local while it handles an exception.
static int touched(int depth) noexcept
{
	try {
		if (depth) {
			throw depth;
		}
	} catch (int thrown) {
		counter.seen += thrown;
	}
	return counter.seen;
}

static void threadLocals()
{
	std::cout << "thread_local: " << touched(2) + touched(3) << " " << counts << "\n";
}

struct Wide {
	long long a, b;
};

static void atomics()
{
	std::atomic<Wide> wide(Wide{1, 2});
	Wide expected{1, 2}, wrong{0, 0};
	bool swapped = wide.compare_exchange_strong(expected, Wide{3, 4}), refused = !wide.compare_exchange_strong(wrong, Wide{5, 6});
	std::cout << "atomic: " << swapped << refused << wrong.a << wide.exchange(Wide{7, 8}).b << wide.load().a << wide.is_lock_free() << "\n";
}

int main()
{
	files();
	exceptions();
	threadLocals();
	atomics();
	std::ostringstream out;
	out << std::hex << 255 << std::setprecision(3) << " " << 2.0 / 3 << " " << std::boolalpha << true;
	std::cout << out.str() << " " << std::mt19937(1)() << std::endl;
	throw std::runtime_error("the end");
}
