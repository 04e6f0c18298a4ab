/* Floor: the least a compiled program must do to merge whole, prefixed, timestamped lines over pipes.
   prefixer <file with one command a line> */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, CHUNK = 1 << 16, LONGEST = 1 << 20, OUT = 1 << 21 };

struct source {
  char *bytes; /* what has come of an unfinished line, then room for one read */
  size_t length;
  char name[16];
};

static struct source sources[MOST];
static struct pollfd polled[MOST];
static char out[OUT];
static size_t out_length;

static void flush(void) {
  for (size_t at = 0; at < out_length;) {
    ssize_t written = write(1, out + at, out_length - at);
    if (written < 0 && errno != EINTR) exit(1);
    if (written > 0) at += (size_t)written;
  }
  out_length = 0;
}

static void put(const char *bytes, size_t length) {
  if (out_length + length > OUT) flush();
  if (length > OUT) exit(1);
  memcpy(out + out_length, bytes, length);
  out_length += length;
}

/* Copies every whole line behind its prefix; what is left moves to the front. */
static void lines_of(struct source *source, const char *prefix, size_t prefix_length) {
  char *start = source->bytes;
  char *end = source->bytes + source->length;
  for (char *newline; (newline = memchr(start, '\n', (size_t)(end - start))) != NULL; start = newline + 1) {
    if (out_length + prefix_length + (size_t)(newline - start) + 1 > OUT) flush();
    put(prefix, prefix_length);
    put(start, (size_t)(newline - start) + 1);
  }
  source->length = (size_t)(end - start);
  memmove(source->bytes, start, source->length);
}

static void start(int index, const char *command) {
  int ends[2];
  if (pipe(ends) != 0) exit(1);
  pid_t pid = fork();
  if (pid < 0) exit(1);
  if (pid == 0) {
    dup2(ends[1], 1);
    for (int fd = 3; fd <= ends[1]; fd += 1) close(fd);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  polled[index] = (struct pollfd){.fd = ends[0], .events = POLLIN};
  sources[index].bytes = malloc(LONGEST + CHUNK);
  if (sources[index].bytes == NULL) exit(1);
  snprintf(sources[index].name, sizeof sources[index].name, "p.%-6d", index + 1);
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (file == NULL) return 2;
  char *line = NULL;
  size_t room = 0;
  int count = 0;
  while (count < MOST && getline(&line, &room, file) > 0) start(count++, (line[strcspn(line, "\n")] = '\0', line));
  for (int open = count; open > 0;) {
    if (poll(polled, (nfds_t)count, -1) < 0) continue;
    char clock[16], prefix[64];
    time_t now = time(NULL);
    struct tm local;
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &local));
    for (int i = 0; i < count; i += 1) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      struct source *source = &sources[i];
      if (source->length > LONGEST) return 1;
      ssize_t length = read(polled[i].fd, source->bytes + source->length, CHUNK);
      if (length <= 0) {
        close(polled[i].fd);
        polled[i].fd = -1;
        open -= 1;
        continue;
      }
      source->length += (size_t)length;
      int prefix_length = snprintf(prefix, sizeof prefix, "%s %s | ", clock, source->name);
      lines_of(source, prefix, (size_t)prefix_length);
    }
    flush();
  }
  while (wait(NULL) > 0) {}
  return 0;
}
