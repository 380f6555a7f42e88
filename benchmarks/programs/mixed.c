/* A scalar program in the manner of embedded benchmarks: linked lists, integer matrices, a state machine, checksums,
   sorting, floating-point recurrences. Prints one checksum. Usage: mixed [ROUNDS] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES 256
#define SIDE 24

struct node { struct node *next; int16_t key, weight; };

static uint32_t seed = 12345;
static uint32_t next_random(void) { seed = seed * 1664525u + 1013904223u; return seed >> 8; }

static uint16_t checksum(uint16_t sum, uint32_t value) {
    for (int bit = 0; bit < 32; bit++, value >>= 1)
        sum = (sum & 1) ^ (value & 1) ? (sum >> 1) ^ 0xA001 : sum >> 1;
    return sum;
}

static struct node *reverse(struct node *list) {
    struct node *done = NULL;
    while (list) { struct node *rest = list->next; list->next = done; done = list; list = rest; }
    return done;
}

static int weight_above(const struct node *list, int key) {
    int total = 0;
    for (; list; list = list->next) if (list->key > key) total += list->weight;
    return total;
}

static int32_t multiply(int32_t n, const int16_t *a, const int16_t *b, int32_t *c) {
    int32_t trace = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            int32_t sum = 0;
            for (int k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
        trace += c[i * n + i];
    }
    return trace;
}

static int scan(const char *text) {
    int state = 0, numbers = 0, words = 0;
    for (; *text; text++) {
        switch (state) {
        case 0: state = *text >= '0' && *text <= '9' ? 1 : *text >= 'a' && *text <= 'z' ? 2 : 0; break;
        case 1: if (*text == '.') state = 3; else if (*text < '0' || *text > '9') { numbers++; state = 0; } break;
        case 2: if (*text < 'a' || *text > 'z') { words++; state = 0; } break;
        default: if (*text < '0' || *text > '9') { numbers += 2; state = 0; } break;
        }
    }
    return numbers * 31 + words;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 100;
    static struct node nodes[NODES];
    static int16_t a[SIDE * SIDE], b[SIDE * SIDE];
    static int32_t c[SIDE * SIDE];
    static int values[128];
    uint16_t sum = 0;
    double level = 0.5;
    struct node *list = NULL;
    for (int i = 0; i < NODES; i++) { nodes[i] = (struct node){list, next_random() % 1000, next_random() % 50}; list = &nodes[i]; }
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < SIDE * SIDE; i++) { a[i] = next_random() % 100; b[i] = next_random() % 100; }
        list = reverse(list);
        sum = checksum(sum, weight_above(list, 500));
        sum = checksum(sum, multiply(SIDE, a, b, c));
        sum = checksum(sum, scan("12 apples 3.25 and 77 pears 0.5 x y z 19 lorem 4711 ipsum 2.718 end"));
        for (int i = 0; i < 128; i++) values[i] = next_random() % 10000;
        qsort(values, 128, sizeof values[0], ascending);
        sum = checksum(sum, values[round % 128]);
        for (int i = 0; i < 200; i++) level = 3.7 * level * (1.0 - level);
        sum = checksum(sum, (uint32_t)(level * 1e6));
    }
    printf("checksum %04x level %.9f\n", sum, level);
    return 0;
}
