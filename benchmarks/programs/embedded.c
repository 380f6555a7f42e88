/* A scalar program of the class of CoreMark: list processing, small integer matrices, a state machine over text and a
   checksum that ties them together. Own code. Usage: embedded [ROUNDS]; prints one checksum. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES 40
#define SIDE 9
#define TEXT 640

struct item { int16_t data, place; };
struct node { struct node *next; struct item *item; };

static uint16_t checksum_byte(uint8_t byte, uint16_t sum) {
    for (int bit = 0; bit < 8; bit++) {
        int carry = (byte & 1) ^ (sum & 1);
        byte >>= 1;
        sum >>= 1;
        if (carry) sum ^= 0xA001;
    }
    return sum;
}

static uint16_t checksum(uint16_t value, uint16_t sum) { return checksum_byte(value >> 8, checksum_byte((uint8_t)value, sum)); }

/* --- lists */
static struct node *find_place(struct node *list, int16_t place) {
    while (list && list->item->place != place) list = list->next;
    return list;
}

static struct node *find_data(struct node *list, int16_t data) {
    while (list && (list->item->data & 0xff) != data) list = list->next;
    return list;
}

static struct node *reverse(struct node *list) {
    struct node *done = NULL;
    while (list) { struct node *rest = list->next; list->next = done; done = list; list = rest; }
    return done;
}

typedef int (*order)(const struct item *, const struct item *);
static int by_place(const struct item *a, const struct item *b) { return a->place - b->place; }
static int by_checked_data(const struct item *a, const struct item *b) {
    return (checksum((uint16_t)a->data, 1) & 0x7f) - (checksum((uint16_t)b->data, 1) & 0x7f);
}

static struct node *merge_sort(struct node *list, order compare) {
    for (int width = 1;; width *= 2) {
        struct node *left = list, *tail = NULL;
        int merges = 0;
        list = NULL;
        while (left) {
            struct node *right = left;
            int lefts = 0, rights = width;
            merges++;
            for (; lefts < width && right; lefts++) right = right->next;
            while (lefts || (rights && right)) {
                struct node *taken;
                if (!lefts || (rights && right && compare(left->item, right->item) > 0)) { taken = right; right = right->next; rights--; }
                else { taken = left; left = left->next; lefts--; }
                if (tail) tail->next = taken; else list = taken;
                tail = taken;
            }
            left = right;
        }
        tail->next = NULL;
        if (merges <= 1) return list;
    }
}

static uint16_t lists(struct node **list, int16_t wanted) {
    uint16_t sum = 0;
    int hits = 0;
    for (int16_t k = 0; k < 20; k++) {
        struct node *found = k & 1 ? find_place(*list, (int16_t)(wanted + k)) : find_data(*list, (int16_t)((wanted + k) & 0xff));
        *list = reverse(*list);
        if (!found) { sum = checksum((uint16_t)((*list)->item->data >> 8), sum); continue; }
        hits++;
        if (found->item->data & 1) sum = checksum((uint16_t)(found->item->data >> 9), sum);
        if (found->next) {
            struct node *moved = found->next;
            found->next = moved->next;
            moved->next = (*list)->next;
            (*list)->next = moved;
        }
    }
    *list = merge_sort(*list, by_checked_data);
    for (struct node *n = *list; n; n = n->next) sum = checksum((uint16_t)n->item->data, sum);
    *list = merge_sort(*list, by_place);
    return checksum((uint16_t)hits, sum);
}

/* --- matrices */
static uint16_t matrices(int16_t *a, const int16_t *b, int32_t *c, int16_t value) {
    uint16_t sum = 0;
    int32_t total = 0;
    for (int k = 0; k < SIDE * SIDE; k++) a[k] = (int16_t)(a[k] + value);
    for (int k = 0; k < SIDE * SIDE; k++) c[k] = a[k] * (int32_t)value;
    for (int k = 0; k < SIDE * SIDE; k++) { total += c[k]; if (total > 8000) { total = 0; sum++; } else sum += c[k] > 0; }
    sum = checksum(sum, 0);
    for (int i = 0; i < SIDE; i++) {
        c[i] = 0;
        for (int j = 0; j < SIDE; j++) c[i] += a[i * SIDE + j] * (int32_t)b[j];
    }
    for (int i = 0; i < SIDE; i++) sum = checksum((uint16_t)c[i], sum);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t cell = 0;
            for (int k = 0; k < SIDE; k++) cell += a[i * SIDE + k] * (int32_t)b[k * SIDE + j];
            c[i * SIDE + j] = cell;
        }
    sum = checksum((uint16_t)c[SIDE + 1], sum);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t cell = 0;
            for (int k = 0; k < SIDE; k++) {
                int32_t product = a[i * SIDE + k] * (int32_t)b[k * SIDE + j];
                cell += ((product >> 2) & 15) * ((product >> 5) & 127);
            }
            c[i * SIDE + j] = cell;
        }
    for (int k = 0; k < SIDE * SIDE; k++) a[k] = (int16_t)(a[k] - value);
    return checksum((uint16_t)c[SIDE * SIDE - 1], sum);
}

/* --- state machine */
enum state { START, INTEGER, FRACTION, SIGN, EXPONENT, SCIENTIFIC, INVALID, STATES };

static enum state next_number(const char **text, uint32_t *moves) {
    enum state state = START;
    const char *at = *text;
    for (; *at && state != INVALID; at++) {
        int digit = *at >= '0' && *at <= '9';
        if (*at == ',') { at++; break; }
        moves[state]++;
        switch (state) {
        case START: state = digit ? INTEGER : *at == '+' || *at == '-' ? SIGN : *at == '.' ? FRACTION : INVALID; break;
        case SIGN: state = digit ? INTEGER : *at == '.' ? FRACTION : INVALID; break;
        case INTEGER: if (*at == '.') state = FRACTION; else if (!digit) state = INVALID; break;
        case FRACTION: if (*at == 'E' || *at == 'e') state = EXPONENT; else if (!digit) state = INVALID; break;
        case EXPONENT: state = *at == '+' || *at == '-' ? SCIENTIFIC : INVALID; break;
        case SCIENTIFIC: if (!digit) state = INVALID; break;
        default: break;
        }
    }
    while (state == INVALID && *at && *at != ',') at++;
    if (state == INVALID && *at) at++;
    *text = at;
    return state;
}

static uint16_t states(char *text, int step, uint16_t sum) {
    uint32_t ends[STATES] = {0}, moves[STATES] = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (const char *at = text; *at;) ends[next_number(&at, moves)]++;
        for (int k = 0; k < TEXT - 1; k += step) if (text[k] != ',') text[k] ^= 1;
    }
    for (int k = 0; k < STATES; k++) sum = checksum((uint16_t)moves[k], checksum((uint16_t)ends[k], sum));
    return sum;
}

int main(int count, char **arguments) {
    static const char *numbers[] = {"5012", "1234", "-874", "+122", "35.54400", ".1234500", "-110.700", "+0.64400",
                                    "5.500e+3", "-.123e-2", "-87e+832", "+0.6e-12", "T0.3e-1F", "-T.T++Tq", "1T3.4e4z"};
    static struct item items[NODES];
    static struct node nodes[NODES];
    static int16_t a[SIDE * SIDE], b[SIDE * SIDE];
    static int32_t c[SIDE * SIDE];
    static char text[TEXT + 16];
    int rounds = count > 1 ? atoi(arguments[1]) : 10;
    uint32_t seed = 17;
    struct node *list = NULL;
    for (int k = 0; k < NODES; k++) {
        seed = seed * 1664525u + 1013904223u;
        items[k] = (struct item){(int16_t)((seed >> 17 & 0x78) << 8 | (seed >> 20 & 0x7f)), (int16_t)k};
        nodes[k] = (struct node){list, &items[k]};
        list = &nodes[k];
    }
    for (int k = 0; k < SIDE * SIDE; k++) { seed = seed * 1664525u + 1013904223u; a[k] = seed >> 28; b[k] = (seed >> 24 & 15) + k; }
    for (int at = 0, k = 0; at < TEXT - 16; k++) at += sprintf(text + at, "%s,", numbers[k * 7 % 15]);
    uint16_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        for (int k = 0; k < 20; k++) {
            if (k % 4 == 0) sum = checksum(lists(&list, (int16_t)(k % 8 ? round : -1)), sum);
            sum = checksum(matrices(a, b, c, (int16_t)(k + 1)), sum);
            sum = states(text, k % 2 ? 11 : 7, sum);
        }
    }
    printf("checksum %04x\n", sum);
    return 0;
}
