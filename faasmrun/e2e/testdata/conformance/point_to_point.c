// Point to point: every send mode, probes, matched probes, order, wildcards, PROC_NULL, truncation.
#include "conformance.h"

enum { MOST = 20000 };
static int out[MOST], in[MOST + 1];

static void fill(int n, int seed)
{
    for (int i = 0; i < n; i++)
        out[i] = seed * 1000003 + i;
    memset(in, 0xff, sizeof in);
}

static int holds(int n, int seed)
{
    for (int i = 0; i < n; i++)
        if (in[i] != seed * 1000003 + i)
            return 0;
    return in[n] == -1;
}

// ring sends n ints to the right in each mode, blocking or not, persistent or not, and receives them from the left.
static void ring(int n)
{
    int left = (rank + size - 1) % size, right = (rank + 1) % size, count, bytes;
    void *detached;
    MPI_Status status;
    MPI_Request r[2];
    MPI_Pack_size(n, MPI_INT, MPI_COMM_WORLD, &bytes);
    char *room = malloc(2 * (bytes + MPI_BSEND_OVERHEAD));
    MPI_Buffer_attach(room, 2 * (bytes + MPI_BSEND_OVERHEAD));
    for (int mode = 0; mode < 14; mode++) {
        int tag = 100 + mode;
        fill(n, rank * 31 + mode);
        MPI_Irecv(in, n + 1, MPI_INT, mode % 2 ? MPI_ANY_SOURCE : left, mode % 3 ? tag : MPI_ANY_TAG, MPI_COMM_WORLD, &r[0]);
        MPI_Barrier(MPI_COMM_WORLD); // every receive is posted, which the ready modes need
        r[1] = MPI_REQUEST_NULL;
        switch (mode) {
        case 0: MPI_Send(out, n, MPI_INT, right, tag, MPI_COMM_WORLD); break;
        case 1: MPI_Bsend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD); break;
        case 2: MPI_Ssend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD); break;
        case 3: MPI_Rsend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD); break;
        case 4: MPI_Isend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 5: MPI_Ibsend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 6: MPI_Issend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 7: MPI_Irsend(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 8: MPI_Send_init(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 9: MPI_Bsend_init(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 10: MPI_Ssend_init(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
        case 11: MPI_Rsend_init(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
#if MPI_VERSION >= 4
        case 12: MPI_Send_c(out, n, MPI_INT, right, tag, MPI_COMM_WORLD); break;
        case 13: MPI_Isend_c(out, n, MPI_INT, right, tag, MPI_COMM_WORLD, &r[1]); break;
#else
        default: MPI_Send(out, n, MPI_INT, right, tag, MPI_COMM_WORLD);
#endif
        }
        int persistent = mode >= 8 && mode <= 11;
        if (persistent)
            MPI_Start(&r[1]);
        MPI_Wait(&r[0], &status);
        MPI_Wait(&r[1], MPI_STATUS_IGNORE);
        CHECK((r[1] != MPI_REQUEST_NULL) == persistent);
        if (persistent)
            MPI_Request_free(&r[1]);
        MPI_Get_count(&status, MPI_INT, &count);
        CHECK(holds(n, left * 31 + mode));
        CHECK(count == n && status.MPI_SOURCE == left && status.MPI_TAG == tag);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_Buffer_detach(&detached, &bytes);
    CHECK(detached == room);
    free(room);

    fill(n, rank);
    MPI_Sendrecv(out, n, MPI_INT, right, 1, in, n + 1, MPI_INT, left, 1, MPI_COMM_WORLD, &status);
    CHECK(holds(n, left));
    fill(n, rank);
    memcpy(in, out, n * sizeof *in);
    MPI_Sendrecv_replace(in, n, MPI_INT, right, 2, left, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(holds(n, left));
#if MPI_VERSION >= 4
    fill(n, rank);
    MPI_Isendrecv(out, n, MPI_INT, right, 3, in, n + 1, MPI_INT, left, 3, MPI_COMM_WORLD, &r[0]);
    MPI_Wait(&r[0], &status);
    CHECK(holds(n, left));
    fill(n, rank);
    memcpy(in, out, n * sizeof *in);
    MPI_Isendrecv_replace(in, n, MPI_INT, right, 4, left, 4, MPI_COMM_WORLD, &r[0]);
    MPI_Wait(&r[0], MPI_STATUS_IGNORE);
    CHECK(holds(n, left));
#endif
}

// probes looks at messages before it takes them, by each of the four.
static void probes(void)
{
    int left = (rank + size - 1) % size, right = (rank + 1) % size, flag = 0, count, n = 1 + left;
    MPI_Status status;
    MPI_Message message;
    MPI_Request r[4], receive;
    fill(size, rank);
    for (int i = 0; i < 4; i++)
        MPI_Isend(out, 1 + rank, MPI_INT, right, 10 + i, MPI_COMM_WORLD, &r[i]);
    MPI_Probe(MPI_ANY_SOURCE, 10, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_INT, &count);
    CHECK(count == n && status.MPI_SOURCE == left);
    MPI_Recv(in, n, MPI_INT, left, 10, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(holds(n, left));
    while (!flag)
        MPI_Iprobe(left, 11, MPI_COMM_WORLD, &flag, &status);
    fill(size, rank);
    MPI_Recv(in, n, MPI_INT, left, 11, MPI_COMM_WORLD, &status);
    CHECK(holds(n, left));
    fill(size, rank);
    MPI_Mprobe(left, 12, MPI_COMM_WORLD, &message, &status);
    MPI_Iprobe(left, 12, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    CHECK(!flag);
    MPI_Mrecv(in, n, MPI_INT, &message, &status);
    CHECK(holds(n, left) && message == MPI_MESSAGE_NULL);
    fill(size, rank);
    for (flag = 0; !flag;)
        MPI_Improbe(MPI_ANY_SOURCE, 13, MPI_COMM_WORLD, &flag, &message, &status);
    MPI_Imrecv(in, n, MPI_INT, &message, &receive);
    MPI_Wait(&receive, &status);
    CHECK(holds(n, left));
    MPI_Waitall(4, r, MPI_STATUSES_IGNORE);
    MPI_Mprobe(MPI_PROC_NULL, 0, MPI_COMM_WORLD, &message, &status);
    CHECK(message == MPI_MESSAGE_NO_PROC && status.MPI_SOURCE == MPI_PROC_NULL);
    MPI_Mrecv(in, 1, MPI_INT, &message, &status);
    MPI_Get_count(&status, MPI_INT, &count);
    CHECK(count == 0 && status.MPI_TAG == MPI_ANY_TAG);
}

// nobody communicates with MPI_PROC_NULL, and receives too little room for a message.
static void nobody(void)
{
    MPI_Status status;
    MPI_Request request;
    int code, class;
    in[0] = 42;
    MPI_Send(out, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
    MPI_Recv(in, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &status);
    CHECK(in[0] == 42 && status.MPI_SOURCE == MPI_PROC_NULL);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    MPI_Isend(out, 2, MPI_INT, 0, 0, MPI_COMM_SELF, &request);
    code = MPI_Recv(in, 1, MPI_INT, 0, 0, MPI_COMM_SELF, MPI_STATUS_IGNORE);
    MPI_Error_class(code, &class);
    CHECK(class == MPI_ERR_TRUNCATE);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_ARE_FATAL);
}

void point_to_point(void)
{
    int lengths[] = {0, 1, 7, 1000, 5000, MOST};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        ring(lengths[i]);
    probes();
    nobody();
}
