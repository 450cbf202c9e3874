// TR1's names, as programs of before C++11 use them, and what libstdc++ finds without std::. Prints what g++ gives.
#include <tr1/array>
#include <tr1/cmath>
#include <tr1/cstdint>
#include <tr1/functional>
#include <tr1/memory>
#include <tr1/random>
#include <tr1/regex>
#include <tr1/tuple>
#include <tr1/type_traits>
#include <tr1/unordered_map>
#include <tr1/unordered_set>
#include <tr1/utility>

#include <iomanip>
#include <iostream>
#include <string>

struct point {
	int x, y;
	bool operator==(const point &o) const { return x == o.x && y == o.y; }
};

namespace std {
namespace tr1 {
template <>
struct hash<point> {
	size_t operator()(const point &p) const { return hash<int>()(p.x) * 31 + hash<int>()(p.y); }
};
} // namespace tr1
} // namespace std

template <class Key>
static size_t entries(const std::tr1::unordered_map<Key, int> &m) { return m.size(); }

static int sum(int a, int b) { return a + b; }

struct counted : std::tr1::enable_shared_from_this<counted> {
	static int alive;
	counted() { alive++; }
	virtual ~counted() { alive--; }
};
struct derived : counted {};
int counted::alive;

int main()
{
	std::tr1::unordered_map<std::string, int> words;
	words["one"]++;
	words["two"] += 2;
	words["one"]++;
	std::tr1::unordered_map<point, int> points;
	points[(point){ 1, 2 }] = 3;
	points.insert(std::make_pair((point){ 1, 2 }, 4));
	std::cout << entries(words) << " " << words["one"] << " " << entries(points) << " " << points[(point){ 1, 2 }] << "\n";
	std::tr1::unordered_set<int> set;
	std::tr1::unordered_multiset<int> multi;
	for (int i = 0; i < 100; i++) {
		set.insert(i % 7);
		multi.insert(i % 7);
	}
	std::cout << set.size() << " " << multi.count(3) << "\n";
	{
		std::tr1::shared_ptr<counted> p(new derived), q = p->shared_from_this();
		std::tr1::weak_ptr<counted> w = p;
		std::cout << p.use_count() << " " << (std::tr1::dynamic_pointer_cast<derived>(q) ? "derived" : "other") << " "
		          << counted::alive << "\n";
		p.reset();
		q.reset();
		std::cout << w.expired() << " " << counted::alive << "\n";
	}
	using namespace std::tr1::placeholders;
	std::tr1::function<int(int)> add = std::tr1::bind(sum, _1, 40);
	std::tr1::tuple<int, std::string> t = std::tr1::make_tuple(add(2), std::string("tuple"));
	std::tr1::array<int, 3> a = { { 1, 2, 3 } };
	std::cout << std::tr1::get<0>(t) << std::tr1::get<1>(t) << a[2] << a.size() << "\n";
	std::cout << std::tr1::is_pod<point>::value << std::tr1::is_reference<int &>::value
	          << std::tr1::has_trivial_destructor<counted>::value << std::tr1::is_same<int, int>::value
	          << std::tr1::is_same<std::tr1::result_of<int (*(int, int))(int, int)>::type, int>::value << "\n";
	std::tr1::mt19937 engine;
	engine.seed(5489u);
	std::tr1::variate_generator<std::tr1::mt19937 &, std::tr1::uniform_int<int> > die(engine, std::tr1::uniform_int<int>(1, 6));
	std::tr1::variate_generator<std::tr1::mt19937, std::tr1::uniform_real<double> > unit(engine,
		std::tr1::uniform_real<double>(0, 1));
	int wrong = 0;
	for (int i = 0; i < 1000; i++) {
		int d = die();
		double u = unit();
		wrong += d < 1 || d > 6 || u < 0 || u >= 1;
	}
	std::cout << wrong << " " << die.min() << " " << die.max() << "\n";
	std::cout << std::tr1::round(2.5) << " " << std::tr1::isnan(std::tr1::nan("")) << "\n";
	std::tr1::uint64_t big = 1;
	std::cout << (big << 40) << "\n";

	// The argument alone says that these are std's.
	std::cout << setiosflags(std::ios::fixed) << std::setprecision(3) << 2.0 << resetiosflags(std::ios::fixed) << " " << 2.0
	          << "\n";
	return 0;
}
