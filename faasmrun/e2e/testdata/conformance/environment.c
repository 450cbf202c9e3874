// The environment: versions, time, memory, info objects.
#include "conformance.h"

void environment(void)
{
    int version, minor, n, flag;
    char name[MPI_MAX_PROCESSOR_NAME], library[MPI_MAX_LIBRARY_VERSION_STRING], key[MPI_MAX_INFO_KEY], value[16];
    MPI_Get_version(&version, &minor);
    CHECK(version == MPI_VERSION && minor == MPI_SUBVERSION);
    MPI_Get_library_version(library, &n);
    CHECK(n >= (int)strlen(library) && library[0]); // Open MPI 4.1 counts the NUL
    MPI_Get_processor_name(name, &n);
    CHECK(n > 0 && (int)strlen(name) == n);
    MPI_Query_thread(&n);
    CHECK(n >= MPI_THREAD_SINGLE);
    MPI_Is_thread_main(&flag);
    CHECK(flag);
    double before = MPI_Wtime();
    CHECK(MPI_Wtick() > 0 && MPI_Wtick() < 1 && MPI_Wtime() >= before);
    int *memory;
    MPI_Alloc_mem(1000 * sizeof *memory, MPI_INFO_NULL, &memory);
    memset(memory, 1, 1000 * sizeof *memory);
    CHECK(memory[999] == 0x01010101);
    MPI_Free_mem(memory);

    MPI_Info info, copy;
    MPI_Info_create(&info);
    MPI_Info_set(info, "colour", "red");
    MPI_Info_set(info, "shape", "round");
    MPI_Info_get_nkeys(info, &n);
    CHECK(n == 2);
    MPI_Info_get_nthkey(info, 0, key);
    CHECK(strcmp(key, "colour") == 0);
    MPI_Info_get(info, "shape", 15, value, &flag);
    CHECK(flag && strcmp(value, "round") == 0);
    MPI_Info_get_valuelen(info, "colour", &n, &flag);
    CHECK(flag && n == 3);
    MPI_Info_dup(info, &copy);
    MPI_Info_delete(info, "colour");
    MPI_Info_get(info, "colour", 15, value, &flag);
    CHECK(!flag);
    MPI_Info_get(copy, "colour", 15, value, &flag);
    CHECK(flag);
    MPI_Info_free(&info);
    MPI_Info_free(&copy);
    CHECK(info == MPI_INFO_NULL);
}
