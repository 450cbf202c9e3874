// C++ with classes, inheritance and std::vector: the ranks share out a list of shapes and add up their areas.
#include <mpi.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
  virtual std::string name() const = 0;
};

struct Circle : Shape {
  explicit Circle(double r) : radius(r) {}
  double area() const override { return M_PI * radius * radius; }
  std::string name() const override { return "circle"; }
  double radius;
};

struct Rectangle : Shape {
  Rectangle(double w, double h) : width(w), height(h) {}
  double area() const override { return width * height; }
  std::string name() const override { return "rectangle"; }
  double width, height;
};

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);

  std::vector<std::unique_ptr<Shape>> mine;
  for (int i = rank; i < 100; i += size) {
    if (i % 2 == 0)
      mine.push_back(std::make_unique<Circle>(i));
    else
      mine.push_back(std::make_unique<Rectangle>(i, i + 1));
  }
  std::sort(mine.begin(), mine.end(), [](const auto &a, const auto &b) { return a->area() < b->area(); });

  double area = 0, total = 0;
  int circles = 0, all = 0;
  for (const auto &shape : mine) {
    area += shape->area();
    circles += shape->name() == "circle";
  }
  MPI_Reduce(&area, &total, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
  MPI_Allreduce(&circles, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0) std::printf("100 shapes, %d of them circles, area %.3f\n", all, total);
  MPI_Finalize();
}
