/* The load generator of the daemon comparisons: asks a server for a while, checks each answer, and
   prints the rate and the latencies as a line of JSON.

       load SOCKET REQUESTS ANSWERS kept|one-shot CONNECTIONS IN-FLIGHT MILLISECONDS

   REQUESTS is a file of lines, ANSWERS has the line that must come back for each of them. They are
   sent in their order, again and again. kept: so many connections stay open, with so many requests
   under way on each. one-shot: each request has a connection of its own, so many at once.       */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536
#define EVENTS 256
#define MOST_IN_FLIGHT 1024
#define MOST_SAMPLES 4000000

struct lines {
    char *text;
    size_t *start; /* of each line, and of what would follow the last one */
    size_t count;
};

struct client {
    int descriptor;
    size_t next;     /* the request to be sent next, counted over all rounds of the file */
    size_t answered; /* the one whose answer comes next */
    size_t sent;     /* how much of the request to be sent next is sent already */
    size_t kept;     /* how much of an answer has come */
    char rest[4096];
    uint64_t asked[MOST_IN_FLIGHT]; /* when each request under way was sent */
};

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct lines requests, answers;
static size_t in_flight;
static int one_shot, epoll;
static size_t served, first; /* answers so far; the request with which the next client begins */
static uint32_t *samples;    /* latencies in nanoseconds */
static uint64_t now;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t clock_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct lines read_lines(const char *path)
{
    struct lines lines = {0};
    struct stat status;
    int file = open(path, O_RDONLY);
    size_t size;

    if (file < 0 || fstat(file, &status))
        die(path);
    size = (size_t)status.st_size;
    lines.text = malloc(size);
    if (read(file, lines.text, size) != status.st_size)
        die(path);
    close(file);
    lines.start = malloc((size + 1) * sizeof *lines.start);
    lines.start[0] = 0;
    for (size_t at = 0; at < size; at++)
        if (lines.text[at] == '\n')
            lines.start[++lines.count] = at + 1;
    return lines;
}

static void connect_to_server(struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

    client->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->descriptor < 0)
        die("socket");
    if (connect(client->descriptor, (struct sockaddr *)&address, sizeof address))
        die("connect");
    client->next = client->answered = first;
    client->sent = client->kept = 0;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->descriptor, &event))
        die("epoll_ctl");
}

/* Send as many requests as may be under way; those that stand side by side go in one write. */
static void ask(struct client *client)
{
    size_t until = client->answered + (one_shot ? 1 : in_flight);

    while (client->next < until) {
        size_t line = client->next % requests.count;
        size_t last = line + (until - client->next);
        size_t begin = requests.start[line] + client->sent;
        ssize_t sent;

        if (last > requests.count)
            last = requests.count;
        sent = send(client->descriptor, requests.text + begin, requests.start[last] - begin,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return; /* the next answers will say that there is room again */
        if (sent < 0)
            die("send");
        client->sent += (size_t)sent;
        for (; line < last; line++, client->next++) {
            size_t length = requests.start[line + 1] - requests.start[line];

            if (client->sent < length)
                break;
            client->sent -= length;
            client->asked[client->next % MOST_IN_FLIGHT] = now;
        }
    }
}

static void check(struct client *client, const char *answer, size_t length)
{
    size_t line = client->answered % requests.count;
    size_t wanted = answers.start[line + 1] - answers.start[line];

    if (length != wanted || memcmp(answer, answers.text + answers.start[line], length)) {
        fprintf(stderr, "wrong answer: %.*swanted: %.*s", (int)length, answer, (int)wanted,
                answers.text + answers.start[line]);
        exit(1);
    }
    if (served < MOST_SAMPLES)
        samples[served] = (uint32_t)(now - client->asked[client->answered % MOST_IN_FLIGHT]);
    served++;
    client->answered++;
}

static void take_answers(struct client *client)
{
    static char input[BUFFER];
    char *at = input, *end;
    ssize_t got;

    memcpy(input, client->rest, client->kept);
    got = recv(client->descriptor, input + client->kept, sizeof input - client->kept, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("the server has closed a connection");
    now = clock_now();
    got += (ssize_t)client->kept;
    while ((end = memchr(at, '\n', (size_t)(input + got - at)))) {
        check(client, at, (size_t)(end + 1 - at));
        at = end + 1;
    }
    client->kept = (size_t)(input + got - at);
    if (client->kept > sizeof client->rest)
        die("an answer is too long");
    memcpy(client->rest, at, client->kept);
}

static int ascending(const void *one, const void *other)
{
    uint32_t left = *(const uint32_t *)one, right = *(const uint32_t *)other;

    return (left > right) - (left < right);
}

int main(int count, char **arguments)
{
    struct epoll_event events[EVENTS];
    struct client *clients;
    size_t connections, measured;
    uint64_t began, until;

    if (count != 8)
        return 2;
    strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
    requests = read_lines(arguments[2]);
    answers = read_lines(arguments[3]);
    one_shot = !strcmp(arguments[4], "one-shot");
    connections = strtoul(arguments[5], NULL, 10);
    in_flight = strtoul(arguments[6], NULL, 10);
    if (requests.count != answers.count || in_flight > MOST_IN_FLIGHT)
        return 2;
    samples = malloc(MOST_SAMPLES * sizeof *samples);
    clients = calloc(connections, sizeof *clients);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t each = 0; each < connections; each++, first += in_flight)
        connect_to_server(&clients[each]);
    now = began = clock_now();
    until = began + strtoul(arguments[7], NULL, 10) * 1000000;
    for (size_t each = 0; each < connections; each++)
        ask(&clients[each]);
    while (now < until) {
        int ready = epoll_wait(epoll, events, EVENTS, 10000);

        if (ready <= 0)
            die("no answer for ten seconds");
        for (int each = 0; each < ready; each++) {
            struct client *client = events[each].data.ptr;

            now = clock_now();
            take_answers(client);
            if (one_shot && client->answered == client->next) {
                close(client->descriptor);
                first++;
                connect_to_server(client);
            }
            ask(client);
        }
    }
    measured = served < MOST_SAMPLES ? served : MOST_SAMPLES;
    qsort(samples, measured, sizeof *samples, ascending);
    printf("{\"answers\": %zu, \"seconds\": %.6f, \"p50\": %.2f, \"p99\": %.2f}\n", served,
           (double)(now - began) / 1e9, samples[measured / 2] / 1e3,
           samples[measured * 99 / 100] / 1e3);
    return 0;
}
