/* Producers and consumers: a bounded queue with a mutex and two condition variables. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 16, PRODUCERS = 3, MOST = 64 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	long items[ROOM];
	int count, first, longest, producing;
} queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, .producing = PRODUCERS };

static long each;

static void put(long item)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.count == ROOM)
		pthread_cond_wait(&queue.not_full, &queue.lock);
	queue.items[(queue.first + queue.count++) % ROOM] = item;
	if (queue.count > queue.longest)
		queue.longest = queue.count;
	pthread_cond_signal(&queue.not_empty);
	pthread_mutex_unlock(&queue.lock);
}

/* Gives 0 when there is no item and none will come. */
static int take(long *item)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.count == 0 && queue.producing > 0)
		pthread_cond_wait(&queue.not_empty, &queue.lock);
	int some = queue.count > 0;
	if (some) {
		*item = queue.items[queue.first];
		queue.first = (queue.first + 1) % ROOM;
		queue.count--;
		pthread_cond_signal(&queue.not_full);
	}
	pthread_mutex_unlock(&queue.lock);
	return some;
}

static void *produce(void *number)
{
	for (long i = 0; i < each; i++)
		put(i * PRODUCERS + (long)number);
	pthread_mutex_lock(&queue.lock);
	queue.producing--;
	pthread_cond_broadcast(&queue.not_empty);
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

static void *consume(void *sum)
{
	for (long item; take(&item);)
		*(long *)sum += item + 1;
	return NULL;
}

int main(int argc, char **argv)
{
	int consumers = argc > 1 ? atoi(argv[1]) : 4;
	if (consumers < 1 || consumers > MOST) {
		fprintf(stderr, "1 to %d consumers\n", MOST);
		return 2;
	}
	each = argc > 2 ? atol(argv[2]) : 10000;
	pthread_t producer[PRODUCERS], consumer[MOST];
	static long sums[MOST];
	for (long i = 0; i < PRODUCERS; i++)
		pthread_create(&producer[i], NULL, produce, (void *)i);
	for (int i = 0; i < consumers; i++)
		pthread_create(&consumer[i], NULL, consume, &sums[i]);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producer[i], NULL);
	long sum = 0, all = each * PRODUCERS;
	for (int i = 0; i < consumers; i++) {
		pthread_join(consumer[i], NULL);
		sum += sums[i];
	}
	int right = sum == all * (all + 1) / 2 && queue.longest <= ROOM;
	printf("%ld items from %d producers to %d consumers: %s\n", all, PRODUCERS, consumers, right ? "each once" : "WRONG");
	return !right;
}
