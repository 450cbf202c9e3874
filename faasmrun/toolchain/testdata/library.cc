// Through the C++ library: streams, the file system, exceptions from every layer, threads refused.
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
	try {
		std::thread([] {}).join();
	} catch (const std::system_error &e) {
		std::cout << "thread: " << (e.code() == std::errc::resource_unavailable_try_again) << "\n";
	}
}

int main()
{
	files();
	exceptions();
	std::ostringstream out;
	out << std::hex << 255 << std::setprecision(3) << " " << 2.0 / 3 << " " << std::boolalpha << true;
	std::cout << out.str() << " " << std::mt19937(1)() << std::endl;
	throw std::runtime_error("the end");
}
