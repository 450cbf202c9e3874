/* Times of OpenMP's constructs: openmp MILLISECONDS prints "CONSTRUCT MICROSECONDS" for each, the median over batches of the mean of
   a batch. What a construct surrounds does next to nothing, so its time is what the construct takes. A loop has 64 iterations
   for each thread; a critical section's, a lock's, an atomic's and a task's time is that of one in a thread, all threads at once. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { batches = 11, iterations = 64 };

static volatile int sink;
static omp_lock_t lock;
static double sum;

/* each does its construct n times and is called by one thread */
static void parallel(int n) {
    for (int i = 0; i < n; i++)
#pragma omp parallel
        sink;
}

static void barrier(int n) {
#pragma omp parallel
    for (int i = 0; i < n; i++) {
#pragma omp barrier
    }
}

static void loop(int n) {
#pragma omp parallel
    for (int i = 0; i < n; i++) {
#pragma omp for
        for (int j = 0; j < omp_get_num_threads(); j++)
            sink;
    }
}

static void single(int n) {
#pragma omp parallel
    for (int i = 0; i < n; i++) {
#pragma omp single
        sink;
    }
}

static void reduction(int n) {
    for (int i = 0; i < n; i++) {
#pragma omp parallel reduction(+ : sum)
        sum += 1;
    }
}

static void critical(int n) {
#pragma omp parallel
    for (int i = 0; i < n; i++) {
#pragma omp critical
        sum += 1;
    }
}

static void locked(int n) {
#pragma omp parallel
    for (int i = 0; i < n; i++) {
        omp_set_lock(&lock);
        sum += 1;
        omp_unset_lock(&lock);
    }
}

static void atomic(int n) {
#pragma omp parallel
    for (int i = 0; i < n; i++) {
#pragma omp atomic
        sum += 1;
    }
}

static void ordered(int n) {
#pragma omp parallel for ordered schedule(static, 1)
    for (int i = 0; i < n; i++) {
#pragma omp ordered
        sum += 1;
    }
}

#define SCHEDULED(name, ...)                                                                                                               \
    static void name(int n) {                                                                                                             \
        _Pragma("omp parallel") for (int i = 0; i < n; i++) {                                                                              \
            _Pragma(#__VA_ARGS__) for (int j = 0; j < iterations * omp_get_num_threads(); j++) sink;                                       \
        }                                                                                                                                 \
    }

SCHEDULED(scheduled_static, omp for schedule(static))
SCHEDULED(scheduled_static1, omp for schedule(static, 1))
SCHEDULED(scheduled_dynamic1, omp for schedule(dynamic, 1))
SCHEDULED(scheduled_dynamic16, omp for schedule(dynamic, 16))
SCHEDULED(scheduled_guided, omp for schedule(guided))

static const struct construct {
    const char *name;
    void (*run)(int n);
} constructs[] = {{"parallel", parallel}, {"for", loop}, {"barrier", barrier}, {"single", single}, {"reduction", reduction},
                  {"critical", critical}, {"lock", locked}, {"atomic", atomic}, {"ordered", ordered}, {"static", scheduled_static},
                  {"static,1", scheduled_static1}, {"dynamic,1", scheduled_dynamic1}, {"dynamic,16", scheduled_dynamic16},
                  {"guided", scheduled_guided}};

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double batch(const struct construct *c, int n) {
    double begin = omp_get_wtime();
    c->run(n);
    return (omp_get_wtime() - begin) / n;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) * 1e-3 : 0.1;
    omp_init_lock(&lock);
    for (size_t i = 0; i < sizeof constructs / sizeof *constructs; i++) {
        const struct construct *c = &constructs[i];
        int n = 1;
        while (n < 1 << 24 && batch(c, n) * n < seconds / batches)
            n *= 2;
        double times[batches];
        for (int b = 0; b < batches; b++)
            times[b] = batch(c, n);
        qsort(times, batches, sizeof *times, ascending);
        printf("%s %.4f\n", c->name, times[batches / 2] * 1e6);
    }
    return 0;
}
