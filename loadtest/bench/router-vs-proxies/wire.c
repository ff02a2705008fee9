// A gRPC backend and a load generator that cost next to nothing, so that what stands between them is the limit.
//
//   wire serve port=7000 reply=FILE [metadata=FILE]
//       Answers every unary call with the reply (a serialized message, without the five bytes of prefix) and grpc-status 0.
//       A request below 100 bytes is taken for a question about the model and gets the metadata.
//
//   wire load port=7101 body=FILE [connections=8] [streams=32] [seconds=3] [warmup=0.5] [rate=0] [keys=FILE] [headers=constant|unique]
//             [reply-bytes=N] [idle=0] [processes=PID,PID]
//       rate=0 keeps streams x connections calls under way; otherwise calls arrive as a Poisson process and are timed from their schedule.
//       Every answer must have reply-bytes bytes (0: as many as the first one). keys: one bearer token a line; a connection has 13 of
//       them and takes the next one every 64 calls. unique: a new traceparent and grpc-timeout with every call.
//       Prints one JSON object (submitted, ended: every call since the start; requests, errors: those of the measured seconds); processes are those whose CPU time per request is told. Exit code 2 if a call failed.
//
// HTTP/2 as far as both ends need it, on loopback, one thread. No header is ever decoded: the generator sees the end of a stream and counts
// bytes, the backend tells questions by their size. Trailers alone (a refusal) have no bytes and count as errors.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, INPUT = 1 << 18, FRAME = 16384, SLOTS = 1 << 12, BUCKETS = 64 * 64, KEYS_OF_A_CONNECTION = 13 };

typedef struct { uint8_t *bytes; size_t length, capacity, sent; } Buffer;

// A request whose body is not yet sent in full.
typedef struct { uint32_t stream; uint32_t offset; int64_t window; } Sending;

typedef struct {
  int fd, dead, waits_for_room, greeted, headers_known;
  uint8_t *input;
  size_t filled;
  Buffer out;
  int64_t window;           // what the peer lets the connection send
  int64_t stream_window;    // and a new stream
  uint64_t received;        // bytes not yet given back
  uint32_t peer_table;      // the peer's header table: 0 or 4096 in practice
  uint32_t small;           // backend: the request under way is a question
  uint32_t next_stream, calls, key;
  int active;
  uint64_t *started;
  uint32_t *bytes_got;
  Sending sending[512];
  int sending_from, sending_to;
  uint32_t *owed;           // backend: streams that wait for window
  int owed_from, owed_to, owed_capacity;
} Connection;

static volatile sig_atomic_t stopped;
static int epoll;
static void on_signal(int signal) { (void)signal; stopped = 1; }

static uint64_t nanos(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static const char *option(int count, char **args, const char *name, const char *standard) {
  size_t length = strlen(name);
  for (int i = 2; i < count; i++)
    if (!strncmp(args[i], name, length) && args[i][length] == '=') return args[i] + length + 1;
  return standard;
}

static void put(Buffer *b, const void *data, size_t n) {
  if (b->sent == b->length) b->sent = b->length = 0;
  if (b->length + n > b->capacity) {
    b->capacity = 2 * (b->length + n);
    b->bytes = realloc(b->bytes, b->capacity);
  }
  memcpy(b->bytes + b->length, data, n);
  b->length += n;
}

static uint32_t u32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static void frame(Buffer *b, uint32_t length, uint8_t type, uint8_t flags, uint32_t stream) {
  uint8_t head[9] = {length >> 16, length >> 8, length, type, flags, stream >> 24, stream >> 16, stream >> 8, stream};
  put(b, head, 9);
}

static void window_update(Buffer *b, uint32_t by) {
  uint8_t bytes[4] = {by >> 24, by >> 16, by >> 8, by};
  frame(b, 4, WINDOW_UPDATE, 0, 0);
  put(b, bytes, 4);
}

// A literal header with a new name, entered into the table or not (RFC 7541, 6.2.1 and 6.2.2); no Huffman code.
static size_t header(uint8_t *to, int enter, const char *name, const char *value) {
  size_t n = 0, name_length = strlen(name), value_length = strlen(value);
  to[n++] = enter ? 0x40 : 0x00;
  to[n++] = name_length;
  memcpy(to + n, name, name_length);
  n += name_length;
  if (value_length < 127) {
    to[n++] = value_length;
  } else {
    to[n++] = 127;
    size_t rest = value_length - 127;
    for (; rest >= 128; rest >>= 7) to[n++] = (rest & 127) | 128;
    to[n++] = rest;
  }
  memcpy(to + n, value, value_length);
  return n + value_length;
}

static Connection *connection(int fd) {
  Connection *c = calloc(1, sizeof *c);
  int one = 1;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  c->fd = fd;
  c->input = malloc(INPUT);
  c->window = c->stream_window = 65535;
  c->peer_table = 4096;
  c->next_stream = 1;
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
  return c;
}

static void greet(Connection *c) {
  // The largest stream window, and as many streams as anybody wants.
  uint8_t settings[12] = {0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 1, 0x86, 0xa0};
  frame(&c->out, sizeof settings, SETTINGS, 0, 0);
  put(&c->out, settings, sizeof settings);
  window_update(&c->out, 0x7fffffff - 65535);
  c->greeted = 1;
}

static void wants_room(Connection *c, int wants) {
  if (c->waits_for_room != wants) {
    struct epoll_event e = {.events = EPOLLIN | (wants ? EPOLLOUT : 0), .data.ptr = c};
    c->waits_for_room = wants;
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
  }
}

static void flush(Connection *c) {
  Buffer *b = &c->out;
  while (b->sent < b->length) {
    ssize_t n = send(c->fd, b->bytes + b->sent, b->length - b->sent, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN) wants_room(c, 1); else c->dead = 1;
      return;
    }
    b->sent += n;
  }
  wants_room(c, 0);
}

static void taken(Connection *c, uint32_t bytes) {
  c->received += bytes;
  if (c->received > 1u << 28) {
    window_update(&c->out, c->received);
    c->received = 0;
  }
}

// What both ends do with frames of the connection itself.
static void common(Connection *c, int type, int flags, uint32_t stream, const uint8_t *data, uint32_t length) {
  if (type == SETTINGS && !(flags & ACK)) {
    for (uint32_t i = 0; i + 6 <= length; i += 6) {
      if (data[i + 1] == 1) c->peer_table = u32(data + i + 2);
      if (data[i + 1] == 4) c->stream_window = u32(data + i + 2);
    }
    frame(&c->out, 0, SETTINGS, ACK, 0);
  } else if (type == PING && !(flags & ACK)) {
    frame(&c->out, 8, PING, ACK, 0);
    put(&c->out, data, 8);
  } else if (type == WINDOW_UPDATE && stream == 0) {
    c->window += u32(data) & 0x7fffffff;
  }
}

typedef void (*OnFrame)(Connection *, int type, int flags, uint32_t stream, const uint8_t *data, uint32_t length, uint64_t now);

static void frames(Connection *c, size_t from, OnFrame on_frame, uint64_t now) {
  uint8_t *p = c->input;
  while (c->filled - from >= 9) {
    uint32_t length = p[from] << 16 | p[from + 1] << 8 | p[from + 2];
    if (c->filled - from < 9 + length) break;
    on_frame(c, p[from + 3], p[from + 4], u32(p + from + 5) & 0x7fffffff, p + from + 9, length, now);
    from += 9 + length;
  }
  memmove(p, p + from, c->filled - from);
  c->filled -= from;
}

static size_t file(const char *name, uint8_t **bytes) {
  FILE *f = fopen(name, "rb");
  if (!f) { perror(name); exit(1); }
  fseek(f, 0, SEEK_END);
  size_t size = ftell(f);
  rewind(f);
  *bytes = malloc(size + 1);
  if (fread(*bytes, 1, size, f) != size) exit(1);
  (*bytes)[size] = 0;
  fclose(f);
  return size;
}

// A message with its prefix.
static uint32_t message(const char *name, uint8_t **bytes) {
  uint8_t *raw;
  uint32_t size = file(name, &raw);
  uint8_t *whole = malloc(size + 5);
  uint8_t prefix[5] = {0, size >> 24, size >> 16, size >> 8, size};
  memcpy(whole, prefix, 5);
  memcpy(whole + 5, raw, size);
  free(raw);
  *bytes = whole;
  return size + 5;
}

// ---------------------------------------------------------------------------------------------------------------- the backend

static uint8_t *reply, *metadata;
static uint32_t reply_size, metadata_size;

static void answer(Connection *c, uint32_t stream, const uint8_t *bytes, uint32_t size) {
  uint8_t block[64];
  // Entered on the first answer, if the peer has a table, and named by their places from then on.
  int indexed = c->peer_table >= 512;
  size_t n = 0;
  block[n++] = 0x88;
  if (indexed && c->headers_known) block[n++] = 0x80 | 63;
  else n += header(block + n, indexed, "content-type", "application/grpc");
  frame(&c->out, n, HEADERS, END_HEADERS, stream);
  put(&c->out, block, n);
  frame(&c->out, size, DATA, 0, stream);
  put(&c->out, bytes, size);
  n = 0;
  if (indexed && c->headers_known) block[n++] = 0x80 | 62;
  else n += header(block, indexed, "grpc-status", "0");
  frame(&c->out, n, HEADERS, END_HEADERS | END_STREAM, stream);
  put(&c->out, block, n);
  c->headers_known |= indexed;
}

static void answer_when_possible(Connection *c, uint32_t stream) {
  if (c->window < reply_size) {
    if (c->owed_to == c->owed_capacity) {
      c->owed_capacity = c->owed_capacity ? 2 * c->owed_capacity : 256;
      c->owed = realloc(c->owed, c->owed_capacity * sizeof *c->owed);
    }
    c->owed[c->owed_to++] = stream;
    return;
  }
  c->window -= reply_size;
  answer(c, stream, reply, reply_size);
}

static void serve_frame(Connection *c, int type, int flags, uint32_t stream, const uint8_t *data, uint32_t length, uint64_t now) {
  (void)now;
  common(c, type, flags, stream, data, length);
  if (type == DATA) {
    taken(c, length);
    // The whole of a short message in one frame; the end of a long one has no prefix that fits.
    if (metadata && length > 5 && length < 100 && data[0] == 0 && u32(data + 1) + 5 == length) c->small = stream;
    if (flags & END_STREAM) {
      if (c->small == stream) answer(c, stream, metadata, metadata_size); else answer_when_possible(c, stream);
    }
  } else if (type == WINDOW_UPDATE && stream == 0) {
    while (c->owed_from < c->owed_to && c->window >= reply_size) answer_when_possible(c, c->owed[c->owed_from++]);
    if (c->owed_from == c->owed_to) c->owed_from = c->owed_to = 0;
  }
}

static int serve(int count, char **args) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons(atoi(option(count, args, "port", "7000"))),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  reply_size = message(option(count, args, "reply", "reply"), &reply);
  const char *question = option(count, args, "metadata", "");
  if (*question) metadata_size = message(question, &metadata);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&at, sizeof at) || listen(listener, 1024)) { perror("listen"); return 1; }
  fcntl(listener, F_SETFL, O_NONBLOCK);
  struct epoll_event listens = {.events = EPOLLIN}, ready[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listens);
  while (!stopped) {
    int n = epoll_wait(epoll, ready, 256, 1000);
    for (int i = 0; i < n; i++) {
      Connection *c = ready[i].data.ptr;
      if (!c) {
        for (int fd; (fd = accept(listener, 0, 0)) >= 0;) connection(fd);
        continue;
      }
      ssize_t got = recv(c->fd, c->input + c->filled, INPUT - c->filled, 0);
      if (got > 0) {
        size_t from = 0;
        c->filled += got;
        if (!c->greeted) {
          if (c->filled < 24) continue;
          greet(c);
          from = 24;
        }
        frames(c, from, serve_frame, 0);
      } else if (got == 0 || errno != EAGAIN) {
        c->dead = 1;
      }
      if (!c->dead) flush(c);
      if (c->dead) {
        close(c->fd);
        free(c->input);
        free(c->out.bytes);
        free(c->owed);
        free(c);
      }
    }
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------------------------- the generator

static uint8_t *body;
static uint32_t body_size, expected;
static char **keys;
static int key_count, unique, measuring, streams;
static uint64_t done, failed, failed_before, all_submitted, all_ended, unique_number, histogram[BUCKETS];
static char authority[32];

// Log-linear: 64 buckets per power of two, units of 100 ns.
static void record(uint64_t ns) {
  uint64_t v = ns / 100;
  int exponent = v < 64 ? 0 : 63 - __builtin_clzll(v);
  int at = v < 64 ? (int)v : (exponent - 5) * 64 + (int)((v >> (exponent - 6)) & 63);
  histogram[at < BUCKETS ? at : BUCKETS - 1]++;
}

static double micros(int at) {
  if (at < 64) return at * 0.1;
  int exponent = at / 64 + 5;
  return ((1ull << exponent) + ((uint64_t)(at % 64) << (exponent - 6)) + ((1ull << (exponent - 6)) / 2)) * 0.1;
}

static double percentile(double p) {
  uint64_t wanted = ceil(p * done), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += histogram[i];
    if (seen >= wanted && seen) return micros(i);
  }
  return 0;
}

static void pump(Connection *c) {
  while (c->sending_from != c->sending_to) {
    Sending *s = &c->sending[c->sending_from & 511];
    while (s->offset < body_size) {
      int64_t room = c->window < s->window ? c->window : s->window;
      uint32_t n = body_size - s->offset < FRAME ? body_size - s->offset : FRAME;
      if (room < n) return;
      frame(&c->out, n, DATA, s->offset + n == body_size ? END_STREAM : 0, s->stream);
      put(&c->out, body + s->offset, n);
      s->offset += n;
      s->window -= n;
      c->window -= n;
    }
    c->sending_from++;
  }
}

static void submit(Connection *c, uint64_t scheduled) {
  uint8_t block[1024];
  size_t n = 0;
  uint32_t stream = c->next_stream, slot = (stream >> 1) & (SLOTS - 1);
  c->next_stream += 2;
  c->active++;
  all_submitted++;
  c->started[slot] = scheduled;
  c->bytes_got[slot] = 0;
  // A connection's keys are entered into the table one after the other and named by their places from then on.
  uint32_t turn = c->calls++ / 64;
  uint32_t entered = !key_count ? 0 : turn < KEYS_OF_A_CONNECTION ? turn : KEYS_OF_A_CONNECTION;
  int enters = key_count && turn < KEYS_OF_A_CONNECTION && (c->calls - 1) % 64 == 0;
  if (key_count && turn < KEYS_OF_A_CONNECTION && !enters) entered++;
  block[n++] = 0x83;  // POST
  block[n++] = 0x86;  // http
  if (!c->headers_known) {
    n += header(block + n, 1, ":path", "/inference.GRPCInferenceService/ModelInfer");
    n += header(block + n, 1, ":authority", authority);
    n += header(block + n, 1, "content-type", "application/grpc");
    n += header(block + n, 1, "te", "trailers");
    n += header(block + n, 1, "user-agent", "grpc-c/1.0");
    n += header(block + n, 1, "grpc-accept-encoding", "gzip");
    c->headers_known = 1;
  } else {
    for (int i = 5; i >= 0; i--) block[n++] = 0x80 | (62 + i + entered);
  }
  uint32_t key = turn % KEYS_OF_A_CONNECTION;
  if (enters) n += header(block + n, 1, "authorization", keys[(c->key + key) % key_count]);
  else if (key_count) block[n++] = 0x80 | (62 + entered - 1 - key);
  if (unique) {
    char parent[64], timeout[16];
    unique_number++;
    snprintf(parent, sizeof parent, "00-%016llx%016llx-%016llx-00", (unsigned long long)(unique_number * 0x9E3779B97F4A7C15ull),
             (unsigned long long)unique_number, (unsigned long long)(unique_number * 0xD1B54A32D192ED03ull));
    snprintf(timeout, sizeof timeout, "%08lluu", (unsigned long long)(99000000 - unique_number * 7919 % 100000));
    n += header(block + n, 0, "grpc-timeout", timeout);
    n += header(block + n, 0, "traceparent", parent);
  }
  frame(&c->out, n, HEADERS, END_HEADERS, stream);
  put(&c->out, block, n);
  c->sending[c->sending_to++ & 511] = (Sending){stream, 0, c->stream_window};
  pump(c);
}

static int may_submit(Connection *c) {
  return !c->dead && c->active < streams && c->sending_to - c->sending_from < 512 && c->next_stream < 0x7ffffff0;
}

static void ended(Connection *c, uint32_t stream, int well, uint64_t now) {
  all_ended++;
  uint32_t slot = (stream >> 1) & (SLOTS - 1), got = c->bytes_got[slot];
  c->active--;
  if (well && !expected) expected = got;
  if (!well || got != expected) {
    if (!failed) fprintf(stderr, "an answer of %u bytes (expected: %u)%s\n", got, expected, well ? "" : ", broken off");
    failed++;
  } else if (measuring) {
    done++;
    record(now - c->started[slot]);
  }
}

static void load_frame(Connection *c, int type, int flags, uint32_t stream, const uint8_t *data, uint32_t length, uint64_t now) {
  common(c, type, flags, stream, data, length);
  if (type == DATA) {
    taken(c, length);
    c->bytes_got[(stream >> 1) & (SLOTS - 1)] += length;
    if (flags & END_STREAM) ended(c, stream, 0, now);
  } else if (type == HEADERS && flags & END_STREAM) {
    ended(c, stream, 1, now);
  } else if (type == RST_STREAM) {
    ended(c, stream, 0, now);
  } else if (type == WINDOW_UPDATE) {
    for (int i = c->sending_from; stream && i != c->sending_to; i++)
      if (c->sending[i & 511].stream == stream) c->sending[i & 511].window += u32(data) & 0x7fffffff;
    pump(c);
  } else if (type == GOAWAY) {
    fprintf(stderr, "GOAWAY code=%u\n", u32(data + 4));
  }
}

static double uniform(void) {
  static uint64_t state = 88172645463325252ull;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return ((state >> 11) + 1) * (1.0 / 9007199254740993.0);
}

// Run time of all threads, from the scheduler's own books.
static double cpu_nanos(const char *list) {
  double sum = 0;
  for (const char *p = list; *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : "") {
    char name[320];
    snprintf(name, sizeof name, "/proc/%d/task", atoi(p));
    DIR *tasks = opendir(name);
    for (struct dirent *t; tasks && (t = readdir(tasks));) {
      unsigned long long ran;
      snprintf(name, sizeof name, "/proc/%d/task/%s/schedstat", atoi(p), t->d_name);
      FILE *f = t->d_name[0] == '.' ? 0 : fopen(name, "r");
      if (f) {
        if (fscanf(f, "%llu", &ran) == 1) sum += ran;
        fclose(f);
      }
    }
    if (tasks) closedir(tasks);
  }
  return sum;
}

static double resident_megabytes(const char *list) {
  double sum = 0;
  for (const char *p = list; *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : "") {
    char name[64], line[256];
    snprintf(name, sizeof name, "/proc/%d/status", atoi(p));
    FILE *f = fopen(name, "r");
    while (f && fgets(line, sizeof line, f))
      if (!strncmp(line, "VmRSS:", 6)) sum += atol(line + 6) / 1024.0;
    if (f) fclose(f);
  }
  return sum;
}

static int receive(Connection *c) {
  ssize_t got = recv(c->fd, c->input + c->filled, INPUT - c->filled, 0);
  if (got > 0) {
    c->filled += got;
    frames(c, 0, load_frame, nanos());
  } else if (got == 0 || errno != EAGAIN) {
    c->dead = 1;
    failed += c->active;
    epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, 0);
    fprintf(stderr, "a connection was closed by the peer\n");
  }
  return !c->dead;
}

static int load(int count, char **args) {
  int port = atoi(option(count, args, "port", "7101")), connections = atoi(option(count, args, "connections", "8"));
  double seconds = atof(option(count, args, "seconds", "3")), warmup = atof(option(count, args, "warmup", "0.5"));
  double rate = atof(option(count, args, "rate", "0"));
  const char *processes = option(count, args, "processes", ""), *key_file = option(count, args, "keys", "");
  streams = atoi(option(count, args, "streams", "32"));
  expected = atoi(option(count, args, "reply-bytes", "0"));
  unique = !strcmp(option(count, args, "headers", "constant"), "unique");
  body_size = message(option(count, args, "body", "body"), &body);
  snprintf(authority, sizeof authority, "127.0.0.1:%d", port);
  if (streams > SLOTS / 2) { fprintf(stderr, "streams: %d (expected: at most %d)\n", streams, SLOTS / 2); return 1; }
  if (*key_file) {
    uint8_t *text;
    file(key_file, &text);
    keys = calloc(4096, sizeof *keys);
    for (char *line = strtok((char *)text, "\n"); line && key_count < 4096; line = strtok(0, "\n"))
      if (asprintf(&keys[key_count], "Bearer %s", line) > 0) key_count++;
  }
  int idle = atoi(option(count, args, "idle", "0"));
  Connection **all = calloc(connections + idle, sizeof *all);
  struct epoll_event ready[256];
  // Idle connections shake hands and say nothing more.
  for (int i = 0; i < connections + idle; i++) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void *)&at, sizeof at)) { perror("connect"); return 1; }
    all[i] = connection(fd);
    all[i]->started = calloc(SLOTS, sizeof(uint64_t));
    all[i]->bytes_got = calloc(SLOTS, sizeof(uint32_t));
    all[i]->key = i * KEYS_OF_A_CONNECTION;
    put(&all[i]->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    greet(all[i]);
    flush(all[i]);
  }
  // The peers' settings first: they say how much may be sent.
  for (uint64_t until = nanos() + 200000000; nanos() < until;) {
    int n = epoll_wait(epoll, ready, 256, 10);
    for (int i = 0; i < n; i++)
      if (receive(ready[i].data.ptr)) flush(ready[i].data.ptr);
  }
  uint64_t begin = nanos() + warmup * 1e9, end = begin + seconds * 1e9, capacity = 1 << 20, from = 0, to = 0, most_late = 0;
  uint64_t *schedule = malloc(capacity * sizeof *schedule);
  double next = nanos(), cpu = 0, own = 0;
  int turn = 0;
  struct rusage usage;
  for (int i = 0; rate <= 0 && i < connections; i++) {
    while (may_submit(all[i])) submit(all[i], nanos());
    flush(all[i]);
  }
  for (;;) {
    uint64_t now = nanos();
    if (!measuring && now >= begin) {
      measuring = 1;
      failed_before = failed;
      done = failed = 0;
      begin = now;
      end = now + seconds * 1e9;
      cpu = cpu_nanos(processes);
      getrusage(RUSAGE_SELF, &usage);
      own = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    if (now >= end || stopped) break;
    if (rate > 0) {
      for (; next <= now; next -= 1e9 / rate * log(uniform()))
        if (to - from < capacity) schedule[to++ & (capacity - 1)] = next;
      for (int tried = 0; from < to && tried < connections; turn = (turn + 1) % connections) {
        if (may_submit(all[turn])) {
          submit(all[turn], schedule[from++ & (capacity - 1)]);
          tried = 0;
        } else {
          tried++;
        }
      }
      if (to - from > most_late) most_late = to - from;
      for (int i = 0; i < connections; i++)
        if (all[i]->out.sent < all[i]->out.length) flush(all[i]);
    }
    double wait = rate > 0 ? next - nanos() : 1e8;
    struct timespec patience = {.tv_nsec = wait < 0 ? 0 : wait > 5e8 ? 5e8 : wait};
    int n = epoll_pwait2(epoll, ready, 256, &patience, 0), alive = 0;
    for (int i = 0; i < n; i++) {
      Connection *c = ready[i].data.ptr;
      if (c->dead || !receive(c)) continue;
      if (rate <= 0) {
        uint64_t t = nanos();
        while (may_submit(c)) submit(c, t);
      }
      flush(c);
    }
    for (int i = 0; i < connections; i++) alive += !all[i]->dead;
    if (!alive) { fprintf(stderr, "no connection is left\n"); break; }
  }
  double elapsed = (nanos() - begin) / 1e9;
  cpu = cpu_nanos(processes) - cpu;
  getrusage(RUSAGE_SELF, &usage);
  own = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6 - own;
  double per = done ? done : 1;
  printf("{\"requests\":%llu,\"submitted\":%llu,\"ended\":%llu,\"failed_in_warmup\":%llu,\"per_second\":%.1f,\"errors\":%llu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
         "\"max_us\":%.1f,\"cpu_us\":%.3f,\"cores\":%.3f,\"generator_us\":%.3f,\"resident_mb\":%.1f,\"late\":%llu,\"reply_bytes\":%u}\n",
         (unsigned long long)done, (unsigned long long)all_submitted, (unsigned long long)all_ended, (unsigned long long)failed_before, done / elapsed, (unsigned long long)failed, percentile(.5), percentile(.9), percentile(.99),
         percentile(.999), percentile(1), cpu / 1e3 / per, cpu / 1e9 / elapsed, own * 1e6 / per, resident_megabytes(processes),
         (unsigned long long)most_late, expected);
  return failed || !done ? 2 : 0;
}

int main(int count, char **args) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, 0);
  sigaction(SIGINT, &action, 0);
  signal(SIGPIPE, SIG_IGN);
  epoll = epoll_create1(0);
  if (count > 1 && !strcmp(args[1], "serve")) return serve(count, args);
  if (count > 1 && !strcmp(args[1], "load")) return load(count, args);
  fprintf(stderr, "usage: wire serve|load name=value … (see the head of wire.c)\n");
  return 1;
}
