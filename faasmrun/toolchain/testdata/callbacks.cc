// As many operations and error handlers as the C++ bindings keep functions, and one more of each.
#include <mpi.h>
#include <stdio.h>
#include <string.h>

static const int most = 64;
static int called;

template <int N> struct functions {
	static void operation(const void *in, void *inout, int length, const MPI::Datatype &)
	{
		for (int i = 0; i < length; i++) {
			((int *)inout)[i] += ((const int *)in)[i] + N;
		}
	}
	static void handler(MPI::Comm &, int *, ...) { called = N; }
};

static MPI::User_function *operations[most + 1];
static MPI::Comm::Errhandler_function *handlers[most + 1];

template <int N> void fill()
{
	operations[N] = functions<N>::operation;
	handlers[N] = functions<N>::handler;
	fill<N - 1>();
}
template <> void fill<-1>() {}

// Every one of them is called in its turn, by what was made of it.
static void use(bool tell)
{
	int good = 0, handled = 0;
	for (int n = 0; n < most; n++) {
		MPI::Op op;
		op.Init(operations[n], true);
		int one = 1, sum = 0;
		MPI::COMM_WORLD.Allreduce(&one, &sum, 1, MPI::INT, op);
		const int ranks = MPI::COMM_WORLD.Get_size();
		good += sum == ranks + (ranks - 1) * n;
		op.Free();
		MPI::Errhandler e = MPI::Comm::Create_errhandler(handlers[n]);
		MPI::COMM_SELF.Set_errhandler(e);
		called = -1;
		MPI::COMM_SELF.Call_errhandler(MPI::ERR_OTHER);
		handled += called == n;
		e.Free();
	}
	if (tell) {
		printf("%d operations, %d error handlers\n", good, handled);
	}
}

int main(int argc, char **argv)
{
	MPI::Init(argc, argv);
	fill<most>();
	const bool first = MPI::COMM_WORLD.Get_rank() == 0 && argc == 1;
	use(first);
	MPI::Op op;
	if (argc > 1 && !strcmp(argv[1], "operation")) {
		op.Init(operations[most], true);
	}
	if (argc > 1) {
		MPI::Comm::Create_errhandler(handlers[most]);
	}
	MPI::COMM_WORLD.Set_errhandler(MPI::ERRORS_THROW_EXCEPTIONS);
	int right = 0, words = 0;
	MPI::Errhandler e;
	try {
		op.Init(operations[most], true);
	} catch (MPI::Exception &x) {
		right = x.Get_error_class() == MPI::ERR_INTERN;
		words = strstr(x.Get_error_string(), "64 functions") != 0;
	}
	try {
		e = MPI::Comm::Create_errhandler(handlers[most]);
		right = 0;
	} catch (MPI::Exception &x) {
		right &= x.Get_error_class() == MPI::ERR_INTERN;
	}
	if (first) {
		printf("thrown: class %d, words %d, null %d %d\n", right, words, op == MPI::OP_NULL, e == MPI::Errhandler());
	}
	use(first);
	MPI::Finalize();
}
