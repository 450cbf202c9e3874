// MPI-1's names that programs still use, and what came with MPI 4.1 and 5: Open MPI 4 has neither.
#include "conformance.h"

#ifndef OPEN_MPI
static int copies, handled;

static int copy(MPI_Comm c, int key, void *extra, void *in, void *out, int *keep)
{
    copies++;
    *keep = 0;
    return MPI_SUCCESS;
}

static void handler(MPI_Comm *c, int *code, ...) { handled = *code; }

static void names(void)
{
    int key, flag, value;
    void *got;
    MPI_Comm c, d;
    MPI_Errhandler h, same;
    MPI_Comm_dup(MPI_COMM_SELF, &c);
    MPI_Keyval_create(copy, MPI_NULL_DELETE_FN, &key, NULL);
    MPI_Attr_put(c, key, &value);
    MPI_Attr_get(c, key, &got, &flag);
    CHECK(flag && got == &value);
    MPI_Comm_dup(c, &d);
    MPI_Attr_get(d, key, &got, &flag);
    CHECK(copies == 1 && !flag);
    MPI_Comm_disconnect(&d);
    MPI_Attr_delete(c, key);
    MPI_Keyval_free(&key);
    MPI_Errhandler_create(handler, &h);
    MPI_Errhandler_set(c, h);
    MPI_Errhandler_get(c, &same);
    CHECK(same == h);
    MPI_Errhandler_free(&same);
    MPI_Errhandler_free(&h);
    MPI_Send(NULL, 0, MPI_INT, 3, 0, c);
    CHECK(handled != 0);
    MPI_Comm_free(&c);

    MPI_Datatype t, u;
    MPI_Aint at[2] = {4, 12}, n;
    int lengths[2] = {1, 2}, bytes;
    MPI_Type_struct(2, lengths, at, (MPI_Datatype[]){MPI_INT, MPI_FLOAT}, &t);
    MPI_Type_lb(t, &n);
    CHECK(n == 4);
    MPI_Type_ub(t, &n);
    CHECK(n == 20);
    MPI_Type_extent(t, &n);
    CHECK(n == 16);
    MPI_Type_hvector(2, 1, 32, t, &u);
    MPI_Type_extent(u, &n);
    CHECK(n == 48);
    MPI_Type_free(&u);
    MPI_Type_hindexed(2, lengths, at, MPI_INT, &u);
    MPI_Type_size(u, &bytes);
    CHECK(bytes == 12);
    MPI_Type_free(&u);
    MPI_Type_free(&t);
    MPI_Address(&value, &n);
    CHECK(n == (MPI_Aint)&value);
}

static void newer(void)
{
    MPI_Status status;
    int source, tag, code, class, major, minor, flag, length = 16;
    char value[16];
    MPI_Info info;
    MPI_Status_set_source(&status, 3);
    MPI_Status_set_tag(&status, 4);
    MPI_Status_set_error(&status, MPI_ERR_TAG);
    MPI_Status_get_source(&status, &source);
    MPI_Status_get_tag(&status, &tag);
    MPI_Status_get_error(&status, &code);
    CHECK(source == 3 && tag == 4 && code == MPI_ERR_TAG);
    MPI_Add_error_class(&class);
    MPI_Add_error_code(class, &code);
    MPI_Add_error_string(code, "gone soon");
    CHECK(MPI_Remove_error_string(code) == MPI_SUCCESS);
    CHECK(MPI_Remove_error_code(code) == MPI_SUCCESS);
    CHECK(MPI_Remove_error_class(class) == MPI_SUCCESS);
    MPI_Abi_get_version(&major, &minor);
    CHECK(major >= 1);
    MPI_Info_create_env(0, NULL, &info);
    MPI_Info_set(info, "colour", "red");
    MPI_Info_get_string(info, "colour", &length, value, &flag);
    CHECK(flag && strcmp(value, "red") == 0 && length == 4);
    MPI_Info_free(&info);
    CHECK(MPI_Buffer_flush() == MPI_SUCCESS);
}

void earlier_and_later(void)
{
    names();
    newer();
}
#else
void earlier_and_later(void) {}
#endif
