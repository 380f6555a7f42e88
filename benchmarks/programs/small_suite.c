/* Ten small programs of the classes of XiangShan's microbenchmark suite: sorting, backtracking, an interpreter, matrix
   powers, a sieve, a puzzle search, maximum flow, compression, suffix sorting, a digest. Own code, inputs of a few
   thousand to a hundred thousand instructions each. Usage: small_suite [NAME] [ROUNDS]; prints a line for each. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed;
static uint32_t next_random(void) { seed = seed * 1103515245u + 12345u; return seed >> 16 & 0x7fff; }

static uint32_t quicksort(int32_t *v, int low, int high) {
    if (low >= high) return 0;
    int32_t pivot = v[low];
    int place = low;
    for (int k = low + 1; k <= high; k++)
        if (v[k] < pivot) { place++; int32_t t = v[k]; v[k] = v[place]; v[place] = t; }
    v[low] = v[place];
    v[place] = pivot;
    quicksort(v, low, place - 1);
    quicksort(v, place + 1, high);
    return (uint32_t)v[high];
}

static uint32_t sorting(void) {
    static int32_t values[100];
    for (int k = 0; k < 100; k++) values[k] = (int32_t)next_random();
    return quicksort(values, 0, 99);
}

static uint32_t place_queens(uint32_t columns, uint32_t left, uint32_t right, uint32_t all) {
    if (columns == all) return 1;
    uint32_t found = 0;
    for (uint32_t free = all & ~(columns | left | right); free;) {
        uint32_t bit = free & -free;
        free -= bit;
        found += place_queens(columns | bit, (left | bit) << 1, (right | bit) >> 1, all);
    }
    return found;
}

static uint32_t queens(void) { return place_queens(0, 0, 0, 255); }

static uint32_t interpreter(void) {
    static const char *code = "++++++++++[>+++++++>++++++++++>+++>+<<<<-]>++.>+.+++++++..+++.>++.<<+++++++++++++++.>.+++.------.--------.>+."
                              ">>>++++++++[<++++++++>-]<[->+>+<<]>[-<+>]>[>++++[-<++>]<-]<.";
    static uint8_t tape[64];
    static uint8_t match[512];
    int stack[32], depth = 0, length = (int)strlen(code), at = 0;
    uint32_t sum = 0;
    memset(tape, 0, sizeof tape);
    for (int k = 0; k < length; k++) {
        if (code[k] == '[') stack[depth++] = k;
        if (code[k] == ']') { int open = stack[--depth]; match[k] = (uint8_t)open; match[open] = (uint8_t)k; }
    }
    for (int round = 0; round < 8; round++) {
        at = 0;
        memset(tape, 0, sizeof tape);
        for (int pc = 0; pc < length; pc++) {
            switch (code[pc]) {
            case '>': at = (at + 1) & 63; break;
            case '<': at = (at - 1) & 63; break;
            case '+': tape[at]++; break;
            case '-': tape[at]--; break;
            case '.': sum = sum * 31 + tape[at]; break;
            case '[': if (!tape[at]) pc = match[pc]; break;
            case ']': if (tape[at]) pc = match[pc]; break;
            }
        }
    }
    return sum;
}

static void multiply(uint32_t *out, const uint32_t *a, const uint32_t *b, int n) {
    uint32_t result[64];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
            result[i * n + j] = sum;
        }
    memcpy(out, result, sizeof(uint32_t) * n * n);
}

static uint32_t fibonacci(void) {
    uint32_t step[64] = {0}, power[64] = {0};
    const int n = 2;
    step[0] = step[1] = step[2] = 1;
    power[0] = power[3] = 1;
    for (uint32_t bits = 2147483603u; bits; bits >>= 1) {
        if (bits & 1) multiply(power, power, step, n);
        multiply(step, step, step, n);
    }
    return power[1];
}

static uint32_t sieve(void) {
    static uint32_t marks[40];
    uint32_t primes = 0;
    const int n = 1200;
    memset(marks, 0, sizeof marks);
    for (int k = 2; k <= n; k++) {
        if (marks[k >> 5] >> (k & 31) & 1) continue;
        primes++;
        for (int m = k * 2; m <= n; m += k) marks[m >> 5] |= 1u << (m & 31);
    }
    return primes;
}

/* --- sliding puzzle: iterative deepening with the Manhattan distance */
static int board[9], blank;
static int distance(void) {
    int sum = 0;
    for (int k = 0; k < 9; k++) if (board[k]) sum += abs((board[k] - 1) / 3 - k / 3) + abs((board[k] - 1) % 3 - k % 3);
    return sum;
}
static int search(int depth, int limit, int from, uint32_t *visited) {
    static const int steps[4] = {-3, -1, 1, 3};
    int rest = distance();
    ++*visited;
    if (!rest) return 1;
    if (depth + rest > limit) return 0;
    for (int k = 0; k < 4; k++) {
        int to = blank + steps[k], old = blank;
        if (to < 0 || to > 8 || to == from || (abs(steps[k]) == 1 && to / 3 != old / 3)) continue;
        board[old] = board[to]; board[to] = 0; blank = to;
        int done = search(depth + 1, limit, old, visited);
        board[to] = board[old]; board[old] = 0; blank = old;
        if (done) return 1;
    }
    return 0;
}
static uint32_t puzzle(void) {
    static const int start[9] = {1, 8, 2, 0, 4, 3, 7, 6, 5};
    uint32_t visited = 0;
    memcpy(board, start, sizeof board);
    blank = 3;
    for (int limit = distance(); !search(0, limit, -1, &visited); limit++) {}
    return visited;
}

/* --- maximum flow: levels, then blocking flows */
#define VERTICES 32
struct edge { int to, room, next; };
static struct edge edges[600];
static int heads[VERTICES], current[VERTICES], level[VERTICES], edge_count;
static void add_edge(int from, int to, int room) {
    edges[edge_count] = (struct edge){to, room, heads[from]}; heads[from] = edge_count++;
    edges[edge_count] = (struct edge){from, 0, heads[to]}; heads[to] = edge_count++;
}
static int push_flow(int vertex, int limit) {
    if (vertex == VERTICES - 1 || !limit) return limit;
    int pushed = 0;
    for (int *k = &current[vertex]; *k >= 0 && limit; *k = edges[*k].next) {
        struct edge *e = &edges[*k];
        if (level[e->to] != level[vertex] + 1) continue;
        int room = push_flow(e->to, limit < e->room ? limit : e->room);
        e->room -= room; edges[*k ^ 1].room += room; pushed += room; limit -= room;
        if (!limit) break;
    }
    return pushed;
}
static uint32_t flow(void) {
    int queue[VERTICES];
    uint32_t total = 0;
    edge_count = 0;
    memset(heads, -1, sizeof heads);
    for (int k = 0; k < 160; k++) add_edge((int)next_random() % (VERTICES - 1), 1 + (int)next_random() % (VERTICES - 1), 1 + (int)next_random() % 50);
    for (;;) {
        int head = 0, tail = 0;
        memset(level, -1, sizeof level);
        level[0] = 0;
        queue[tail++] = 0;
        while (head < tail) {
            int vertex = queue[head++];
            for (int k = heads[vertex]; k >= 0; k = edges[k].next)
                if (edges[k].room && level[edges[k].to] < 0) { level[edges[k].to] = level[vertex] + 1; queue[tail++] = edges[k].to; }
        }
        if (level[VERTICES - 1] < 0) return total;
        memcpy(current, heads, sizeof heads);
        total += (uint32_t)push_flow(0, 1 << 30);
    }
}

static uint32_t compression(void) {
    static uint8_t text[1024], packed[2048];
    static uint16_t recent[1024];
    int out = 0;
    uint32_t sum = 0;
    memset(recent, 0, sizeof recent);
    for (int k = 0; k < 1024; k++) text[k] = (uint8_t)('a' + next_random() % 4);
    for (int at = 0; at < 1020;) {
        uint32_t word = text[at] | text[at + 1] << 8 | text[at + 2] << 16;
        uint32_t hash = (word * 2654435761u) >> 22;
        int other = recent[hash], length = 0;
        recent[hash] = (uint16_t)at;
        if (other < at) while (at + length < 1023 && length < 255 && text[other + length] == text[at + length]) length++;
        if (length >= 4) { packed[out++] = 1; packed[out++] = (uint8_t)length; packed[out++] = (uint8_t)(at - other); at += length; }
        else { packed[out++] = 0; packed[out++] = text[at++]; }
    }
    for (int k = 0; k < out; k++) sum = sum * 33 + packed[k];
    return sum;
}

static uint32_t suffixes(void) {
    static char text[129];
    static int rank[128], next[128], order[128];
    const int n = 128;
    for (int k = 0; k < n; k++) { text[k] = (char)('a' + next_random() % 3); order[k] = k; rank[k] = text[k]; }
    for (int width = 1; width < n; width *= 2) {
        int counts[512] = {0}, second[128], filled = 0;
        for (int k = n - width; k < n; k++) second[filled++] = k;
        if (width == 1) for (int k = 0; k < n - 1; k++) second[filled++] = k;
        else for (int k = 0; k < n; k++) if (order[k] >= width) second[filled++] = order[k] - width;
        for (int k = 0; k < n; k++) counts[rank[k] + 1]++;
        for (int k = 1; k < 512; k++) counts[k] += counts[k - 1];
        for (int k = 0; k < n; k++) order[counts[rank[second[k]]]++] = second[k];
        next[order[0]] = 0;
        for (int k = 1; k < n; k++) {
            int a = order[k - 1], b = order[k];
            int ra = a + width < n ? rank[a + width] : -1, rb = b + width < n ? rank[b + width] : -1;
            next[b] = next[a] + (rank[a] != rank[b] || ra != rb);
        }
        memcpy(rank, next, sizeof rank);
    }
    return (uint32_t)(rank[5] * 1000 + order[7]);
}

/* --- a digest with the round structure of MD5 and constants of our own */
static uint32_t digest(void) {
    static uint8_t message[512];
    uint32_t a = 0x67452301, b = 0xefcdab89, c = 0x98badcfe, d = 0x10325476;
    static const int turns[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
    for (int k = 0; k < 512; k++) message[k] = (uint8_t)next_random();
    for (int block = 0; block < 512; block += 64) {
        uint32_t w[16];
        memcpy(w, message + block, 64);
        for (int k = 0; k < 64; k++) {
            uint32_t mix = k < 16 ? (b & c) | (~b & d) : k < 32 ? (d & b) | (~d & c) : k < 48 ? b ^ c ^ d : c ^ (b | ~d);
            int from = k < 16 ? k : k < 32 ? (5 * k + 1) & 15 : k < 48 ? (3 * k + 5) & 15 : (7 * k) & 15;
            uint32_t sum = a + mix + w[from] + 0x9e3779b9u * (uint32_t)(k + 1);
            int turn = turns[(k >> 4 << 2) | (k & 3)];
            a = d; d = c; c = b;
            b += sum << turn | sum >> (32 - turn);
        }
    }
    return a ^ b ^ c ^ d;
}

int main(int count, char **arguments) {
    static const struct { const char *name; uint32_t (*run)(void); } programs[] = {
        {"sorting", sorting}, {"queens", queens}, {"interpreter", interpreter}, {"fibonacci", fibonacci}, {"sieve", sieve},
        {"puzzle", puzzle}, {"flow", flow}, {"compression", compression}, {"suffixes", suffixes}, {"digest", digest}};
    int rounds = count > 2 ? atoi(arguments[2]) : 1;
    for (unsigned k = 0; k < sizeof programs / sizeof *programs; k++) {
        uint32_t result = 0;
        if (count > 1 && strcmp(arguments[1], "all") && strcmp(arguments[1], programs[k].name)) continue;
        seed = 1;
        for (int round = 0; round < rounds; round++) result = result * 7 + programs[k].run();
        printf("%s %08x\n", programs[k].name, result);
    }
    return 0;
}
