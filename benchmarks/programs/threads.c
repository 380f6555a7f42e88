/* Work divided among threads: threads KERNEL THREADS. Prints one number, the same for any number of threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, DOUBLES = 3 << 17, ROUNDS = 60000, SMALL = 1024 };
static double a[DOUBLES], b[DOUBLES], c[DOUBLES];
static long padded[MOST][64 / sizeof(long)], packed[MOST] __attribute__((aligned(64)));
static long threads, locked;
static atomic_long together;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static volatile double results[MOST][8];

static double poly(long begin, long end) { /* arithmetic on 8 KiB: stays in the L1 */
    double sum = 0;
    for (long round = begin; round < end; round++) {
        double x = b[round % SMALL] + 1.5, y = 1;
        for (int k = 0; k < 8; k++) y = y * x + c[k];
        sum += y;
    }
    return sum;
}

static double triad(long begin, long end) { /* 9 MiB, most of which the next round finds in no L2 */
    for (int round = 0; round < 2; round++)
        for (long i = begin; i < end; i++) a[i] = b[i] + 3 * c[i];
    return a[begin];
}

static void count(volatile long *place, long times) {
    for (long i = 0; i < times; i++) ++*place;
}

static const char *kernel;
static void *work(void *argument) {
    long id = (long)argument;
    long begin = ROUNDS * id / threads, end = ROUNDS * (id + 1) / threads;
    if (!strcmp(kernel, "poly")) results[id][0] = poly(begin, end);
    if (!strcmp(kernel, "triad")) results[id][0] = triad(DOUBLES * id / threads, DOUBLES * (id + 1) / threads);
    if (!strcmp(kernel, "padded")) count(padded[id], end - begin);
    if (!strcmp(kernel, "packed")) count(&packed[id], end - begin);
    if (!strcmp(kernel, "atomic"))
        for (long i = begin; i < end; i++) atomic_fetch_add(&together, 1);
    if (!strcmp(kernel, "mutex"))
        for (long i = begin; i < end; i += 10) {
            pthread_mutex_lock(&mutex);
            locked += i % 3;
            pthread_mutex_unlock(&mutex);
        }
    return 0;
}

int main(int count, char **arguments) {
    pthread_t others[MOST];
    if (count != 3 || (threads = atol(arguments[2])) < 1 || threads > MOST) return 2;
    kernel = arguments[1];
    for (long id = 1; id < threads; id++) pthread_create(&others[id], 0, work, (void *)id);
    work(0);
    for (long id = 1; id < threads; id++) pthread_join(others[id], 0);
    long sum = together + locked;
    for (int id = 0; id < MOST; id++) sum += padded[id][0] + packed[id];
    printf("%ld\n", sum);
    return 0;
}
