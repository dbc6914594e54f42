/* Plays calls to a listen server in real time, evenly spaced, and says how well it kept time.
 *
 *   load PORT PATH CALLS CHANNELS OPEN_SECONDS SECONDS CLOSE_SECONDS FOLLOWED
 *
 * Time is cut into slots of 20 ms / CALLS. Slot k belongs to call k % CALLS: there the call
 * opens its connection, sends its next frame, or hangs up. Calls open one after another within
 * OPEN_SECONDS, or later if the server is slower: few handshakes are under way at a time. They
 * end one after another within CLOSE_SECONDS, SECONDS after the last one has begun, or after
 * SIGTERM. Prints one line of JSON when all calls are on, or cannot be; and one at the end.
 *
 * 8 kHz, s16le. Sample n of channel h of call c is n + 16384 h + 257 c, modulo 2^16: a receiver
 * that knows c sees what is missing. The metadata holds `benchCall` (c), `benchFollow` (true for
 * FOLLOWED calls, evenly spread) and `benchStart`: when the first frame is due, in ns of
 * CLOCK_MONOTONIC; frame i is due 20 ms * i later.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PERIOD = 20 * 1000 * 1000, /* ns between two frames of a call */
    FRAME = 160,               /* samples per channel */
    ROUNDS_PER_SECOND = 50,
    HEAD = 8,                  /* bytes before a payload of 126 to 65535 bytes */
    CAPACITY = 64 * 1024,      /* unsent bytes per call: 2 s of stereo, then frames are lost */
    SHORT = 15 * 1000,         /* ns; a sleep takes as long */
    EARLY = 100 * 1000,        /* ns */
    SETTLED = 2 * 1000 * 1000, /* ns that the load may be late when the steady part begins */
    AT_ONCE = 32,              /* handshakes: more would only wait in the server's queue */
    PATIENCE = 30,             /* s for late handshakes, and for the answer to a close */
    LATEST = 1000 * 1000       /* us; the histogram of lateness ends here */
};
static const int64_t POLL_EVERY = 1000 * 1000; /* ns between two looks at what servers say */
static const uint8_t MASK[4] = {0x5a, 0xc3, 0x5a, 0xc3};

enum state { UNOPENED, OPENING, STREAMING, CLOSING, ENDED };

struct call {
    enum state state;
    int fd;
    long first_round; /* of its audio, once it streams */
    long frames;
    size_t unsent;
    uint8_t *out;
};

static struct call *calls;
static long count, channels, followed, opening;
static long open_rounds, close_rounds, last_round = -1; /* of the first call that ends */
static int64_t epoch, ended;
static volatile sig_atomic_t stopped;
static int selector, port;
static const char *path;
static uint8_t *ramp;

static long frames_sent, frames_lost, lost_calls;
static size_t backlog;
static uint32_t lateness[LATEST + 1];

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t due(long slot)
{
    return epoch + slot / count * PERIOD + slot % count * PERIOD / count;
}

/* ---------------------------------------------------------------- one call */

static void flush(struct call *call)
{
    ssize_t sent = send(call->fd, call->out, call->unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        call->unsent -= sent;
        memmove(call->out, call->out + sent, call->unsent);
    }
    if (call->unsent > backlog)
        backlog = call->unsent;
}

/* Makes room for a frame in the call's buffer; returns where its payload goes, or NULL. */
static uint8_t *begin_frame(struct call *call, uint8_t opcode, size_t size)
{
    if (call->unsent + HEAD + size > CAPACITY)
        return NULL;
    uint8_t *head = call->out + call->unsent;
    *head++ = 0x80 | opcode;
    if (size < 126) {
        *head++ = 0x80 | size;
    } else {
        *head++ = 0x80 | 126;
        *head++ = size >> 8;
        *head++ = size & 0xff;
    }
    memcpy(head, MASK, sizeof MASK);
    head += sizeof MASK;
    call->unsent = head + size - call->out;
    return head;
}

static void send_frame(struct call *call, uint8_t opcode, const char *payload, size_t size)
{
    uint8_t *to = begin_frame(call, opcode, size);
    if (!to)
        return;
    for (size_t i = 0; i < size; i++)
        to[i] = payload[i] ^ MASK[i % 4];
    flush(call);
}

/* Every frame of every call is a part of this: the samples one after the other, masked. */
static void make_ramp(void)
{
    uint8_t *to = ramp = malloc((0x10000 + FRAME) * 2 * channels);
    for (int i = 0; i < 0x10000 + FRAME; i++)
        for (int channel = 0; channel < channels; channel++) {
            uint16_t sample = i + 16384 * channel;
            *to++ = (sample & 0xff) ^ MASK[0];
            *to++ = (sample >> 8) ^ MASK[1];
        }
}

static void send_audio(struct call *call)
{
    uint8_t *to = begin_frame(call, 2, 2 * FRAME * channels);
    if (!to) {
        frames_lost++;
        return;
    }
    uint16_t first = call->frames * FRAME + 257 * (call - calls);
    memcpy(to, ramp + 2 * channels * first, 2 * FRAME * channels);
    call->frames++;
    frames_sent++;
    flush(call);
}

static void open_connection(struct call *call)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    call->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (call->fd < 0 || connect(call->fd, (struct sockaddr *)&server, sizeof server)) {
        perror("load: connect");
        exit(1);
    }
    int on = 1; /* as libwebsockets: a frame does not wait for the one before it */
    setsockopt(call->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = call};
    epoll_ctl(selector, EPOLL_CTL_ADD, call->fd, &event);
    call->out = malloc(CAPACITY);
    call->unsent = sprintf((char *)call->out,
                           "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                           "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                           "Sec-WebSocket-Protocol: audio.jambonz.org\r\n\r\n",
                           path, port);
    flush(call);
    call->state = OPENING;
    opening++;
}

/* Says what kind of call it is and begins it in its next slot but one. */
static void start_stream(struct call *call)
{
    long index = call - calls;
    call->first_round = (now() - epoch) / PERIOD + 2;
    call->state = STREAMING;
    opening--;
    char metadata[512];
    int size = sprintf(metadata,
                       "{\"sampleRate\":8000,\"mixType\":\"%s\",\"callSid\":\"bench-%ld\","
                       "\"direction\":\"inbound\",\"from\":\"+15555550100\","
                       "\"to\":\"+15555550101\",\"callStatus\":\"in-progress\","
                       "\"benchCall\":%ld,\"benchFollow\":%s,\"benchStart\":%lld}",
                       channels == 2 ? "stereo" : "mono", index, index,
                       (index + 1) * followed / count > index * followed / count ? "true" : "false",
                       (long long)due(call->first_round * count + index));
    send_frame(call, 1, metadata, size);
}

static void end(struct call *call)
{
    if (call->state != CLOSING)
        lost_calls++;
    if (call->state == OPENING)
        opening--;
    close(call->fd);
    free(call->out);
    call->state = ENDED;
}

/* ---------------------------------------------------------------- what servers say */

/* Answers pings; our servers send nothing longer, so every read holds whole frames. */
static void read_frames(struct call *call, const uint8_t *data, ssize_t size)
{
    while (size >= 2 && data[1] < 126 && size >= 2 + data[1]) {
        if ((data[0] & 0x0f) == 9)
            send_frame(call, 10, (const char *)data + 2, data[1]);
        size -= 2 + data[1];
        data += 2 + data[1];
    }
}

static void hear(struct call *call)
{
    char data[4096];
    ssize_t size = recv(call->fd, data, sizeof data - 1, MSG_DONTWAIT);
    if (size <= 0) {
        end(call);
    } else if (call->state != OPENING) {
        read_frames(call, (uint8_t *)data, size);
    } else {
        data[size] = 0;
        if (!strncmp(data, "HTTP/1.1 101", 12) && strstr(data, "\r\n\r\n"))
            start_stream(call);
        else
            end(call);
    }
}

/* Returns when it is time, in ns. Slots too short to sleep for are taken some at a time, early. */
static int64_t wait_until(int64_t moment)
{
    static int64_t last_poll;
    int64_t present = now();
    if (present - last_poll > POLL_EVERY) {
        struct epoll_event events[256];
        int ready = epoll_wait(selector, events, 256, 0);
        for (int i = 0; i < ready; i++)
            hear(events[i].data.ptr);
        last_poll = present;
    }
    struct timespec t = {moment / 1000000000, moment % 1000000000};
    if (moment <= present + (PERIOD / count < SHORT ? EARLY : 0))
        return present;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
    return now();
}

/* ---------------------------------------------------------------- the whole */

static void act(struct call *call, long round, int64_t late)
{
    long index = call - calls;
    if (call->state == UNOPENED && round >= index * open_rounds / count && opening < AT_ONCE) {
        open_connection(call);
    } else if (call->state == STREAMING && round >= call->first_round) {
        if (last_round >= 0 && round >= last_round + index * close_rounds / count) {
            if (!ended)
                ended = now();
            send_frame(call, 8, "\x03\xe8", 2); /* 1000 */
            call->state = CLOSING;
            return;
        }
        if (last_round >= 0 && round < last_round) {
            int64_t us = late < 0 ? 0 : late / 1000;
            lateness[us > LATEST ? LATEST : us]++;
        }
        send_audio(call);
    }
}

static long calls_beyond(enum state state)
{
    long found = 0;
    for (long i = 0; i < count; i++)
        found += calls[i].state > state;
    return found;
}

static void begin_steady_part(long round, long seconds)
{
    long on = calls_beyond(OPENING);
    long most_rounds = open_rounds + PATIENCE * ROUNDS_PER_SECOND;
    if (lost_calls || (on < count && round > most_rounds)) {
        printf("{\"steady\": false, \"placed\": %ld, \"lost_calls\": %ld}\n", on - lost_calls,
               lost_calls);
        exit(1);
    }
    if (on < count || (now() - due(round * count) > SETTLED && round < most_rounds))
        return;
    last_round = round + seconds * ROUNDS_PER_SECOND;
    puts("{\"steady\": true}");
    fflush(stdout);
}

static long lateness_below(double share)
{
    double all = 0, passed = 0;
    for (long i = 0; i <= LATEST; i++)
        all += lateness[i];
    for (long i = 0; i <= LATEST; i++)
        if (passed += lateness[i], passed >= share * all)
            return i;
    return LATEST;
}

static void stop(int signal) { (void)signal, stopped = 1; }

/* A socket for every call, if the system lets us. */
static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: load PORT PATH CALLS CHANNELS OPEN_SECONDS SECONDS CLOSE_SECONDS "
                        "FOLLOWED\n");
        return 2;
    }
    port = atoi(argv[1]);
    path = argv[2];
    count = atol(argv[3]);
    channels = atol(argv[4]);
    open_rounds = atof(argv[5]) * ROUNDS_PER_SECOND;
    long seconds = atol(argv[6]);
    close_rounds = atof(argv[7]) * ROUNDS_PER_SECOND;
    followed = atol(argv[8]);
    raise_file_limit();
    make_ramp();
    signal(SIGTERM, stop);
    calls = calloc(count, sizeof *calls);
    selector = epoll_create1(0);
    prctl(PR_SET_TIMERSLACK, 1000); /* ns; the default of 50 us is longer than a slot */
    epoch = now();
    for (long slot = 0;; slot++) {
        long round = slot / count;
        if (slot % count == 0) {
            if (last_round < 0)
                begin_steady_part(round, seconds);
            else if (calls_beyond(CLOSING) == count
                     || round > last_round + close_rounds + PATIENCE * ROUNDS_PER_SECOND)
                break;
            if (stopped && last_round > round)
                last_round = round;
        }
        act(&calls[slot % count], round, wait_until(due(slot)) - due(slot));
    }
    printf("{\"frames\": %ld, \"lost\": %ld, \"lost_calls\": %ld, \"unanswered\": %ld, "
           "\"late_p99_us\": %ld, \"backlog\": %zu, \"ended_ns\": %lld}\n",
           frames_sent, frames_lost, lost_calls, count - calls_beyond(CLOSING),
           lateness_below(0.99), backlog, (long long)ended);
    return 0;
}
