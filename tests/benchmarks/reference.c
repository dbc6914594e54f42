/* The least that can receive a call: one epoll loop, one recv per frame, every byte unmasked.
 *
 * Prints its port; at SIGTERM the bytes of audio that it got. No websocket server: it accepts
 * whatever has a request head, and frames that fit its buffer. It is here to be compared with.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CAPACITY = 8 * 1024 };

struct peer {
    int fd;
    int upgraded;
    size_t size;
    uint8_t in[CAPACITY];
};

static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Protocol: audio.jambonz.org\r\n"
                             "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
static volatile sig_atomic_t stopped;
static unsigned long long received;

static void stop(int signal) { (void)signal, stopped = 1; }

/* Takes one frame from the front; returns its length, 0 while it is not all there. */
static size_t take_frame(struct peer *peer, uint8_t *frame, size_t size)
{
    if (size < 6)
        return 0;
    size_t length = frame[1] & 0x7f, head = 6;
    if (length == 126) {
        length = frame[2] << 8 | frame[3];
        head = 8;
    }
    if (size < head + length)
        return 0;
    for (size_t i = 0; i < length; i++)
        frame[head + i] ^= frame[head - 4 + i % 4];
    int opcode = frame[0] & 0x0f;
    if (opcode == 2)
        received += length;
    if (opcode == 8)
        send(peer->fd, "\x88\x02\x03\xe8", 4, MSG_NOSIGNAL);
    return opcode == 8 ? CAPACITY + 1 : head + length;
}

static int take(struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->in + peer->size, CAPACITY - peer->size, 0);
    if (got <= 0)
        return 0;
    peer->size += got;
    if (!peer->upgraded) {
        if (peer->size < 4 || memcmp(peer->in + peer->size - 4, "\r\n\r\n", 4))
            return 1;
        peer->upgraded = 1;
        peer->size = 0;
        send(peer->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
        return 1;
    }
    size_t at = 0, taken;
    while ((taken = take_frame(peer, peer->in + at, peer->size - at))) {
        if (taken > CAPACITY)
            return 0;
        at += taken;
    }
    peer->size -= at;
    memmove(peer->in, peer->in + at, peer->size);
    return 1;
}

static void add(int selector, int fd)
{
    struct peer *peer = calloc(1, sizeof *peer);
    peer->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    epoll_ctl(selector, EPOLL_CTL_ADD, fd, &event);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), selector = epoll_create1(0);
    bind(listener, (struct sockaddr *)&address, length);
    getsockname(listener, (struct sockaddr *)&address, &length);
    listen(listener, 4096);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(selector, EPOLL_CTL_ADD, listener, &wanted);
    signal(SIGTERM, stop);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (!stopped) {
        int ready = epoll_wait(selector, events, 256, 1000);
        for (int i = 0; i < ready; i++) {
            struct peer *peer = events[i].data.ptr;
            if (!peer) {
                add(selector, accept(listener, NULL, NULL));
            } else if (!take(peer)) {
                close(peer->fd);
                free(peer);
            }
        }
    }
    printf("%llu\n", received);
    return 0;
}
