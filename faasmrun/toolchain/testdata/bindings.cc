// What MPI's C++ bindings do, printed so that every MPI gives the same lines.
#include <mpi.h>

static void sum(const void *in, void *inout, int count, const MPI::Datatype &type)
{
	for (int i = 0; i < count; i++) {
		static_cast<int *>(inout)[i] += static_cast<const int *>(in)[i] + (type == MPI::INT ? 100 : 0);
	}
}

static void product(const void *in, void *inout, int count, const MPI::Datatype &)
{
	for (int i = 0; i < count; i++) {
		static_cast<int *>(inout)[i] *= static_cast<const int *>(in)[i];
	}
}

static int copied, deleted;

static int copy(const MPI::Comm &old, int, void *extra, void *in, void *out, bool &flag)
{
	copied += *static_cast<int *>(extra) + old.Get_size() * 0;
	*static_cast<void **>(out) = in;
	flag = true;
	return MPI::SUCCESS;
}

static int destroy(MPI::Comm &, int, void *, void *extra)
{
	deleted += *static_cast<int *>(extra);
	return MPI::SUCCESS;
}

static void handler(MPI::Comm &comm, int *code, ...)
{
	if (comm.Get_rank() == 0) {
		std::cout << "handler: class " << (MPI::Get_error_class(*code) == MPI::ERR_RANK) << std::endl;
	}
}

static int query(void *extra, MPI::Status &s)
{
	s.Set_elements(MPI::INT, *static_cast<int *>(extra));
	s.Set_cancelled(false);
	s.Set_source(7);
	s.Set_tag(8);
	return MPI::SUCCESS;
}
static int freed(void *extra) { return *static_cast<int *>(extra) = 0, MPI::SUCCESS; }
static int cancelled(void *, bool) { return MPI::SUCCESS; }

// all prints, on rank 0, what each rank has to say.
static void all(const char *what, int value)
{
	int n = MPI::COMM_WORLD.Get_size(), r = MPI::COMM_WORLD.Get_rank();
	int *values = new int[n];
	MPI::COMM_WORLD.Gather(&value, 1, MPI::INT, values, 1, MPI::INT, 0);
	if (r == 0) {
		std::cout << what << ":";
		for (int i = 0; i < n; i++) {
			std::cout << " " << values[i];
		}
		std::cout << std::endl;
	}
	delete[] values;
}

int main(int argc, char **argv)
{
	MPI::Init(argc, argv);
	MPI::Intracomm world = MPI::COMM_WORLD;
	int n = world.Get_size(), r = world.Get_rank(), right = (r + 1) % n, left = (r + n - 1) % n;

	int got = -1;
	MPI::Status s;
	MPI::Request pair[2];
	pair[0] = world.Irecv(&got, 1, MPI::INT, left, 5);
	pair[1] = world.Isend(&r, 1, MPI::INT, right, 5);
	MPI::Status both[2];
	MPI::Request::Waitall(2, pair, both);
	all("ring", got * 100 + both[0].Get_tag() * 10 + (both[0].Get_source() == left) + both[0].Get_count(MPI::INT));
	world.Sendrecv(&r, 1, MPI::INT, left, 1, &got, 1, MPI::INT, right, MPI::ANY_TAG, s);
	all("sendrecv", got + 10 * s.Get_tag());
	world.Sendrecv_replace(&got, 1, MPI::INT, right, 0, left, 0);
	all("replace", got);
	MPI::Prequest persistent[2];
	persistent[0] = world.Recv_init(&got, 1, MPI::INT, left, 2);
	persistent[1] = world.Send_init(&r, 1, MPI::INT, right, 2);
	MPI::Prequest::Startall(2, persistent);
	int index = MPI::Request::Waitany(2, persistent, s);
	index += MPI::Request::Waitany(2, persistent);
	persistent[0].Free();
	persistent[1].Free();
	all("persistent", got * 10 + index + (persistent[0] == MPI::REQUEST_NULL));
	if (r == 0) {
		world.Isend(&n, 1, MPI::INT, 0, 3).Wait();
		while (!world.Iprobe(0, 3, s)) {
		}
		world.Recv(&got, 1, MPI::INT, 0, 3);
		std::cout << "probe: " << s.Get_tag() << " " << got << std::endl;
	}

	int total = 0, block = r;
	world.Allreduce(&r, &total, 1, MPI::INT, MPI::SUM);
	all("allreduce", total);
	MPI::Op added, multiplied;
	added.Init(sum, true);
	multiplied.Init(product, true);
	world.Allreduce(&r, &total, 1, MPI::INT, added);
	all("added", total);
	int one = r + 1;
	world.Allreduce(&one, &total, 1, MPI::INT, multiplied);
	all("multiplied", total);
	added.Free();
	multiplied.Free();
	world.Scan(&one, &total, 1, MPI::INT, MPI::SUM);
	all("scan", total);
	world.Allreduce(MPI::IN_PLACE, &block, 1, MPI::INT, MPI::MAX);
	all("in place", block);
	int *counts = new int[n], *at = new int[n], *values = new int[n + 1];
	for (int i = 0; i < n; i++) {
		counts[i] = 1, at[i] = n - i;
	}
	world.Allgatherv(&r, 1, MPI::INT, values, counts, at, MPI::INT);
	all("allgatherv", values[1] * 10 + values[n]);
	world.Alltoall(values, 1, MPI::INT, at, 1, MPI::INT);

	double pieces[12];
	for (int i = 0; i < 12; i++) {
		pieces[i] = i;
	}
	MPI::Datatype column = MPI::DOUBLE.Create_vector(3, 1, 4);
	column.Commit();
	world.Isend(pieces + 1, 1, column, right, 9);
	double three[3];
	world.Recv(three, 3, MPI::DOUBLE, left, 9, s);
	MPI::Aint lower, extent;
	column.Get_extent(lower, extent);
	all("column", int(three[0] + three[1] + three[2]) * 1000 + int(extent) + column.Get_size() + s.Get_elements(MPI::DOUBLE));
	column.Free();
	MPI::Datatype fields[2] = {MPI::INT, MPI::DOUBLE};
	int lengths[2] = {1, 2};
	MPI::Aint offsets[2] = {0, 8};
	MPI::Datatype record = MPI::Datatype::Create_struct(2, lengths, offsets, fields);
	all("record", record.Get_size());
	char packed[64];
	int position = 0;
	MPI::INT.Pack(&r, 1, packed, sizeof packed, position, world);
	int packedTo = position, unpacked = -1;
	position = 0;
	MPI::INT.Unpack(packed, packedTo, &unpacked, 1, position, world);
	all("packed", unpacked * 100 + position);

	MPI::Intracomm half = world.Split(r % 2, -r);
	all("split", half.Get_rank() * 10 + half.Get_size());
	MPI::Group group = world.Get_group(), evens;
	int ranges[1][3] = {{0, n - 1, 2}};
	evens = group.Range_incl(1, ranges);
	all("group", evens.Get_size() * 10 + (evens.Get_rank() == MPI::UNDEFINED));
	MPI::Intracomm even = world.Create(evens);
	all("create", (even == MPI::COMM_NULL) == (r % 2 == 1));
	int sizes[2] = {0, 0}, coords[2], source, dest;
	bool periods[2] = {true, false}, keep[2] = {true, false}, back[2];
	MPI::Compute_dims(n, 2, sizes);
	MPI::Cartcomm grid = world.Create_cart(2, sizes, periods, false);
	grid.Get_topo(2, sizes, back, coords);
	grid.Shift(0, 1, source, dest);
	all("grid", coords[0] * 1000 + coords[1] * 100 + dest * 10 + back[0] - back[1]);
	MPI::Cartcomm line = grid.Sub(keep);
	all("sub", line.Get_size() * 10 + line.Get_dim());
	MPI::Comm &clone = grid.Clone();
	all("clone", clone.Get_topology() == MPI::CART && MPI::Comm::Compare(clone, grid) == MPI::CONGRUENT);
	int *nodes = new int[n], *edges = new int[n];
	for (int i = 0; i < n; i++) {
		nodes[i] = i + 1, edges[i] = (i + 1) % n;
	}
	MPI::Graphcomm graph = world.Create_graph(n, nodes, edges, false);
	int neighbour = -1;
	graph.Get_neighbors(r, 1, &neighbour);
	all("graph", neighbour * 10 + graph.Get_neighbors_count(r));
	if (n > 1) {
		MPI::Intercomm inter = half.Create_intercomm(0, world, r % 2 ? (n - 1) / 2 * 2 : (n - 2) / 2 * 2 + 1, 4);
		all("inter", inter.Get_remote_size() * 10 + inter.Is_inter());
		MPI::Intracomm merged = inter.Merge(r % 2);
		all("merged", merged.Get_size());
	}

	int three3 = 3;
	int keyval = MPI::Comm::Create_keyval(copy, destroy, &three3);
	MPI::Intracomm with = world.Dup();
	with.Set_attr(keyval, &total);
	MPI::Intracomm again = with.Dup();
	void *value = 0;
	bool found = again.Get_attr(keyval, &value);
	again.Free();
	with.Delete_attr(keyval);
	all("attributes", found * 1000 + (value == &total) * 100 + copied * 10 + deleted);
	int *bound = 0;
	all("tag bound", world.Get_attr(MPI::TAG_UB, &bound) && *bound >= 32767);

	world.Set_errhandler(MPI::ERRORS_THROW_EXCEPTIONS);
	int thrown = 0;
	try {
		world.Send(&r, 1, MPI::INT, n + 3, 0);
	} catch (MPI::Exception &e) {
		thrown = (e.Get_error_class() == MPI::ERR_RANK) * 10 + (strlen(e.Get_error_string()) > 0);
	}
	all("thrown", thrown);
	MPI::Errhandler own = MPI::Comm::Create_errhandler(handler);
	world.Set_errhandler(own);
	world.Send(&r, 1, MPI::INT, n + 3, 0);
	all("same handler", world.Get_errhandler() == own);
	world.Set_errhandler(MPI::ERRORS_RETURN);

	int seven = 7;
	MPI::Grequest g = MPI::Grequest::Start(query, freed, cancelled, &seven);
	bool early = g.Test();
	g.Complete();
	g.Wait(s);
	all("generalised", early * 1000 + s.Get_elements(MPI::INT) * 10 + seven + s.Get_source());
	MPI::Info info = MPI::Info::Create();
	info.Set("key", "value");
	char text[MPI::MAX_INFO_VAL];
	bool has = info.Get("key", 10, text);
	all("info", has * 10 + info.Get_nkeys() + (std::string(text) == "value"));
	info.Free();

	MPI::Intracomm never;
	std::map<std::string, int> names;
	names["null"] = never == MPI::COMM_NULL;
	names["seek"] = MPI::SEEK_SET != MPI::SEEK_END && SEEK_SET == 0 && SEEK_END == 2;
	for (std::map<std::string, int>::iterator i = names.begin(); i != names.end(); ++i) {
		all(i->first.c_str(), i->second);
	}
	all("time", MPI::Is_initialized() && !MPI::Is_finalized());
	MPI::Finalize();
	return MPI::Is_finalized() ? 0 : 1;
}
