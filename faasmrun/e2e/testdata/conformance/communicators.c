// Communicators and groups: making, comparing, splitting, intercommunicators, attributes, names, error handlers.
#include "conformance.h"

static int compare(MPI_Comm a, MPI_Comm b) { int r; MPI_Comm_compare(a, b, &r); return r; }
static int group_size(MPI_Group g) { int n; MPI_Group_size(g, &n); return n; }
static int comm_size(MPI_Comm c) { int n; MPI_Comm_size(c, &n); return n; }

static void groups(void)
{
    MPI_Group all, some, rest, g;
    int r, back, evens = (size + 1) / 2;
    MPI_Comm_group(MPI_COMM_WORLD, &all);
    MPI_Group_rank(all, &r);
    CHECK(r == rank && group_size(all) == size);
    MPI_Group_range_incl(all, 1, (int[1][3]){{0, size - 1, 2}}, &some);
    MPI_Group_range_excl(all, 1, (int[1][3]){{0, size - 1, 2}}, &rest);
    CHECK(group_size(some) == evens && group_size(rest) == size - evens);
    MPI_Group_rank(some, &r);
    CHECK(r == (rank % 2 ? MPI_UNDEFINED : rank / 2));
    r = evens - 1;
    MPI_Group_translate_ranks(some, 1, &r, all, &back);
    CHECK(back == 2 * r);
    MPI_Group_union(some, rest, &g);
    MPI_Group_compare(g, all, &r);
    CHECK(r == (size <= 2 ? MPI_IDENT : MPI_SIMILAR));
    MPI_Group_free(&g);
    MPI_Group_intersection(some, rest, &g);
    MPI_Group_compare(g, MPI_GROUP_EMPTY, &r);
    CHECK(r == MPI_IDENT);
    if (g != MPI_GROUP_EMPTY)
        MPI_Group_free(&g);
    MPI_Group_difference(all, rest, &g);
    MPI_Group_compare(g, some, &r);
    CHECK(r == MPI_IDENT);
    MPI_Group_free(&g);
    MPI_Group_incl(all, 1, (int[]){size - 1}, &g);
    CHECK(group_size(g) == 1);
    MPI_Group_free(&g);
    MPI_Group_excl(all, 1, (int[]){0}, &g);
    CHECK(group_size(g) == size - 1);
    if (g != MPI_GROUP_EMPTY)
        MPI_Group_free(&g);

    MPI_Comm c;
    MPI_Comm_create(MPI_COMM_WORLD, some, &c);
    CHECK((c == MPI_COMM_NULL) == (rank % 2));
    if (c != MPI_COMM_NULL) {
        CHECK(comm_size(c) == evens);
        MPI_Comm_free(&c);
    }
    if (rank % 2 == 0) {
        MPI_Comm_create_group(MPI_COMM_WORLD, some, 3, &c);
        CHECK(comm_size(c) == evens);
        MPI_Comm_free(&c);
    }
    MPI_Group_free(&some);
    if (rest != MPI_GROUP_EMPTY)
        MPI_Group_free(&rest);
    MPI_Group_free(&all);
}

static void making(void)
{
    MPI_Comm c;
    MPI_Request request;
    MPI_Info info;
    char name[MPI_MAX_OBJECT_NAME];
    int n, r, sum;
    MPI_Comm_dup(MPI_COMM_WORLD, &c);
    CHECK(compare(c, MPI_COMM_WORLD) == MPI_CONGRUENT);
    MPI_Comm_set_name(c, "copy");
    MPI_Comm_get_name(c, name, &n);
    CHECK(strcmp(name, "copy") == 0 && n == 4);
    MPI_Comm_free(&c);
    CHECK(c == MPI_COMM_NULL);
    MPI_Comm_idup(MPI_COMM_WORLD, &c, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, c);
    CHECK(sum == size * (size - 1) / 2);
    MPI_Comm_free(&c);
    MPI_Info_create(&info);
    MPI_Comm_dup_with_info(MPI_COMM_WORLD, info, &c);
    MPI_Comm_set_info(c, info);
    MPI_Info_free(&info);
    MPI_Comm_get_info(c, &info);
    MPI_Comm_free(&c);
#if MPI_VERSION >= 4
    MPI_Comm_idup_with_info(MPI_COMM_WORLD, info, &c, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    CHECK(compare(c, MPI_COMM_WORLD) == MPI_CONGRUENT);
    MPI_Comm_free(&c);
#endif
    MPI_Info_free(&info);
    MPI_Comm_split(MPI_COMM_WORLD, rank % 3, -rank, &c);
    MPI_Comm_rank(c, &r);
    MPI_Comm_size(c, &n);
    CHECK(n == (size - rank % 3 + 2) / 3 && r == n - 1 - rank / 3);
    MPI_Comm_free(&c);
    MPI_Comm_split(MPI_COMM_WORLD, rank ? 0 : MPI_UNDEFINED, 0, &c);
    CHECK((c == MPI_COMM_NULL) == (rank == 0));
    if (c != MPI_COMM_NULL)
        MPI_Comm_free(&c);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &c);
    CHECK(comm_size(c) >= 1);
    MPI_Comm_free(&c);
}

// between joins the even ranks and the odd ones, and talks across.
static void between(void)
{
    MPI_Comm half, inter, merged, half_group;
    MPI_Group remote;
    int n, flag, r, sum, side = rank % 2, odds = size / 2, evens = size - odds;
    if (size < 2)
        return;
    MPI_Comm_split(MPI_COMM_WORLD, side, rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - side, 8, &inter);
    MPI_Comm parent;
    MPI_Comm_get_parent(&parent);
    CHECK(parent == MPI_COMM_NULL);
    MPI_Comm_test_inter(inter, &flag);
    MPI_Comm_remote_size(inter, &n);
    MPI_Comm_remote_group(inter, &remote);
    CHECK(flag && n == (side ? evens : odds) && group_size(remote) == n);
    MPI_Group_free(&remote);
    MPI_Comm_rank(inter, &r);
    if (r < odds) { // both sides have such a rank
        int got;
        MPI_Sendrecv(&rank, 1, MPI_INT, r, 0, &got, 1, MPI_INT, r, 0, inter, MPI_STATUS_IGNORE);
        CHECK(got == (side ? rank - 1 : rank + 1));
    }
    MPI_Allreduce(&(int){1}, &sum, 1, MPI_INT, MPI_SUM, inter);
    CHECK(sum == n);
    int word = side == 0 && r == 0 ? 17 : 0;
    MPI_Bcast(&word, 1, MPI_INT, side ? 0 : r == 0 ? MPI_ROOT : MPI_PROC_NULL, inter);
    CHECK(side == 0 || word == 17);
    MPI_Intercomm_merge(inter, side, &merged);
    MPI_Comm_rank(merged, &r);
    CHECK(r == (side ? evens + rank / 2 : rank / 2));
    MPI_Comm_dup(inter, &half_group);
    CHECK(compare(inter, half_group) == MPI_CONGRUENT);
    MPI_Comm_free(&half_group);
    MPI_Comm_free(&merged);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&half);
}

static int copies, deletes;

static int copy(MPI_Comm c, int key, void *extra, void *in, void *out, int *keep)
{
    copies++;
    *(void **)out = (char *)in + 1;
    *keep = extra == &copies;
    return MPI_SUCCESS;
}

static int delete(MPI_Comm c, int key, void *value, void *extra) { deletes++; return MPI_SUCCESS; }

static void attributes(void)
{
    MPI_Comm c, d;
    int key, flag, *limit;
    char *value, text[4];
    copies = deletes = 0;
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &limit, &flag);
    CHECK(flag && *limit >= 32767);
    MPI_Comm_dup(MPI_COMM_SELF, &c);
    MPI_Comm_create_keyval(copy, delete, &key, &copies);
    MPI_Comm_get_attr(c, key, &value, &flag);
    CHECK(!flag);
    MPI_Comm_set_attr(c, key, text);
    MPI_Comm_dup(c, &d);
    MPI_Comm_get_attr(d, key, &value, &flag);
    CHECK(flag && value == text + 1 && copies == 1 && deletes == 0);
    MPI_Comm_free(&d);
    CHECK(deletes == 1);
    MPI_Comm_delete_attr(c, key);
    CHECK(deletes == 2);
    MPI_Comm_free_keyval(&key);
    CHECK(key == MPI_KEYVAL_INVALID);
    MPI_Comm_create_keyval(MPI_COMM_DUP_FN, MPI_COMM_NULL_DELETE_FN, &key, NULL);
    MPI_Comm_set_attr(c, key, text);
    MPI_Comm_dup(c, &d);
    MPI_Comm_get_attr(d, key, &value, &flag);
    CHECK(flag && value == text);
    MPI_Comm_free(&d);
    MPI_Comm_free(&c);
    MPI_Comm_free_keyval(&key);

    MPI_Datatype t, u;
    MPI_Type_create_keyval(MPI_TYPE_DUP_FN, MPI_TYPE_NULL_DELETE_FN, &key, NULL);
    MPI_Type_contiguous(1, MPI_INT, &t);
    MPI_Type_set_attr(t, key, text);
    MPI_Type_dup(t, &u);
    MPI_Type_get_attr(u, key, &value, &flag);
    CHECK(flag && value == text);
    MPI_Type_delete_attr(u, key);
    MPI_Type_get_attr(u, key, &value, &flag);
    CHECK(!flag);
    MPI_Type_free_keyval(&key);
    MPI_Type_free(&t);
    MPI_Type_free(&u);
}

static int handled;

static void handler(MPI_Comm *c, int *code, ...) { handled = *code; }

static void window_handler(MPI_Win *w, int *code, ...) { handled = *code; }

static void file_handler(MPI_File *f, int *code, ...) { handled = *code; }

#if MPI_VERSION >= 4
static void session_handler(MPI_Session *s, int *code, ...) { handled = *code; }
#endif

// Handlers of other objects are none of a communicator's.
static void foreign(MPI_Errhandler h)
{
    MPI_Comm c;
    MPI_Comm_dup(MPI_COMM_SELF, &c);
    MPI_Comm_set_errhandler(c, MPI_ERRORS_RETURN);
    CHECK(MPI_Comm_set_errhandler(c, h) != MPI_SUCCESS);
    MPI_Errhandler_free(&h);
    CHECK(h == MPI_ERRHANDLER_NULL);
    MPI_Comm_free(&c);
}

static void errors(void)
{
    MPI_Comm c;
    MPI_Errhandler h, was;
    int class, code, n;
    char text[MPI_MAX_ERROR_STRING];
    MPI_Comm_dup(MPI_COMM_SELF, &c);
    MPI_Comm_create_errhandler(handler, &h);
    MPI_Comm_set_errhandler(c, h);
    MPI_Comm_get_errhandler(c, &was);
    CHECK(was == h);
    MPI_Errhandler_free(&was);
    code = MPI_Send(&n, 1, MPI_INT, 5, 0, c);
    MPI_Error_class(code, &class);
    CHECK(class == MPI_ERR_RANK && handled == code);
    code = MPI_Send(&n, -1, MPI_INT, 0, 0, c);
    MPI_Error_class(code, &class);
    CHECK(class == MPI_ERR_COUNT);
    MPI_Error_string(code, text, &n);
    CHECK(n > 0 && (int)strlen(text) == n);
    if (h != MPI_ERRHANDLER_NULL)
        MPI_Errhandler_free(&h);
    MPI_Add_error_class(&class);
    MPI_Add_error_code(class, &code);
    MPI_Add_error_string(code, "of our own");
    MPI_Error_string(code, text, &n);
    CHECK(strcmp(text, "of our own") == 0);
    MPI_Error_class(code, &n);
    CHECK(n == class);
    MPI_Comm_call_errhandler(c, code);
    CHECK(handled == code);
    MPI_Comm_free(&c);
    MPI_Win_create_errhandler(window_handler, &h);
    foreign(h);
    MPI_File_create_errhandler(file_handler, &h);
    foreign(h);
#if MPI_VERSION >= 4
    MPI_Session_create_errhandler(session_handler, &h);
    foreign(h);
#endif
}

void communicators(void)
{
    groups();
    making();
    between();
    attributes();
    errors();
}
