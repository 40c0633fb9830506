/* The floor of the daemon comparisons: an epoll server that reads no JSON and has no policy.

   It answers each line with one fixed decision, so what it takes is what sockets cost in C.

       echo SOCKET                                                                              */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER 65536
#define EVENTS 256

static const char answer[] = "{\"action\":\"normal\"}\n";
#define LENGTH (sizeof answer - 1)

static char input[BUFFER], output[BUFFER * LENGTH];
static int epoll;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    unlink(path);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address))
        die(path);
    if (listen(listener, 1024))
        die("listen");
    return listener;
}

static void watch(int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event))
        die("epoll_ctl");
}

static void let_in(int listener)
{
    int client;

    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        watch(client);
}

static void answer_lines(int client)
{
    ssize_t got = read(client, input, sizeof input);
    size_t length = 0;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        close(client);
        return;
    }
    for (char *at = input; (at = memchr(at, '\n', input + got - at)); at++, length += LENGTH)
        memcpy(output + length, answer, LENGTH);
    /* A client of the benchmark reads its answers: the socket has room for all of them. */
    if (length && write(client, output, length) != (ssize_t)length)
        close(client);
}

int main(int count, char **arguments)
{
    struct epoll_event events[EVENTS];
    int listener;

    if (count != 2)
        return 2;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    listener = listen_at(arguments[1]);
    watch(listener);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);

        for (int each = 0; each < ready; each++)
            if (events[each].data.fd == listener)
                let_in(listener);
            else
                answer_lines(events[each].data.fd);
    }
}
