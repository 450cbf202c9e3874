// Requests: every wait and test, persistent ones, cancelling, asking without completing, generalized ones.
#include "conformance.h"

enum { N = 6 };

// begin exchanges one int with both neighbours under N/2 tags each.
static void begin(MPI_Request r[N], int in[N / 2], const int *out)
{
    int left = (rank + size - 1) % size, right = (rank + 1) % size;
    for (int i = 0; i < N / 2; i++)
        MPI_Irecv(&in[i], 1, MPI_INT, left, i, MPI_COMM_WORLD, &r[i]);
    for (int i = 0; i < N / 2; i++)
        MPI_Isend(out, 1, MPI_INT, right, i, MPI_COMM_WORLD, &r[N / 2 + i]);
}

static void completion(void)
{
    int left = (rank + size - 1) % size, in[N / 2], out = rank, index, flag, n, indices[N], done;
    MPI_Request r[N];
    MPI_Status status, statuses[N];
    for (int way = 0; way < 8; way++) {
        memset(in, 0xff, sizeof in);
        begin(r, in, &out);
        switch (way) {
        case 0:
            for (int i = 0; i < N; i++)
                MPI_Wait(&r[i], &status);
            break;
        case 1:
            MPI_Waitall(N, r, statuses);
            CHECK(statuses[1].MPI_SOURCE == left && statuses[1].MPI_TAG == 1);
            break;
        case 2:
            for (int i = 0; i < N; i++) {
                MPI_Waitany(N, r, &index, &status);
                CHECK(index >= 0 && index < N && r[index] == MPI_REQUEST_NULL);
            }
            MPI_Waitany(N, r, &index, &status);
            CHECK(index == MPI_UNDEFINED);
            break;
        case 3:
            for (done = 0; done < N; done += n)
                MPI_Waitsome(N, r, &n, indices, statuses);
            CHECK(done == N);
            MPI_Waitsome(N, r, &n, indices, MPI_STATUSES_IGNORE);
            CHECK(n == MPI_UNDEFINED);
            break;
        case 4:
            for (int i = 0; i < N; i++)
                for (flag = 0; !flag;)
                    MPI_Test(&r[i], &flag, &status);
            break;
        case 5:
            for (flag = 0; !flag;)
                MPI_Testall(N, r, &flag, MPI_STATUSES_IGNORE);
            break;
        case 6:
            for (done = 0; done < N; done += flag)
                MPI_Testany(N, r, &index, &flag, &status);
            MPI_Testany(N, r, &index, &flag, &status);
            CHECK(flag && index == MPI_UNDEFINED);
            break;
        case 7:
            for (done = 0; done < N; done += n)
                MPI_Testsome(N, r, &n, indices, statuses);
        }
        for (int i = 0; i < N; i++)
            CHECK(r[i] == MPI_REQUEST_NULL);
        for (int i = 0; i < N / 2; i++)
            CHECK(in[i] == left);
    }
}

static void persistent(void)
{
    int left = (rank + size - 1) % size, right = (rank + 1) % size, in, out, flag;
    MPI_Request r[2];
    MPI_Status status;
    MPI_Recv_init(&in, 1, MPI_INT, left, 5, MPI_COMM_WORLD, &r[0]);
    MPI_Send_init(&out, 1, MPI_INT, right, 5, MPI_COMM_WORLD, &r[1]);
    MPI_Test(&r[0], &flag, &status);
    CHECK(flag && status.MPI_SOURCE == MPI_ANY_SOURCE); // inactive
    for (int round = 0; round < 5; round++) {
        out = rank + round;
        MPI_Startall(2, r);
        for (flag = 0; !flag;)
            MPI_Request_get_status(r[0], &flag, &status);
        MPI_Waitall(2, r, MPI_STATUSES_IGNORE);
        CHECK(in == left + round);
    }
    MPI_Request_free(&r[0]);
    MPI_Request_free(&r[1]);
    CHECK(r[0] == MPI_REQUEST_NULL);
}

static void cancelling(void)
{
    int in, cancelled;
    MPI_Request request;
    MPI_Status status;
    MPI_Irecv(&in, 1, MPI_INT, MPI_ANY_SOURCE, 999, MPI_COMM_WORLD, &request);
    MPI_Cancel(&request);
    MPI_Wait(&request, &status);
    MPI_Test_cancelled(&status, &cancelled);
    CHECK(cancelled);
}

static int query(void *state, MPI_Status *status)
{
    MPI_Status_set_elements(status, MPI_INT, *(int *)state);
    MPI_Status_set_cancelled(status, 0);
    status->MPI_SOURCE = MPI_UNDEFINED;
    status->MPI_TAG = 77;
    return MPI_SUCCESS;
}

static int freed(void *state) { *(int *)state = -1; return MPI_SUCCESS; }

static int cancelled(void *state, int complete) { return MPI_SUCCESS; }

static void generalized(void)
{
    int state = 3, flag, count;
    MPI_Request request;
    MPI_Status status;
    MPI_Grequest_start(query, freed, cancelled, &state, &request);
    MPI_Test(&request, &flag, &status);
    CHECK(!flag);
    MPI_Grequest_complete(request);
    MPI_Wait(&request, &status);
    MPI_Get_elements(&status, MPI_INT, &count);
    CHECK(count == 3 && status.MPI_TAG == 77 && state == -1);
}

void requests(void)
{
    completion();
    persistent();
    cancelling();
    generalized();
}
