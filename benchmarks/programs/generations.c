/* Three programs that tell generations of cores apart: `branches` (data-dependent decisions over tables), `pointers`
   (dependent loads over 8 MiB) and `streams` (three arrays of 4 MiB). Usage: generations NAME [ROUNDS]. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 88172645463325252u;
static uint64_t next_random(void) { seed ^= seed << 13; seed ^= seed >> 7; return seed ^= seed << 17; }

/* A player of a board game in miniature: moves are generated, tried and judged by rules with many exceptions. */
static int judge(const int8_t *board, int at, int depth) {
    int value = 0;
    for (int k = 0; k < 8; k++) {
        int8_t piece = board[(at + k * 7) & 63];
        if (piece == 0) continue;
        if (piece > 3) value += depth & 1 ? piece * 3 : piece;
        else if (piece < 0) value -= k & 1 ? 5 : piece;
        else if (board[(at + k) & 63] == piece) value += 2;
    }
    return value;
}
static int play(int8_t *board, int depth, int best, int worst) {
    if (!depth) return judge(board, best & 63, depth);
    for (int at = 0; at < 64; at += 9) {
        int8_t old = board[at];
        if (old == 0 || (old & 1) == (depth & 1)) continue;
        board[at] = (int8_t)(-old / 2);
        int value = judge(board, at, depth) - play(board, depth - 1, -worst, -best) / 2;
        board[at] = old;
        if (value > best) best = value;
        if (best >= worst) return best;
    }
    return best;
}
static uint64_t branches(int rounds) {
    int8_t board[64];
    uint64_t sum = 0;
    for (int k = 0; k < 64; k++) board[k] = (int8_t)(next_random() % 11 - 4);
    for (int round = 0; round < rounds * 100; round++) {
        board[next_random() & 63] = (int8_t)(next_random() % 11 - 4);
        sum = sum * 31 + (uint64_t)(play(board, 4, -100, 100) + 1000);
    }
    return sum;
}

struct cell { struct cell *next; int64_t value, pad[6]; };
static uint64_t pointers(int rounds) {
    const int cells = 1 << 17;
    struct cell *all = malloc(sizeof *all * cells);
    int *order = malloc(sizeof *order * cells);
    uint64_t sum = 0;
    for (int k = 0; k < cells; k++) order[k] = k;
    for (int k = cells - 1; k > 0; k--) { int other = (int)(next_random() % (uint64_t)k), t = order[k]; order[k] = order[other]; order[other] = t; }
    for (int k = 0; k < cells; k++) all[order[k]] = (struct cell){&all[order[(k + 1) % cells]], k, {0}};
    struct cell *at = all;
    for (int k = 0; k < rounds * 40000; k++) {
        sum += (uint64_t)at->value;
        if (at->value & 64) sum ^= sum << 3;
        at = at->next;
    }
    return sum;
}

static uint64_t streams(int rounds) {
    const int n = 1 << 19;
    double *a = malloc(sizeof *a * n), *b = malloc(sizeof *b * n), *c = malloc(sizeof *c * n);
    for (int k = 0; k < n; k++) { a[k] = k; b[k] = 2.0 * k; c[k] = 0.5; }
    for (int round = 0; round < rounds; round++)
        for (int k = 1; k < n - 1; k++) a[k] = b[k - 1] + 3.0 * c[k] + b[k + 1];
    return (uint64_t)a[n / 2];
}

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "branches";
    int rounds = count > 2 ? atoi(arguments[2]) : 1;
    uint64_t result = !strcmp(name, "pointers") ? pointers(rounds) : !strcmp(name, "streams") ? streams(rounds) : branches(rounds);
    printf("%s %016llx\n", name, (unsigned long long)result);
    return 0;
}
